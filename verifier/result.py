"""What ``verifier.figures.measure`` answers: typed, exact, before anything is rounded or printed."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from fractions import Fraction

from verifier.bounds import Bounds
from verifier.definitions import Definition
from verifier.edition import Edition, Rule
from verifier.indicators.interface import HostFigure
from verifier.notes import Note
from verifier.scope import Scope
from verifier.verdict import Verdict
from verifier.window import TimeClasses, Window


@dataclass(frozen=True)
class Indicator:
    """One indicator: the fleet's figure, its verdict for every star, and every host's figure.

    ``times`` are host-milliseconds over all hosts; ``steal`` is the mean stolen processor time in
    percent over the hosts that report it.
    """

    rule: Rule
    definition: Definition
    bounds: Bounds
    times: TimeClasses
    verdicts: Mapping[str, Verdict]
    hosts: tuple[HostFigure, ...] = ()
    steal: Fraction | None = None
    notes: tuple[Note, ...] = ()


@dataclass(frozen=True)
class Figures:
    """All indicators of one month that the edition asks for, in the order of the guide."""

    enterprise: str
    month: str
    timezone: str
    edition: Edition
    scope: Scope | None
    window: Window
    indicators: tuple[Indicator, ...]
    notes: tuple[Note, ...]
