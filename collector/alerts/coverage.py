"""Whether a month's coverage can still be reached. Pure; integers of milliseconds, nothing rounded.

Coverage is known amounts over the time that counts without downtime (``verifier.document.coverage_share``).
What is missing is of two kinds:

1. **Lost**: before the newest chunk of the host's agent. An agent sends in order, so what is missing
   there comes no more, but for holes in the numbers of its chunks: those may still be on their way, by
   file for example.
2. **Outstanding**: after the newest chunk until now, and the holes. It may still lie in the spool.

What a cloud or a monitor tells may be asked for again: nothing of theirs is lost, all of it is outstanding.
With the rest of the month measured whole, the best coverage that is left is
``(counted - downtime - lost) / (counted - downtime)``; more downtime would only make it smaller.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date

from evidence.calendar import LocalCalendar

WHOLE_PERCENT = 100
HUNDREDTHS = 10_000


@dataclass(frozen=True)
class Month:
    """A month with the stretches of it that count, [start, end) in ms since 1970, in order."""

    name: str
    first_day: int
    after_day: int
    excluded: frozenset[int]
    stretches: tuple[tuple[int, int], ...]

    @property
    def start_ms(self) -> int:
        """Where what counts begins; 0 if nothing does."""
        return self.stretches[0][0] if self.stretches else 0

    @property
    def counted_ms(self) -> int:
        """How long all that counts is."""
        return sum(end - start for start, end in self.stretches)

    def elapsed_ms(self, until_ms: int) -> int:
        """Return how much of it lies before an instant."""
        return self.within_ms(0, until_ms)

    def within_ms(self, start_ms: int, end_ms: int) -> int:
        """Return how much of it lies in [``start_ms``, ``end_ms``)."""
        return sum(max(0, min(end, end_ms) - max(start, start_ms)) for start, end in self.stretches)


@dataclass(frozen=True)
class Coverage:
    """One host in one month, in ms: what counts, was off, is lost for good, is outstanding."""

    counted_ms: int
    downtime_ms: int
    lost_ms: int
    outstanding_ms: int

    @property
    def possible_ms(self) -> int:
        """Time of which amounts can be known."""
        return self.counted_ms - self.downtime_ms

    def can_reach(self, percent: int) -> bool:
        """Return whether ``percent`` is possible if everything outstanding comes."""
        return (self.possible_ms - self.lost_ms) * WHOLE_PERCENT >= percent * self.possible_ms

    def reaches_without(self, percent: int) -> bool:
        """Return whether ``percent`` is possible if nothing outstanding comes."""
        return (
            self.possible_ms - self.lost_ms - self.outstanding_ms
        ) * WHOLE_PERCENT >= percent * self.possible_ms

    def best_text(self) -> str:
        """Return the best coverage in percent that is left if everything outstanding comes, rounded down."""
        return self._percent(self.possible_ms - self.lost_ms)

    def worst_text(self) -> str:
        """Return the best coverage in percent that is left if nothing outstanding comes, rounded down."""
        return self._percent(self.possible_ms - self.lost_ms - self.outstanding_ms)

    def _percent(self, known_ms: int) -> str:
        hundredths = max(0, known_ms) * HUNDREDTHS // self.possible_ms if self.possible_ms else 0
        return f"{hundredths // WHOLE_PERCENT}.{hundredths % WHOLE_PERCENT:02}"


def month_of(
    calendar: LocalCalendar,
    now_ms: int,
    *,
    days: tuple[int, int] | None = None,
    excluded: frozenset[int] = frozenset(),
) -> Month:
    """Return the local month that holds ``now_ms``, cut to the declared ``days`` (first and last)."""
    name = date.fromordinal(calendar.day_of(now_ms)).isoformat()[: len("YYYY-MM")]
    first, after = calendar.month(name)
    if days is not None:
        first, after = max(first, days[0]), min(after, days[1] + 1)
    counting = [day for day in range(first, after) if day not in excluded]
    stretches: list[tuple[int, int]] = []
    for day in counting:
        start, end = calendar.day_start(day), calendar.day_start(day + 1)
        if stretches and stretches[-1][1] == start:
            stretches[-1] = (stretches[-1][0], end)
        else:
            stretches.append((start, end))
    return Month(name, first, max(first, after), excluded, tuple(stretches))


def of_agent(
    month: Month, *, covered_ms: int, downtime_ms: int, newest_ms: int | None, holes_ms: int, now_ms: int
) -> Coverage:
    """Return the coverage of a host that its agent measures.

    Args:
        month: what counts.
        covered_ms: observed and bridged so far.
        downtime_ms: how long it was off.
        newest_ms: the end of its newest chunk, ``None`` without one.
        holes_ms: of the time before, what lies in holes between the numbers of its chunks.
        now_ms: the time.
    """
    reached_ms = month.elapsed_ms(newest_ms) if newest_ms is not None else 0
    missing_ms = max(0, reached_ms - covered_ms - downtime_ms)
    lost_ms = max(0, missing_ms - holes_ms)
    late_ms = max(0, month.elapsed_ms(now_ms) - reached_ms)
    return Coverage(month.counted_ms, downtime_ms, lost_ms, late_ms + missing_ms - lost_ms)


def of_averages(month: Month, *, covered_ms: int, now_ms: int, behind_ms: int) -> Coverage:
    """Return the coverage of a host that a cloud, a monitor or a file tells of.

    ``behind_ms``: the newest averages that nobody expects yet.
    """
    due_ms = month.elapsed_ms(now_ms - behind_ms)
    return Coverage(month.counted_ms, 0, 0, max(0, due_ms - covered_ms))


def better(first: Coverage | None, second: Coverage) -> Coverage:
    """Return the one that can still reach more: a host's figure may come of either source."""
    if first is None:
        return second
    key = (second.possible_ms - second.lost_ms) * first.possible_ms
    other = (first.possible_ms - first.lost_ms) * second.possible_ms
    if key != other:
        return second if key > other else first
    return second if second.outstanding_ms < first.outstanding_ms else first
