"""What needs attention now: the matters that the alerts decide, and what only the figures of a month tell.

Hosts, sources, anchors, the log and the machine are judged by ``collector.alerts`` alone, for messages, for
Prometheus and here; it has the words, too. Only rules and figures of the month that is shown are judged here.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from collector.alerts.matters import BAD, EVIDENCE, STORE, WARN, Matter, Seen
from collector.alerts.situation import Situation
from collector.alerts.words import LANGUAGES, Said, said
from console.reading.month import MonthFigures
from evidence.calendar import LocalCalendar

EXAMPLES = 3
INFO = "info"
CODES = ("no_scope", "scope_outside", "scope_broken", "scope_late", "capacity", "inconclusive", "no_data")
"""What is judged here; each has words that say what to do. The others are ``collector.alerts.matters.CODES``."""
LINKS = {
    **{state: f"/hosts?state={state}" for state in ("silent", "behind", "never", "unknown")},
    "clock": "/hosts",
    "coverage_lost": "/coverage",
    "coverage_risk": "/coverage",
    "history": "/sources",
    "source_file": "/sources",
    "source": "/sources",
    "scope_late": "/apply",
    "no_scope": "/apply",
}
_NAMELESS = (EVIDENCE, STORE)
"""Subjects that say nothing to a reader: there is one of each."""


@dataclass(frozen=True)
class Line:
    """How it stands with one subject; ``name`` may be empty."""

    name: str
    zh: str
    en: str


@dataclass(frozen=True)
class Attention:
    """One kind of matter.

    ``kind`` says how urgent it is, ``count`` of how many, ``lines`` of the first few. ``words`` by language;
    without them ``code`` ends the key of its words.
    """

    code: str
    kind: str
    count: int
    lines: Sequence[Line] = ()
    words: Mapping[str, Said] = field(default_factory=dict)

    @property
    def link(self) -> str:
        """The page to go to; empty if there is none."""
        return LINKS.get(self.code, "")


def attention(month: MonthFigures, seen: Seen) -> list[Attention]:
    """Return everything that needs attention, the most urgent first.

    Args:
        month: the figures that are shown.
        seen: how everything stood last, and what the alerts made of it.
    """
    order = {BAD: 0, WARN: 1, INFO: 2}
    found = (*_rules(month), *_decided(*seen), *_figures(month))
    return sorted(found, key=lambda one: order[one.kind])


def _decided(situation: Situation, matters: Sequence[Matter]) -> Iterator[Attention]:
    by_code: dict[str, list[Matter]] = {}
    for one in matters:
        by_code.setdefault(one.code, []).append(one)
    for code, mine in by_code.items():
        yield Attention(
            code,
            mine[0].kind,
            len(mine),
            [
                Line("" if one.subject in _NAMELESS else one.subject, one.zh, one.en)
                for one in mine[:EXAMPLES]
            ],
            {language: said(code, language, percent=situation.percent) for language in LANGUAGES},
        )


def _rules(month: MonthFigures) -> Iterator[Attention]:
    rules = month.rules
    if not rules.declared:
        yield Attention("no_scope", WARN, 1)
    elif rules.problem == "outside":
        yield Attention("scope_outside", WARN, 1)
    elif rules.problem:
        yield Attention("scope_broken", BAD, 1)
    elif rules.scope is not None and rules.scopes:
        begins_ms = LocalCalendar(rules.scope.timezone).day_start(rules.scope.first_day)
        if rules.scopes[-1].declared_ms >= begins_ms:
            yield Attention("scope_late", INFO, 1)


def _figures(month: MonthFigures) -> Iterator[Attention]:
    for indicator in month.indicators:
        if indicator["id"] == "bandwidth_utilization":
            names = [
                one["host"] for one in indicator["hosts"] if one["source"] and one["capacity_bps"] is None
            ]
            if names:
                yield Attention(
                    "capacity", WARN, len(names), [Line(name, "", "") for name in names[:EXAMPLES]]
                )
    blocking = [one for one in month.indicators if one["verdicts"].get(_next_star(month)) == "INCONCLUSIVE"]
    if blocking:
        lines = [Line("", one["name_zh"], one["name_en"]) for one in blocking[:EXAMPLES]]
        yield Attention("inconclusive", WARN, len(blocking), lines)
    missing = [one for one in month.indicators if one["value"] is None]
    if missing:
        yield Attention("no_data", INFO, len(missing))


def _next_star(month: MonthFigures) -> str:
    """Return the lowest star that not all figures reach; empty if all reach all."""
    stars = (star.id for star in month.rules.edition.stars)
    return next((star for star in stars if month.reached(star) < len(month.indicators)), "")
