"""Accounts a day and a month, their sources, who is left out, the people they are divided by, and gaps."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from starlette.responses import Response

from console.access.roles import Need
from console.page import Entry, Page
from console.pages.overview.months import month_asked, month_links, month_of
from console.visit import Visit
from verifier.errors import VerifierError

ID = "monthly_user_rate"
KIND = "users"


def users(visit: Visit) -> Response:
    """Show what the user figure of the month is made of."""
    span = month_asked(visit)
    try:
        month = month_of(visit, span)
    except VerifierError as error:
        return visit.render("overview/broken.html", span=span, reason=str(error))
    figure: Mapping[str, Any] = next((one for one in month.indicators if one["id"] == ID), {})
    detail = figure.get("detail", {})
    told = detail if detail.get("kind") == KIND else None
    return visit.render(
        "users/users.html",
        span=span,
        links=month_links(visit, span),
        figure=figure,
        detail=told,
        most=max((int(day["accounts"]) for day in told["days"]), default=0) if told else 0,
        notes=_notes(visit, figure),
        scoped=month.rules.scope is not None and bool(month.rules.scope.head_counts),
        operate=Need.OPERATE,
    )


def _notes(visit: Visit, figure: Mapping[str, Any]) -> list[tuple[str, list[str]]]:
    """Return the words of every note on the figure, and the hosts that it names."""
    return [
        (note[visit.language], [one["host"] for one in note["hosts"]]) for note in figure.get("notes", ())
    ]


PAGES = (Page("/users", users, needs=Need.VIEW, entry=Entry("users.title", 45, monthly=True)),)
