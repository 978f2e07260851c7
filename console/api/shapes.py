"""Shapes of answers as JSON Schema, and the parameters of operations."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

Shape = Mapping[str, Any]
BASE = "/api/v1"

TEXT: Shape = {"type": "string"}
NUMBER: Shape = {"type": "integer"}
FLAG: Shape = {"type": "boolean"}
INSTANT: Shape = {"type": "integer", "description": "ms since 1970-01-01 UTC"}
DECIMAL: Shape = {"type": "string", "pattern": r"^-?\d+(\.\d+)?$", "description": "exact decimal"}
SHARE: Shape = {"type": "string", "pattern": r"^\d+(\.\d+)?$", "description": "0 to 1, rounded down"}
DAY: Shape = {"type": "string", "format": "date"}
MONTH: Shape = {"type": "string", "pattern": "^20[1-9][0-9]-(0[1-9]|1[0-2])$"}


def maybe(shape: Shape) -> Shape:
    """Return the shape of a value that may be missing; missing is never zero."""
    return {**shape, "type": [shape["type"], "null"]}


def one_of(*values: str) -> Shape:
    """Return the shape of one of some words."""
    return {"type": "string", "enum": list(values)}


def some(shape: Shape) -> Shape:
    """Return the shape of a list."""
    return {"type": "array", "items": shape}


def table(shape: Shape) -> Shape:
    """Return the shape of an object whose keys are data."""
    return {"type": "object", "additionalProperties": shape}


def thing(**fields: Shape) -> Shape:
    """Return the shape of an object with exactly these fields."""
    return {
        "type": "object",
        "properties": dict(fields),
        "required": sorted(fields),
        "additionalProperties": False,
    }


@dataclass(frozen=True)
class Parameter:
    """A parameter of the path or (by default) of the query."""

    name: str
    shape: Shape
    about: str
    place: str = "query"

    def document(self) -> dict[str, Any]:
        """Return the parameter as OpenAPI writes it."""
        return {
            "name": self.name,
            "in": self.place,
            "required": self.place == "path",
            "description": self.about,
            "schema": dict(self.shape),
        }


MOST_PAGE = 100_000
MOST_TEXT = 128
OF_MONTH = Parameter("month", MONTH, "A month that has begun, YYYY-MM; by default this one.")
OF_PAGE = Parameter(
    "page",
    {"type": "integer", "minimum": 1, "maximum": MOST_PAGE, "default": 1},
    "Of the list; beyond the last: the last.",
)
OF_TEXT = Parameter("q", {"type": "string", "maxLength": MOST_TEXT}, "Only hosts whose name has this.")

ERROR = thing(error=thing(code=TEXT, zh=TEXT, en=TEXT))
BOUNDS = {"value": maybe(DECIMAL), "low": maybe(DECIMAL), "high": maybe(DECIMAL)}
PAGED = {"count": NUMBER, "page": NUMBER, "pages": NUMBER}
"""``count`` is of all rows that fit."""
SPAN = thing(month=MONTH, first_day=DAY, last_day=DAY, over=FLAG)
FIGURE_FIELDS: Mapping[str, Shape] = {
    "id": TEXT,
    "name_zh": TEXT,
    "name_en": TEXT,
    "unit": TEXT,
    "definition": TEXT,
    "aggregation": TEXT,
    **BOUNDS,
    "share": maybe(SHARE),
    "thresholds": table(DECIMAL),
    "verdicts": table(one_of("PASS", "FAIL", "INCONCLUSIVE", "NO_DATA", "DECLARED")),
    "projection": maybe(DECIMAL),
}
FIGURE = thing(**FIGURE_FIELDS)
FIGURE_DAY = thing(day=DAY, **BOUNDS, share=maybe(SHARE), excluded=FLAG)
HOST_FIELDS: Mapping[str, Shape] = {
    "id": maybe(NUMBER),
    "name": TEXT,
    "state": one_of("reporting", "behind", "silent", "imported", "never", "unknown"),
    "sources": some(TEXT),
    "version": TEXT,
    "last_ms": maybe(INSTANT),
    "cpu": maybe(DECIMAL),
    "share": maybe(SHARE),
    "clock_offset_ms": NUMBER,
    "declared": FLAG,
}
HOST_PART = thing(
    host=TEXT,
    id=maybe(NUMBER),
    source=maybe(TEXT),
    **BOUNDS,
    capacity_bps=maybe(DECIMAL),
    share=maybe(SHARE),
    part=maybe(SHARE),
)
KIND = one_of("complete", "most", "part", "none", "downtime", "out")
