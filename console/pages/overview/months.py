"""Which month a page shows: the query's, or this one; and the months before and after it."""

from __future__ import annotations

from collections.abc import Callable, Hashable, Sequence
from dataclasses import replace
from datetime import date

from collector.alerts.matters import Seen, decide
from collector.alerts.reading import Holes, read
from collector.store import standing
from console.reading.fleet import HostRow, rows_of
from console.reading.month import Fleet, MonthFigures, Span, read_figures, read_fleet, span_of
from console.services import Console
from console.visit import NotFoundError, Visit
from evidence.errors import MalformedError

STATE_EVERY_MS = 15_000
EARLIEST = "2010-01"
"""Nobody measured before; figures over a year look back from there to months that can still be written."""


def month_asked(visit: Visit) -> Span:
    """Return the month of the query ``month``, by default this one.

    Raises:
        NotFoundError: it is none, or has not begun.
    """
    try:
        span = span_of(visit.console.zone, visit.now_ms, visit.query.get("month") or None)
    except MalformedError:
        raise NotFoundError from None
    if span is None or span.month < EARLIEST:
        raise NotFoundError
    return with_today(visit.console, span)


def with_today(console: Console, span: Span, *, host_id: int | None = None) -> Span:
    """Return the span, today included if nothing was measured before: who has just begun sees the first figures now.

    Args:
        console: of the store.
        span: of a month.
        host_id: look at this host alone.
    """
    today = console.opened.identity.calendar.day_of(console.clock())
    if not span.last_day < today < span.after_day:
        return span
    with console.store.reading() as connection:
        first = standing.first_day(connection, host_id=host_id)
    return replace(span, last_day=today) if first is not None and first >= today else span


def holds_today(console: Console, span: Span) -> bool:
    """Return whether the span ends with today, which is not over."""
    return span.last_day == console.opened.identity.calendar.day_of(console.clock())


def month_of(visit: Visit, span: Span) -> MonthFigures:
    """Return the figures of the month, computed now or shortly before; their own span says until when.

    Raises:
        VerifierError: the evidence or the declared rules are impossible.
        NotReadyError: they are being computed for the first time, which takes long.
    """
    return figures_of(visit.console, span)


def fleet_of(visit: Visit) -> Fleet:
    """Return how the hosts stand, read now or shortly before.

    Raises:
        NotReadyError: it is being read for the first time, which takes long.
    """
    return standing_of(visit.console)


def rows_now(visit: Visit, month: MonthFigures) -> Sequence[HostRow]:
    """Return all hosts with their state; a host falls silent on a page some seconds late at most."""
    fleet, now_ms = fleet_of(visit), visit.now_ms
    made = (month.made_ms, fleet.made_ms, now_ms // STATE_EVERY_MS)
    return visit.console.snapshots.get(
        ("rows", month.span.month), lambda: rows_of(month, fleet, now_ms), revision=lambda: made
    )


def figures_of(console: Console, span: Span) -> MonthFigures:
    """Return the figures of a month; see ``month_of``."""
    return console.snapshots.soon(*_figures(console, span), revision=_figures_revision(console, span))


def standing_of(console: Console) -> Fleet:
    """Return how the hosts stand; see ``fleet_of``."""
    return console.snapshots.soon(*_standing(console))


def seen_by(console: Console) -> Seen:
    """Return what the service saw when it last looked; before its first look, what is seen now.

    Raises:
        NotReadyError: it is being looked for the first time, which takes long.
    """
    return console.seen() or console.snapshots.soon("situation", lambda: _look(console))


def _look(console: Console) -> Seen:
    situation = read(
        console.opened,
        now_ms=console.clock(),
        holes=Holes(),
        anchors_configured=None,
    )
    return situation, decide(situation)


def warm(console: Console) -> None:
    """Compute what the overview shows of this month."""
    span = span_of(console.zone, console.clock())
    if span is not None:
        span = with_today(console, span)
        console.snapshots.get(*_standing(console))
        console.snapshots.get(*_figures(console, span), revision=_figures_revision(console, span))


def _figures(console: Console, span: Span) -> tuple[Hashable, Callable[[], MonthFigures]]:
    return ("figures", span.month), lambda: read_figures(console.store, span, now_ms=console.clock())


def _figures_revision(console: Console, span: Span) -> Callable[[], Hashable]:
    end_ms = console.opened.identity.calendar.day_start(span.last_day + 1)
    return lambda: console.changes.before(end_ms)


def _standing(console: Console) -> tuple[Hashable, Callable[[], Fleet]]:
    return "fleet", lambda: read_fleet(console.store, now_ms=console.clock())


def month_links(visit: Visit, span: Span) -> tuple[str | None, str | None]:
    """Return the month before, if there are sums, and the month after, if it has begun."""
    with visit.console.store.reading() as connection:
        first = standing.first_day(connection)
    before = _name(span.first_day - 1) if first is not None and first < span.first_day else None
    after = _name(span.after_day)
    return before, after if span_of(visit.console.zone, visit.now_ms, after) is not None else None


def _name(day: int) -> str:
    return date.fromordinal(day).isoformat()[:7]
