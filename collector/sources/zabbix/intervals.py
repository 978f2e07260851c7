"""Times as items write them: ``30s``, ``1m;50s/1-5,09:00-18:00``, ``7d``. Macros are resolved before."""

from __future__ import annotations

import re

_SECONDS = {"": 1, "s": 1, "m": 60, "h": 3600, "d": 86_400, "w": 604_800}
_TIME = re.compile(r"(\d{1,9})([smhdw]?)\Z", re.ASCII)


def seconds(text: str | None) -> int | None:
    """Return a time in seconds, ``None`` if it is none (an unresolved macro, for example)."""
    match = _TIME.match(text.strip()) if text is not None else None
    return int(match[1]) * _SECONDS[match[2]] if match else None


def shortest_interval_s(delay: str | None) -> int | None:
    """Return the shortest time between two values that a delay can mean, in seconds.

    The shortest asks for the most values, so that no hour looks better covered than it was.
    ``None``: there is no interval (values are sent in, or fetched at times of day), or it is unknown.
    """
    if delay is None:
        return None
    simple, *more = delay.split(";")
    found = [seconds(simple)]
    for part in more:
        interval, slash, _when = part.partition("/")
        if not slash:
            return None  # "wd1-5h9": values at times of day come on top of those at intervals
        found.append(seconds(interval))
    if any(interval is None for interval in found):
        return None
    return min((interval for interval in found if interval), default=None)
