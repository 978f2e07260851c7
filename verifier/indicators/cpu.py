"""``cpu.busy/1``: the busy share of processor time, in percent.

Busy is every tick that is neither idle nor waiting for I/O; guest ticks are inside user ticks and
count once; steal counts as busy and is shown beside the figure. From an agent the mean m over the
covered time is busy ticks / total ticks; from imported averages it is their time-weighted mean.
With covered C, downtime D and missing M: value = m C / (C + D), low = m C / (C + D + M),
high = (m C + 100 M) / (C + D + M). Averages weigh as ``verifier.weights`` says.
"""

from __future__ import annotations

from dataclasses import replace
from fractions import Fraction

from evidence.day_sum import CPU, CPU_STEAL, DaySum
from verifier.bounds import bound
from verifier.indicators.interface import AGENT, IMPORT, NANO, HostFigure, HostMonth, common_marks
from verifier.notes import Mark
from verifier.weights import Weights, weigh
from verifier.window import classify

ID = "cpu.busy/1"
FULL_PERCENT = 100
METRICS = {AGENT: (CPU,), IMPORT: ("cpu.utilization",)}


def figure(month: HostMonth) -> HostFigure:
    """Return the processor utilization of one host in percent."""
    source = month.source(METRICS)
    metric = month.metric(source, METRICS[source][0]) if source else month.metric(AGENT, CPU)
    sums = metric.total
    if source == AGENT and sums.whole == 0:
        # The cut pieces of an interval at midnight may hold time without a whole tick.
        sums = replace(sums, observed_ms=0, bridged_ms=0)
    times = classify(month.window, sums)
    weights = Weights(times.covered_ms, times.known_ms, times.missing_ms)
    if source == IMPORT:
        weights = weigh(metric.days, month.window.lengths, source=source)
    busy_percent_ms = _percent(sums) * sums.covered_ms if source == AGENT else Fraction(sums.amount, NANO)
    exceeded = busy_percent_ms > FULL_PERCENT * weights.covered
    marks = common_marks(source, times)
    if exceeded:
        marks.append(Mark("LIMIT_EXCEEDED"))
    return HostFigure(
        host=month.declared.id,
        source=source,
        bounds=bound(
            busy_percent_ms,
            covered=weights.covered,
            known=weights.known,
            missing=weights.missing,
            limit=None if exceeded else FULL_PERCENT,
        ),
        times=times,
        steal=_steal(month) if source == AGENT else None,
        marks=tuple(marks),
    )


def _percent(sums: DaySum) -> Fraction:
    return Fraction(FULL_PERCENT * sums.amount, sums.whole) if sums.whole else Fraction(0)


def _steal(month: HostMonth) -> Fraction | None:
    sums = month.metric(AGENT, CPU_STEAL).total
    return _percent(sums) if sums.whole else None
