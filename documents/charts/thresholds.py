"""Thresholds on a chart: a line for each, and at its end the stars that ask for it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from decimal import Decimal
from typing import Any

from documents.charts import scale
from documents.charts.drawing import FREE, INK, Spec, layer, shortened, texts, wide
from documents.display import legible, written
from documents.language import ENGLISH, picked

LABEL_GAP_PX = 13
LEADER_PX = 8
EDGE_PX = 10
STARS_PX = 110
"""Room for the stars that share a threshold."""


def limits_of(
    rule: Mapping[str, Any], stars: Sequence[Mapping[str, Any]], language: str
) -> list[tuple[str, Decimal]]:
    """Return label and threshold from the lowest up; stars with the same threshold share a label."""
    names = {star["id"]: picked(star, "name", language) for star in stars}
    together: dict[Decimal, list[str]] = {}
    for star, limit in rule["thresholds"].items():
        together.setdefault(Decimal(limit), []).append(star)
    found = []
    for limit in sorted(together):
        ids = sorted(together[limit])
        if language == ENGLISH and len(ids) > 1:
            name = f"{'/'.join(ids)} stars"
        else:
            name = "、".join(names.get(star, f"{star}★") for star in ids)
        number = written(f"{limit:f}")
        found.append((f"{shortened(legible(name), STARS_PX)} {number}", limit))
    return found


def room_for(limits: Sequence[tuple[str, Decimal]]) -> int:
    """Return how many px the names need beside the plot."""
    return max([wide(name) for name, _ in limits], default=0) + LEADER_PX + EDGE_PX


def thresholds(
    limits: Sequence[tuple[str, Decimal]], *, top: float, upward: Spec, width: int, height: int
) -> list[Spec]:
    """Return lines, names and the strokes that lead from a line to its name where it had to move."""
    lines = [{"limit": float(limit)} for _, limit in limits]
    places = [height * (1 - float(limit) / top) for _, limit in limits]
    names = scale.spread(places, gap_px=LABEL_GAP_PX, lowest_px=height - 2)
    pairs = list(zip(limits, places, names, strict=True))
    leaders = [{"x": width, "y": place, "x2": width + LEADER_PX, "y2": name} for _, place, name in pairs]
    named = [
        {"x": width + LEADER_PX + 3, "y": round(name), "words": words_, "ink": INK}
        for (words_, _), _, name in pairs
    ]
    return [
        layer(
            lines,
            {"type": "rule", "color": INK, "strokeDash": [5, 3], "strokeWidth": 1},
            {"y": {"field": "limit", **upward}, "x": {"value": 0}, "x2": {"value": width}},
        ),
        layer(
            leaders,
            {"type": "rule", "color": INK, "strokeWidth": 0.7},
            {
                "x": {"field": "x", **FREE},
                "x2": {"field": "x2"},
                "y": {"field": "y", **FREE},
                "y2": {"field": "y2"},
            },
        ),
        texts(named),
    ]
