"""The agent's weight beside node_exporter's and collectd's: resident memory, and processor time of a reading.

All run at the same time and read once a second: the agent seals ten readings into a chunk and delivers it to a real
collector; node_exporter is scraped for processor, network and disk counters; collectd reads the same three and
writes CSV files, flushed as it likes.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
import urllib.request
from argparse import Namespace
from contextlib import ExitStack
from pathlib import Path

import measuring
from agent_weight import PEER, PEER_FLAGS, cpu_ns, memory_kib
from results_table import Row
from row_ingest import listening

SECONDS, WARM_UP_S = 45, 12
READINGS_A_CHUNK = 10
STARPROOF = (sys.executable, "-m", "starproof")
COLLECTD = """
Interval 1
FQDNLookup false
BaseDir "{folder}"
PIDFile "{folder}/pid"
TypesDB "/usr/share/collectd/types.db"
LoadPlugin cpu
LoadPlugin interface
LoadPlugin disk
LoadPlugin csv
<Plugin csv>
  DataDir "{folder}/csv"
  StoreRates false
</Plugin>
"""


def measure(_options: Namespace) -> list[Row]:
    """Return the lines."""
    with measuring.temporary() as folder, ExitStack() as stack:
        pids = {"agent": _agent(folder, stack)}
        scraped = _node_exporter(folder, stack, pids)
        _collectd(folder, stack, pids)
        spent = _observe(pids, scraped)
        memory = {name: memory_kib(pid)[0] * 1024 / 1e6 for name, pid in pids.items()}
    rows = []
    for peer in ("node_exporter", "collectd"):
        note = "" if peer in pids else f"{peer} is not installed"
        more = (
            "its cpu, netdev and diskstats only"
            if peer == "node_exporter"
            else "a C program without signatures"
        )
        rows.append(
            Row(
                "agent",
                "resident memory",
                memory["agent"],
                "MB",
                peer,
                memory.get(peer),
                aim=20,
                note=note or more,
            )
        )
        rows.append(
            Row("agent", "processor time of a reading, sealed and delivered", spent["agent"], "ms", peer,
                spent.get(peer), limit="reading /proc alone", aim=1, note=note)
        )  # fmt: skip
    return rows


def _agent(folder: Path, stack: ExitStack) -> int:
    database, state, log = (
        f"sqlite:///{folder / 'starproof.db'}",
        str(folder / "agent"),
        folder / "collector.log",
    )
    serve = [*STARPROOF, "collector", "serve", "--db", database, "--listen", "127.0.0.1:0"]
    stack.enter_context(measuring.running(serve, log))
    url = listening(log)
    made = subprocess.run(
        [*STARPROOF, "collector", "token", "--db", database, "--json"], check=True, capture_output=True
    )
    subprocess.run(
        [*STARPROOF, "agent", "enroll", "--collector", url, "--state", state], check=True,
        env={**os.environ, "STARPROOF_TOKEN": json.loads(made.stdout)["token"]}, stdout=subprocess.DEVNULL,
    )  # fmt: skip
    command = [
        sys.executable, "-m", "agent", "run", "--state", state, "--interval", "1", "--seal", str(READINGS_A_CHUNK),
    ]  # fmt: skip
    return stack.enter_context(measuring.running(command, folder / "agent.log")).pid


def _node_exporter(folder: Path, stack: ExitStack, pids: dict[str, int]) -> str | None:
    path = measuring.program(PEER, "node_exporter")
    if path is None:
        return None
    port, log = measuring.free_port(), folder / "node.log"
    command = [path, *PEER_FLAGS, f"--web.listen-address=127.0.0.1:{port}"]
    process = stack.enter_context(measuring.running(command, log))
    url = f"http://127.0.0.1:{port}/metrics"
    measuring.answering(url, process, log)
    pids["node_exporter"] = process.pid
    return url


def _collectd(folder: Path, stack: ExitStack, pids: dict[str, int]) -> None:
    path = measuring.program("collectd")
    if path is None:
        return
    settings = folder / "collectd.conf"
    settings.write_text(COLLECTD.format(folder=folder))
    process = stack.enter_context(
        measuring.running([path, "-f", "-C", str(settings)], folder / "collectd.log")
    )
    time.sleep(1)
    if process.poll() is None:
        pids["collectd"] = process.pid


def _observe(pids: dict[str, int], scraped: str | None) -> dict[str, float]:
    """Return milliseconds of processor time a reading."""
    start: dict[str, int] = {}
    for turn in range(WARM_UP_S + SECONDS):
        if turn == WARM_UP_S:
            start = {name: cpu_ns(pid) for name, pid in pids.items()}
        if scraped is not None:
            with urllib.request.urlopen(scraped, timeout=5) as answer:
                answer.read()
        time.sleep(1)
    return {name: (cpu_ns(pid) - start[name]) / SECONDS / 1e6 for name, pid in pids.items()}


if __name__ == "__main__":
    raise SystemExit(measuring.row(measure, __doc__))
