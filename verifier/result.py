"""What ``verifier.figures.measure`` answers: typed, exact, before anything is rounded or printed."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from fractions import Fraction

from verifier.amounts import HostAmounts
from verifier.bounds import Bounds
from verifier.definitions import Definition
from verifier.edition import Edition, Rule
from verifier.indicators.enterprise import EnterpriseFigure
from verifier.indicators.interface import HostFigure
from verifier.notes import Note
from verifier.scope import DeclaredHost, Scope
from verifier.verdict import Verdict
from verifier.window import TimeClasses, Window


@dataclass(frozen=True)
class MonthFigure:
    """One figure over one month of its window (``YYYY-MM``); shown, and decided by if the edition says so."""

    month: str
    bounds: Bounds
    times: TimeClasses
    verdicts: Mapping[str, Verdict]


@dataclass(frozen=True)
class Substituted:
    """What a substitution rule made of the bounds; ``stars`` are those whose verdict rests on it."""

    rule: str
    bounds: Bounds
    stars: tuple[str, ...]


@dataclass(frozen=True)
class Beside:
    """The same indicator under another definition, for which there are data: shown, and decides nothing."""

    definition: Definition
    bounds: Bounds
    times: TimeClasses


@dataclass(frozen=True)
class Indicator:
    """One indicator: the fleet's figure, its verdict for every star, and every host's figure.

    ``bounds`` are those of the rule for combining the ``months``; ``hosts`` are over the whole window.
    ``times`` are host-milliseconds over all hosts; ``steal`` is the mean stolen processor time in
    percent over the hosts that report it. ``enterprise`` is set where materials gave the figure.
    """

    rule: Rule
    definition: Definition
    window: Window
    bounds: Bounds
    times: TimeClasses
    verdicts: Mapping[str, Verdict]
    hosts: tuple[HostFigure, ...] = ()
    months: tuple[MonthFigure, ...] = ()
    steal: Fraction | None = None
    substituted: Substituted | None = None
    enterprise: EnterpriseFigure | None = None
    notes: tuple[Note, ...] = ()
    beside: tuple[Beside, ...] = ()

    @property
    def measured(self) -> bool:
        """Whether there is a measured figure, from hosts or from materials; else it is declared."""
        return self.definition.rule is not None or self.enterprise is not None


@dataclass(frozen=True)
class Figures:
    """All indicators of one window, in the order of the guide.

    ``month`` is the last of ``months``; ``window`` is the longest that a figure asks for. ``hosts`` and
    ``amounts`` are what the figures were computed from.
    """

    enterprise: str
    month: str
    months: tuple[str, ...]
    timezone: str
    edition: Edition
    scope: Scope | None
    window: Window
    provisional: bool
    indicators: tuple[Indicator, ...]
    notes: tuple[Note, ...]
    hosts: tuple[DeclaredHost, ...]
    amounts: Mapping[str, HostAmounts]
