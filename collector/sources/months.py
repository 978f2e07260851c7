"""Months of bills: checked, and when they are closed. Providers count them in Beijing's time. Pure."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta

from collector.sources.errors import RangeError

_MONTH = re.compile(r"20\d\d-(0[1-9]|1[0-2])")
_BEIJING = timedelta(hours=8)
_MONTHS = 12
_MS = timedelta(milliseconds=1)
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


def checked(month: str) -> str:
    """Return ``month`` if it is written ``YYYY-MM``.

    Raises:
        RangeError: it is not.
    """
    if _MONTH.fullmatch(month) is None:
        raise RangeError(f"a month is written like 2026-01; this is {month!r}")
    return month


def closing_ms(month: str, *, day: int, hour: int) -> int:
    """Return when the month's bill is final: ``day`` and ``hour`` of the next month, ms since 1970.

    Raises:
        RangeError: the month is not written ``YYYY-MM``.
    """
    checked(month)
    year, number = int(month[:4]), int(month[5:])
    local = datetime(year + number // _MONTHS, number % _MONTHS + 1, day, hour, tzinfo=UTC)
    return (local - _BEIJING - _EPOCH) // _MS


def before(now_ms: int) -> str:
    """Return the month before the one in which ``now_ms`` lies in Beijing, ``YYYY-MM``."""
    local = _EPOCH + timedelta(milliseconds=now_ms) + _BEIJING
    last = local.replace(day=1) - timedelta(days=1)
    return f"{last.year:04d}-{last.month:02d}"
