"""Comparison: what two sources say about one host, hour by hour.

Agent and cloud measure one machine from two sides. Where both saw an hour they must agree about it,
up to what the sides cannot both see. Rules (docs/adr/0014-sources-are-compared.md):

1. A figure rests on one source, the primary one. Every other source that has the metric, declared or
   not, is compared with it; it counts for nothing in the figure.
2. An hour is compared if each of the two observed at least ``SEEN_SHARE`` of it and neither knows of
   downtime in it. Bridged time is no part of that: its place in time is not known.
3. The hourly value is that of the definitions over the observed time: busy share in percent, bytes or
   operations per second.
4. The difference is the other value less the primary one: for processors in percentage points, for
   rates in percent of the greater of the two, or of ``IDLE`` if both are less.
5. The two agree (``yes``) if the median and the 95th percentile (nearest rank) of the absolute
   difference, and the difference of the means over the compared hours, are within the tolerance;
   ``too-few`` if fewer than ``LEAST_HOURS`` hours were compared; ``unlike`` if one counted the traffic
   of the public line and the other that of all interfaces, which need not agree.

A difference is a question to the reviewer. It changes no figure and no verdict. Exact, pure.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction

from evidence.calendar import MS_PER_S
from evidence.day_sum import DaySum
from evidence.manifest import ALL_INTERFACES, UNITS
from evidence.sources import AGENT
from verifier.facts import NETWORK_AVERAGES, UNKNOWN_SCOPE, SourceFacts
from verifier.fleet import exact_sum
from verifier.hours import HOUR_MS, HostHours, day_and_number, hour_lengths
from verifier.indicators import cpu
from verifier.indicators.interface import NANO
from verifier.result import Figures, Indicator
from verifier.weights import averaged
from verifier.window import Window

SEEN_SHARE = Fraction(3, 4)
LEAST_HOURS = 24
"""Every hour of the day once; and the 95th percentile is then not the greatest difference."""
WORST_HOURS = 5
FULL_PERCENT = 100
POINTS, OF_THE_GREATER = "points", "percent_of_the_greater"
"""What a difference is in: percentage points, or percent of the greater value."""
AGREE, DIFFER, TOO_FEW, UNLIKE = "yes", "no", "too-few", "unlike"
MIXED = "mixed"
"""The scope of traffic that several manifests say differently."""


@dataclass(frozen=True)
class Tolerance:
    """What may lie between two honest sources: typically (median, means), and in one hour of twenty.

    ``rare`` is ``None`` where honest sources can differ by all there is, so that nothing is judged by it.
    """

    typical: int
    rare: int | None


TOLERANCES: Mapping[str, Tolerance] = {
    "cpu.utilization": Tolerance(typical=3, rare=10),
    "net.rx.rate": Tolerance(typical=10, rare=80),
    "net.tx.rate": Tolerance(typical=10, rare=80),
    "disk.reads.rate": Tolerance(typical=25, rare=None),
    "disk.writes.rate": Tolerance(typical=25, rare=None),
    "db.reads.rate": Tolerance(typical=25, rare=None),
    "db.writes.rate": Tolerance(typical=25, rare=None),
}
"""By the averages' name of what is measured, in the unit of its difference; argued in ADR 0014."""
IDLE: Mapping[str, int] = {
    "net.rx.rate": 10_000,
    "net.tx.rate": 10_000,
    "disk.reads.rate": 5,
    "disk.writes.rate": 5,
    "db.reads.rate": 5,
    "db.writes.rate": 5,
}
"""Rates (byte/s, operation/s, statement/s) up to which a host is idle; below them, shares are noise."""


@dataclass(frozen=True)
class ComparedHour:
    """One hour: both values in the unit of the metric, and how much the other one lies above."""

    start_ms: int
    primary: Fraction
    other: Fraction
    difference: Fraction


@dataclass(frozen=True)
class Statistics:
    """Of the compared hours: of the absolute differences, of the signed ones, and of the values."""

    median: Fraction
    p95: Fraction
    bias: Fraction
    primary_mean: Fraction
    other_mean: Fraction
    mean_difference: Fraction


@dataclass(frozen=True)
class Comparison:
    """Two sources of one host and metric (by its averages' name) over the window of a figure.

    ``statistics`` is ``None`` if no hour could be compared. ``scopes`` are the traffic that primary
    and other counted, ``None`` for what is not about networks. ``within``: see rule 5.
    """

    host: str
    metric: str
    primary: str
    other: str
    hours: int
    statistics: Statistics | None
    worst: tuple[ComparedHour, ...]
    scopes: tuple[str, str] | None
    within: str

    @property
    def unit(self) -> str:
        """Unit of the values."""
        return UNITS[self.metric][1]

    @property
    def difference_in(self) -> str:
        """What the differences are in."""
        return OF_THE_GREATER if self.metric in IDLE else POINTS

    @property
    def tolerance(self) -> Tolerance:
        """What the differences are measured against."""
        return TOLERANCES[self.metric]


def compare_sources(
    figures: Figures, facts: Iterable[SourceFacts], hours: Callable[[str], HostHours]
) -> tuple[Comparison, ...]:
    """Return the comparisons of all hosts, in the order of host, metric and other source.

    Args:
        figures: what was measured, and from which source.
        facts: what the chunks say of the traffic that they count.
        hours: hour sums of a host over the window of ``figures``; asked once for each host that has
            something to compare, and for no other.
    """
    counted = {(entry.host, entry.source): entry.scopes for entry in facts}
    found = []
    for host, pairs in sorted(_pairs(figures).items()):
        sums = hours(host)
        for (metric, other), (window, primary, names) in sorted(pairs.items()):
            scopes = None
            if metric in NETWORK_AVERAGES:
                scopes = (
                    _scope(primary, metric, counted.get((host, primary), ())),
                    _scope(other, metric, counted.get((host, other), ())),
                )
            compared = list(
                _hours(
                    window,
                    metric,
                    (primary, sums.get((primary, names[0]), {})),
                    (other, sums.get((other, names[1]), {})),
                )
            )
            found.append(_comparison(host, metric, (primary, other), compared, scopes))
    return tuple(found)


def compared_hosts(figures: Figures) -> list[str]:
    """Return the hosts that have something to compare, sorted."""
    return sorted(_pairs(figures))


_Pairs = dict[tuple[str, str], tuple[Window, str, tuple[str, str]]]
"""By metric and other source: window, primary source, and the metric's names in both."""


def _pairs(figures: Figures) -> dict[str, _Pairs]:
    """Return what there is to compare, by host: rule 1. Of two figures, the one over the longer window."""
    found: dict[str, _Pairs] = {}
    for indicator in sorted(figures.indicators, key=lambda i: (-i.window.counted_ms, i.rule.id)):
        for host, metric, other, names, primary in _candidates(figures, indicator):
            found.setdefault(host, {}).setdefault((metric, other), (indicator.window, primary, names))
    return found


def _candidates(
    figures: Figures, indicator: Indicator
) -> Iterator[tuple[str, str, str, tuple[str, str], str]]:
    names = indicator.definition.metrics
    if names is None:
        return
    for figure in indicator.hosts:
        amounts = figures.amounts.get(figure.host, {})
        for other in sorted({source for source, _ in amounts}):
            if figure.source is None or other == figure.source:
                continue
            quantities = zip(names.averages, names.of(figure.source), names.of(other), strict=True)
            for metric, mine, theirs in quantities:
                both = (amounts.get((figure.source, mine)), amounts.get((other, theirs)))
                if all(month is not None and month.total.covered_ms for month in both):
                    yield figure.host, metric, other, (mine, theirs), figure.source


def _scope(source: str, metric: str, said: Sequence[tuple[str, str]]) -> str:
    if source == AGENT:
        return ALL_INTERFACES
    scopes = {scope for name, scope in said if name == metric}
    return scopes.pop() if len(scopes) == 1 else MIXED


def _hours(
    window: Window,
    metric: str,
    primary: tuple[str, Mapping[int, DaySum]],
    other: tuple[str, Mapping[int, DaySum]],
) -> Iterator[ComparedHour]:
    """Yield the hours of rule 2, in order of time."""
    for hour, length_ms in hour_lengths(window):
        mine = _value(metric, primary[0], primary[1].get(hour), length_ms)
        theirs = _value(metric, other[0], other[1].get(hour), length_ms)
        if mine is not None and theirs is not None:
            day, number = day_and_number(hour)
            start_ms = window.starts[day] + number * HOUR_MS
            yield ComparedHour(start_ms, mine, theirs, difference(metric, mine, theirs))


def _value(metric: str, source: str, sums: DaySum | None, length_ms: int) -> Fraction | None:
    """Return the hourly value of rule 3, ``None`` for an hour that is not compared."""
    if sums is None or sums.observed_ms < SEEN_SHARE * length_ms or sums.downtime_ms:
        return None
    if averaged(source):
        return Fraction(sums.amount, NANO * sums.whole) if sums.whole else None
    if metric not in IDLE:
        return cpu.percent(sums) if sums.whole else None
    return Fraction(sums.amount * MS_PER_S, sums.covered_ms)


def difference(metric: str, primary: Fraction, other: Fraction) -> Fraction:
    """Return how far ``other`` lies above ``primary``: rule 4."""
    if metric not in IDLE:
        return other - primary
    return FULL_PERCENT * (other - primary) / max(primary, other, Fraction(IDLE[metric]))


def _comparison(
    host: str,
    metric: str,
    sources: tuple[str, str],
    compared: Sequence[ComparedHour],
    scopes: tuple[str, str] | None,
) -> Comparison:
    statistics = _statistics(metric, compared) if compared else None
    worst = sorted(compared, key=lambda hour: (-abs(hour.difference), hour.start_ms))[:WORST_HOURS]
    return Comparison(
        host=host,
        metric=metric,
        primary=sources[0],
        other=sources[1],
        hours=len(compared),
        statistics=statistics,
        worst=tuple(worst),
        scopes=scopes,
        within=_within(metric, len(compared), statistics, scopes),
    )


def _statistics(metric: str, compared: Sequence[ComparedHour]) -> Statistics:
    signed = sorted(hour.difference for hour in compared)
    absolute = sorted(abs(number) for number in signed)
    primary = exact_sum([hour.primary for hour in compared]) / len(compared)
    other = exact_sum([hour.other for hour in compared]) / len(compared)
    return Statistics(
        median=_median(absolute),
        p95=absolute[-(-len(absolute) * 95 // 100) - 1],
        bias=_median(signed),
        primary_mean=primary,
        other_mean=other,
        mean_difference=difference(metric, primary, other),
    )


def _median(ordered: Sequence[Fraction]) -> Fraction:
    """Return the middle number, or the mean of the two middle ones."""
    half = len(ordered) // 2
    return ordered[half] if len(ordered) % 2 else (ordered[half - 1] + ordered[half]) / 2


def _unlike(primary: str, other: str) -> bool:
    if UNKNOWN_SCOPE in (primary, other):
        return MIXED in (primary, other)
    return primary != other or primary == MIXED


def _within(metric: str, hours: int, statistics: Statistics | None, scopes: tuple[str, str] | None) -> str:
    """Return the answer of rule 5."""
    if statistics is None or hours < LEAST_HOURS:
        return TOO_FEW
    if scopes is not None and _unlike(*scopes):
        return UNLIKE
    tolerance = TOLERANCES[metric]
    agree = (
        statistics.median <= tolerance.typical
        and (tolerance.rare is None or statistics.p95 <= tolerance.rare)
        and abs(statistics.mean_difference) <= tolerance.typical
    )
    return AGREE if agree else DIFFER
