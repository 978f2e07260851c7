"""What a definition of the whole enterprise is given and what it answers: no hosts, but materials.

Materials are what was gathered beside the readings of hosts: the ledger of payments and costs, and who
was active on which day.
A definition answers ``None`` when it has no materials at all; the figure is then declared.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from evidence.activity import ActivityRow
from evidence.calendar import LocalCalendar
from verifier.amounts import HostAmounts
from verifier.bounds import Bounds
from verifier.edition import Rule
from verifier.notes import Note
from verifier.scope import Scope
from verifier.window import TimeClasses, Window


@dataclass(frozen=True)
class Materials:
    """What definitions of the enterprise are computed from.

    ``ledger`` are the canonical bytes of the ledger, empty without one. ``activity`` are the sets of
    accounts of the hosts that count, on all days of the longest window; ``read`` the amounts of these hosts,
    whose metric ``activity`` says which time was read. ``today`` is the local day (an ordinal) on which
    the figures are made, ``None`` if all days count: money of later days is not paid yet.
    """

    ledger: bytes = b""
    activity: tuple[ActivityRow, ...] = ()
    read: Mapping[str, HostAmounts] = field(default_factory=dict)
    today: int | None = None

    def happened(self, day: int) -> bool:
        """Return whether the day (an ordinal) is not still to come."""
        return self.today is None or day <= self.today


@dataclass(frozen=True)
class EnterpriseMonth:
    """The enterprise over a window: what was declared and what was gathered.

    ``window`` is that of the edition's rule, which ends with the local month ``month`` (``YYYY-MM``);
    ``scope`` is ``None`` when none was declared.
    """

    rule: Rule
    calendar: LocalCalendar
    month: str
    window: Window
    scope: Scope | None
    materials: Materials


@dataclass(frozen=True)
class EnterpriseFigure:
    """One figure of the enterprise.

    ``times`` say what share of the window the materials speak for; all zero where that means nothing.
    ``undecided`` are ids of stars for which the figure decides nothing, whatever its bounds.
    ``detail`` is printed with the figure: texts, integers, lists, objects and nulls only.
    """

    bounds: Bounds
    times: TimeClasses = field(default_factory=TimeClasses)
    undecided: frozenset[str] = frozenset()
    detail: Mapping[str, Any] = field(default_factory=dict)
    notes: tuple[Note, ...] = ()


EnterpriseRule = Callable[[EnterpriseMonth], EnterpriseFigure | None]
"""Raises ``VerifierError`` if the materials are not what they must be."""
