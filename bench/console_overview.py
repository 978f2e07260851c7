"""How long the console's pages of a large fleet take: the first answer, the first content, and once computed.

    PYTHONPATH=tests:tests/console python bench/console_overview.py [--hosts 10000] [--days 22]

The store is filled by SQL: day sums of every host and day for the metrics of an agent, one enrolment and one
chunk a host (all the same bytes under different names: the pages only read their headers).
"""

from __future__ import annotations

import argparse
import hashlib
import resource
import tempfile
import time

from console_world import Browser, Clock, Events
from fleet import Fleet

from collector.opening import OpenStore, open_store
from collector.settings import Settings
from collector.store import schema
from console.app import application, create_console
from console.guard import COMPUTING
from evidence.calendar import LocalCalendar

MONTH = "2026-11"
MONTH_NUMBER = 202611
ZONE = "Asia/Shanghai"
DAY_MS = 86_400_000
PASSWORD = "sail boats on tai lake"  # of a store that is thrown away
METRICS = ("cpu", "cpu.steal", "net.rx", "net.tx", "net.capacity", "disk.reads", "disk.writes")
ROWS_AT_ONCE = 100_000
AGAIN_S = 1.0
"""The page of what is being computed asks anew as often."""


def main() -> None:
    """Fill a store and measure."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--hosts", type=int, default=10_000)
    parser.add_argument("--days", type=int, default=22)
    options = parser.parse_args()
    calendar = LocalCalendar(ZONE)
    first, _ = calendar.month(MONTH)
    clock = Clock(calendar.day_start(first + options.days) + 1_800_000)
    with tempfile.TemporaryDirectory() as folder:
        opened = open_store(f"sqlite:///{folder}/starproof.db", enterprise="基准企业", now_ms=clock())
        fill(opened, hosts=options.hosts, days=range(first, first + options.days), now_ms=clock())
        measure(opened, clock)
        opened.store.close()


def fill(opened: OpenStore, *, hosts: int, days: range, now_ms: int) -> None:
    """Write hosts, enrolments, one chunk each, and their day sums."""
    agent = Fleet("基准企业").agent("host-00000")
    agent.run(hours=2).seal()
    signed, chunk = agent.enrolled.record(), agent.enrolled.stored[0]
    names = range(1, hosts + 1)
    with opened.store.writing() as connection:
        connection.execute(schema.host.insert(), [{"id": n, "name": f"host-{n:05}"} for n in names])
        connection.execute(
            schema.enrolment.insert(),
            [
                {
                    "id": n, "host_id": n, "source": "agent", "epoch": 0, "key_id": f"{n:064x}",
                    "record": signed.record, "signature": b"", "previous_signature": b"",
                    "hash": hashlib.sha256(str(n).encode()).hexdigest(), "received_ms": now_ms,
                }
                for n in names
            ],
        )  # fmt: skip
        connection.execute(
            schema.chunk.insert(),
            [
                {
                    "host_id": n, "source": "agent", "enrolment_id": n, "epoch": 0, "seq": 0, "hash": f"{n:064x}",
                    "metric": "", "start_ms": now_ms - 660_000, "end_ms": now_ms - 60_000,
                    "id": n, "received_ms": now_ms - 59_000, "month": MONTH_NUMBER,
                }
                for n in names
            ],
        )  # fmt: skip
        connection.execute(
            schema.chunk_frame.insert(),
            [{"month": MONTH_NUMBER, "chunk_id": n, "frame": chunk.frame} for n in names],
        )
        rows = (
            {
                "host_id": n, "source": "agent", "metric": metric, "day": day, "amount_hi": 0,
                "amount_lo": 4_000_000 + n * 7 + index, "whole": 17_280_000 if metric.startswith("cpu") else 0,
                "observed_ms": DAY_MS - 60_000, "bridged_ms": 0, "downtime_ms": 0, "suspect_ms": 0,
                "intervals": 1_439, "restarts": 0,
            }
            for n in names
            for index, metric in enumerate(METRICS)
            for day in days
        )  # fmt: skip
        batch = []
        for row in rows:
            batch.append(row)
            if len(batch) == ROWS_AT_ONCE:
                connection.execute(schema.day_sum.insert(), batch)
                batch = []
        if batch:
            connection.execute(schema.day_sum.insert(), batch)


def measure(opened: OpenStore, clock: Clock) -> None:
    """Print how long the pages take."""
    console = create_console(
        opened, settings=Settings(), url="http://console.test", clock=clock, log=Events()
    )
    secret = console.accounts.offer_setup(now_ms=clock())
    assert secret is not None
    console.accounts.set_up(secret, name="admin", password=PASSWORD, now_ms=clock())
    browser = Browser(application(console))
    browser.sign_in("admin", PASSWORD)
    for path in (
        "/",
        "/",
        "/",
        "/hosts",
        "/hosts?q=host-09&sort=cpu&order=desc",
        "/hosts?page=100",
        "/hosts/77",
        "/figures/cpu_utilization",
        "/figures/cpu_utilization?page=100&sort=share",
        "/coverage",
        "/coverage?page=200&gaps=yes",
        "/coverage/2026-11-05",
        "/evidence",
    ):
        begun, used = time.perf_counter(), time.process_time()
        answer = browser.get(path)
        first = time.perf_counter() - begun
        status = answer.status_code
        while answer.status_code == COMPUTING:
            time.sleep(AGAIN_S)
            answer = browser.get(path)
        took, used = time.perf_counter() - begun, time.process_time() - used
        print(
            f"{path:45} {status} after {first * 1000:6.0f} ms, {answer.status_code} after {took * 1000:7.0f} ms, "
            f"{used * 1000:7.0f} ms of processor time, {len(answer.content):8} bytes",
            flush=True,
        )
    print(f"most memory {resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024:.0f} MiB")
    console.snapshots.close()


if __name__ == "__main__":
    main()
