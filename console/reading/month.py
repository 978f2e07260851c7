"""A month as it stands: figures over the days that are over, hosts, projection, what needs attention.

The figures are the verifier's own over the window from the month's first day to the last day that is
over (on the first day: today), so their intervals speak of what is missing until now, not of the future.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any

from collector.store import findings, standing
from collector.store.engine import Store
from collector.store.standing import Standing
from console.reading.archives import KeptArchive
from console.reading.projection import Projection, project
from console.reading.rules import Rules, cut, rules_of
from evidence.calendar import LocalCalendar
from evidence.manifest import ACTIVITY
from evidence.sources import carried_kind
from verifier.document import document
from verifier.figures import measure
from verifier.result import Figures
from verifier.scope import DeclaredHost

TREND_DAYS = 7
"""The last days that a projection takes the rest of the month to be like."""


@dataclass(frozen=True)
class Span:
    """The days of a month. Ordinals; ``last_day`` is the last that is over, ``after_day`` the month's end."""

    month: str
    first_day: int
    last_day: int
    after_day: int

    @property
    def over(self) -> bool:
        """Whether the whole month is over."""
        return self.last_day == self.after_day - 1

    @property
    def days(self) -> int:
        """How many days the month has."""
        return self.after_day - self.first_day

    @property
    def past(self) -> int:
        """How many of them are shown."""
        return self.last_day - self.first_day + 1


@dataclass(frozen=True)
class Month:
    """A month as it stands at ``made_ms``.

    ``figures`` is the verifier's document over the span; ``projections`` by indicator, absent where none
    can be made. ``findings`` counts what the collector noticed, by code; ``unanchored`` the checkpoints that
    wait for a witness.
    """

    span: Span
    made_ms: int
    rules: Rules
    figures: Mapping[str, Any]
    projections: Mapping[str, Projection]
    standings: Sequence[Standing]
    findings: Mapping[str, int]
    unanchored: int

    @property
    def indicators(self) -> Sequence[Mapping[str, Any]]:
        """The six figures in the guide's order."""
        return list(self.figures["indicators"])

    def reached(self, star: str) -> int:
        """Return how many of the figures reach a star."""
        return sum(one["verdicts"].get(star) == "PASS" for one in self.indicators)

    @property
    def star(self) -> Mapping[str, str] | None:
        """The highest star that all figures reach, with its names."""
        whole = [star for star in self.rules.edition.stars if self.reached(star.id) == len(self.indicators)]
        return None if not whole else {"name_zh": whole[-1].name_zh, "name_en": whole[-1].name_en}


def span_of(zone: str, now_ms: int, month: str | None = None) -> Span | None:
    """Return the days of a month (``YYYY-MM``, by default this one); ``None``: it has not begun, or is none.

    Raises:
        MalformedError: not a month.
    """
    calendar = LocalCalendar(zone)
    today = calendar.day_of(now_ms)
    month = month or date.fromordinal(today).isoformat()[:7]
    first, after = calendar.month(month)
    if first > today:
        return None
    return Span(month, first, max(first, min(after - 1, today - 1)), after)


def read_month(store: Store, span: Span, *, now_ms: int) -> Month:
    """Return the month as it stands.

    Raises:
        VerifierError: the evidence or the declared rules are impossible; run the audit.
        StoreError: the store cannot be read.
    """
    archive = KeptArchive(store)
    rules = rules_of(archive, span.month)
    with store.reading() as connection:
        fleet = standing.standings(connection)
        noticed = findings.recorded(connection)
        unanchored = standing.unanchored(connection)
    hosts = hosts_of(rules, fleet)
    figures = measured(archive, rules, hosts, span)
    trend = None
    if not span.over and span.past > TREND_DAYS:
        recent = Span(span.month, span.last_day - TREND_DAYS + 1, span.last_day, span.after_day)
        trend = measured(archive, rules, hosts, recent)
    codes: dict[str, int] = {}
    for one in noticed:
        codes[one.code] = codes.get(one.code, 0) + 1
    return Month(
        span=span,
        made_ms=now_ms,
        rules=rules,
        figures=document(figures),
        projections={} if span.over else project(figures, trend, span.days),
        standings=fleet,
        findings=codes,
        unanchored=unanchored,
    )


def measured(archive: KeptArchive, rules: Rules, hosts: Sequence[DeclaredHost], span: Span) -> Figures:
    """Return the figures over the days of a span."""
    scope = cut(rules, hosts, archive, first_day=span.first_day, last_day=span.last_day)
    return measure(archive, month=span.month, edition=rules.edition, scope=scope, scopes=rules.scopes)


def hosts_of(rules: Rules, fleet: Sequence[Standing]) -> Sequence[DeclaredHost]:
    """Return the hosts that count: the scope's, else all that are more than a name that tells of accounts."""
    if rules.scope is not None:
        return rules.scope.hosts
    return [
        DeclaredHost(one.name)
        for one in fleet
        if not one.sources or any(carried_kind(source) != ACTIVITY for source in one.sources)
    ]
