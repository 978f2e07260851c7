"""``reads_writes.block_io/1`` and ``reads_writes.database/1``: reads and writes per day.

The first counts what the block devices completed, the second the statements that database servers
carried out; they are different things, and never added to one another.

Reads and writes each have their own coverage: operations / (C + D), in operations per 24 hours,
added up. Missing time may have done nothing (low). Operations have no physical limit, so while time
is missing there is no upper bound, unless the scope declares the most operations per second that the
host's disks can do (``iops_limit``, for reads and for writes each). Statements have no limit at all.

Statements are those of the hosts whose databases are read: a host whose declared sources leave
``database`` out, or which declares none and has no such data, adds nothing and leaves no time open.
"""

from __future__ import annotations

from dataclasses import replace
from fractions import Fraction

from evidence.calendar import MS_PER_S
from evidence.sources import AGENT, DATABASE
from verifier.amounts import MetricMonth
from verifier.bounds import Bounds, Fill, Number, added, bound
from verifier.indicators.interface import (
    NANO,
    HostFigure,
    HostMonth,
    MetricNames,
    common_marks,
    scarcer,
)
from verifier.notes import Mark
from verifier.weights import Weights, averaged, stands_for_ms, weigh_metric
from verifier.window import TimeClasses, classify

ID = "reads_writes.block_io/1"
DATABASE_ID = "reads_writes.database/1"
S_PER_DAY = 86_400
METRICS = MetricNames(
    counters=("disk.reads", "disk.writes"), averages=("disk.reads.rate", "disk.writes.rate")
)
STATEMENTS = MetricNames(counters=("db.reads", "db.writes"), averages=("db.reads.rate", "db.writes.rate"))
_NOTHING_TO_COUNT = Bounds(low=Fraction(0), high=Fraction(0))


def figure(month: HostMonth) -> HostFigure:
    """Return the reads and writes of one host's block devices per day of 24 hours."""
    return _figure(month, METRICS, month.declared.iops_limit)


def statements(month: HostMonth) -> HostFigure:
    """Return the statements of one host's databases per day of 24 hours."""
    if not _has_database(month):
        marks = (Mark("NO_DATABASE"),)
        return HostFigure(month.declared.id, None, _NOTHING_TO_COUNT, TimeClasses(), marks=marks)
    found = _figure(month, STATEMENTS, None)
    # That the agent, declared first, knows nothing of databases is no news.
    return replace(found, marks=tuple(mark for mark in found.marks if mark.code != "SECOND_SOURCE"))


def _has_database(month: HostMonth) -> bool:
    if month.declared.sources:
        return DATABASE in month.declared.sources
    return month.source(STATEMENTS) is not None


def _figure(month: HostMonth, names: MetricNames, limit: Fraction | None) -> HostFigure:
    source = month.source(names)
    kinds = [month.metric(source or AGENT, name) for name in names.of(source)]
    times = classify(month.window, scarcer(kinds))
    marks = common_marks(month, source, times)
    if source and not all(kind.known_ms for kind in kinds):
        marks.append(Mark("ONE_KIND_ONLY"))
    per_unit = Fraction(1, NANO * MS_PER_S) if averaged(source) else 1
    exceeded = sorted({day for kind in kinds for day in _exceeded(kind, limit, per_unit, source)})
    if exceeded:
        marks.append(Mark("LIMIT_EXCEEDED", tuple(exceeded)))
    bounds = added(
        [
            _kind(
                kind,
                weigh_metric(kind, month.window, source=source),
                per_unit=per_unit,
                limit=None if exceeded else limit,
                fill=month.fill(
                    source, name, done=lambda hour: hour.amount * per_unit * S_PER_DAY * MS_PER_S
                ),
            )
            for name, kind in zip(names.of(source), kinds, strict=True)
        ]
    )
    if limit is None and times.missing_ms:
        marks.append(Mark("NO_UPPER_BOUND"))
    return HostFigure(month.declared.id, source, bounds, times, marks=tuple(marks))


def _exceeded(kind: MetricMonth, limit: Fraction | None, per_unit: Number, source: str | None) -> list[int]:
    """Return the days on which more was done than the declared limit allows in the covered time."""
    if limit is None:
        return []
    return [
        day
        for day, sums in kind.days.items()
        if sums.amount * per_unit * MS_PER_S > limit * stands_for_ms(sums, source)
    ]


def _kind(
    kind: MetricMonth, weights: Weights, *, per_unit: Number, limit: Fraction | None, fill: Fill | None
) -> Bounds:
    return bound(
        kind.total.amount * per_unit * S_PER_DAY * MS_PER_S,
        covered=weights.covered,
        known=weights.known,
        missing=weights.missing,
        limit=None if limit is None else limit * S_PER_DAY,
        fill=fill,
    )
