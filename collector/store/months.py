"""Months of the enterprise's zone as numbers, year x 100 + month: 202611 is November 2026.

A chunk belongs to the month in which its claim ends. So every chunk that touches a month belongs to
it or to a later one, and what a month's figures need is never older than the month itself, but for the
few chunks at its edge (``collector.store.dropping``).
"""

from __future__ import annotations

from datetime import date

from evidence.calendar import LocalCalendar

_YEAR = 100
_LAST = 12


def of_day(day: int) -> int:
    """Return the month of a local day (an ordinal)."""
    found = date.fromordinal(day)
    return found.year * _YEAR + found.month


def of_instant(calendar: LocalCalendar, instant_ms: int) -> int:
    """Return the month that holds an instant."""
    return of_day(calendar.day_of(instant_ms))


def between(calendar: LocalCalendar, start_ms: int, end_ms: int) -> frozenset[int]:
    """Return the months that [start, end] touches."""
    month, last = of_instant(calendar, start_ms), of_instant(calendar, end_ms)
    found = {month}
    while month < last:
        month = after(month)
        found.add(month)
    return frozenset(found)


def after(month: int) -> int:
    """Return the next month."""
    year, number = divmod(month, _YEAR)
    return (year + 1) * _YEAR + 1 if number == _LAST else month + 1


def before(month: int) -> int:
    """Return the month before."""
    year, number = divmod(month, _YEAR)
    return (year - 1) * _YEAR + _LAST if number == 1 else month - 1


def first_day(month: int) -> int:
    """Return the ordinal of a month's first day."""
    return date(*divmod(month, _YEAR), 1).toordinal()


def name(month: int) -> str:
    """Return a month as people write it, ``YYYY-MM``."""
    return f"{month // _YEAR:04}-{month % _YEAR:02}"


def number(month: str) -> int:
    """Return the number of a month that is written ``YYYY-MM``."""
    return int(month[:4]) * _YEAR + int(month[5:])
