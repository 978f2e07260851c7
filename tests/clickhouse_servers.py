"""Real ClickHouse servers for the tests: each from a config folder of its own, on a free loopback port."""

from __future__ import annotations

import shutil
import signal
import socket
import subprocess
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import pytest
from processes import free_port

START_S = 30
STOP_S = 20
CONFIG = """<?xml version="1.0"?>
<yandex>
  <logger><level>warning</level><console>1</console></logger>
  <tcp_port>{port}</tcp_port><listen_host>127.0.0.1</listen_host>
  <path>{folder}/data/</path><tmp_path>{folder}/tmp/</tmp_path>
  <users_config>users.xml</users_config>
  <default_profile>default</default_profile><default_database>default</default_database>
  <mark_cache_size>16777216</mark_cache_size><timezone>UTC</timezone>
  {more}
</yandex>
"""
USERS = """<?xml version="1.0"?>
<yandex>
  <profiles><default><max_threads>2</max_threads></default></profiles>
  <users><starproof>
    <password>secret</password><networks><ip>127.0.0.1</ip></networks>
    <profile>default</profile><quota>default</quota>
  </starproof></users>
  <quotas><default></default></quotas>
</yandex>
"""


@dataclass
class Shard:
    """One server with its folder; it may be killed and started again."""

    folder: Path
    port: int
    process: subprocess.Popen[bytes] | None = field(default=None)

    def start(self) -> None:
        with (self.folder / "log").open("ab") as out:
            self.process = subprocess.Popen(
                ["clickhouse-server", f"--config-file={self.folder / 'config.xml'}"],
                stdout=out, stderr=out, stdin=subprocess.DEVNULL, cwd=self.folder, start_new_session=True,
            )  # fmt: skip

    def wait(self) -> None:
        deadline = time.monotonic() + START_S
        while not self._answers():
            said = (self.folder / "log").read_text(errors="replace")[-2000:]
            assert self.process is not None
            assert self.process.poll() is None, f"the server ended early: {said}"
            assert time.monotonic() < deadline, f"no answer in {START_S} s: {said}"
            time.sleep(0.05)

    def kill(self) -> None:
        assert self.process is not None
        self.process.send_signal(signal.SIGKILL)
        self.process.wait(STOP_S)
        self.process = None

    def execute(self, statement: str, *values: object) -> list[tuple]:
        from clickhouse_driver import Client

        with Client("127.0.0.1", self.port, user="starproof", password="secret", connect_timeout=2) as client:
            return client.execute(statement, *values)

    def _answers(self) -> bool:
        from clickhouse_driver.errors import Error

        try:
            return self.execute("SELECT 1") == [(1,)]
        except (Error, OSError, EOFError):
            return False


@contextmanager
def zookeeper(folder: Path) -> Iterator[int]:
    """Run a ZooKeeper and yield its port; skip if there is none."""
    jar = Path("/usr/share/java/zookeeper.jar")
    if shutil.which("java") is None or not jar.exists():
        pytest.skip("ZooKeeper is not installed; apt-get install libzookeeper-java default-jre-headless")
    port = free_port()
    options = ("-Xmx128m", "-XX:TieredStopAtLevel=1", "-Dzookeeper.admin.enableServer=false")
    server = "org.apache.zookeeper.server.ZooKeeperServerMain"
    with (folder / "zookeeper.log").open("wb") as out:
        process = subprocess.Popen(
            ["java", *options, "-cp", str(jar), server, str(port), str(folder / "zookeeper")],
            stdout=out, stderr=out, stdin=subprocess.DEVNULL, start_new_session=True,
        )  # fmt: skip
    try:
        deadline = time.monotonic() + START_S
        while not _listens(port):
            assert process.poll() is None, (folder / "zookeeper.log").read_text(errors="replace")[-2000:]
            assert time.monotonic() < deadline
            time.sleep(0.05)
        yield port
    finally:
        process.kill()
        process.wait(STOP_S)


def _listens(port: int) -> bool:
    try:
        socket.create_connection(("127.0.0.1", port), timeout=1).close()
    except OSError:
        return False
    return True


def knowing(port: int) -> str:
    """Return what the configuration of a server says that knows a ZooKeeper and its replicas."""
    return (
        f"<zookeeper><node><host>127.0.0.1</host><port>{port}</port></node>"
        "<session_timeout_ms>5000</session_timeout_ms></zookeeper>"
        "<interserver_http_port>{interserver}</interserver_http_port>"
        "<interserver_http_host>127.0.0.1</interserver_http_host>"
    )


@contextmanager
def shards(count: int = 2, more: str = "") -> Iterator[list[Shard]]:
    """Run servers that know nothing of one another; skip if there is no driver or no server."""
    pytest.importorskip("clickhouse_driver", reason="the driver clickhouse-driver is not installed")
    if shutil.which("clickhouse-server") is None:
        pytest.skip("ClickHouse's server is not installed; apt-get install clickhouse-server")
    base = Path(tempfile.mkdtemp(prefix="starproof-clickhouse-"))
    found = []
    try:
        for number in range(count):
            folder = base / f"shard-{number + 1}"
            (folder / "data").mkdir(parents=True)
            shard = Shard(folder, free_port())
            own = more.format(interserver=free_port())
            (folder / "config.xml").write_text(CONFIG.format(port=shard.port, folder=folder, more=own))
            (folder / "users.xml").write_text(USERS)
            found.append(shard)
            shard.start()
        for shard in found:
            shard.wait()
        yield found
    finally:
        for shard in found:
            if shard.process is not None and shard.process.poll() is None:
                shard.kill()
        shutil.rmtree(base, ignore_errors=True)


def settings(found: list[Shard], secret: Path, **more: object) -> str:
    """Return the text of a settings file that names these servers."""
    secret.write_text("secret")
    secret.chmod(0o600)
    names = ", ".join(f'["127.0.0.1:{shard.port}"]' for shard in found)
    lines = [f"shards = [{names}]", "secure = false", 'user = "starproof"', f'password = "file:{secret}"']
    return "\n".join(lines + [f"{key} = {value}" for key, value in more.items()]) + "\n"


def wait_until(done: Callable[[], object], most_s: int = 10) -> None:
    """Wait until something is so."""
    deadline = time.monotonic() + most_s
    while not done():
        assert time.monotonic() < deadline
        time.sleep(0.05)
