"""``bandwidth.max_direction/1``: the busier direction's share of the capacity, in percent.

For each direction: bits / (capacity x time), bounded like processor time with the capacity as the
limit; the figure is the greater direction's, for value and for each bound. A direction without any
data lies between 0 and 100 percent.

Capacity is, in this order: what the scope declares, day by day; the link speed that the agent read
(on days it was read its mean over the day, on other days its mean over the window); unknown, and
then there is no figure. A capacity that a whole day's traffic exceeds cannot be true, and a figure of
it would be worth nothing: there is none either.
"""

from __future__ import annotations

from collections.abc import Mapping
from fractions import Fraction

from evidence.calendar import MS_PER_S
from evidence.day_sum import NET_CAPACITY
from evidence.sources import AGENT
from verifier.amounts import MetricMonth
from verifier.bounds import NOTHING_KNOWN, Bounds, Fill, Number, bound, greatest
from verifier.indicators.interface import (
    NANO,
    HostFigure,
    HostMonth,
    MetricNames,
    common_marks,
    scarcer,
)
from verifier.notes import Mark
from verifier.weights import Weights, averaged, stands_for_ms, weigh
from verifier.window import classify

ID = "bandwidth.max_direction/1"
FULL_PERCENT = 100
BITS_PER_BYTE = 8
METRICS = MetricNames(counters=("net.rx", "net.tx"), averages=("net.rx.rate", "net.tx.rate"))

Capacity = Mapping[int, Number]
"""Capacity in bit/s of every counted day of the window; whole numbers as integers, for speed."""


def figure(month: HostMonth) -> HostFigure:
    """Return the bandwidth utilization of one host in percent, weighted by its mean capacity."""
    source = month.source(METRICS)
    directions = [month.metric(source or AGENT, name) for name in METRICS.of(source)]
    times = classify(month.window, scarcer(directions))
    marks = common_marks(month, source, times)
    capacity = _capacity(month, source)
    if capacity is None:
        return HostFigure(
            month.declared.id, source, NOTHING_KNOWN, times, marks=(*marks, Mark("CAPACITY_UNKNOWN"))
        )
    if not month.declared.capacities:
        marks.append(Mark("CAPACITY_MEASURED"))
    if source and not all(direction.known_ms for direction in directions):
        marks.append(Mark("ONE_DIRECTION_ONLY"))
    per_byte = BITS_PER_BYTE * MS_PER_S * (Fraction(1, NANO * MS_PER_S) if averaged(source) else 1)
    exceeded = sorted(
        {day for direction in directions for day in _exceeded(direction, capacity, per_byte, source)}
    )
    if exceeded:
        return HostFigure(
            month.declared.id,
            source,
            NOTHING_KNOWN,
            times,
            marks=(*marks, Mark("CAPACITY_EXCEEDED", tuple(exceeded))),
        )
    parts = [
        _direction(
            direction,
            weigh(direction.days, month.window.lengths, source=source, each=capacity.__getitem__),
            per_byte=per_byte,
            fill=month.fill(
                source,
                name,
                done=lambda hour: FULL_PERCENT * per_byte * hour.amount,
                each=capacity.__getitem__,
            ),
        )
        for name, direction in zip(METRICS.of(source), directions, strict=True)
    ]
    whole = sum(capacity[day] * ms for day, ms in month.window.lengths.items())
    return HostFigure(
        host=month.declared.id,
        source=source,
        bounds=greatest(parts),
        times=times,
        weight=Fraction(whole) / month.window.counted_ms if whole else None,
        marks=tuple(marks),
    )


def _capacity(month: HostMonth, source: str | None) -> Capacity | None:
    days = month.window.lengths
    if month.declared.capacities:
        return {day: _plain(month.declared.capacity_bps(day)) for day in days}
    read = month.metric(AGENT, NET_CAPACITY)
    if source != AGENT or read.total.amount == 0:
        return None
    mean = _plain(Fraction(read.total.amount, read.total.covered_ms))
    by_day = {
        day: _plain(Fraction(sums.amount, sums.covered_ms))
        for day, sums in read.days.items()
        if sums.covered_ms
    }
    return {day: by_day.get(day, mean) for day in days}


def _plain(bps: Fraction) -> Number:
    return bps.numerator if bps.denominator == 1 else bps


def _exceeded(direction: MetricMonth, capacity: Capacity, per_byte: Number, source: str | None) -> list[int]:
    """Return the days on which more was carried than the capacity allows in the covered time."""
    return [
        day
        for day, sums in direction.days.items()
        if sums.amount * per_byte > capacity[day] * stands_for_ms(sums, source)
    ]


def _direction(direction: MetricMonth, weights: Weights, *, per_byte: Number, fill: Fill | None) -> Bounds:
    return bound(
        FULL_PERCENT * per_byte * direction.total.amount,
        covered=weights.covered,
        known=weights.known,
        missing=weights.missing,
        limit=FULL_PERCENT,
        fill=fill,
    )
