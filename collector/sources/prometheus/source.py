"""The source: what the interface asks, answered from one Prometheus-compatible system."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from decimal import Decimal

from collector.sources.calling import Clocks
from collector.sources.errors import AnswerError, RangeError, SourceError
from collector.sources.interface import (
    ALL_INTERFACES,
    AVERAGE,
    CPU,
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
from collector.sources.points import ordered
from collector.sources.prometheus import averages, inventory
from collector.sources.prometheus.averages import CALLS_A_WINDOW, Grid
from collector.sources.prometheus.client import Client
from collector.sources.prometheus.profiles import NODE, WINDOWS, Profile
from collector.sources.prometheus.promql import Question, View

SAMPLE_MS = 60_000
FINE_MS = 300_000
"""The period offered, or the next one that fits the samples."""
MAX_HOSTS = 50
"""In one question."""
SAMPLING = "sampling"
_HOUR_MS = 3_600_000
FITTING_S = tuple(seconds for seconds in range(1, 601) if 3600 % seconds == 0)
"""What may stand between two samples: aligned windows of an hour hold whole numbers of them."""
_SLACK = Decimal("1.5")
"""Times the time between samples; a scrape or two may be lost in the hour."""
_UNITS_MS = {
    "ms": 1,
    "s": 1000,
    "m": 60_000,
    "h": _HOUR_MS,
    "d": 86_400_000,
    "w": 7 * 86_400_000,
    "y": 365 * 86_400_000,
}
_DURATION = re.compile(r"(?:[0-9]{1,9}(?:ms|[smhdwy]))+\Z")
_PART = re.compile(r"([0-9]+)(ms|[smhdwy])")


@dataclass(frozen=True)
class Watching:
    """What the system watches and how.

    ``sample_ms``: time between samples (scrape interval), of which an hour is a multiple; gaps of
    more than two are gaps.
    ``net_scope``: what the chosen network devices carry; an exporter cannot tell, the user may.
    ``keeps_ms``: how long the system keeps samples, ``None`` to ask it.
    """

    view: View = field(default_factory=View)
    profiles: tuple[Profile, ...] = (NODE, WINDOWS)
    sample_ms: int = SAMPLE_MS
    net_scope: str = ALL_INTERFACES
    keeps_ms: int | None = None


class PrometheusSource:
    """Averages and inventory of one Prometheus-compatible system; it has no bills."""

    name = "prometheus"
    experimental = False

    def __init__(self, client: Client, watching: Watching, clocks: Clocks) -> None:
        self._client = client
        self._watching = watching
        self._clocks = clocks

    def metrics(self) -> Sequence[str]:
        """Return all five; which of them a host has depends on its exporter."""
        return METRICS

    def retention(self) -> Sequence[Retention]:
        """Return the periods to ask for; empty if the system does not say what it keeps (``keeps_days``).

        Samples are kept and averages made of them, so that every period reaches back as far.

        Raises:
            SourceError: the system cannot be asked.
        """
        keeps_ms = self._watching.keeps_ms
        if keeps_ms is None:
            keeps_ms = self._said_to_keep()
        if keeps_ms is None:
            return ()
        periods = sorted({fine_ms(self._watching.sample_ms), _HOUR_MS})
        return tuple(Retention(period_ms, keeps_ms) for period_ms in periods)

    def _said_to_keep(self) -> int | None:
        try:
            data = self._client.status("runtimeinfo")
        except AnswerError:  # compatible systems need not have it
            return None
        said = data.get("storageRetention") if isinstance(data, dict) else None
        # "15d", "15d or 512MB", or a size alone.
        return duration_ms(said.split(" or ")[0]) if isinstance(said, str) else None

    def inventory(self) -> Iterator[Instance]:
        """Yield the hosts whose exporter was seen within a day. Raises what the client says."""
        watching = self._watching
        return inventory.instances(self._client, watching.view, watching.profiles, self._clocks.wall_ms())

    def averages(self, metric: str, instances: Sequence[str], span: Span, period_ms: int) -> Iterator[Series]:
        """Yield one series for each host; points of hours with a gap are shorter than the period.

        Raises:
            RangeError: the metric is not one of ours, or span and period do not fit the samples.
            AnswerError: two series claim to be one device, or an answer cannot be used.
            SourceError: the system refused or cannot be reached.
        """
        grid = self._grid(metric, span, period_ms)
        # Checked before the first series is asked for, not when it is.
        return self._averages(metric, sorted(set(instances)), span, grid)

    def _averages(self, metric: str, instances: Sequence[str], span: Span, grid: Grid) -> Iterator[Series]:
        scope = self._watching.net_scope if metric.startswith("net.") else NO_SCOPE
        for hosts in _batches(instances):
            found: dict[str, list[Point]] = {host: [] for host in hosts}
            for profile in self._watching.profiles:
                question = Question(profile, metric, self._watching.view, self._watching.view.of(hosts))
                for stretch in grid.stretches(span, len(hosts)):
                    some = averages.points(self._client, question, hosts, stretch, grid)
                    for host, points in some.items():
                        found[host] += points
            for host, points in found.items():
                yield Series(
                    instance=host,
                    metric=metric,
                    statistic=AVERAGE,
                    scope=scope,
                    period_ms=grid.window_ms,
                    points=ordered(points, where=f"{host} {metric}"),
                    request_ids=(),
                    asked=span,
                    answered=span,
                )

    def bills(self, months: Sequence[str]) -> Iterator[Bill]:  # noqa: ARG002 - a monitor has none, whichever
        """Yield nothing: a monitor sends no bills."""
        return iter(())

    def calls_for(self, metric: str, instances: int, span: Span, period_ms: int) -> int:
        """Return how many questions ``averages`` asks at most, without retries. Raises as it."""
        grid = self._grid(metric, span, period_ms)
        stretches = sum(
            sum(1 for _ in grid.stretches(span, min(MAX_HOSTS, instances - start)))
            for start in range(0, instances, MAX_HOSTS)
        )
        return stretches * CALLS_A_WINDOW * len(self._watching.profiles)

    def policy(self) -> str:
        """Return "": access is a matter of the proxy in front of the system."""
        return ""

    def probe(self) -> Iterator[Probe]:
        """Try whether the system answers, how often it samples, and which metrics it has of how many hosts."""
        now_ms = self._clocks.wall_ms()
        try:
            self._client.at("vector(1)", now_ms, where="probe")
        except SourceError as error:
            yield Probe("query", ok=False, detail=str(error))
            return
        yield Probe("query", ok=True, detail="the system answers")
        for what in (SAMPLING, *METRICS):
            try:
                yield self._sampling(now_ms) if what == SAMPLING else self._probed(what, now_ms)
            except SourceError as error:
                yield Probe(what, ok=False, detail=str(error))

    def _sampling(self, now_ms: int) -> Probe:
        """Try whether samples come as often as the settings say; else every hour would look full of gaps."""
        apart = [
            found
            for profile in self._watching.profiles
            for found in intervals_s(self._client, profile, self._watching, now_ms)
        ]
        wanted_s = self._watching.sample_ms // 1000
        if not apart:
            return Probe(SAMPLING, ok=False, detail="no host has two samples of the last hour")
        found_s = max(1, round(min(apart)))
        if found_s <= wanted_s * _SLACK:
            return Probe(SAMPLING, ok=True, detail=f"samples are about {found_s} s apart")
        fitting = next((one for one in FITTING_S if one >= found_s), None)
        remedy = (
            f"have them taken at least every {FITTING_S[-1]} s"
            if fitting is None
            else f"set scrape_interval_s = {fitting}"
        )
        detail = f"samples are about {found_s} s apart and not {wanted_s} s; {remedy}"
        return Probe(SAMPLING, ok=False, detail=detail)

    def _probed(self, metric: str, now_ms: int) -> Probe:
        view = self._watching.view
        hosts: dict[str, int] = {}
        for profile in self._watching.profiles:
            question = Question(profile, metric, view, view.every())
            rows = self._client.at(question.value(_HOUR_MS), now_ms, where=f"probe {metric}")
            hosts[profile.name] = len(rows)
        detail = ", ".join(f"{name}: {count} hosts" for name, count in hosts.items())
        return Probe(metric, ok=any(hosts.values()), detail=f"in the last hour {detail}")

    def _grid(self, metric: str, span: Span, period_ms: int) -> Grid:
        if metric not in METRICS:
            raise RangeError(f"there is no metric {metric!r}; there are {', '.join(METRICS)}")
        sample_ms = self._watching.sample_ms
        if period_ms < 2 * sample_ms or period_ms % sample_ms:
            raise RangeError(
                f"the period of {period_ms} ms is not two or more times the {sample_ms} ms between samples;"
                " choose a multiple"
            )
        if span.start_ms % sample_ms or span.length_ms % period_ms:
            raise RangeError(f"the span {span.start_ms} to {span.end_ms} ms is not aligned to the period")
        return Grid(period_ms, sample_ms)


def fine_ms(sample_ms: int) -> int:
    """Return the shortest period from ``FINE_MS`` on that holds two samples and fits into the hour."""
    fitting = range(2 * sample_ms, _HOUR_MS + 1, sample_ms)
    return next(one for one in fitting if one >= FINE_MS and _HOUR_MS % one == 0)


def intervals_s(client: Client, profile: Profile, watching: Watching, now_ms: int) -> Iterator[Decimal]:
    """Yield how many seconds lie between the samples of each host within the last hour.

    Measured from sample to sample: of a system that is minutes old the hour is mostly empty.

    Raises:
        SourceError: what the client says.
    """
    view = watching.view
    question = Question(profile, CPU, view, view.every())
    # Its instants are looked at in steps of the clock's grid; the last one is the end of the hour.
    now_ms -= now_ms % watching.sample_ms
    begun_s = Decimal(now_ms - _HOUR_MS) / 1000

    def by_host(expression: str) -> dict[str, Decimal]:
        rows = client.at(expression, now_ms, where=SAMPLING)
        found = {row.labels.get(view.instance_label, ""): row.samples for row in rows}
        return {host: some[0].value for host, some in found.items() if some and some[0].value is not None}

    counts = by_host(question.samples(_HOUR_MS))
    first = by_host(question.seen("min", _HOUR_MS, watching.sample_ms))
    last = by_host(question.seen("max", _HOUR_MS, watching.sample_ms))
    for host, count in counts.items():
        if host in first and host in last:
            # The first one seen may be from before the hour, and is then not among those counted.
            steps = count if first[host] <= begun_s else count - 1
            if steps > 0 and last[host] > first[host]:
                yield (last[host] - first[host]) / steps


def _batches(instances: Sequence[str]) -> Iterator[Sequence[str]]:
    for start in range(0, len(instances), MAX_HOSTS):
        yield instances[start : start + MAX_HOSTS]


def duration_ms(text: str) -> int | None:
    """Return a duration such as ``15d`` or ``1y2w`` in ms, ``None`` for what is none or is 0."""
    if not _DURATION.match(text):
        return None
    return sum(int(count) * _UNITS_MS[unit] for count, unit in _PART.findall(text)) or None
