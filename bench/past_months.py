"""Does a month's reading grow with the months before it? Day sums and chunks of 50 hosts, 1 and 24 months.

Run: python bench/past_months.py [--hosts 50] [--months 1 24]
For SQLite and a real PostgreSQL: the newest month's day sums read (median of five), one day's chunks of every
host with their frames, and the time in which the oldest month goes.
"""

from __future__ import annotations

import argparse
import os
import statistics
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
sys.path[:0] = [str(ROOT / "tests"), str(ROOT)]

from sqlalchemy import text  # noqa: E402 - the path is set above
from stores import postgres  # noqa: E402 - the same

from collector.opening import open_store  # noqa: E402 - the same
from collector.store import chunks, day_sums, dropping, frames, months, partitions, schema  # noqa: E402 - the same
from collector.store.dropping import Exported  # noqa: E402 - the same
from collector.store.engine import Store  # noqa: E402 - the same
from evidence.calendar import LocalCalendar  # noqa: E402 - the same

METRICS = ("cpu", "net.rx", "net.tx", "disk.reads", "disk.writes", "sessions")
CHUNKS_A_DAY = 24
FRAME = os.urandom(1_600)
LAST = 202611
TIMES = 9
CALENDAR = LocalCalendar("Asia/Shanghai")
HOUR_MS = 3_600_000


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--hosts", type=int, default=50)
    parser.add_argument("--months", type=int, nargs="+", default=(1, 24))
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder, postgres() as server:
        os.environ["STARPROOF_STATE"] = folder
        for count in options.months:
            measure(f"sqlite:///{folder}/{count}.db", options.hosts, count)
            with server.database() as url:
                measure(url, options.hosts, count)


def measure(url: str, hosts: int, count: int) -> None:
    """Print one line for a store of so many months."""
    store = open_store(url, enterprise="甲公司").store
    wanted = [LAST]
    while len(wanted) < count:
        wanted.insert(0, months.before(wanted[0]))
    fill(store, hosts, wanted)
    first = months.first_day(LAST)
    start = CALENDAR.day_start(first)

    def sums() -> int:
        with store.reading() as connection:
            return sum(1 for _ in day_sums.rows(connection, first, first + 30))

    def frames_of_a_day() -> int:
        with store.reading() as connection:
            return sum(
                1
                for host in range(1, hosts + 1)
                for _ in frames.stream(connection, chunks.touching(host, start, start + 24 * HOUR_MS))
            )

    kind = "PostgreSQL" if store.is_postgresql else "SQLite"
    # In its own process a store's time is the processor's; a server's is the clock's.
    clock = time.perf_counter if store.is_postgresql else time.process_time
    read = timed(frames_of_a_day, clock)
    went = drop_oldest(store, wanted[0])
    print(
        f"{kind:<10} {count:>2} months: day sums of one {1000 * timed(sums, clock):6.1f} ms, "
        f"chunks of a day {1000 * read:6.1f} ms, "
        f"dropping the oldest {1000 * went:7.1f} ms",
        flush=True,
    )
    store.close()


def timed(work: Callable[[], int], clock: Callable[[], float]) -> float:
    """Return the median of some runs, in seconds."""
    taken = []
    for _ in range(TIMES):
        begun = clock()
        work()
        taken.append(clock() - begun)
    return statistics.median(taken)


def drop_oldest(store: Store, month: int) -> float:
    """Return how long the bytes of a month take to go, in seconds; what must hold before is not looked at."""
    with store.reading() as connection:
        plan = dropping.plan(connection, month, frozenset())
    begun = time.perf_counter()
    closed, dropping.require_closed = dropping.require_closed, lambda *_, **__: None
    try:
        dropping.drop(store, plan, Exported("x", "0" * 64), now_ms=0)
    finally:
        dropping.require_closed = closed
    return time.perf_counter() - begun


def fill(store: Store, hosts: int, wanted: list[int], *, frames: bool = True) -> None:
    """Write hosts, all days' sums of every month, and with ``frames`` an hour's chunk each hour of its first three days."""
    with store.writing() as connection:
        connection.execute(
            schema.host.insert(), [{"id": n, "name": f"host-{n:05}"} for n in range(1, hosts + 1)]
        )
        connection.execute(
            schema.enrolment.insert(),
            [
                {"id": n, "host_id": n, "source": "agent", "epoch": 0, "key_id": f"{n:064x}", "record": b"",
                 "signature": b"", "previous_signature": b"", "hash": f"{n:064x}", "received_ms": 0}
                for n in range(1, hosts + 1)
            ],
        )  # fmt: skip
        partitions.require(connection, wanted)
    number = 0
    for place, month in enumerate(wanted):
        first = months.first_day(month)
        with store.writing() as connection:
            connection.execute(
                schema.day_sum.insert(),
                [
                    {"host_id": n, "source": "agent", "metric": metric, "day": first + day, "amount_hi": 0,
                     "amount_lo": 5, "whole": 9, "observed_ms": 1, "bridged_ms": 0, "downtime_ms": 0,
                     "suspect_ms": 0, "intervals": 1, "restarts": 0}
                    for n in range(1, hosts + 1) for metric in METRICS for day in range(28)
                ],
            )  # fmt: skip
            if not frames:
                continue
            rows, held = [], []
            begins = CALENDAR.day_start(first)
            for n in range(1, hosts + 1):
                for hour in range(3 * CHUNKS_A_DAY):
                    number += 1
                    at = begins + hour * HOUR_MS
                    rows.append(
                        {"id": number, "host_id": n, "source": "agent", "enrolment_id": n, "epoch": 0,
                         "seq": place * 3 * CHUNKS_A_DAY + hour, "hash": f"{number:064x}", "metric": "", "start_ms": at,
                         "end_ms": at + HOUR_MS, "received_ms": at + HOUR_MS, "month": month}
                    )  # fmt: skip
                    held.append({"month": month, "chunk_id": number, "frame": FRAME})
            connection.execute(schema.chunk.insert(), rows)
            connection.execute(schema.chunk_frame.insert(), held)
    if store.is_postgresql:
        with store.engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
            connection.execute(text("VACUUM ANALYZE"))


if __name__ == "__main__":
    main()
