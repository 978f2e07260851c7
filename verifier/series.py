"""Series: the figures of every single day, by the same definitions as the window's.

A day's figure says which days carry the window's figure; it decides nothing. Every host keeps the
source that its window figure comes from.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from fractions import Fraction

from verifier.amounts import HostAmounts, MetricMonth
from verifier.bounds import NOTHING_KNOWN, Bounds
from verifier.facts import INVENTORY
from verifier.fleet import aggregate
from verifier.indicators.interface import HostFigure, HostMonth, HostRule
from verifier.result import Figures, Indicator
from verifier.scope import DeclaredHost
from verifier.window import TimeClasses, Window, total

WORST_DAYS = 3


@dataclass(frozen=True)
class DayFigure:
    """One figure on one local day (an ordinal); ``hosts`` is empty on days that do not count."""

    day: int
    bounds: Bounds
    times: TimeClasses
    hosts: tuple[HostFigure, ...]

    @property
    def excluded(self) -> bool:
        """Whether the scope takes the day out of the window."""
        return not self.hosts


def series(figures: Figures, indicator: Indicator) -> tuple[DayFigure, ...]:
    """Return the figure of every day of the window, in order; nothing for what is not measured."""
    rule = indicator.definition.rule
    if rule is None:
        return ()
    whole = indicator.window
    sources = {figure.host: figure.source for figure in indicator.hosts}
    hosts = [_narrowed(host, sources[host.id]) for host in sorted(figures.hosts, key=lambda h: h.id)]
    found = []
    silent: dict[tuple[str, int, object], HostFigure] = {}
    for day in range(whole.first_day, whole.after_day):
        if day not in whole.lengths:
            found.append(DayFigure(day, NOTHING_KNOWN, TimeClasses(), ()))
            continue
        window = _one_day(whole, day)
        of_hosts = tuple(_host_day(rule, host, window, figures, silent) for host in hosts)
        found.append(
            DayFigure(
                day,
                aggregate(of_hosts, indicator.definition.aggregation),
                total([figure.times for figure in of_hosts]),
                of_hosts,
            )
        )
    return tuple(found)


def _host_day(
    rule: HostRule,
    host: DeclaredHost,
    window: Window,
    figures: Figures,
    silent: dict[tuple[str, int, object], HostFigure],
) -> HostFigure:
    """Return one host's figure of one day. ``silent`` keeps those of hosts that never said anything.

    They differ by nothing but the length of the day and the declared capacity, and a scope may
    declare thousands of them.
    """
    amounts = figures.amounts.get(host.id, {})
    if amounts:
        return rule(HostMonth(host, window, _on(window.first_day, amounts)))
    capacity = host.capacity_bps(window.first_day) if host.capacities else None
    key = (host.id, window.counted_ms, capacity)
    if key not in silent:
        silent[key] = rule(HostMonth(host, window, {}))
    return silent[key]


def worst(days: Sequence[DayFigure]) -> list[int]:
    """Return up to ``WORST_DAYS`` days that count with the lowest low ends, lowest and earliest first.

    The low end counts missing time as nothing, so a day that was not seen is among the worst; if no
    day was, there is nothing to compare.
    """
    if all(figure.bounds.low is None for figure in days):
        return []
    lows = [(figure.bounds.low or Fraction(0), figure.day) for figure in days if not figure.excluded]
    return [day for _, day in sorted(lows)[:WORST_DAYS]]


@dataclass(frozen=True)
class HostDay:
    """What is known of one host on one day: of its measured figures the least covered one."""

    day: int
    times: TimeClasses
    restarts: int


def calendar(figures: Figures, days: Mapping[str, tuple[DayFigure, ...]]) -> dict[str, list[HostDay]]:
    """Return for every host its counted days, in order.

    Args:
        figures: what was measured.
        days: the series of every measured indicator, by its id.
    """
    least: dict[str, dict[int, tuple[bool, int, TimeClasses]]] = {host.id: {} for host in figures.hosts}
    for indicator in figures.indicators:
        measured = {figure.host for figure in indicator.hosts if figure.source is not None}
        for day in days.get(indicator.rule.id, ()):
            for host in day.hosts:
                # A figure that the host never had says nothing about when it was seen.
                mine = (host.host not in measured, host.times.covered_ms, host.times)
                known = least[host.host].get(day.day)
                if known is None or mine[:2] < known[:2]:
                    least[host.host][day.day] = mine
    return {
        host: [
            HostDay(day, mine[2], _restarts(figures.amounts.get(host, {}), day))
            for day, mine in sorted(by_day.items())
        ]
        for host, by_day in sorted(least.items())
    }


def _narrowed(host: DeclaredHost, source: str | None) -> DeclaredHost:
    return host if source is None else replace(host, sources=(source,))


def _on(day: int, amounts: HostAmounts) -> HostAmounts:
    """Return the amounts of one day; what the line could carry stays known from the days around it."""
    return {
        key: metric if key[1] in INVENTORY else MetricMonth({day: metric.days[day]})
        for key, metric in amounts.items()
        if day in metric.days or key[1] in INVENTORY
    }


def _one_day(whole: Window, day: int) -> Window:
    start, length = whole.starts[day], whole.lengths[day]
    return Window(
        first_day=day,
        after_day=day + 1,
        start_ms=start,
        end_ms=start + length,
        lengths={day: length},
        starts={day: start},
        excluded_ms=0,
    )


def _restarts(amounts: HostAmounts, day: int) -> int:
    """Every metric of a host counts the same restarts."""
    return max((metric.days[day].restarts for metric in amounts.values() if day in metric.days), default=0)
