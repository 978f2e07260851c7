"""Local days and months: where a day of the enterprise begins, in milliseconds since 1970.

A day is the run from one local midnight to the next, so it may last 23 or 25 hours. Days are named
by their proleptic Gregorian ordinal (``datetime.date.toordinal``). The zone's rules come from the
IANA time zone database.
"""

from __future__ import annotations

import re
from datetime import date, datetime
from functools import lru_cache
from typing import Protocol
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from evidence.errors import MalformedError

MS_PER_S = 1_000
_MONTH = re.compile(r"(20\d{2})-(0[1-9]|1[0-2])\Z", re.ASCII)
_CACHE_DAYS = 4_096


class Slots(Protocol):
    """Stretches of time that sums are kept for: days, or what divides them. Named by integers in order."""

    def day_of(self, instant_ms: int, /) -> int:
        """Return the slot that holds this instant."""
        ...

    def split(self, start_ms: int, end_ms: int, /) -> list[tuple[int, int]]:
        """Return ``(slot, ms)`` for every slot that [start, end) touches, in order."""
        ...

    def same_month(self, first: int, last: int, /) -> bool:
        """Return whether two slots lie in one calendar month."""
        ...


class LocalCalendar:
    """The days and months of one time zone.

    Raises:
        MalformedError: the zone is not in the time zone database.
    """

    def __init__(self, zone: str) -> None:
        """Look the zone up by its IANA name, for example ``Asia/Shanghai``."""
        try:
            self._zone = ZoneInfo(zone)
        except (ZoneInfoNotFoundError, ValueError, OSError):
            raise MalformedError(
                f"time zone {zone!r} is not in the time zone database; write for example Asia/Shanghai"
            ) from None
        self.zone = zone
        self.day_start = lru_cache(maxsize=_CACHE_DAYS)(self._day_start)

    def day_of(self, instant_ms: int) -> int:
        """Return the ordinal of the local day that holds this instant."""
        return datetime.fromtimestamp(instant_ms // MS_PER_S, self._zone).toordinal()

    def _day_start(self, day: int) -> int:
        """Return the instant at which the local day begins, in ms since 1970."""
        local = date.fromordinal(day)
        midnight = datetime(local.year, local.month, local.day, tzinfo=self._zone)
        return round(midnight.timestamp()) * MS_PER_S

    def split(self, start_ms: int, end_ms: int) -> list[tuple[int, int]]:
        """Return ``(day, ms)`` for every local day that [start, end) touches, in order."""
        pieces = []
        day = self.day_of(start_ms)
        while start_ms < end_ms:
            stop = min(end_ms, self.day_start(day + 1))
            if stop > start_ms:
                pieces.append((day, stop - start_ms))
                start_ms = stop
            day += 1
        return pieces

    def same_month(self, first_day: int, last_day: int) -> bool:
        """Return whether two days lie in one calendar month."""
        first, last = date.fromordinal(first_day), date.fromordinal(last_day)
        return (first.year, first.month) == (last.year, last.month)

    def month(self, name: str) -> tuple[int, int]:
        """Return the first day of the month ``YYYY-MM`` and the first day after it.

        Raises:
            MalformedError: not a month written so.
        """
        match = _MONTH.match(name)
        if not match:
            raise MalformedError(f"month {name!r} is not written YYYY-MM from 2000-01 to 2099-12")
        first = date(int(match[1]), int(match[2]), 1)
        after = date(first.year + first.month // 12, first.month % 12 + 1, 1)
        return first.toordinal(), after.toordinal()
