"""The vertical scale of a chart: a round top, round steps, labels that do not lie on each other.

Floats are right here: these numbers place marks on paper and decide nothing.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence

STEPS = (1, 2, 2.5, 5, 10)
MOST_TICKS = 5
HEADROOM = 1.08
HIGH_END_REACH = 2.0
"""A high end up to so many times the tallest value or threshold stretches the scale; beyond, it is cut."""


def top_of(
    values: Iterable[float],
    thresholds: Iterable[float],
    highs: Iterable[float],
    *,
    most: float | None = None,
) -> float:
    """Return the upper end of the scale: above every value and threshold, above most high ends.

    ``most`` is where the unit ends (100 of percent): the scale ends there too, unless something lies above.
    """
    tallest = max([*values, *thresholds], default=0.0)
    reach = max((high for high in highs if high <= tallest * HIGH_END_REACH), default=0.0)
    wanted = max(tallest, reach) * HEADROOM
    if wanted <= 0:
        return 1.0
    if most is not None and wanted > most >= max(tallest, reach):
        return most
    step = step_of(wanted)
    return math.ceil(round(wanted / step, 9)) * step


def step_of(top: float) -> float:
    """Return the round step that divides ``top`` into at most ``MOST_TICKS`` parts."""
    rough = top / MOST_TICKS
    power = 10.0 ** math.floor(math.log10(rough))
    return next(step * power for step in STEPS if step * power >= rough * (1 - 1e-9))


def ticks(top: float) -> list[float]:
    """Return the marks from zero to ``top``."""
    step = step_of(top)
    return [round(step * index, 12) for index in range(round(top / step) + 1)]


def written(tick: float) -> str:
    """Return how a mark is written beside the scale."""
    whole, _, rest = f"{tick:,.6f}".partition(".")
    rest = rest.rstrip("0")
    return f"{whole}.{rest}" if rest else whole


def spread(places_px: Sequence[float], *, gap_px: float, lowest_px: float) -> list[float]:
    """Return places at least ``gap_px`` apart for labels given from the lowest up (px grow downwards).

    Every label moves up just far enough; the lowest stays above ``lowest_px``.
    """
    found: list[float] = []
    limit = lowest_px
    for place in places_px:
        limit = min(place, limit)
        found.append(limit)
        limit -= gap_px
    return found
