"""The days of a month for the whole fleet: every figure day by day, and how every host was covered on every day.

For fleets of any size: hosts in batches, whose sums are added up exactly (a test compares them with one call
of the verifier). Of a host's day only its class, its share in thousandths and its restarts are kept.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from decimal import ROUND_DOWN, Decimal
from fractions import Fraction
from typing import Any

from collector.store import standing
from collector.store.engine import Store
from console.reading.archives import EnterpriseAlone
from console.reading.figures import BATCH, Days, in_batches
from console.reading.month import Span, hosts_of
from console.reading.rules import rules_of
from documents.charts.coverage import FILLS, kind_of
from verifier.bounds import NOTHING_KNOWN, Bounds
from verifier.document import coverage_share, printed_bounds
from verifier.edition import CAPACITY_WEIGHTED, MEAN_OVER_HOSTS
from verifier.fleet import exact_sum
from verifier.indicators.interface import HostFigure
from verifier.result import Figures
from verifier.series import WORST_DAYS, DayFigure, HostDay, calendar, series
from verifier.window import TimeClasses, total, whole_seconds

KINDS = tuple(FILLS)
"""Classes of a host's day (``documents.charts.coverage``), the best first."""
MOST_RESTARTS = 255
PER_MILLE = 1_000
_NOTHING = Fraction(0)


@dataclass(frozen=True)
class HostCover:
    """One host, a byte or number for each day: the place of its class in ``KINDS``, share in thousandths, restarts."""

    host: str
    kinds: bytes
    shares: tuple[int | None, ...]
    restarts: bytes

    def kind(self, at: int) -> str:
        """Return the class of a day."""
        return KINDS[self.kinds[at]]

    @property
    def whole(self) -> bool:
        """Whether no counted day lacks anything worth telling."""
        return all(KINDS[kind] in ("complete", "downtime", "out") for kind in self.kinds)

    @property
    def mean(self) -> int | None:
        """The mean of the days' shares in thousandths, cut; ``None``: no day counts."""
        known = [share for share in self.shares if share is not None]
        return sum(known) // len(known) if known else None


@dataclass(frozen=True)
class FleetDays:
    """The days of a month that are over.

    ``series`` by indicator, as the charts take it: days with value, low and high (decimals or ``None``), share,
    excluded; and the worst days. ``hosts`` by name.
    """

    span: Span
    made_ms: int
    days: Sequence[str]
    series: Mapping[str, Mapping[str, Any]]
    hosts: Sequence[HostCover]

    def counts(self) -> Sequence[Mapping[str, int]]:
        """Return how many hosts were of which class, day by day."""
        return [Counter(KINDS[host.kinds[at]] for host in self.hosts) for at in range(len(self.days))]


@dataclass
class _Tally:
    """One figure on one day, over the hosts so far."""

    aggregation: str
    hosts: int = 0
    known: bool = False
    running: bool = False
    unbounded: bool = False
    unweighted: bool = False
    weight: Fraction = _NOTHING
    ends: dict[str, Fraction] = field(
        default_factory=lambda: dict.fromkeys(("low", "value", "high", "running"), _NOTHING)
    )
    times: TimeClasses = field(default_factory=TimeClasses)

    def add(self, day: DayFigure) -> None:
        """Add the hosts of a batch."""
        hosts = day.hosts
        self.hosts += len(hosts)
        self.times = total([self.times, day.times])
        self.known |= any(host.bounds.value is not None for host in hosts)
        self.running |= any(host.bounds.running is not None for host in hosts)
        self.unbounded |= any(host.bounds.high is None for host in hosts)
        self.unweighted |= any(host.weight is None for host in hosts)
        weighted = self.aggregation == CAPACITY_WEIGHTED
        for name, so_far in self.ends.items():
            parts = [_part(host, name, weighted=weighted) for host in hosts]
            self.ends[name] = exact_sum([so_far, *parts])
        if weighted:
            self.weight = exact_sum([self.weight, *(host.weight or _NOTHING for host in hosts)])

    def bounds(self) -> Bounds:
        """Return the fleet's bounds, as ``verifier.fleet.aggregate`` would over all hosts at once."""
        weighted = self.aggregation == CAPACITY_WEIGHTED
        if not self.known or (weighted and self.unweighted):
            return NOTHING_KNOWN
        share = (
            self.weight if weighted else Fraction(self.hosts if self.aggregation == MEAN_OVER_HOSTS else 1)
        )
        return Bounds(
            low=self.ends["low"] / share,
            value=self.ends["value"] / share,
            high=None if self.unbounded else self.ends["high"] / share,
            running=self.ends["running"] / share if self.running else None,
        )


def _part(host: HostFigure, name: str, *, weighted: bool) -> Fraction:
    number: Fraction = getattr(host.bounds, name) or _NOTHING
    return number * (host.weight or _NOTHING) if weighted else number


def read_days(store: Store, span: Span, *, now_ms: int, batch: int = BATCH) -> FleetDays:
    """Return the days of the span.

    Raises:
        VerifierError: the evidence or the declared rules are impossible; run the audit.
        StoreError: the store cannot be read.
    """
    rules = rules_of(EnterpriseAlone(store), span.month)
    with store.reading() as connection:
        hosts = hosts_of(rules, standing.sources(connection))
    tallies: dict[str, dict[int, _Tally]] = {}
    covers: list[HostCover] = []
    excluded: dict[str, set[int]] = {}
    for figures in in_batches(
        store, rules, hosts, Days(span.month, span.first_day, span.last_day), batch=batch
    ):
        runs = {one.rule.id: series(figures, one) for one in figures.indicators}
        runs = {name: run for name, run in runs.items() if run}
        _tally(figures, runs, tallies, excluded)
        covers += _covers(calendar(figures, runs), _days_of(runs, span))
    days = [date.fromordinal(day).isoformat() for day in _days_shown(tallies, span)]
    return FleetDays(
        span=span,
        made_ms=now_ms,
        days=days,
        series={name: _series(of_day, excluded[name]) for name, of_day in tallies.items()},
        hosts=sorted(covers, key=lambda one: one.host),
    )


def _tally(
    figures: Figures,
    runs: Mapping[str, Sequence[DayFigure]],
    tallies: dict[str, dict[int, _Tally]],
    excluded: dict[str, set[int]],
) -> None:
    aggregations = {one.rule.id: one.definition.aggregation for one in figures.indicators}
    for name, run in runs.items():
        of_day = tallies.setdefault(name, {})
        for day in run:
            of_day.setdefault(day.day, _Tally(aggregations[name])).add(day)
        excluded.setdefault(name, set()).update(day.day for day in run if day.excluded)


def _days_of(runs: Mapping[str, Sequence[DayFigure]], span: Span) -> Sequence[int]:
    run = next(iter(runs.values()), ())
    return [day.day for day in run] or list(range(span.first_day, span.last_day + 1))


def _days_shown(tallies: Mapping[str, Mapping[int, _Tally]], span: Span) -> Sequence[int]:
    shown = next(iter(tallies.values()), None)
    return sorted(shown) if shown else range(span.first_day, span.last_day + 1)


def _covers(of_hosts: Mapping[str, Sequence[HostDay]], days: Sequence[int]) -> Iterator[HostCover]:
    """Yield what is kept of every host; a day that the scope leaves out is none of its days."""
    out = KINDS.index("out")
    for host, found in of_hosts.items():
        known = {day.day: day for day in found}
        kinds, restarts = bytearray(), bytearray()
        shares: list[int | None] = []
        for day in days:
            one = known.get(day)
            if one is None:
                kinds.append(out)
                shares.append(None)
                restarts.append(0)
                continue
            share = coverage_share(one.times)
            seconds = whole_seconds(one.times)
            kinds.append(KINDS.index(kind_of({**seconds, "share": share})))
            shares.append(None if share is None else per_mille(share))
            restarts.append(min(one.restarts, MOST_RESTARTS))
        yield HostCover(host, bytes(kinds), tuple(shares), bytes(restarts))


def per_mille(share: str) -> int:
    """Return a share from 0 to 1 in thousandths, cut."""
    return int((Decimal(share) * PER_MILLE).to_integral_value(ROUND_DOWN))


def _series(of_day: Mapping[int, _Tally], excluded: set[int]) -> Mapping[str, Any]:
    bounds = {day: of_day[day].bounds() for day in sorted(of_day)}
    seen = any(one.low is not None for one in bounds.values())
    lows = sorted((one.low or _NOTHING, day) for day, one in bounds.items() if day not in excluded)
    return {
        "days": [
            {
                "day": date.fromordinal(day).isoformat(),
                **{name: text for name, text in printed_bounds(one).items() if name != "running"},
                "share": coverage_share(of_day[day].times),
                "excluded": "yes" if day in excluded else "no",
            }
            for day, one in bounds.items()
        ],
        "worst": [date.fromordinal(day).isoformat() for _, day in lows[:WORST_DAYS]] if seen else [],
    }
