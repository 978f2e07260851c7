"""Real monitors over loopback: Prometheus and VictoriaMetrics as Debian packages them, back-filled.

Each runs in a temporary folder on a free port and is ended by its own process handle.
"""

from __future__ import annotations

import shutil
import socket
import subprocess
import time
from contextlib import contextmanager

import httpx
import pytest

READY_S = 60


def _program(name, package):
    path = shutil.which(name)
    if path is None:
        pytest.skip(f"{name} is not installed; apt-get install {package}")
    return path


def _free_port():
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return listener.getsockname()[1]


@contextmanager
def _running(command, folder, ready_url):
    with (folder / "log").open("wb") as log:
        process = subprocess.Popen(command, cwd=folder, stdout=log, stderr=log)
    try:
        _wait(process, ready_url, folder)
        yield
    finally:
        process.terminate()
        try:
            process.wait(timeout=30)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


def _wait(process, url, folder):
    deadline = time.monotonic() + READY_S
    while time.monotonic() < deadline:
        if process.poll() is not None:
            break
        try:
            if httpx.get(url, trust_env=False, timeout=5).status_code == 200:
                return
        except httpx.TransportError:
            time.sleep(0.05)
    pytest.fail(f"{url} did not come up: {(folder / 'log').read_text()[-2000:]}")


@contextmanager
def prometheus(folder, lines):
    """Give the address of a Prometheus that holds these lines of OpenMetrics (times in seconds)."""
    server, tool = _program("prometheus", "prometheus"), _program("promtool", "prometheus")
    (folder / "input.om").write_text("".join(lines) + "# EOF\n")
    # Long blocks: the tool reads the whole input once for every block.
    command = [tool, "tsdb", "create-blocks-from", "--max-block-duration=1458h", "openmetrics"]
    subprocess.run([*command, "input.om", "data"], cwd=folder, check=True, capture_output=True, timeout=300)
    (folder / "prometheus.yml").write_text("")
    port = _free_port()
    options = [
        "--config.file=prometheus.yml",
        "--storage.tsdb.path=data",
        "--storage.tsdb.retention.time=100y",
        f"--web.listen-address=127.0.0.1:{port}",
        "--log.level=warn",
    ]
    with _running([server, *options], folder, f"http://127.0.0.1:{port}/-/ready"):
        yield f"http://127.0.0.1:{port}"


@contextmanager
def victoria_metrics(folder, lines):
    """Give the address of a VictoriaMetrics that holds these lines (times in milliseconds)."""
    server = _program("victoria-metrics", "victoria-metrics")
    port = _free_port()
    options = [
        f"-storageDataPath={folder / 'data'}",
        f"-httpListenAddr=127.0.0.1:{port}",
        "-retentionPeriod=100y",
        "-search.latencyOffset=0s",
        "-loggerLevel=WARN",
        "-memory.allowedBytes=256MB",
    ]
    address = f"http://127.0.0.1:{port}"
    with _running([server, *options], folder, f"{address}/health"):
        import_url = f"{address}/api/v1/import/prometheus"
        httpx.post(import_url, content="".join(lines), trust_env=False, timeout=120).raise_for_status()
        httpx.get(f"{address}/internal/force_flush", trust_env=False, timeout=60).raise_for_status()
        yield address
