"""The source: what the interface asks, answered from one Zabbix."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from collector.sources.calling import Clocks
from collector.sources.errors import RangeError
from collector.sources.interface import (
    ALL_INTERFACES,
    AVERAGE,
    METRICS,
    NO_SCOPE,
    Bill,
    Instance,
    Point,
    Probe,
    Retention,
    Series,
    Span,
)
from collector.sources.zabbix import history, hosts, items, keeping, macros, means, probing, role, trends
from collector.sources.zabbix.client import Client
from collector.sources.zabbix.fitness import Term
from collector.sources.zabbix.hosts import Purchased, Selection
from collector.sources.zabbix.keeping import Keeping
from collector.sources.zabbix.recipes import (
    BEGINNINGS,
    MAX_ITEMS_A_HOST,
    Choice,
    Recipe,
    Unusable,
    beginnings,
    recipe,
)

HOUR_MS = trends.HOUR_MS
FINE_MS = 300_000
SHORTEST_MS = 60_000
MAX_HOSTS = 50
"""In one question."""
LATE_MS = 60_000
"""A value is written at most so long after its time; only then is a period answered."""
_LOOKING_UP = 1 + 1 + items.MASTER_LEVELS + macros.CALLS
"""Calls that find out about items: the housekeeper once more for each batch, items, masters, macros."""
_S_MS = 1000


@dataclass(frozen=True)
class Watching:
    """Which hosts and items are used. ``fine_ms``: the period offered where single values are kept."""

    selection: Selection = field(default_factory=Selection)
    choice: Choice = field(default_factory=Choice)
    net_scope: str = ALL_INTERFACES
    fine_ms: int = FINE_MS
    purchased: Purchased | None = None


class ZabbixSource:
    """Averages and inventory of one Zabbix; it has no bills."""

    name = "zabbix"
    experimental = False

    def __init__(self, client: Client, watching: Watching, clocks: Clocks) -> None:
        self._client = client
        self._watching = watching
        self._clocks = clocks

    def metrics(self) -> Sequence[str]:
        """Return all five; which of them a host has depends on its items (``recipes``)."""
        return METRICS

    def retention(self) -> Sequence[Retention]:
        """Return how long the item that keeps longest keeps; others end earlier, as missing points.

        Raises:
            SourceError: Zabbix cannot be asked.
        """
        kept = keeping.load(self._client)
        single, hourly = [0], [0]
        for batch in _batches(hosts.ids(self._client, self._watching.selection)):
            for metric in METRICS:
                for made in self.recipes(metric, batch).values():
                    if isinstance(made, Recipe):
                        single += [kept.of_history(term.item) or 0 for term in made.terms]
                        hourly += [kept.of_trends(term.item) or 0 for term in made.terms]
        longest = (self._watching.fine_ms, max(single)), (HOUR_MS, max(*hourly, *single))
        return tuple(
            Retention(period_ms, kept_s * _S_MS)
            for period_ms, kept_s in longest
            if kept_s * _S_MS >= period_ms
        )

    def inventory(self) -> Iterator[Instance]:
        """Yield the chosen hosts. Raises what the client says."""
        return hosts.instances(self._client, self._watching.selection, self._watching.purchased)

    def recipes(self, metric: str, instances: Sequence[str]) -> Mapping[str, Recipe | Unusable]:
        """Return for each host how its items make the metric, or why it has no data.

        Raises:
            SourceError: what the client says.
        """
        choice = self._watching.choice
        found = items.load(self._client, instances, beginnings(metric, choice))
        return {host: recipe(metric, found[host], choice) for host in instances}

    def averages(self, metric: str, instances: Sequence[str], span: Span, period_ms: int) -> Iterator[Series]:
        """Yield one series for each host; a point covers the time that its values stand for.

        Raises:
            RangeError: metric, hosts, period or span cannot be answered, or nothing of the span is over.
            ConflictingPoints: one instant has two different values.
            SourceError: Zabbix refused or cannot be reached.
        """
        self._require(metric, span, period_ms)
        wanted = sorted(set(instances))
        for host in wanted:
            if not (host.isascii() and host.isdigit()):
                raise RangeError(f"{host!r} is not the id of a host in Zabbix; ids come from the inventory")
        if span.start_ms + period_ms > self._clocks.wall_ms():
            raise RangeError(f"the first period of the span, at {span.start_ms} ms, is not over yet")
        # Checked before the first series is asked for, not when it is.
        return self._averages(metric, sorted(wanted, key=int), span, period_ms)

    def _averages(self, metric: str, wanted: Sequence[str], span: Span, period_ms: int) -> Iterator[Series]:
        scope = self._watching.net_scope if metric.startswith("net.") else NO_SCOPE
        kept = keeping.load(self._client)
        for batch in _batches(wanted):
            made = {host: one for host, one in self.recipes(metric, batch).items() if isinstance(one, Recipe)}
            found = self._means(made.values(), span, period_ms)
            for host in batch:
                points: tuple[Point, ...] = ()
                answered = span
                if host in made:
                    settled_ms = self._settled_ms(made[host], period_ms)
                    found_points = means.points(metric, made[host], found)
                    points = tuple(
                        point for point in found_points if point.start_ms + period_ms <= settled_ms
                    )
                    answered = self._answered(made[host], points, span, period_ms, kept)
                yield Series(
                    instance=host,
                    metric=metric,
                    statistic=AVERAGE,
                    scope=scope,
                    period_ms=period_ms,
                    points=points,
                    request_ids=(),
                    asked=span,
                    answered=answered,
                )

    def _means(self, made: Iterable[Recipe], span: Span, period_ms: int) -> means.Means:
        by_hour: list[Term] = []
        single: list[Term] = []
        for one in made:
            (by_hour if _by_hour(one, period_ms) else single).extend(one.terms)
        return {
            **trends.hours(self._client, by_hour, span),
            **history.periods(self._client, single, span, period_ms),
        }

    def _settled_ms(self, made: Recipe, period_ms: int) -> int:
        """Return the end of the last period to which no more values will come."""
        over_ms = self._clocks.wall_ms() - made.interval_s * _S_MS - LATE_MS
        return over_ms - over_ms % period_ms

    def _answered(
        self, made: Recipe, points: Sequence[Point], span: Span, period_ms: int, kept: Keeping
    ) -> Span:
        """Return the part of the span that is settled, and that has not been deleted, in whole periods."""
        end_ms = min(span.end_ms, self._settled_ms(made, period_ms))
        end_ms = max(end_ms, span.start_ms + period_ms)  # a span has time in it
        keeps = kept.of_trends if _by_hour(made, period_ms) else kept.of_history
        keeps_s = keeping.shortest_s(keeps(term.item) for term in made.terms)
        start_ms = span.start_ms
        if keeps_s is not None:
            oldest_ms = self._clocks.wall_ms() - keeps_s * _S_MS
            start_ms = max(start_ms, oldest_ms + -oldest_ms % period_ms)
        if points:  # some may be kept for longer than promised
            start_ms = min(start_ms, points[0].start_ms)
        return Span(min(start_ms, end_ms - period_ms), end_ms)

    def bills(self, months: Sequence[str]) -> Iterator[Bill]:  # noqa: ARG002 - a monitor has none, whichever
        """Yield nothing: a monitor sends no bills."""
        return iter(())

    def calls_for(self, metric: str, instances: int, span: Span, period_ms: int) -> int:
        """Return how many calls ``averages`` makes at most, without retries and logging in.

        Items with values more often than every 30 s are not allowed for in periods below an hour.
        Raises as ``averages``.
        """
        self._require(metric, span, period_ms)
        calls = 0
        for first in range(0, instances, MAX_HOSTS):
            most_items = min(MAX_HOSTS, instances - first) * MAX_ITEMS_A_HOST
            parts = trends.stretches if period_ms == HOUR_MS else history.windows
            rounds = -(-most_items // trends.MAX_ITEMS)
            calls += _LOOKING_UP + rounds * sum(1 for _ in parts(span, most_items))
        return calls

    def policy(self) -> str:
        """Return the parameters of ``role.create`` for a role that may read only what is needed."""
        return role.policy()

    def probe(self) -> Iterator[Probe]:
        """Try version, login, each method, hosts, and which metrics they have."""
        return probing.probes(self._client, self._watching.selection, self.recipes)

    def _require(self, metric: str, span: Span, period_ms: int) -> None:
        if metric not in BEGINNINGS:
            raise RangeError(f"there is no metric {metric!r}; there are {', '.join(METRICS)}")
        if period_ms < SHORTEST_MS or HOUR_MS % period_ms:
            raise RangeError(
                f"a period of {period_ms} ms is not answered; choose {SHORTEST_MS} ms or more of which an"
                f" hour is a multiple, up to {HOUR_MS} ms"
            )
        if span.start_ms % period_ms or span.end_ms % period_ms:
            raise RangeError(f"the span {span.start_ms} to {span.end_ms} ms is not aligned to the period")


def _by_hour(made: Recipe, period_ms: int) -> bool:
    """Return whether trends are read: for hours, unless an item keeps none."""
    return period_ms == HOUR_MS and all(term.item.trends_s != 0 for term in made.terms)


def _batches(instances: Sequence[str]) -> Iterator[Sequence[str]]:
    for start in range(0, len(instances), MAX_HOSTS):
        yield instances[start : start + MAX_HOSTS]
