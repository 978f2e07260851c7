"""One host over a month: its figures by source, its days, its devices, where its data come from."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date
from typing import Any

from collector.store import standing
from collector.store.engine import Store
from collector.store.standing import Standing
from console.reading.archives import SomeHosts
from console.reading.figures import Days, measured
from console.reading.month import Span
from console.reading.rules import rules_of
from evidence.manifest import Device
from evidence.sources import AGENT
from verifier.document import coverage_share, document, printed_bounds
from verifier.result import Figures, Indicator
from verifier.scope import DeclaredHost
from verifier.series import DayFigure, calendar, series, worst
from verifier.window import whole_seconds


@dataclass(frozen=True)
class HostDay:
    """How one day of the host divides: whole seconds by class, restarts, share covered."""

    day: str
    seconds: Mapping[str, int]
    suspect_s: int
    restarts: int
    share: str | None


@dataclass(frozen=True)
class HostMonth:
    """One host over the days of a month that are over.

    ``indicators`` are entries of the figures document for this host alone; ``series`` by indicator as the
    charts take them; ``by_source`` the same figures when only one of its sources is asked.
    """

    standing: Standing
    span: Span
    scoped: bool
    """Whether a scope says which hosts count; without one all do."""
    declared: bool
    indicators: Sequence[Mapping[str, Any]]
    series: Mapping[str, Mapping[str, Any]]
    days: Sequence[HostDay]
    by_source: Mapping[str, Mapping[str, str | None]]
    devices: Sequence[Device]
    facts: Mapping[str, str]
    stars: Sequence[Mapping[str, str]]
    seen: Sequence[str]
    """Metrics of which there are readings, whether or not a figure can be made of them."""


def read_host(store: Store, host_id: int, name: str, span: Span) -> HostMonth:
    """Return one host.

    Raises:
        VerifierError: the evidence or the declared rules are impossible; run the audit.
        StoreError: the store cannot be read.
    """
    archive = SomeHosts(store, [name])
    rules = rules_of(archive, span.month)
    declared = next((one for one in rules.scope.hosts if one.id == name), None) if rules.scope else None
    with store.reading() as connection:
        stands = standing.standings(connection, host_id=host_id)[0]
        manifest = standing.newest_manifest(connection, host_id, AGENT)
    target = declared or DeclaredHost(name)
    days = Days(span.month, span.first_day, span.last_day)
    figures = measured(archive, rules, [target], days)
    of_hosts = [one for one in figures.indicators if one.definition.rule is not None]
    runs = {one.rule.id: series(figures, one) for one in of_hosts}
    return HostMonth(
        standing=stands,
        span=span,
        scoped=rules.scope is not None,
        declared=declared is not None,
        indicators=[
            one for one in document(figures)["indicators"] if one["id"] in {i.rule.id for i in of_hosts}
        ],
        series={name: _series(run) for name, run in runs.items() if run},
        days=[
            HostDay(
                date.fromordinal(day.day).isoformat(),
                whole_seconds(day.times),
                day.times.suspect_ms // 1_000,
                day.restarts,
                coverage_share(day.times),
            )
            for days in calendar(figures, runs).values()
            for day in days
        ],
        by_source=_by_source(
            figures, lambda source: measured(archive, rules, [replace(target, sources=(source,))], days)
        ),
        devices=manifest.devices if manifest else (),
        facts={key: str(value) for key, value in sorted(manifest.host.items())} if manifest else {},
        stars=[{"id": s.id, "name_zh": s.name_zh, "name_en": s.name_en} for s in rules.edition.stars],
        seen=sorted({metric for by in figures.amounts.values() for _, metric in by}),
    )


def _by_source(figures: Figures, alone: Callable[[str], Figures]) -> Mapping[str, Mapping[str, str | None]]:
    """Return the values by source, if there are several: agent and cloud measure independently."""
    names = {metric for one in figures.indicators for metric in _metrics(one)}
    sources = sorted({source for by in figures.amounts.values() for source, metric in by if metric in names})
    if len(sources) < 2:  # noqa: PLR2004 - nothing to compare
        return {}
    return {
        source: {
            one.rule.id: printed_bounds(one.bounds)["value"]
            for one in alone(source).indicators
            if one.definition.rule
        }
        for source in sources
    }


def _metrics(indicator: Indicator) -> Sequence[str]:
    metrics = indicator.definition.metrics
    return () if metrics is None else (*metrics.counters, *metrics.averages)


def _series(run: Sequence[DayFigure]) -> Mapping[str, Any]:
    return {
        "days": [
            {
                "day": date.fromordinal(one.day).isoformat(),
                **{name: printed_bounds(one.bounds)[name] for name in ("value", "low", "high")},
                "share": coverage_share(one.times),
                "excluded": "yes" if one.excluded else "no",
            }
            for one in run
        ],
        "worst": [date.fromordinal(day).isoformat() for day in worst(run)],
    }
