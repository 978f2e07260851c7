"""An example for every parameter of a path, so that tests can be generated from the table of pages."""

from __future__ import annotations

from console.page import Page

MONTH = "2026-10"
PARAMETERS = {
    "host": "1",
    "person": "1",
    "figure": "cpu_utilization",
    "day": f"{MONTH}-05",
    "check": "none",
    "token": "1",
    "job": "1",
    "file": "x",
    "entry": "1",
    "alias": "main",
    "ending": "csv",
}
"""What the seeded store has under these names; ``person`` is the administrator."""
STREAMS = ("/live",)
"""Answers without an end."""
LATER = tuple(f"/evidence/checks/{{check}}{part}" for part in ("", "/page", "/document"))
"""Pages of what somebody has to begin first; their journeys have tests of their own."""


def address(page: Page) -> str:
    """Return an address that the page answers."""
    return page.path.format(**PARAMETERS)
