"""How tests read a report's view: its sections, and every text in it."""

from __future__ import annotations

from report_sample import FIGURES

SECTIONS = (
    "overview",
    *(f"figure-{figure[0]}" for figure in FIGURES),
    "criteria",
    "calendar",
    "hosts",
    "anchors",
    "exclusions",
    "scope",
    "profile",
    "origin",
)


def texts(value: object) -> list[str]:
    """Return every text in a part of a view but drawings."""
    if isinstance(value, dict):
        return [text for name, item in value.items() if name != "svg" for text in texts(item)]
    if isinstance(value, (list, tuple)):
        return [text for item in value for text in texts(item)]
    return [value] if isinstance(value, str) else []
