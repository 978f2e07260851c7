"""Leaves a second on one PostgreSQL with 1, 2 and 4 writing processes, every commit on disk.

Run: python bench/log_writers.py [--seconds 3] [--fsync on]
Two tables: the log alone (its head is the one row that all wait for), by leaves in a transaction; and whole
ingest (chunks of ten minutes, examined, stored, summed up and logged), by chunks in a transaction. The
last line is what the disk alone allows: pg_test_fsync's file of 8 KiB, written and synced over and over.
"""

from __future__ import annotations

import argparse
import multiprocessing
import os
import sys
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parent.parent
sys.path[:0] = [str(ROOT / "tests"), str(ROOT)]

from fleet import Fleet, instant  # noqa: E402 - the path is set above
from stores import postgres  # noqa: E402 - the same

from collector import ingest  # noqa: E402 - the same
from collector.opening import open_store  # noqa: E402 - the same
from collector.store import log, registry  # noqa: E402 - the same
from evidence.chunk import read_frame  # noqa: E402 - the same
from evidence.log_entry import CHUNK  # noqa: E402 - the same

WRITERS = (1, 2, 4)
SIZES = (1, 16, 64)
CHUNKS = 640
"""Sealed beforehand by each process; the clock runs only while they are taken."""
ENTERPRISE = "示例企业"
NOW_MS = instant("2026-12-01")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seconds", type=float, default=3.0)
    parser.add_argument("--writers", type=int, nargs="+", default=WRITERS)
    parser.add_argument("--fsync", choices=("on", "off"), default="on")
    options = parser.parse_args()
    settings = (f"fsync={options.fsync}", "full_page_writes=on")
    with postgres(*settings) as server:
        for name, work in (("the log alone", append), ("whole ingest", take)):
            print(f"{name}, leaves/s   " + "   ".join(f"{size:>3} a transaction" for size in SIZES))
            for writers in options.writers:
                rates = []
                for size in SIZES:
                    with server.database() as url:
                        rates.append(measured(work, url, writers, size, options.seconds))
                print(
                    f"{writers} processes       " + "   ".join(f"{rate:>17,.0f}" for rate in rates),
                    flush=True,
                )
    print(f"the disk: {synced(options.seconds):,.0f} syncs/s of 8 KiB, one after another")


@dataclass(frozen=True)
class Shift:
    """What one process does: ``size`` leaves a transaction until ``seconds`` are over; it adds to ``counts``."""

    url: str
    number: int
    size: int
    seconds: float
    start: Any
    counts: Any


def measured(work: Callable[[Shift], None], url: str, writers: int, size: int, seconds: float) -> float:
    """Return leaves a second of all writers together, and insist that the log has them all."""
    open_store(url, enterprise=ENTERPRISE, now_ms=NOW_MS).store.close()
    context = multiprocessing.get_context("spawn")
    start = context.Barrier(writers)
    with context.Manager() as manager:
        counts = manager.list()
        processes = [
            context.Process(target=work, args=(Shift(url, number, size, seconds, start, counts),))
            for number in range(writers)
        ]
        for process in processes:
            process.start()
        for process in processes:
            process.join()
        done = list(counts)
    opened = open_store(url)
    with opened.store.reading() as connection:
        leaves = log.head(connection).frontier.size
    opened.store.close()
    enrolled = writers if work is take else 0
    assert leaves == sum(count for count, _ in done) + enrolled, (leaves, done)
    return sum(count for count, _ in done) / max(took for _, took in done)


def append(shift: Shift) -> None:
    store, size, number = open_store(shift.url).store, shift.size, shift.number
    shift.start.wait()
    begun, count = time.perf_counter(), 0
    while time.perf_counter() - begun < shift.seconds:
        with store.writing_beside() as connection:
            things = [(CHUNK, f"{number:08x}{count + n:056x}") for n in range(size)]
            log.append(connection, things, now_ms=NOW_MS)
        count += size
    shift.counts.append((count, time.perf_counter() - begun))
    store.close()


def take(shift: Shift) -> None:
    size = shift.size
    fleet = Fleet(ENTERPRISE)
    name = f"bench-{shift.number}"
    agent = fleet.agent(name, start="2026-11-01", step_s=60)
    for _ in range(CHUNKS):
        agent.run(hours=1 / 6, busy=30, rx=9_000, reads=3).seal()
    archive = fleet.archive()
    frames = [read_frame(stored.frame) for stored in archive.chunks(name, 0, instant("2027-01-01"))]
    store = open_store(shift.url).store
    with store.writing() as connection:
        registry.pin(connection, archive.enrolments()[0], now_ms=NOW_MS)
    shift.start.wait()
    begun, count = time.perf_counter(), 0
    while time.perf_counter() - begun < shift.seconds and count + size <= len(frames):
        taken = ingest.take(store, frames[count : count + size], clock=lambda: NOW_MS)
        assert all(result.verdict.status == "stored" for result in taken.results), taken.results[:1]
        count += size
    shift.counts.append((count, time.perf_counter() - begun))
    store.close()


def synced(seconds: float) -> float:
    with tempfile.TemporaryDirectory() as folder:
        handle = os.open(Path(folder) / "x", os.O_WRONLY | os.O_CREAT)
        begun, count = time.perf_counter(), 0
        while time.perf_counter() - begun < seconds:
            os.pwrite(handle, bytes(8192), 0)
            os.fdatasync(handle)
            count += 1
        took = time.perf_counter() - begun
        os.close(handle)
    return count / took


if __name__ == "__main__":
    main()
