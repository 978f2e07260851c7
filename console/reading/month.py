"""A month as it stands: figures over the days that are over, hosts, projection, what needs attention.

The figures are the verifier's own over the window from the month's first day to the last day that is
over (on the first day: today), so their intervals speak of what is missing until now, not of the future.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any

from collector.store import standing
from collector.store.engine import Store
from collector.store.standing import Standing
from console.reading.archives import EnterpriseAlone
from console.reading.figures import Days, fleet_figures
from console.reading.projection import Projection, project, too_little
from console.reading.rules import Rules, rules_of
from evidence.calendar import LocalCalendar
from evidence.manifest import ACTIVITY
from evidence.sources import carried_kind
from verifier.document import document
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
class MonthFigures:
    """The figures of a month as they stood at ``made_ms``.

    ``document`` is the verifier's over the span; ``projections`` by indicator, absent where none can be made;
    ``thin`` are the indicators of which too little was seen to say anything of the month.
    """

    span: Span
    made_ms: int
    rules: Rules
    document: Mapping[str, Any]
    projections: Mapping[str, Projection]
    thin: Collection[str] = ()

    @property
    def indicators(self) -> Sequence[Mapping[str, Any]]:
        """The six figures in the guide's order."""
        return list(self.document["indicators"])

    def reached(self, star: str) -> int:
        """Return how many of the figures reach a star."""
        return sum(one["verdicts"].get(star) == "PASS" for one in self.indicators)

    @property
    def star(self) -> Mapping[str, str] | None:
        """The highest star that all figures reach, with its names."""
        whole = [star for star in self.rules.edition.stars if self.reached(star.id) == len(self.indicators)]
        return None if not whole else {"name_zh": whole[-1].name_zh, "name_en": whole[-1].name_en}


@dataclass(frozen=True)
class Fleet:
    """The hosts as they stand."""

    made_ms: int
    standings: Sequence[Standing]


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


def read_figures(store: Store, span: Span, *, now_ms: int) -> MonthFigures:
    """Return the figures of the month over the days of the span.

    Raises:
        VerifierError: the evidence or the declared rules are impossible; run the audit.
        StoreError: the store cannot be read.
    """
    rules = rules_of(EnterpriseAlone(store), span.month)
    with store.reading() as connection:
        hosts = hosts_of(rules, standing.sources(connection))
    spans = [Days(span.month, span.first_day, span.last_day)]
    if not span.over and span.past > TREND_DAYS:
        spans.append(Days(span.month, span.last_day - TREND_DAYS + 1, span.last_day))
    figures, *trend = fleet_figures(store, rules, hosts, spans)
    return MonthFigures(
        span=span,
        made_ms=now_ms,
        rules=rules,
        document=document(figures),
        projections={} if span.over else project(figures, trend[0] if trend else None, span.days),
        thin=frozenset(one.rule.id for one in figures.indicators if too_little(one)),
    )


def read_fleet(store: Store, *, now_ms: int) -> Fleet:
    """Return how the hosts stand.

    Raises:
        StoreError: the store cannot be read.
    """
    with store.reading() as connection:
        return Fleet(now_ms, standing.standings(connection, now_ms=now_ms))


def hosts_of(rules: Rules, sources: Mapping[str, Collection[str]]) -> Sequence[DeclaredHost]:
    """Return the hosts that count: the scope's, else all that are more than a name that tells of accounts.

    Args:
        rules: with the declared scope, if it is used.
        sources: of every host of the store, by name.
    """
    if rules.scope is not None:
        return rules.scope.hosts
    return [
        DeclaredHost(name)
        for name, mine in sources.items()
        if not mine or any(carried_kind(source) != ACTIVITY for source in mine)
    ]
