"""From points to samples, and what a new answer adds to what is sealed already. Pure.

Rules, per host and metric:

1. A point that is sealed already, with the same value, adds nothing.
2. A point of the same instant and length with another value is a conflict: the sealed one stays.
3. A point whose time a sealed one covers otherwise (another period) adds nothing; it is never cut,
   because an average over a part of its time is not known.
4. Values become whole multiples of 10^-9, rounded half to even. A negative one, or one of 10^18 and
   more, is refused: its time is missing. A processor above 100 % counts as 100 %.
5. Points that reach outside the span that was asked for are left out: nobody asked for them.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from collector.importing import numbers
from collector.importing.samples import FULL, Sample
from collector.own_chunks import rescale
from collector.sources.interface import CPU, Point, Series
from collector.store.polls import Counts
from evidence.chunk import EARLIEST_MS, LATEST_MS, Chunk
from evidence.crediting import Claims
from evidence.day_sum import claims
from evidence.manifest import MAX_SCALE


@dataclass(frozen=True)
class Conflict:
    """A point that differs from the sealed one; values in units of 10^-9."""

    start_ms: int
    sealed: int
    answered: int


class Sealed:
    """The sealed samples of one host and metric in some stretch of time."""

    def __init__(self, chunks: Iterable[Chunk] = ()) -> None:
        """Take the samples of verified chunks of averages."""
        self._taken = Claims()
        self._values: dict[tuple[int, int], tuple[int, int]] = {}
        for chunk in chunks:
            scale = chunk.manifest.columns[-1].scale
            for (start_ms, end_ms), value in zip(claims(chunk), chunk.values[-1], strict=True):
                self._taken.add(start_ms, end_ms)
                self._values[start_ms, end_ms] = (value, scale)

    def values_of(self, sample: Sample) -> tuple[int, int] | None:
        """Return (sealed, new) value of the sample's very period in units of 10^-9, rounded alike.

        ``None``: nothing is sealed for this very period.
        """
        found = self._values.get((sample.start_ms, sample.start_ms + sample.length_ms))
        if found is None:
            return None
        value, scale = found
        unit = 10 ** (MAX_SCALE - scale)
        return value * unit, rescale(sample.value, scale) * unit

    def covers(self, sample: Sample) -> bool:
        """Return whether any of the sample's time is sealed."""
        return bool(self._taken.within(sample.start_ms, sample.start_ms + sample.length_ms))


def new_samples(
    series: Series, sealed: Sealed, *, now_ms: int
) -> tuple[list[Sample], list[Conflict], Counts]:
    """Return what an answer adds, what contradicts, and the counts."""
    counts = Counts(points=len(series.points))
    new: list[Sample] = []
    conflicts: list[Conflict] = []
    for point in series.points:
        if not _inside(point, series, now_ms):
            counts.outside += 1
            continue
        value = nano(point)
        if value is None:
            counts.refused += 1
            continue
        if series.metric == CPU and value > FULL:
            counts.capped += 1
            value = FULL
        sample = Sample(0, point.start_ms, point.length_ms, value, series.period_ms)
        values = sealed.values_of(sample)
        if values is not None and values[0] == values[1]:
            counts.known += 1
        elif values is not None:
            conflicts.append(Conflict(sample.start_ms, *values))
        elif sealed.covers(sample):
            counts.covered += 1
        else:
            new.append(sample)
    counts.conflicts = len(conflicts)
    counts.sealed = len(new)
    return new, conflicts, counts


def nano(point: Point) -> int | None:
    """Return a value in units of 10^-9, ``None`` for one that is refused (rule 4)."""
    try:
        return numbers.value(str(point.value))
    except ValueError:
        return None


def _inside(point: Point, series: Series, now_ms: int) -> bool:
    least, most = max(series.asked.start_ms, EARLIEST_MS), min(series.asked.end_ms, now_ms, LATEST_MS)
    return least <= point.start_ms and point.end_ms <= most
