"""The audit trail: what was changed here, by whom and when. Administrators only."""

from __future__ import annotations

from datetime import date
from urllib.parse import urlencode

from starlette.responses import Response

from collector.store import trail
from collector.store.trail import Sought
from console.pages.settings.trail_details import told
from console.visit import Visit

PAGE_ROWS = 50
MOST_TEXT = 128
MOST_DIGITS = 6
"""Of a page's number."""


def shown(visit: Visit) -> Response:
    """Show one page of the rows that the query asks for."""
    query = visit.query
    wanted = {
        "q": query.get("q", "")[:MOST_TEXT].strip(),
        "action": query.get("action", "")[:MOST_TEXT],
        "from": _day(query.get("from", "")),
        "to": _day(query.get("to", "")),
    }
    sought = Sought(
        action=wanted["action"],
        text=wanted["q"],
        since_ms=_start(visit, wanted["from"], after=0),
        before_ms=_start(visit, wanted["to"], after=1),
    )
    asked = query.get("page", "1")[:MOST_DIGITS]
    with visit.console.store.reading() as connection:
        count = trail.count(connection, sought)
        pages = max(1, -(-count // PAGE_ROWS))
        page = min(max(1, int(asked) if asked.isascii() and asked.isdigit() else 1), pages)
        rows = trail.entries(connection, sought, most=PAGE_ROWS, skipped=(page - 1) * PAGE_ROWS)
        actions = trail.actions(connection)

    def link(number: int) -> str:
        parts = {**wanted, "page": str(number) if number > 1 else ""}
        return f"/settings/trail?{urlencode({name: value for name, value in parts.items() if value})}"

    return visit.render(
        "settings/trail.html",
        rows=rows,
        told=told,
        count=count,
        page=page,
        pages=pages,
        wanted=wanted,
        filtered=any(wanted.values()),
        actions=actions,
        link=link,
    )


def _day(text: str) -> str:
    """Return a day as it is written (YYYY-MM-DD), empty if it is none."""
    try:
        return date.fromisoformat(text).isoformat()
    except ValueError:
        return ""


def _start(visit: Visit, day: str, *, after: int) -> int | None:
    """Return when a day, or one so many days after it, begins."""
    if not day or date.max.toordinal() - date.fromisoformat(day).toordinal() < 1 + after:
        return None
    return visit.console.opened.identity.calendar.day_start(date.fromisoformat(day).toordinal() + after)
