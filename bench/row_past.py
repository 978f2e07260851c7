"""Does a month's question grow with the months before it? One month's day sums, with 1 and with 24 months stored."""

from __future__ import annotations

from argparse import Namespace
from pathlib import Path

import measuring
import past_months
from results_table import Row

from collector.opening import open_store
from collector.store import day_sums, months

HOSTS, PAST = 50, 24
AIM_RATIO = 1.2
"""Flat: within what one measurement differs from the next."""


def measure(_options: Namespace) -> list[Row]:
    """Return the lines."""
    with measuring.temporary() as folder:
        one, many = (_asked(folder / f"{count}.db", count) for count in (1, PAST))
    return [
        Row("past", f"day sums of a month, {PAST} months stored against 1", many / one, "times", aim=AIM_RATIO,
            note=f"{1_000 * many:.1f} ms against {1_000 * one:.1f} ms, {HOSTS} hosts"),
    ]  # fmt: skip


def _asked(path: Path, count: int) -> float:
    store = open_store(f"sqlite:///{path}", enterprise="甲公司").store
    wanted = [past_months.LAST]
    while len(wanted) < count:
        wanted.insert(0, months.before(wanted[0]))
    past_months.fill(store, HOSTS, wanted, frames=False)
    first = months.first_day(past_months.LAST)

    def asked() -> None:
        with store.reading() as connection:
            list(day_sums.lines(connection, first, first + 30))

    taken = measuring.processor_median_s(asked, 9)
    store.close()
    return taken


if __name__ == "__main__":
    raise SystemExit(measuring.row(measure, __doc__))
