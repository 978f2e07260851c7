"""Ingest with 100, 1,000 and 10,000 hosts stored: does a chunk cost more when there are more hosts?

A chunk of an hour from each host first; then chunks of some hosts all over the fleet, a delivery each 20 (processor
time of taking them in, verified, stored, logged and committed). Growth of verdict and console stands in their rows.
"""

from __future__ import annotations

import time
from argparse import Namespace
from pathlib import Path

import load
import measuring
from results_table import Row
from row_ingest import store_bytes

from collector import ingest
from evidence.chunk import read_frame

SIZES, LARGER = (100, 1_000, 10_000), 100_000
SAMPLED, AT_ONCE, READINGS = 400, 20, 10
HOUR_MS = 3_600_000


def measure(_options: Namespace) -> list[Row]:
    """Return the lines."""
    spent, weigh = {}, {}
    for hosts in SIZES:
        with measuring.temporary() as folder:
            spent[hosts], weigh[hosts] = _chunk(folder, hosts)
    return [
        measuring.grown("growth", "ingest, processor time of a chunk", "ms", spent, next_size=LARGER),
        measuring.grown("growth", "disk, bytes of a chunk", "bytes", weigh, next_size=LARGER),
    ]


def _chunk(folder: Path, hosts: int) -> tuple[float, float]:
    """Return milliseconds of processor time of a chunk, and its bytes in the store."""
    sealing, fleet = load.Sealing(), load.hosts(hosts)
    opened = load.new_store(folder)
    sealing.enrol(opened, [host.name for host in fleet])
    empty = store_bytes(folder / "starproof.db")
    for at in range(0, hosts, 1_000):
        _taken(opened, sealing, fleet[at : at + 1_000])
    step = max(1, hosts // SAMPLED)
    sampled = fleet[::step][:SAMPLED]
    used = _taken(opened, sealing, sampled)
    opened.store.close()
    weigh = (store_bytes(folder / "starproof.db") - empty) / (hosts + len(sampled))
    return 1_000 * used / len(sampled), weigh


def _taken(opened, sealing: load.Sealing, fleet: list[load.Host]) -> float:  # noqa: ANN001 - an open store
    """Take the next chunk of these hosts in; return the processor time of that alone, in seconds."""
    used = 0.0
    for at in range(0, len(fleet), AT_ONCE):
        frames = [
            read_frame(sealing.frame(host.name, host.block(READINGS))) for host in fleet[at : at + AT_ONCE]
        ]
        now_ms = load.START_MS + 24 * HOUR_MS
        begun = time.process_time()
        taken = ingest.take(opened.store, frames, clock=lambda now_ms=now_ms: now_ms)
        used += time.process_time() - begun
        if any(result.verdict.status != "stored" for result in taken.results):
            raise SystemExit(f"not stored: {taken.results[0].verdict}")
    return used


if __name__ == "__main__":
    raise SystemExit(measuring.row(measure, __doc__))
