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
from fractions import Fraction

from evidence.day_sum import WHOLE_AVERAGE_MS, DaySum
from evidence.sources import carries_averages
from verifier.amounts import MetricMonth
from verifier.bounds import Number
from verifier.window import Window

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


def weigh_metric(metric: MetricMonth, window: Window, *, source: str | None) -> Weights:
    """Return the same of a metric on the counted days of a window, where every ms weighs 1."""
    if averaged(source):
        return weigh(metric.days, window.lengths, source=source)
    known = metric.known_ms
    return Weights(metric.total.covered_ms, known, window.counted_ms - known)


def weigh_capacity(
    metric: MetricMonth, window: Window, capacity: Mapping[int, Number], *, source: str | None
) -> Weights:
    """Return the same where a ms weighs the capacity of its day.

    The sums are those of ``weigh``; days that weigh alike are added up before they are multiplied, and a
    product that is whole stays an integer: fractions of unlike days cost most of what a figure costs.
    """
    if averaged(source):
        return weigh(metric.days, window.lengths, source=source, each=capacity.__getitem__)
    first = next(iter(capacity.values()))
    if all(weight is first or weight == first for weight in capacity.values()):
        alike = weigh_metric(metric, window, source=source)
        return Weights(*(product(first, ms) for ms in (alike.covered, alike.known, alike.missing)))
    covered: Number = 0
    down: Number = 0
    missing: Number = 0
    rest = dict(window.lengths)
    for day, _, _, observed_ms, bridged_ms, downtime_ms, *_ in metric.numbers:
        covered_ms = observed_ms + bridged_ms
        covered += product(capacity[day], covered_ms)
        if downtime_ms:
            down += product(capacity[day], downtime_ms)
        rest[day] -= covered_ms + downtime_ms
    for day, ms in rest.items():
        if ms:
            missing += product(capacity[day], ms)
    return Weights(covered, covered + down, missing)


def product(weight: Number, ms: Number) -> Number:
    """Return weight x ms, an integer where it is whole."""
    if isinstance(weight, int) or not isinstance(ms, int):
        return weight * ms
    whole, rest = divmod(weight.numerator * ms, weight.denominator)
    return Fraction(weight.numerator * ms, weight.denominator) if rest else whole
