"""``cpu.busy/1``: the busy share of processor time, in percent.

Busy is every tick that is neither idle nor waiting for I/O; guest ticks are inside user ticks and
count once; steal counts as busy and is shown beside the figure. From an agent the mean m over the
covered time is busy ticks / total ticks; from averages it is their time-weighted mean.
With covered C, downtime D and missing M: value = m C / (C + D). While running it lies between
m C / (C + M') and (m C + 100 M') / (C + M'), M' = M x 5/4; low and high are these times the share of
up time (C + M) / (C + M + D). Averages weigh as ``verifier.weights`` says.
"""

from __future__ import annotations

from dataclasses import replace
from fractions import Fraction

from evidence.day_sum import CPU, CPU_STEAL, DaySum
from evidence.sources import AGENT
from verifier.bounds import NOTHING_KNOWN, Bounds, Fill, bound
from verifier.indicators.interface import NANO, HostFigure, HostMonth, MetricNames, common_marks
from verifier.notes import Mark
from verifier.weights import averaged, weigh
from verifier.window import TimeClasses, classify

ID = "cpu.busy/1"
FULL_PERCENT = 100
MISSING_TICKS = Fraction(5, 4)
"""Ticks are counted, time is missing. Readings are accepted with up to 10 % more or fewer ticks than
processors x time (``evidence.day_sum``: 5 % and the slack of short intervals), so a second that is
missing may weigh up to 1.10 / 0.90 of one that was counted; a quarter more covers it."""
METRICS = MetricNames(counters=(CPU,), averages=("cpu.utilization",))


def figure(month: HostMonth) -> HostFigure:
    """Return the processor utilization of one host in percent."""
    source = month.source(METRICS)
    [name] = METRICS.of(source)
    metric = month.metric(source or AGENT, name)
    sums = metric.total
    if source == AGENT and sums.whole == 0:
        # The cut pieces of an interval at midnight may hold time without a whole tick.
        sums = replace(sums, observed_ms=0, bridged_ms=0)
    times = classify(month.window, sums)
    marks = common_marks(month, source, times)
    if averaged(source):
        weights = weigh(metric.days, month.window.lengths, source=source)
        busy = Fraction(sums.amount, NANO)
        exceeded = busy > FULL_PERCENT * weights.covered
        if exceeded:
            marks.append(Mark("LIMIT_EXCEEDED"))
        bounds = bound(
            busy,
            covered=weights.covered,
            known=weights.known,
            missing=weights.missing,
            limit=None if exceeded else FULL_PERCENT,
            fill=month.fill(source, name, done=lambda hour: Fraction(hour.amount, NANO)),
        )
    else:
        fill = month.fill(source, name, done=lambda hour: percent(hour) * hour.covered_ms)
        bounds = _counted(percent(sums), times, fill)
    return HostFigure(
        host=month.declared.id,
        source=source,
        bounds=bounds,
        times=times,
        steal=_steal(month) if source == AGENT else None,
        marks=tuple(marks),
    )


def _counted(mean: Fraction, times: TimeClasses, fill: Fill | None) -> Bounds:
    """Return the bounds from ticks: those of the running figure, times the share of up time."""
    covered, missing = times.covered_ms, times.missing_ms
    if times.counted_ms == 0:
        return NOTHING_KNOWN
    if fill is not None:
        # Missing time weighs more than it is long: that must move neither end towards the mean.
        fill = replace(fill, low=min(fill.low, mean), high=max(fill.high, mean))
    running = bound(
        mean * covered,
        covered=covered,
        known=covered,
        missing=missing * MISSING_TICKS,
        limit=FULL_PERCENT,
        fill=fill,
    )
    up = Fraction(covered + missing, times.counted_ms)
    seen = Fraction(covered, times.known_ms) if times.known_ms else None
    value = (running.value or Fraction(0)) * seen if seen is not None else None
    low = running.low or Fraction(0)
    high = Fraction(0) if running.high is None else running.high
    return Bounds(low=low * up, value=value, high=high * up, running=running.running)


def percent(sums: DaySum) -> Fraction:
    """Return the busy share of the ticks of an agent's sums, in percent; 0 without a tick."""
    return Fraction(FULL_PERCENT * sums.amount, sums.whole) if sums.whole else Fraction(0)


def _steal(month: HostMonth) -> Fraction | None:
    sums = month.metric(AGENT, CPU_STEAL).total
    return percent(sums) if sums.whole else None
