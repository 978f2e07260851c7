"""One scale for all figures: a third of the way for every star, so that six units can stand side by side.

Floats are right here: these numbers place marks on a screen and decide nothing.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

ENDS = (0.0, 100.0)
BEYOND = 2.0
"""The scale ends at so many times the highest threshold."""


@dataclass(frozen=True)
class Mark:
    """A threshold: its place in percent of the width, its text, and the stars that ask for it."""

    at: float
    text: str
    stars: Sequence[str]


@dataclass(frozen=True)
class Gauge:
    """Where a figure stands, in percent of the width; ``None`` where there is nothing to place."""

    marks: Sequence[Mark]
    low: float | None
    high: float | None
    value: float | None
    likely: float | None


def gauge(indicator: Mapping[str, Any], stars: Sequence[str], *, likely: str | None) -> Gauge:
    """Return the gauge of an entry of the figures document; ``stars`` are ids from the lowest up."""
    known = [(star, indicator["thresholds"][star]) for star in stars if star in indicator["thresholds"]]
    steps: list[tuple[Decimal, list[str]]] = []
    for star, text in known:
        if steps and steps[-1][0] == Decimal(text):
            steps[-1][1].append(star)
        else:
            steps.append((Decimal(text), [star]))
    # A threshold that several stars share stands where the highest of them does.
    order = {star: index for index, star in enumerate(stars)}
    share = 100.0 / (len(stars) + 1)
    places = [(limit, (order[names[-1]] + 1) * share) for limit, names in steps]

    def place(text: str | None) -> float | None:
        return None if text is None else _place(Decimal(text), places)

    unbounded = indicator["low"] is not None and indicator["high"] is None
    return Gauge(
        marks=[Mark(at, f"{limit:f}", names) for (limit, names), (_, at) in zip(steps, places, strict=True)],
        low=place(indicator["low"]),
        high=ENDS[1] if unbounded else place(indicator["high"]),
        value=place(indicator["value"]),
        likely=place(likely),
    )


def _place(number: Decimal, places: Sequence[tuple[Decimal, float]]) -> float:
    below, left = Decimal(0), ENDS[0]
    if not places or number <= below:
        return ENDS[0]
    for limit, at in places:
        if number < limit:
            return round(left + (at - left) * float((number - below) / (limit - below)), 2)
        below, left = limit, at
    top = below * Decimal(BEYOND)
    return round(min(ENDS[1], left + (ENDS[1] - left) * float((number - below) / (top - below))), 2)
