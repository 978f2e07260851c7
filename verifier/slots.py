"""Slots: how findings name the time that they are about.

``2026-11-03T05Z`` is an hour of UTC, ``2026-11-03`` a day, ``A/B`` everything from A to B, both
included; empty where a finding is about no time.
"""

from __future__ import annotations

from datetime import date, datetime, timezone

from evidence.calendar import MS_PER_S


def hour(instant_ms: int) -> str:
    """Return the hour of UTC that holds an instant (ms since 1970)."""
    return f"{datetime.fromtimestamp(instant_ms // MS_PER_S, timezone.utc):%Y-%m-%dT%HZ}"


def hours(start_ms: int, end_ms: int) -> str:
    """Return the hours of UTC from one instant to another."""
    return _from_to(hour(start_ms), hour(end_ms))


def day(ordinal: int) -> str:
    """Return a local day, given by its ordinal."""
    return date.fromordinal(ordinal).isoformat()


def days(first: int, last: int) -> str:
    """Return the local days from one to another, given by their ordinals."""
    return _from_to(day(first), day(last))


def _from_to(first: str, last: str) -> str:
    return first if first == last else f"{first}/{last}"
