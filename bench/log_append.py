"""What a leaf costs: appended to logs of 10^3 to 10^6 leaves, and beside the rest of ingest.

Run: python bench/log_append.py [--leaves 1000000]
A leaf must cost the same whatever the size of the log, because nothing is rebuilt. The share of ingest is
the time of ``collector.store.log.append`` within ``collector.ingest.take``, for chunks of ten minutes.
"""

from __future__ import annotations

import argparse
import hashlib
import statistics
import sys
import tempfile
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent / "tests"))

from fleet import Fleet, instant

from collector import ingest
from collector.log.receipts import give
from collector.opening import open_store
from collector.store import log, registry
from collector.store.engine import Store
from evidence.chunk import read_frame
from evidence.keys import PrivateKey
from evidence.log_entry import CHUNK

TIMED = 400
ROUNDS = 3
AT_ONCE = 20_000
ENTERPRISE = "示例企业"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--leaves", type=int, default=1_000_000)
    most = parser.parse_args().leaves
    with tempfile.TemporaryDirectory() as folder:
        opened = open_store(f"sqlite:///{folder}/starproof.db", enterprise=ENTERPRISE)
        key = PrivateKey.generate()
        print("leaves in the log   µs a leaf   µs a leaf, 64 in one call   ms for a receipt")
        size = 1_000
        while size <= most:
            fill(opened.store, size)
            single = statistics.median(append_singly(opened.store) for _ in range(ROUNDS))
            many = statistics.median(append_many(opened.store) for _ in range(ROUNDS))
            receipt = statistics.median(receipts(opened.store, key) for _ in range(ROUNDS))
            print(f"{size:>18,}   {single:>9.0f}   {many:>26.1f}   {receipt:>16.2f}")
            size *= 10
        opened.store.close()
    share_of_ingest()


def fill(store: Store, size: int) -> None:
    """Bring the log to ``size`` leaves."""
    with store.reading() as connection:
        have = log.head(connection).frontier.size
    while have < size:
        count = min(AT_ONCE, size - have)
        with store.writing() as connection:
            log.append(connection, [(CHUNK, digest(have + n)) for n in range(count)], now_ms=have)
        have += count


def append_singly(store: Store) -> float:
    """Return µs a leaf, appended one by one within one transaction (the commit is not counted)."""
    with store.writing() as connection:
        base = log.head(connection).frontier.size
        begun = time.perf_counter()
        for n in range(TIMED):
            log.append(connection, [(CHUNK, digest(base + n))], now_ms=0)
        return (time.perf_counter() - begun) / TIMED * 1e6


def append_many(store: Store) -> float:
    """Return µs a leaf, appended 64 at a time."""
    with store.writing() as connection:
        base = log.head(connection).frontier.size
        begun = time.perf_counter()
        for n in range(0, TIMED, 64):
            log.append(connection, [(CHUNK, digest(base + n + i)) for i in range(64)], now_ms=0)
        return (time.perf_counter() - begun) / (-(-TIMED // 64) * 64) * 1e6


def receipts(store: Store, key: PrivateKey) -> float:
    """Return ms for the receipt of the newest chunk, with a proof of consistency from a tenth."""
    with store.reading() as connection:
        size = log.head(connection).frontier.size
        newest = next(log.leaves(connection, size - 1))
    hashes = [newest.entry.hash]
    begun = time.perf_counter()
    give(store, hashes, key=key, known_size=size // 10)
    return (time.perf_counter() - begun) * 1e3


def share_of_ingest() -> None:
    """Print how much of taking in an agent's chunks the log is."""
    fleet = Fleet(ENTERPRISE)
    agent = fleet.agent("bench-1", start="2026-11-01", step_s=60)
    for _ in range(600):
        agent.run(hours=1 / 6, busy=30, rx=9_000, reads=3).seal()
    archive = fleet.archive()
    frames = [read_frame(stored.frame) for stored in archive.chunks("bench-1", 0, instant("2027-01-01"))]
    with tempfile.TemporaryDirectory() as folder:
        opened = open_store(f"sqlite:///{folder}/starproof.db", enterprise=ENTERPRISE)
        now_ms = instant("2026-12-01")
        with opened.store.writing() as connection:
            registry.pin(connection, archive.enrolments()[0], now_ms=now_ms)
        spent, append = 0.0, log.append

        def timed(*arguments: object, **options: object) -> int:
            nonlocal spent
            begun = time.perf_counter()
            result = append(*arguments, **options)
            spent += time.perf_counter() - begun
            return result

        log.append = timed
        begun = time.perf_counter()
        for at in range(0, len(frames), 64):
            taken = ingest.take(opened.store, frames[at : at + 64], clock=lambda: now_ms)
            assert all(result.verdict.status == "stored" for result in taken.results), taken.results[:1]
        total = time.perf_counter() - begun
        log.append = append
        opened.store.close()
    print(
        f"ingest of {len(frames)} chunks in batches of 64: {total / len(frames) * 1e6:.0f} µs a chunk, "
        f"of which the log {spent / len(frames) * 1e6:.0f} µs ({spent / total:.0%})"
    )


def digest(number: int) -> str:
    return hashlib.sha256(b"%d" % number).hexdigest()


if __name__ == "__main__":
    main()
