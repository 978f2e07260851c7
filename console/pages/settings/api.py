"""Tokens for programs."""

from __future__ import annotations

from starlette.responses import Response

from console.access.api_tokens import SCOPES, ApiTokenError, ApiTokens
from console.visit import REFUSED, NotFoundError, Visit

DAYS = (30, 90, 366)


def api(visit: Visit) -> Response:
    """Show all tokens, and the form for one more."""
    return _page(visit)


def make(visit: Visit) -> Response:
    """Make a token and show it, this once."""
    days = visit.form.get("days", "")
    name = visit.form.get("name", "").strip()
    scopes = tuple(visit.many.get("scope", ()))
    try:
        made = ApiTokens(visit.console.store).make(
            name=name,
            scopes=scopes,
            days=int(days) if days.isascii() and days.isdigit() and len(days) < len("1000") else 0,
            actor=visit.actor,
            now_ms=visit.now_ms,
        )
    except ApiTokenError as error:
        return _page(visit, problem=error.words, name=name, chosen=scopes)
    return _page(visit, made=made)


def revoke(visit: Visit) -> Response:
    """End a token."""
    if not ApiTokens(visit.console.store).revoke(
        visit.number("number"), actor=visit.actor, now_ms=visit.now_ms
    ):
        raise NotFoundError
    return visit.back_to("/settings/api", said="api.revoked_done")


def _page(
    visit: Visit, *, problem: str = "", name: str = "", chosen: tuple[str, ...] = SCOPES[:1], made: str = ""
) -> Response:
    return visit.render(
        "settings/api.html",
        status=REFUSED if problem else 200,
        problem=problem,
        name=name,
        chosen=chosen,
        made=made,
        scopes=SCOPES,
        days=DAYS,
        tokens=ApiTokens(visit.console.store).all(),
    )
