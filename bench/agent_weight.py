"""The agent's weight beside node_exporter's: resident memory, and processor time of one reading.

Both run at the same time on the same machine. node_exporter serves processor, network and disk
counters only, and is scraped once an interval; the agent reads once an interval, seals ten readings
into a chunk (the default proportion) and delivers it to a real collector on loopback. Processor
time is the kernel's, in nanoseconds, over all threads (/proc/PID/task/*/schedstat).

    python bench/agent_weight.py [--seconds 120] [--interval 1]
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import shutil
import subprocess
import sys
import tempfile
import time
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

PEER = "prometheus-node-exporter"
PEER_FLAGS = (
    "--collector.disable-defaults", "--collector.cpu", "--collector.netdev", "--collector.diskstats",
)  # fmt: skip
PEER_PORT = 19_100
READINGS_A_CHUNK = 10
WARM_UP_S = 15
STARPROOF = (sys.executable, "-m", "starproof")


def cpu_ns(pid: int) -> int:
    """Processor time of all threads of a process, in nanoseconds."""
    tasks = Path(f"/proc/{pid}/task").iterdir()
    return sum(int((task / "schedstat").read_text().split()[0]) for task in tasks)


def memory_kib(pid: int) -> tuple[int, int]:
    """Resident memory, and the part of it that is shared with nobody, in KiB."""
    fields = dict(
        line.split(":", 1) for line in Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines()[1:]
    )
    rss = int(fields["Rss"].split()[0])
    own = sum(int(fields[name].split()[0]) for name in ("Private_Clean", "Private_Dirty"))
    return rss, own


@contextmanager
def running(command: list[str], log: Path) -> Iterator[subprocess.Popen[bytes]]:
    with log.open("ab") as out, subprocess.Popen(command, stdout=out, stderr=out) as process:
        try:
            yield process
        finally:
            process.terminate()


def collector_url(log: Path) -> str:
    for _ in range(300):
        for line in log.read_text().splitlines():
            if '"listening"' in line:
                return str(json.loads(line)["url"])
        time.sleep(0.1)
    raise SystemExit(f"the collector did not start: {log.read_text()}")


def scrape() -> None:
    with urllib.request.urlopen(f"http://127.0.0.1:{PEER_PORT}/metrics", timeout=5) as answer:
        answer.read()


def measure(folder: Path, seconds: int, interval: int) -> dict[str, dict[str, float]]:
    db = f"sqlite:///{folder / 'starproof.db'}"
    state = str(folder / "agent")
    seal = str(interval * READINGS_A_CHUNK)
    serve = [*STARPROOF, "collector", "serve", "--db", db, "--listen", "127.0.0.1:0"]
    agent = [
        sys.executable,
        "-m",
        "agent",
        "run",
        "--state",
        state,
        "--interval",
        str(interval),
        "--seal",
        seal,
    ]
    peer = [PEER, *PEER_FLAGS, f"--web.listen-address=127.0.0.1:{PEER_PORT}"]
    with running(serve, folder / "collector.log"):
        url = collector_url(folder / "collector.log")
        token = json.loads(
            subprocess.run(
                [*STARPROOF, "collector", "token", "--db", db, "--json"], check=True, capture_output=True
            ).stdout
        )["token"]
        subprocess.run(
            [*STARPROOF, "agent", "enroll", "--collector", url, "--state", state],
            check=True, env={**os.environ, "STARPROOF_TOKEN": token}, stdout=subprocess.DEVNULL,
        )  # fmt: skip
        with running(agent, folder / "agent.log") as ours, running(peer, folder / "peer.log") as theirs:
            time.sleep(1)
            return observe({"starproof agent": ours.pid, "node_exporter": theirs.pid}, seconds, interval)


def observe(pids: dict[str, int], seconds: int, interval: int) -> dict[str, dict[str, float]]:
    start = dict.fromkeys(pids, 0)
    for turn in range(WARM_UP_S + seconds):
        if turn == WARM_UP_S:
            start = {name: cpu_ns(pid) for name, pid in pids.items()}
        if turn % interval == 0:
            scrape()
        time.sleep(1)
    result = {}
    for name, pid in pids.items():
        rss, own = memory_kib(pid)
        spent = (cpu_ns(pid) - start[name]) / (seconds / interval)
        result[name] = {"rss_mb": rss * 1024 / 1e6, "own_mb": own * 1024 / 1e6, "cpu_ms": spent / 1e6}
    return result


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--seconds", type=int, default=120)
    parser.add_argument("--interval", type=int, default=1)
    options = parser.parse_args()
    if shutil.which(PEER) is None:
        raise SystemExit(f"{PEER} is not installed; on Debian: apt-get install {PEER}")
    version = subprocess.run([PEER, "--version"], capture_output=True, text=True, check=True)
    with tempfile.TemporaryDirectory() as folder:
        rows = measure(Path(folder), options.seconds, options.interval)
    print(f"{platform.platform()}, {os.cpu_count()} CPUs, Python {platform.python_version()}")
    print((version.stdout or version.stderr).splitlines()[0])
    print(f"{options.seconds} s, one reading every {options.interval} s\n")
    print(f"{'':<18}{'RSS MB':>9}{'own MB':>9}{'CPU ms a reading':>18}")
    for name, row in rows.items():
        print(f"{name:<18}{row['rss_mb']:>9.1f}{row['own_mb']:>9.1f}{row['cpu_ms']:>18.2f}")
    ours, theirs = rows["starproof agent"], rows["node_exporter"]
    ratios = [ours[key] / theirs[key] for key in ("rss_mb", "own_mb", "cpu_ms")]
    print(f"{'ratio':<18}{ratios[0]:>9.2f}{ratios[1]:>9.2f}{ratios[2]:>18.2f}")
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
