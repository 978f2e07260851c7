"""Making and ending the tokens of programs. Administrators only."""

from __future__ import annotations

from starlette.responses import Response

from console.access.accounts import AccountError
from console.access.roles import Need
from console.access.tokens import LIVES_DAYS, Scope
from console.api.shapes import BASE
from console.page import Entry, Page
from console.visit import REFUSED, Visit

SHORTEST = str(LIVES_DAYS[0])


def tokens(visit: Visit) -> Response:
    """Show all tokens."""
    return _shown(visit)


def add(visit: Visit) -> Response:
    """Make a token and show its secret, this once."""
    name, days = visit.form.get("name", "").strip(), visit.form.get("days", "")
    try:
        secret = visit.console.tokens.add(
            name=name,
            scopes=list(visit.many.get("scope", ())),
            days=int(days) if days in map(str, LIVES_DAYS) else 0,
            actor=visit.actor,
            now_ms=visit.now_ms,
        )
    except AccountError as error:
        return _shown(visit, problem=error.words, name=name, chosen=list(visit.many.get("scope", ())))
    return _shown(visit, secret=secret)


def revoke(visit: Visit) -> Response:
    """End a token."""
    visit.console.tokens.revoke(visit.number("token"), actor=visit.actor, now_ms=visit.now_ms)
    return visit.back_to("/tokens", said="tokens.revoked_done")


def _shown(
    visit: Visit, *, problem: str = "", name: str = "", chosen: list[str] | None = None, secret: str = ""
) -> Response:
    visit.once = bool(secret)
    return visit.render(
        "tokens/tokens.html",
        status=REFUSED if problem else 200,
        problem=problem,
        name=name,
        chosen=chosen or [Scope.FIGURES.value],
        secret=secret,
        scopes=[scope.value for scope in Scope],
        lives=[str(days) for days in LIVES_DAYS],
        shortest=SHORTEST,
        base=BASE,
        url=visit.console.url.rstrip("/"),
        tokens=visit.console.tokens.tokens(),
    )


PAGES = (
    Page("/tokens", tokens, needs=Need.ADMINISTER, entry=Entry("tokens.title", 96)),
    Page("/tokens", add, needs=Need.ADMINISTER, methods=("POST",)),
    Page("/tokens/{token}/revoke", revoke, needs=Need.ADMINISTER, methods=("POST",)),
)
