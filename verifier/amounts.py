"""Amounts: the day sums of a window, per host, source and metric."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import date
from functools import cached_property

from evidence.day_sum import DaySum
from evidence.stored import DaySumRow
from verifier.errors import ArchiveError
from verifier.window import Window


@dataclass(frozen=True)
class MetricMonth:
    """The day sums of one metric on the days of a window that count, by ordinal of the day."""

    days: Mapping[int, DaySum] = field(default_factory=dict)

    @cached_property
    def total(self) -> DaySum:
        """The sums over all days."""
        sums = self.days.values()
        return DaySum(
            amount=sum(s.amount for s in sums),
            whole=sum(s.whole for s in sums),
            observed_ms=sum(s.observed_ms for s in sums),
            bridged_ms=sum(s.bridged_ms for s in sums),
            downtime_ms=sum(s.downtime_ms for s in sums),
            suspect_ms=sum(s.suspect_ms for s in sums),
            intervals=sum(s.intervals for s in sums),
            restarts=sum(s.restarts for s in sums),
        )

    @property
    def known_ms(self) -> int:
        """Time of which it is known what happened: covered, or the host was off."""
        return self.total.covered_ms + self.total.downtime_ms


NOTHING = MetricMonth()
"""What is known of a metric without a single day sum."""

HostAmounts = Mapping[tuple[str, str], MetricMonth]
"""The metrics of one host, keyed by (source, metric)."""


def within(amounts: HostAmounts, window: Window) -> HostAmounts:
    """Return the amounts of one host on the counted days of a window that they may reach beyond."""
    return {
        key: metric
        if metric.days.keys() <= window.lengths.keys()
        else MetricMonth({day: sums for day, sums in metric.days.items() if day in window.lengths})
        for key, metric in amounts.items()
    }


def collect(rows: Iterable[DaySumRow], window: Window) -> dict[str, HostAmounts]:
    """Return the day sums on the window's counted days, by host.

    Raises:
        ArchiveError: negative times or amounts, more time than the day has, or two rows for one day.
    """
    found: dict[str, dict[tuple[str, str], dict[int, DaySum]]] = {}
    for row in rows:
        length = window.lengths.get(row.day)
        if length is None:
            continue
        _require_possible(row, length)
        days = found.setdefault(row.host, {}).setdefault((row.source, row.metric), {})
        if row.day in days:
            raise ArchiveError(f"{_place(row)}: two day sums for one day; run starproof audit")
        days[row.day] = row.sums
    return {
        host: {key: MetricMonth(days) for key, days in metrics.items()} for host, metrics in found.items()
    }


def _require_possible(row: DaySumRow, length_ms: int) -> None:
    sums = row.sums
    times = (sums.observed_ms, sums.bridged_ms, sums.downtime_ms, sums.suspect_ms)
    if min(*times, sums.amount, sums.whole) < 0 or sum(times) > length_ms:
        raise ArchiveError(f"{_place(row)}: no day can have these sums; run starproof audit")


def _place(row: DaySumRow) -> str:
    return f"{row.host} {row.source} {row.metric} {date.fromordinal(row.day)}"
