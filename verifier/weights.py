"""How much time an amount stands for, and how much is missing beside it.

Counters: the covered time, and the window less all that is known. Averages stand for their own
periods, and a short one belongs whole to the day in which it begins (``evidence.day_sum``), so their
weight and the time they cover may be out of step by less than one average at each edge of the
window. The missing weight is therefore never less than either view gives, and allows for one more
average as soon as anything is missing: the one at the edge may be the missing one.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from evidence.day_sum import WHOLE_AVERAGE_MS, DaySum
from evidence.sources import carries_averages
from verifier.bounds import Number

_NOTHING = DaySum()


@dataclass(frozen=True)
class Weights:
    """Weights in ms, or capacity x ms: covered, known (covered and downtime), missing."""

    covered: Number
    known: Number
    missing: Number


def averaged(source: str | None) -> bool:
    """Return whether the amounts of ``source`` rest on averages."""
    return source is not None and carries_averages(source)


def stands_for_ms(sums: DaySum, source: str | None) -> int:
    """Return the time that the amount of a day stands for."""
    return sums.whole if averaged(source) else sums.covered_ms


def weigh(
    days: Mapping[int, DaySum],
    lengths: Mapping[int, int],
    *,
    source: str | None,
    each: Callable[[int], Number] = lambda _: 1,
) -> Weights:
    """Return the weights of a metric over a window.

    Args:
        days: its day sums by day.
        lengths: length of every counted day in ms.
        source: where the day sums came from.
        each: weight of one ms of a day, 1 unless days weigh differently.
    """
    covered: Number = 0
    known: Number = 0
    whole: Number = 0
    unseen: Number = 0
    heaviest: Number = 0
    for day, length in lengths.items():
        weight = each(day)
        whole += weight * length
        heaviest = max(heaviest, weight)
        sums = days.get(day, _NOTHING)
        covered += weight * stands_for_ms(sums, source)
        known += weight * (stands_for_ms(sums, source) + sums.downtime_ms)
        unseen += weight * (length - sums.covered_ms - sums.downtime_ms)
    if averaged(source) and unseen:
        unseen = max(unseen, whole - known) + heaviest * WHOLE_AVERAGE_MS
    return Weights(covered, known, unseen)
