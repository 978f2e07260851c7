"""One host over one November, built from day sums: what a definition is given."""

from __future__ import annotations

from collections.abc import Sequence
from fractions import Fraction

from evidence.calendar import LocalCalendar
from evidence.day_sum import DaySum
from verifier.amounts import MetricMonth
from verifier.indicators.interface import HostMonth
from verifier.scope import Capacity, DeclaredHost, Exclusion
from verifier.window import Window, month_window

CALENDAR = LocalCalendar("Asia/Shanghai")
FIRST, AFTER = CALENDAR.month("2026-11")
DAY_MS = 86_400_000
HOUR_MS = 3_600_000
MONTH_MS = 30 * DAY_MS
MEGABIT = 1_000_000


def window(exclusions: Sequence[Exclusion] = ()) -> Window:
    return month_window(CALENDAR, "2026-11", exclusions=exclusions)


def covered(
    amount: int, *, ms: int = DAY_MS, whole: int = 0, bridged: int = 0, down: int = 0, suspect: int = 0
) -> DaySum:
    return DaySum(amount, whole, observed_ms=ms, bridged_ms=bridged, downtime_ms=down, suspect_ms=suspect)


def averaged(amount: int, *, ms: int = DAY_MS) -> DaySum:
    """Imported averages: the amount stands for the time it covers."""
    return covered(amount, ms=ms, whole=ms)


def host_month(
    metrics: dict[tuple[str, str], dict[int, DaySum]],
    *,
    sources: tuple[str, ...] = (),
    mbps: Sequence[tuple[int, int]] = (),
    iops_limit: int | None = None,
    days: Window | None = None,
) -> HostMonth:
    """``metrics``: (source, metric) -> {0-based day of the month: sums}; ``mbps``: (day, Mbit/s)."""
    declared = DeclaredHost(
        "web-1",
        sources,
        tuple(Capacity(FIRST + day, Fraction(value * MEGABIT)) for day, value in mbps),
        None if iops_limit is None else Fraction(iops_limit),
    )
    amounts = {
        key: MetricMonth({FIRST + day: sums for day, sums in by_day.items()})
        for key, by_day in metrics.items()
    }
    return HostMonth(declared, days or window(), amounts)


def every_day(sums: DaySum) -> dict[int, DaySum]:
    return dict.fromkeys(range(AFTER - FIRST), sums)
