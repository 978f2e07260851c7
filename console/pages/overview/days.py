"""The days of a month for pages: read now or shortly before."""

from __future__ import annotations

from console.reading.days import FleetDays, read_days
from console.reading.month import Span
from console.services import Console


def days_of(console: Console, span: Span) -> FleetDays:
    """Return the days of the month.

    Raises:
        VerifierError: the evidence or the declared rules are impossible.
        NotReadyError: they are being computed for the first time, which takes long.
    """
    end_ms = console.opened.identity.calendar.day_start(span.last_day + 1)
    return console.snapshots.soon(
        ("days", span.month),
        lambda: read_days(console.store, span, now_ms=console.clock()),
        revision=lambda: console.changes.before(end_ms),
    )
