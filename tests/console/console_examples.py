"""An example for every parameter of a path, so that tests can be generated from the table of pages."""

from __future__ import annotations

from console.page import Page

PARAMETERS = {"host": "1", "person": "1"}
"""What the seeded store has under these names; ``person`` is the administrator."""
MONTH = "2026-10"
STREAMS = ("/live",)
"""Answers without an end."""


def address(page: Page) -> str:
    """Return an address that the page answers."""
    return page.path.format(**PARAMETERS)
