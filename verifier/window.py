"""The window: which local days count, and how its time divides into classes.

The window is the local month, cut to the scope's days. Every millisecond of it is exactly one of
observed, bridged, downtime, excluded, missing; suspect time is missing time with a known cause.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import date
from functools import cached_property

from evidence.calendar import MS_PER_S, LocalCalendar
from evidence.day_sum import DaySum
from verifier.errors import WindowError
from verifier.scope import Exclusion

MONTHS_A_YEAR = 12


@dataclass(frozen=True)
class Window:
    """The days of a window with their lengths in ms. Days are ordinals of local days.

    ``lengths`` holds the days that count, ``starts`` the instants at which they begin,
    ``excluded_ms`` the time of those that do not count. The window runs from ``first_day`` to before
    ``after_day``, [``start_ms``, ``end_ms``) since 1970.
    """

    first_day: int
    after_day: int
    start_ms: int
    end_ms: int
    lengths: dict[int, int]
    excluded_ms: int
    starts: dict[int, int] = field(default_factory=dict)

    @cached_property
    def counted_ms(self) -> int:
        """Time that counts: the window without excluded days."""
        return sum(self.lengths.values())


@dataclass(frozen=True)
class TimeClasses:
    """How the time of a window divides, in ms. ``suspect_ms`` is a part of ``missing_ms``."""

    observed_ms: int = 0
    bridged_ms: int = 0
    downtime_ms: int = 0
    excluded_ms: int = 0
    missing_ms: int = 0
    suspect_ms: int = 0

    @property
    def covered_ms(self) -> int:
        """Time for which amounts are known: observed and bridged."""
        return self.observed_ms + self.bridged_ms

    @property
    def known_ms(self) -> int:
        """Time of which it is known what happened: covered, or the host was off."""
        return self.covered_ms + self.downtime_ms

    @property
    def counted_ms(self) -> int:
        """The window without excluded days."""
        return self.known_ms + self.missing_ms


def months_until(month: str, count: int) -> tuple[str, ...]:
    """Return the names of the ``count`` months that end with ``month`` (``YYYY-MM``), in order."""
    last = int(month[:4]) * MONTHS_A_YEAR + int(month[5:]) - 1
    return tuple(
        f"{number // MONTHS_A_YEAR:04}-{number % MONTHS_A_YEAR + 1:02}"
        for number in range(last - count + 1, last + 1)
    )


def month_window(
    calendar: LocalCalendar,
    month: str,
    *,
    count: int = 1,
    days: tuple[int, int] | None = None,
    exclusions: Iterable[Exclusion] = (),
) -> Window:
    """Return the window of a local month, or of ``count`` months that end with it.

    Args:
        calendar: the zone whose days are meant.
        month: ``YYYY-MM``, the last one.
        count: how many months.
        days: first and last day (inclusive) of the scope's window, if there is one.
        exclusions: days that do not count.

    Raises:
        MalformedError: not a month written so.
        WindowError: the scope's window does not touch one of the months.
    """
    last = calendar.month(month)
    spans = [*(calendar.month(name) for name in months_until(month, count)[:-1]), last]
    first, after = spans[0][0], spans[-1][1]
    if days is not None:
        low, high = days
        if high < spans[-1][0] or low >= after:
            raise WindowError(
                f"month {month} lies outside the scope's window, "
                f"{date.fromordinal(low)} to {date.fromordinal(high)}; choose a month inside"
            )
        if low >= spans[0][1]:
            raise WindowError(
                f"the edition asks for {count} months up to {month}, but the scope's window begins on "
                f"{date.fromordinal(low)}; declare a window that touches all of them"
            )
        first, after = max(first, low), min(after, high + 1)
    out = {
        day
        for exclusion in exclusions
        for day in range(max(first, exclusion.first_day), min(after, exclusion.last_day + 1))
    }
    lengths = {day: calendar.day_start(day + 1) - calendar.day_start(day) for day in range(first, after)}
    return Window(
        first_day=first,
        after_day=after,
        start_ms=calendar.day_start(first),
        end_ms=calendar.day_start(after),
        lengths={day: ms for day, ms in lengths.items() if day not in out},
        excluded_ms=sum(lengths[day] for day in out),
        starts={day: calendar.day_start(day) for day in lengths if day not in out},
    )


def classify(window: Window, sums: DaySum) -> TimeClasses:
    """Return how the window divides for a metric whose day sums over it add up to ``sums``.

    ``verifier.amounts.collect`` has refused sums with more time than their day.
    """
    return TimeClasses(
        observed_ms=sums.observed_ms,
        bridged_ms=sums.bridged_ms,
        downtime_ms=sums.downtime_ms,
        excluded_ms=window.excluded_ms,
        missing_ms=window.counted_ms - sums.covered_ms - sums.downtime_ms,
        suspect_ms=sums.suspect_ms,
    )


def whole_seconds(times: TimeClasses) -> dict[str, int]:
    """Return the classes in whole seconds; the parts are cut, missing takes the rest.

    A window is made of whole days, so it has whole seconds, and the five add up to it.
    """
    parts = {
        "observed_s": times.observed_ms // MS_PER_S,
        "bridged_s": times.bridged_ms // MS_PER_S,
        "downtime_s": times.downtime_ms // MS_PER_S,
        "excluded_s": times.excluded_ms // MS_PER_S,
    }
    whole = (times.counted_ms + times.excluded_ms) // MS_PER_S
    return {**parts, "missing_s": whole - sum(parts.values())}


def total(parts: Sequence[TimeClasses]) -> TimeClasses:
    """Return the sums over all parts: host-milliseconds."""
    return TimeClasses(
        observed_ms=sum(part.observed_ms for part in parts),
        bridged_ms=sum(part.bridged_ms for part in parts),
        downtime_ms=sum(part.downtime_ms for part in parts),
        excluded_ms=sum(part.excluded_ms for part in parts),
        missing_ms=sum(part.missing_ms for part in parts),
        suspect_ms=sum(part.suspect_ms for part in parts),
    )
