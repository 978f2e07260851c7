"""A store of a month as many hosts leave it: day sums that differ from day to day, filled by SQL.

One enrolment and one chunk a host (all the same bytes under different names: what is measured here reads day sums).
A tenth of the hosts lack some hours on some days, as hosts do.
"""

from __future__ import annotations

import hashlib
import sys
from collections.abc import Iterator
from itertools import islice
from pathlib import Path
from typing import Any

import numpy as np

ROOT = Path(__file__).resolve().parent.parent
sys.path[:0] = [str(ROOT / "tests"), str(ROOT)]

from fleet import Fleet  # noqa: E402 - the path is set above

from collector.opening import OpenStore  # noqa: E402 - the same
from collector.store import schema  # noqa: E402 - the same

METRICS = ("cpu", "cpu.steal", "net.rx", "net.tx", "net.capacity", "disk.reads", "disk.writes")
DAY_MS = 86_400_000
HOUR_MS = 3_600_000
TICKS_A_MS = 2 * 100 / 1_000
LINK_BPS = 1_000_000_000
BYTES_A_DAY = 2 * 10**11
OPERATIONS_A_DAY = 5 * 10**6
ROWS_AT_ONCE = 100_000
GAPPED = 10
"""One host of so many has gaps, on one day of so many."""


def fill(opened: OpenStore, *, hosts: int, days: range, month: int, now_ms: int) -> None:
    """Write hosts, enrolments, one chunk each, and their day sums."""
    agent = Fleet("基准企业").agent("host-00000")
    agent.run(hours=2).seal()
    signed, chunk = agent.enrolled.record(), agent.enrolled.stored[0]
    names = range(1, hosts + 1)
    with opened.store.writing() as connection:
        connection.execute(schema.host.insert(), [{"id": n, "name": f"host-{n:06}"} for n in names])
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
                    "id": n, "received_ms": now_ms - 59_000, "month": month,
                }
                for n in names
            ],
        )  # fmt: skip
        connection.execute(
            schema.chunk_frame.insert(),
            [{"month": month, "chunk_id": n, "frame": chunk.frame} for n in names],
        )
        rows = _day_sums(hosts, days)
        while batch := list(islice(rows, ROWS_AT_ONCE)):
            connection.execute(schema.day_sum.insert(), batch)


def _day_sums(hosts: int, days: range) -> Iterator[dict[str, Any]]:
    for host in range(1, hosts + 1):
        chance = np.random.default_rng(host)
        share = chance.uniform(0.02, 0.4, (len(days), len(METRICS)))
        gaps = chance.integers(1, 5 * HOUR_MS, len(days)) * (chance.integers(0, GAPPED, len(days)) == 0)
        covered = [DAY_MS - int(gap) if host % GAPPED == 0 else DAY_MS for gap in gaps]
        for at, metric in enumerate(METRICS):
            for place, day in enumerate(days):
                amount, whole = _amount(metric, covered[place], float(share[place, at]))
                high, low = divmod(amount, schema.AMOUNT_BASE)
                yield {
                    "host_id": host, "source": "agent", "metric": metric, "day": day, "amount_hi": high,
                    "amount_lo": low, "whole": whole, "observed_ms": covered[place], "bridged_ms": 0,
                    "downtime_ms": 0, "suspect_ms": 0, "intervals": covered[place] // 60_000, "restarts": 0,
                }  # fmt: skip


def _amount(metric: str, covered_ms: int, share: float) -> tuple[int, int]:
    """Return amount and whole of a day."""
    if metric.startswith("cpu"):
        whole = int(covered_ms * TICKS_A_MS)
        return int(whole * share * (0.01 if metric == "cpu.steal" else 1)), whole
    if metric == "net.capacity":
        return LINK_BPS * covered_ms, 0
    most = BYTES_A_DAY if metric.startswith("net.") else OPERATIONS_A_DAY
    return int(most * share * covered_ms / DAY_MS), 0
