"""Which month a page shows: the query's, or this one; and the months before and after it."""

from __future__ import annotations

from datetime import date

from collector.store import standing
from console.reading.month import Month, Span, read_month, span_of
from console.visit import NotFoundError, Visit
from evidence.errors import MalformedError


def month_asked(visit: Visit) -> Span:
    """Return the month of the query ``month``, by default this one.

    Raises:
        NotFoundError: it is none, or has not begun.
    """
    try:
        span = span_of(visit.console.zone, visit.now_ms, visit.query.get("month") or None)
    except MalformedError:
        raise NotFoundError from None
    if span is None:
        raise NotFoundError
    return span


def month_of(visit: Visit, span: Span) -> Month:
    """Return the month as it stands, computed now or shortly before.

    Raises:
        VerifierError: the evidence or the declared rules are impossible.
    """
    store, now_ms = visit.console.store, visit.now_ms
    return visit.console.snapshots.get(("month", span), lambda: read_month(store, span, now_ms=now_ms))


def month_links(visit: Visit, span: Span) -> tuple[str | None, str | None]:
    """Return the month before, if there are sums, and the month after, if it has begun."""
    with visit.console.store.reading() as connection:
        first = standing.first_day(connection)
    before = _name(span.first_day - 1) if first is not None and first < span.first_day else None
    after = _name(span.after_day)
    return before, after if span_of(visit.console.zone, visit.now_ms, after) is not None else None


def _name(day: int) -> str:
    return date.fromordinal(day).isoformat()[:7]
