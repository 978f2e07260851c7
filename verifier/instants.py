"""Instants for people: findings write them as ms since 1970, and so does JSON; whoever reads sees the pack's zone."""

from __future__ import annotations

import re
from datetime import UTC, datetime, tzinfo
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from evidence.calendar import MS_PER_S

_INSTANT = re.compile(r"\b([12][0-9]{12}) ms\b", re.ASCII)
"""From 2001 to 2065, as findings write instants; other numbers of ms are lengths of time."""


def zone_of(name: str | None) -> tzinfo:
    """Return the zone that a pack names, UTC where it names none or one that is not known here."""
    try:
        return UTC if name is None else ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        return UTC


def to_the_second(time_ms: int, zone: tzinfo) -> str:
    """Return an instant as ISO 8601 with its offset; ms only where it is not a whole second."""
    seconds, ms = divmod(time_ms, MS_PER_S)
    told = datetime.fromtimestamp(seconds, zone).replace(microsecond=ms * MS_PER_S)
    return told.isoformat(timespec="milliseconds" if ms else "seconds")


def to_the_minute(time_ms: int | None, zone: tzinfo) -> str:
    """Return date, hour and minute for tables that name the zone above; a dash where there is no instant."""
    return "–" if time_ms is None else f"{datetime.fromtimestamp(time_ms // MS_PER_S, zone):%Y-%m-%d %H:%M}"


def legible(text: str, zone: tzinfo) -> str:
    """Return the words of a finding with every instant in them as people write it."""
    return _INSTANT.sub(lambda found: to_the_second(int(found[1]), zone), text)
