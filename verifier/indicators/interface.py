"""What a definition is given and what it answers."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from fractions import Fraction
from typing import Protocol

from evidence.day_sum import DaySum
from verifier.amounts import NOTHING, HostAmounts, MetricMonth
from verifier.bounds import Bounds, Fill, Number
from verifier.notes import Mark
from verifier.scope import DeclaredHost
from verifier.weights import averaged
from verifier.window import TimeClasses, Window

NANO = 1_000_000_000
"""Averages are credited in 10^-9 unit x ms (``evidence.day_sum``)."""


@dataclass(frozen=True)
class MetricNames:
    """The metrics that a definition reads: ``counters`` of an agent, ``averages`` of all other sources.

    Both name the same quantities, in the same order.
    """

    counters: tuple[str, ...]
    averages: tuple[str, ...]

    def of(self, source: str | None) -> tuple[str, ...]:
        """Return what is read from ``source``; without one, what an agent would give."""
        return self.averages if averaged(source) else self.counters


class Filler(Protocol):
    """The function of a substitution rule that says what the missing time of one metric takes."""

    def __call__(
        self, key: tuple[str, str], *, done: Callable[[DaySum], Number], each: Callable[[int], Number]
    ) -> Fill | None:
        """Return what a unit of missing weight takes, ``None`` where 0 and the limit stay.

        Args:
            key: source and metric.
            done: the amount of an hour in the unit of the figure x weight, as the definition counts it.
            each: weight of one ms of a day.
        """
        ...


def _unweighted(_: int) -> Number:
    return 1


@dataclass(frozen=True)
class HostMonth:
    """One host over a window: what was declared (``capacities`` and all) and what was measured.

    ``filler`` is set while a substitution rule is asked; without it the bounds are hard.
    """

    declared: DeclaredHost
    window: Window
    amounts: HostAmounts
    filler: Filler | None = None

    def fill(
        self,
        source: str | None,
        name: str,
        *,
        done: Callable[[DaySum], Number],
        each: Callable[[int], Number] = _unweighted,
    ) -> Fill | None:
        """Return what the missing time of one metric takes by the rule that is asked, if one is."""
        if self.filler is None or source is None:
            return None
        return self.filler((source, name), done=done, each=each)

    def metric(self, source: str, name: str) -> MetricMonth:
        """Return the day sums of one metric, possibly without a single day."""
        return self.amounts.get((source, name), NOTHING)

    def source(self, names: MetricNames) -> str | None:
        """Return the first source, in order of preference, that knows anything of these metrics."""
        for source in self.preference:
            if any(self.metric(source, name).known_ms for name in names.of(source)):
                return source
        return None

    @property
    def preference(self) -> tuple[str, ...]:
        """The host's sources in the order in which they are asked."""
        return self.declared.preference(source for source, _ in self.amounts)


@dataclass(frozen=True)
class HostFigure:
    """The figure of one host under one definition.

    ``source`` is where the readings came from, ``None`` without data. ``weight`` is the mean capacity
    in bit/s for definitions that weigh hosts, ``None`` when it is not known; ``capacity_from`` says where
    it comes from: ``declared``, ``inventory``, ``cap``, ``measured``, ``unknown``. ``steal`` is the stolen
    processor time in percent, where it was measured.
    """

    host: str
    source: str | None
    bounds: Bounds
    times: TimeClasses
    weight: Fraction | None = None
    capacity_from: str = "unknown"
    steal: Fraction | None = None
    marks: tuple[Mark, ...] = ()


class HostRule(Protocol):
    """The function of a definition."""

    def __call__(self, month: HostMonth) -> HostFigure:
        """Return the figure of one host over one window."""
        ...


def common_marks(month: HostMonth, source: str | None, times: TimeClasses) -> list[Mark]:
    """Return the marks that every definition gives alike."""
    marks = [Mark("NO_DATA")] if source is None else []
    if averaged(source):
        marks.append(Mark("NOT_ATTESTED"))
    if source is not None and source not in month.declared.sources[:1] and month.declared.sources:
        marks.append(Mark("SECOND_SOURCE"))
    if times.suspect_ms:
        marks.append(Mark("SUSPECT_TIME"))
    return marks


def scarcer(parts: Sequence[MetricMonth]) -> DaySum:
    """Return the sums of the metric with the least covered time; its coverage is the one shown."""
    return min((part.total for part in parts), key=lambda sums: sums.covered_ms)
