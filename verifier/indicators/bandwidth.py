"""``bandwidth.max_direction/1``: the busier direction's share of the capacity, in percent.

For each direction: bits / (capacity x time), bounded like processor time with the capacity as the
limit; the figure is the greater direction's, for value and for each bound. A direction without any
data lies between 0 and 100 percent.

Capacity: ``verifier.indicators.capacity``; where it is not known there is no figure. A capacity that a whole day's traffic exceeds cannot be true, and a figure of
it would be worth nothing: there is none either.
"""

from __future__ import annotations

from collections.abc import Mapping
from fractions import Fraction

from evidence.calendar import MS_PER_S
from evidence.sources import AGENT
from verifier.amounts import MetricMonth
from verifier.bounds import NOTHING_KNOWN, Bounds, Fill, Number, bound, greatest
from verifier.indicators.capacity import capacity_of
from verifier.indicators.interface import (
    NANO,
    HostFigure,
    HostMonth,
    MetricNames,
    common_marks,
    scarcer,
)
from verifier.notes import Mark
from verifier.weights import Weights, averaged, weigh_capacity
from verifier.window import classify

ID = "bandwidth.max_direction/1"
FULL_PERCENT = 100
BITS_PER_BYTE = 8
METRICS = MetricNames(counters=("net.rx", "net.tx"), averages=("net.rx.rate", "net.tx.rate"))


def figure(month: HostMonth) -> HostFigure:
    """Return the bandwidth utilization of one host in percent, weighted by its mean capacity."""
    source = month.source(METRICS)
    directions = [month.metric(source or AGENT, name) for name in METRICS.of(source)]
    times = classify(month.window, scarcer(directions))
    marks = common_marks(month, source, times)
    found = capacity_of(month, source)
    marks.extend(Mark(code) for code in found.notes)
    if not found.by_day:
        return HostFigure(month.declared.id, source, NOTHING_KNOWN, times, marks=tuple(marks))
    capacity = found.by_day
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
            capacity_from=found.origin,
            marks=(*marks, Mark("CAPACITY_EXCEEDED", tuple(exceeded))),
        )
    parts = [
        _direction(
            direction,
            weigh_capacity(direction, month.window, capacity, source=source),
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
        capacity_from=found.origin,
        marks=tuple(marks),
    )


def _exceeded(
    direction: MetricMonth, capacity: Mapping[int, Number], per_byte: Number, source: str | None
) -> list[int]:
    """Return the days on which more was carried than the capacity allows in the covered time."""
    by_whole = averaged(source)
    return [
        day
        for day, amount, whole, observed_ms, bridged_ms, *_ in direction.numbers
        # multiplied out: no fraction is made for a day
        if amount * per_byte * capacity[day].denominator
        > capacity[day].numerator * (whole if by_whole else observed_ms + bridged_ms)
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
