"""Which chunk is credited with which time: the day sums of a run of chunks, taken in order.

Within one host and source the order is (epoch, seq). Rules:

1. A chunk is credited only with time that no earlier chunk of the order claims
   (``evidence.day_sum.claims``): what was said first stays.
2. Averages claim time for their own metric only, activity for the metric ``activity``; counters claim
   it for all of the source's.
3. A claim holds whether or not its values could be credited.

The store applies this while chunks come in, ``audit`` and the offline check apply it again to all
of them; both call the functions below, so they cannot differ.
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Iterable, Iterator, Sequence

from evidence.calendar import LocalCalendar
from evidence.chunk import Chunk
from evidence.day_sum import DaySums, Interval, claims, day_sums, merge
from evidence.manifest import ACTIVITY, AVERAGES, AVERAGES_CLOCKS

ALL_METRICS = ""
"""The metric under which counters claim their time."""


class Claims:
    """Disjoint stretches of claimed time, kept in order. Touching stretches are one."""

    def __init__(self, intervals: Iterable[Interval] = ()) -> None:
        """Claim ``intervals``, given in any order."""
        self._starts: list[int] = []
        self._ends: list[int] = []
        for start, end in intervals:
            self.add(start, end)

    def add(self, start: int, end: int) -> None:
        """Claim [start, end)."""
        if start >= end:
            return
        first = bisect_left(self._ends, start)
        after = bisect_right(self._starts, end)
        if first < after:
            start = min(start, self._starts[first])
            end = max(end, self._ends[after - 1])
        self._starts[first:after] = [start]
        self._ends[first:after] = [end]

    def within(self, start: int, end: int) -> list[Interval]:
        """Return the claimed stretches that overlap [start, end), whole and in order."""
        first = bisect_right(self._ends, start)
        after = bisect_left(self._starts, end)
        return list(zip(self._starts[first:after], self._ends[first:after]))


def claimed_metrics(chunk: Chunk) -> tuple[str, ...]:
    """Return the metrics whose time ``chunk`` claims: ``ALL_METRICS`` for counters (rule 2)."""
    if chunk.manifest.kind == ACTIVITY:
        return (ACTIVITY,)
    if chunk.manifest.kind == AVERAGES:
        return tuple(column.name for column in chunk.manifest.columns[len(AVERAGES_CLOCKS) :])
    return (ALL_METRICS,)


class Crediting:
    """Tells the chunks of one host and source, one at a time in order, what is already taken.

    What is taken does not depend on the slots that sums are kept for, so sums over days and over
    hours can be taken of a chunk in one pass, with one answer.
    """

    def __init__(self) -> None:
        """Begin with nothing claimed."""
        self._taken: dict[str, Claims] = {}

    def occupied(self, chunk: Chunk) -> list[Interval]:
        """Return the earlier claims in the way of ``chunk``, for ``day_sums``; then note its own.

        Args:
            chunk: the next verified chunk in the order of (epoch, seq).
        """
        mine = claims(chunk)
        metrics = claimed_metrics(chunk)
        occupied: list[Interval] = []
        for metric in metrics:
            occupied.extend(self._taken.setdefault(metric, Claims()).within(mine[0][0], mine[-1][1]))
        for metric in metrics:
            for start, end in mine:
                self._taken[metric].add(start, end)
        return occupied


def credit_each(chunks: Iterable[Chunk], calendar: LocalCalendar) -> Iterator[tuple[Chunk, DaySums]]:
    """Yield each chunk with the day sums that are credited to it.

    Args:
        chunks: verified chunks of one host and one source, sorted by (epoch, seq).
        calendar: the zone whose days are meant.
    """
    crediting = Crediting()
    for chunk in chunks:
        yield chunk, day_sums(chunk, calendar, crediting.occupied(chunk))


def credited(chunks: Iterable[Chunk], calendar: LocalCalendar) -> DaySums:
    """Return the day sums of all chunks of one host and source, sorted by (epoch, seq).

    To recompute some days only, hand in every chunk whose claim touches ``reach`` of the chunks
    that touch those days, and keep those days of the answer.
    """
    return merge(sums for _, sums in credit_each(chunks, calendar))


def reach(spans: Sequence[Interval]) -> Interval:
    """Return the stretch that all claims in ``spans`` lie in.

    An interval between two readings may begin before the days of interest and be withheld because
    of an earlier claim out there, so those claims are needed to decide about these days.
    """
    return min(start for start, _ in spans), max(end for _, end in spans)
