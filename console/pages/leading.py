"""Addresses that forms are sent to and that somebody may ask for all the same: they lead to the form's page."""

from __future__ import annotations

from starlette.responses import Response

from console.access.roles import Need
from console.page import Page
from console.visit import Visit


def leads(path: str, to: str, needs: Need) -> Page:
    """Return a page that leads to another one: after a refusal its address stands in the browser."""

    def lead(visit: Visit) -> Response:
        return visit.back_to(to)

    return Page(path, lead, needs=needs, is_page=False)
