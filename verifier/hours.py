"""Hour sums: the day sums of one host, divided by the hour, for rules that ask about single hours.

They are credited by the code of the day sums (``evidence.crediting``, ``evidence.day_sum``), with
hours for slots, so the hours of a day add up to its day sum exactly. An hour is an hour of time
counted from local midnight; the last one of a day may be shorter where the zone shifts by less.

An hour sum says how much was counted *in that hour* only if the readings tell. An interval longer
than ``COARSE_MS`` that contains the edge of an hour does not: its amount is divided in proportion
to time. Such hours are kept, but all their covered time is *bridged*: the amount is exact, its place
in time is not.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import replace

from evidence.calendar import LocalCalendar
from evidence.chunk import Chunk
from evidence.crediting import Crediting
from evidence.day_sum import EDGE_TOLERANCE_MS, DaySum, DaySums, Interval, day_sums
from evidence.manifest import COUNTERS
from verifier.window import Window

HOUR_MS = 3_600_000
SLOTS_A_DAY = 32
"""Room for the hours of any local day (at most 25, and a few more where a zone moved its date)."""
COARSE_MS = 15 * 60_000
"""The longest average that is filed under the slot in which it begins (``evidence.day_sum``)."""

HostHours = Mapping[tuple[str, str], Mapping[int, DaySum]]
"""The hours of one host: by (source, metric), then by hour."""


def hour_of(day: int, number: int) -> int:
    """Return the name of an hour: ``number`` counts from 0 at the local midnight of ``day``."""
    return day * SLOTS_A_DAY + number


def day_and_number(hour: int) -> tuple[int, int]:
    """Return the ordinal of the local day of an hour, and its number in it."""
    return divmod(hour, SLOTS_A_DAY)


def hour_lengths(window: Window) -> Iterator[tuple[int, int]]:
    """Yield every counted hour of the window with its length in ms, in order."""
    for day, length in sorted(window.lengths.items()):
        for number in range(-(-length // HOUR_MS)):
            yield hour_of(day, number), min(HOUR_MS, length - number * HOUR_MS)


class HourCalendar:
    """The slots of hour sums: hours inside the window, whole days outside of it."""

    def __init__(self, window: Window, calendar: LocalCalendar) -> None:
        """Divide the days of ``window``; ``calendar`` must be that of the window."""
        self._first, self._after = window.first_day, window.after_day
        self._calendar = calendar

    def day_of(self, instant_ms: int) -> int:
        """Return the slot that holds this instant."""
        day = self._calendar.day_of(instant_ms)
        if not self._first <= day < self._after:
            return hour_of(day, 0)
        return hour_of(day, (instant_ms - self._calendar.day_start(day)) // HOUR_MS)

    def split(self, start_ms: int, end_ms: int) -> list[tuple[int, int]]:
        """Return ``(slot, ms)`` for every slot that [start, end) touches, in order."""
        pieces: list[tuple[int, int]] = []
        at = start_ms
        for day, length in self._calendar.split(start_ms, end_ms):
            stop = at + length
            if not self._first <= day < self._after:
                pieces.append((hour_of(day, 0), length))
                at = stop
                continue
            midnight = self._calendar.day_start(day)
            while at < stop:
                number = (at - midnight) // HOUR_MS
                until = min(stop, midnight + (number + 1) * HOUR_MS)
                pieces.append((hour_of(day, number), until - at))
                at = until
        return pieces

    def same_month(self, first: int, last: int) -> bool:
        """Return whether two slots lie in one calendar month."""
        return self._calendar.same_month(day_and_number(first)[0], day_and_number(last)[0])


class HourSums:
    """The hour sums of one host and source over a window. Chunks come one at a time, in order."""

    def __init__(self, window: Window, calendar: LocalCalendar) -> None:
        """Begin without a chunk; ``calendar`` must be that of the window."""
        self._lengths = dict(hour_lengths(window))
        self._slots = HourCalendar(window, calendar)
        self._crediting = Crediting()
        self._sums: DaySums = {}
        self._coarse: set[tuple[str, int]] = set()

    def add(self, chunk: Chunk) -> None:
        """Credit the next verified chunk in the order of (epoch, seq)."""
        sums = day_sums(chunk, self._slots, self._crediting.occupied(chunk))
        for key, value in sums.items():
            if key[1] in self._lengths:
                self._sums[key] = self._sums[key] + value if key in self._sums else value
        coarse = {hour for start, end in _intervals(chunk) for hour in self._smeared(start, end)}
        self._coarse.update(key for key in sums if key[1] in coarse)

    def rows(self) -> Iterator[tuple[str, int, DaySum]]:
        """Yield (metric, hour, sums) of every counted hour that a chunk says something about."""
        for (metric, hour), sums in self._sums.items():
            if (metric, hour) in self._coarse:
                yield metric, hour, replace(sums, observed_ms=0, bridged_ms=sums.covered_ms)
            else:
                yield metric, hour, sums

    def _smeared(self, start: int, end: int) -> list[int]:
        """Return the hours over which an interval of readings was divided."""
        if end - start <= COARSE_MS:
            return []
        touched = [hour for hour, ms in self._slots.split(start, end) if ms > EDGE_TOLERANCE_MS]
        return touched if len(touched) > 1 else []


def _intervals(chunk: Chunk) -> Iterator[Interval]:
    if chunk.manifest.kind == COUNTERS:
        wall = chunk.values[0]
        yield from zip(wall, wall[1:], strict=False)
    else:
        for start, length in zip(chunk.values[0], chunk.values[1], strict=True):
            yield start, start + length
