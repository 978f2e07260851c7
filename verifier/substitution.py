"""Substitution: what missing time may be taken for, if that was declared before the window.

The hard bounds (``verifier.bounds``) come first and are always printed. A substitution rule is
asked only where they leave a verdict open, and only if the edition allows it, the scope names the
rule for the indicator, and the scope was declared before the window began: whoever may choose the rule
afterwards chooses the verdict. A host that does not meet the rule's gate keeps its hard bounds; the
substituted ones always lie inside them. Off by default.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from fractions import Fraction

from verifier.amounts import HostAmounts
from verifier.bounds import Bounds
from verifier.definitions import DEFINITIONS, Definition
from verifier.extreme_hour import ExtremeHour, GateError
from verifier.fleet import aggregate
from verifier.hours import HostHours
from verifier.indicators.interface import HostFigure, HostMonth
from verifier.notes import Mark
from verifier.scope import DeclaredHost
from verifier.verdict import Verdict, judge
from verifier.window import Window

ALLOWED = "scope"
"""What an edition writes (``substitution``) to let the scope declare a rule."""
APPLIED = "SUBSTITUTED"
NO_VALUE, LITTLE = "SUBSTITUTION_NO_VALUE", "SUBSTITUTION_LITTLE"
"""The host has no figure; less than an hour of it is missing."""


@dataclass(frozen=True)
class Substitution:
    """The bounds of one host under the rule; ``None`` if it was not applied, and why.

    ``reason`` is a code of ``verifier.notes.TEXTS``: ``SUBSTITUTED`` if it was applied.
    """

    bounds: Bounds | None
    reason: str


def in_force(allowed: str, declared: str | None, *, declared_before_window: bool) -> str | None:
    """Return the substitution rule that may be asked for an indicator, ``None`` for none.

    Args:
        allowed: what the edition says of the indicator: ``none`` or ``scope``.
        declared: the rule that the scope declares for it, if any.
        declared_before_window: the scope was declared before the first instant of the window.
    """
    return declared if allowed == ALLOWED and declared_before_window else None


def substituted(
    declared: DeclaredHost,
    window: Window,
    amounts: HostAmounts,
    hours: HostHours,
    *,
    definition: str,
    hard: HostFigure,
    gate: Fraction,
) -> Substitution:
    """Return the bounds of one host under ``extreme_hour/1``.

    Args:
        declared: the host as the scope declares it.
        window: the window of the figure.
        amounts: the host's day sums in it, by (source, metric).
        hours: the host's hour sums in it, by (source, metric).
        definition: id of the definition.
        hard: the host's figure with its hard bounds.
        gate: the edition's ``coverage_gate``.
    """
    rule = DEFINITIONS[definition].rule
    if rule is None or hard.bounds.value is None:
        return Substitution(None, NO_VALUE)
    filler = ExtremeHour(window, amounts, hours, gate=gate)
    try:
        found = rule(HostMonth(declared, window, amounts, filler)).bounds
    except GateError as gate_error:
        return Substitution(None, str(gate_error))
    if not filler.filled:
        return Substitution(None, LITTLE)
    return Substitution(_within(found, hard.bounds), APPLIED)


def _within(found: Bounds, hard: Bounds) -> Bounds:
    """Return ``found`` with its ends around the value, and inside the hard bounds."""
    low, high, value = found.low or Fraction(0), found.high, hard.value or Fraction(0)
    low = max(min(low, value), hard.low or Fraction(0))
    if high is not None:
        high = max(high, value)
        high = high if hard.high is None else min(high, hard.high)
    return replace(hard, low=low, high=high)


def substituted_fleet(
    hosts: Sequence[HostFigure],
    definition: Definition,
    *,
    declared: Mapping[str, DeclaredHost],
    window: Window,
    amounts: Mapping[str, HostAmounts],
    hours: Callable[[str], HostHours],
    gate: Fraction,
) -> tuple[Bounds, tuple[HostFigure, ...]]:
    """Return the fleet's bounds under the rule, and every host's figure with what it rests on.

    Every host whose ends differ is marked with the reason code of its ``Substitution``. ``hours``
    is asked for those hosts only, one at a time; other arguments are as for ``substituted``.
    """
    filled = []
    for host in hosts:
        if host.bounds.low == host.bounds.high:
            filled.append(host)
            continue
        found = substituted(
            declared[host.host],
            window,
            amounts.get(host.host, {}),
            hours(host.host),
            definition=definition.id,
            hard=host,
            gate=gate,
        )
        filled.append(
            replace(host, bounds=found.bounds or host.bounds, marks=(*host.marks, Mark(found.reason)))
        )
    return aggregate(filled, definition.aggregation), tuple(filled)


def settle(hard: Bounds, filled: Bounds, threshold: Fraction) -> tuple[Verdict, bool]:
    """Return the verdict, and whether it rests on substitution.

    The hard bounds decide if they can; only what they leave open is asked of the substituted ones.
    """
    verdict = judge(hard, threshold)
    if verdict is not Verdict.INCONCLUSIVE:
        return verdict, False
    verdict = judge(filled, threshold)
    return verdict, verdict is not Verdict.INCONCLUSIVE
