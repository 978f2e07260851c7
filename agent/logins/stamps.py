"""Times in logs: from what stands in a line to the local day it belongs to.

Days are ordinals of the configured zone (``evidence.calendar``). An hour of a stamp decides the day unless
the day changes within it (zones that differ by half an hour, changes of the clock); then the whole
stamp is asked for. Stamps without a year get the latest year that does not lie in the future, seen from
``reference_ms``: now for a file that is being written, its last change for one that is not.
"""

from __future__ import annotations

import re
from datetime import datetime, timedelta, timezone
from typing import Callable, Optional
from zoneinfo import ZoneInfo

from evidence.calendar import LocalCalendar

MS_PER_S = 1_000
MS_PER_HOUR = 3_600_000
SLACK_MS = 86_400_000
"""A stamp without a year may lie this far after the reference: clocks and zones differ."""
LATEST_MS = 4_102_444_800_000
MAX_CACHED = 65_536
MAX_YEARS_BACK = 8
"""The longest time between two 29ths of February."""
SPLIT = -1
"""The day changes within the hour."""

_MONTHS = {
    name: number
    for number, name in enumerate(
        (b"Jan", b"Feb", b"Mar", b"Apr", b"May", b"Jun", b"Jul", b"Aug", b"Sep", b"Oct", b"Nov", b"Dec"), 1
    )
}
_CLF = re.compile(rb"(\d\d)/([A-Z][a-z]{2})/(\d{4}):(\d\d)(?::(\d\d)(?::(\d\d))?)?(?: ?([+-]\d{4}))?\Z")
_ISO = re.compile(
    rb"(\d{4})-(\d\d)-(\d\d)[T ](\d\d)(?::(\d\d)(?::(\d\d)(?:[.,](\d{1,9}))?)?)? ?(Z|[+-]\d\d:?(?:\d\d)?)?\Z"
)
_SYSLOG = re.compile(rb"([A-Z][a-z]{2}) {1,2}(\d{1,2}) (\d\d):(\d\d):(\d\d)\Z")
_EPOCH = re.compile(rb"(\d{9,10})(?:[.,](\d{1,9}))?\Z")
_EPOCH_MS = re.compile(rb"\d{12,13}\Z")


class Stamps:
    """Reads stamps whose own zone, if they name none, is ``stamp_zone``, into days of ``calendar``."""

    def __init__(
        self, calendar: LocalCalendar, *, stamp_zone: Optional[str] = None, written: Optional[str] = None
    ) -> None:
        """Take the zone of stamps that name none, and a strptime format if they are none of the known."""
        self._calendar = calendar
        self._zone = ZoneInfo(stamp_zone or calendar.zone)
        self._written = written
        self._days: dict[tuple[bytes, bytes, int], Optional[int]] = {}

    def day_of_hour(self, hour: bytes, zone: bytes) -> Optional[int]:
        """Return the day of all instants of an hour; ``SPLIT`` if there are two, ``None`` if it is no time."""
        return self._cached((hour, zone, 0), self._hour)

    def day_of(self, stamp: bytes, reference_ms: int) -> Optional[int]:
        """Return the day of a stamp, ``None`` if it is no time."""
        return self._cached(
            (stamp, b"", reference_ms // SLACK_MS), lambda key: self._day(key[0], reference_ms)
        )

    def instant_ms(self, stamp: bytes, reference_ms: int) -> Optional[int]:
        """Return a stamp as ms since 1970, ``None`` if it is no time."""
        try:
            found = self._parsed(stamp, reference_ms)
        except (ValueError, OverflowError, OSError):
            return None
        return found if found is not None and 0 <= found < LATEST_MS else None

    def _cached(
        self,
        key: tuple[bytes, bytes, int],
        find: Callable[[tuple[bytes, bytes, int]], Optional[int]],
    ) -> Optional[int]:
        if key in self._days:
            return self._days[key]
        if len(self._days) >= MAX_CACHED:
            self._days.clear()
        day = self._days[key] = find(key)
        return day

    def _hour(self, key: tuple[bytes, bytes, int]) -> Optional[int]:
        stamp = key[0] + (b" " + key[1] if key[1] else b"")
        start_ms = self.instant_ms(stamp, 0)
        if start_ms is None:
            return None
        first = self._calendar.day_of(start_ms)
        return first if self._calendar.day_of(start_ms + MS_PER_HOUR - 1) == first else SPLIT

    def _day(self, stamp: bytes, reference_ms: int) -> Optional[int]:
        instant_ms = self.instant_ms(stamp, reference_ms)
        return None if instant_ms is None else self._calendar.day_of(instant_ms)

    def _parsed(self, stamp: bytes, reference_ms: int) -> Optional[int]:
        if self._written is not None:
            return self._by_format(stamp, reference_ms)
        match = _CLF.match(stamp)
        if match:
            day, month, year, hour, minute, second, zone = match.groups()
            number = _MONTHS.get(month)
            return number and self._ms((year, number, day, hour, minute or 0, second or 0), zone)
        match = _ISO.match(stamp)
        if match:
            year, month, day, hour, minute, second, part, zone = match.groups()
            whole = self._ms((year, month, day, hour, minute or 0, second or 0), zone)
            return whole + int((part or b"0").ljust(3, b"0")[:3])
        match = _SYSLOG.match(stamp)
        if match:
            month, day, hour, minute, second = match.groups()
            number = _MONTHS.get(month)
            return number and self._without_year((number, day, hour, minute, second), reference_ms)
        match = _EPOCH.match(stamp)
        if match:
            return int(match[1]) * MS_PER_S + int((match[2] or b"0").ljust(3, b"0")[:3])
        return int(stamp) if _EPOCH_MS.match(stamp) else None

    def _by_format(self, stamp: bytes, reference_ms: int) -> Optional[int]:
        written = self._written or ""
        found = datetime.strptime(stamp.decode("utf-8"), written)  # noqa: DTZ007 - the zone follows below
        if "%Y" not in written and "%y" not in written and "%s" not in written:
            parts = (found.month, found.day, found.hour, found.minute, found.second)
            return self._without_year(parts, reference_ms)
        return _ms(found if found.tzinfo else found.replace(tzinfo=self._zone))

    def _without_year(self, parts: tuple[object, ...], reference_ms: int) -> Optional[int]:
        latest_ms = reference_ms + SLACK_MS
        year = datetime.fromtimestamp(latest_ms // MS_PER_S, self._zone).year
        for back in range(MAX_YEARS_BACK + 1):
            try:
                found = self._ms((year - back, *parts), None)
            except ValueError:  # 29 February
                continue
            if found <= latest_ms:
                return found
        return None

    def _ms(self, parts: tuple[object, ...], zone: Optional[bytes]) -> int:
        year, month, day, hour, minute, second = (int(part) for part in parts)  # type: ignore[call-overload]
        # A leap second counts to the second before it.
        tz = _offset(zone) if zone else self._zone
        return _ms(datetime(year, month, day, hour, minute, min(second, 59), tzinfo=tz))


def _ms(moment: datetime) -> int:
    return round(moment.timestamp() * MS_PER_S)


def _offset(zone: bytes) -> timezone:
    if zone == b"Z":
        return timezone.utc
    digits = zone[1:].replace(b":", b"").ljust(4, b"0")
    minutes = int(digits[:2]) * 60 + int(digits[2:])
    return timezone(timedelta(minutes=-minutes if zone[:1] == b"-" else minutes))
