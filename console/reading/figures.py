"""The figures of a span of days, for fleets of any size: hosts in batches, then the fleet.

The figures of hosts do not depend on one another, and the fleet's follow from them; so hosts are measured
some hundred at a time, which bounds memory by a batch and not by the fleet. What comes out is the same as
from one call of the verifier (a test compares them). Where that cannot be, one call it is: figures over
several months, and substitution rules, which look into the chunks.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

from collector.store.engine import Store
from console.reading.archives import EnterpriseAlone, Everything, SomeHosts
from console.reading.rules import Rules, cut
from verifier.figures import measure
from verifier.fleet import aggregate, exact_sum
from verifier.indicators.interface import HostFigure
from verifier.measuring import host_notes, verdicts_of
from verifier.ports import Archive
from verifier.result import Figures, Indicator, MonthFigure
from verifier.scope import DeclaredHost
from verifier.window import total

BATCH = 400
"""Hosts measured at once: about 100,000 day sums of a month."""


@dataclass(frozen=True)
class Days:
    """Days of a month that a figure is asked for: ordinals, both inclusive."""

    month: str
    first_day: int
    last_day: int


def measured(archive: Archive, rules: Rules, hosts: Sequence[DeclaredHost], days: Days) -> Figures:
    """Return the figures of these hosts over these days, by one call of the verifier.

    Raises:
        VerifierError: the evidence is impossible; run the audit.
    """
    scope = cut(rules, hosts, archive, first_day=days.first_day, last_day=days.last_day)
    return measure(archive, month=days.month, edition=rules.edition, scope=scope, scopes=rules.scopes)


def fleet_figures(
    store: Store, rules: Rules, hosts: Sequence[DeclaredHost], spans: Sequence[Days], *, batch: int = BATCH
) -> list[Figures]:
    """Return the figures of the fleet over each of some spans, the longest first.

    Raises:
        VerifierError: the evidence is impossible; run the audit.
        StoreError: the store cannot be read.
    """
    if not _separable(rules) or len(hosts) <= batch:
        together = Everything(store)
        return [measured(together, rules, hosts, days) for days in spans]
    found: list[list[Figures]] = [[] for _ in spans]
    ordered = sorted(hosts, key=lambda host: host.id)
    for start in range(0, len(ordered), batch):
        some = ordered[start : start + batch]
        archive = SomeHosts(store, [host.id for host in some])
        for place, days in enumerate(spans):
            # What the figures were computed from is as large as the rest together.
            found[place].append(replace(measured(archive, rules, some, days), amounts={}))
    alone = EnterpriseAlone(store)
    return [
        _joined(measured(alone, rules, hosts, days), parts, rules)
        for days, parts in zip(spans, found, strict=True)
    ]


def _separable(rules: Rules) -> bool:
    substitutes = rules.scope is not None and bool(rules.scope.substitution)
    return not substitutes and all(rule.months == 1 for rule in rules.edition.rules)


def _joined(whole: Figures, parts: Sequence[Figures], rules: Rules) -> Figures:
    """Return the figures of the whole fleet from those of its parts."""
    indicators = tuple(_indicators(whole, parts, rules))
    return replace(whole, indicators=indicators, amounts={})


def _indicators(whole: Figures, parts: Sequence[Figures], rules: Rules) -> Iterator[Indicator]:
    for place, indicator in enumerate(whole.indicators):
        if indicator.definition.rule is None:
            yield indicator
            continue
        hosts = tuple(host for part in parts for host in part.indicators[place].hosts)
        yield _of_fleet(indicator, hosts, rules)


def _of_fleet(indicator: Indicator, hosts: tuple[HostFigure, ...], rules: Rules) -> Indicator:
    bounds = aggregate(hosts, indicator.definition.aggregation)
    times = total([host.times for host in hosts])
    verdicts = verdicts_of(indicator.rule, bounds, rules.edition.star_ids)
    steals = [host.steal for host in hosts if host.steal is not None]
    return replace(
        indicator,
        bounds=bounds,
        times=times,
        verdicts=verdicts,
        hosts=hosts,
        months=tuple(MonthFigure(month.month, bounds, times, verdicts) for month in indicator.months),
        steal=exact_sum(steals) / len(steals) if steals else None,
        notes=tuple(host_notes(hosts)),
        beside=(),
    )
