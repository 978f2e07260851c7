"""Definitions: which formula a definition id names. See docs/definitions.md for each in words."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from verifier.edition import CAPACITY_WEIGHTED, DECLARED, MEAN_OVER_HOSTS, SUM_OVER_HOSTS, Edition
from verifier.errors import EditionError, ScopeError, VerifierError
from verifier.indicators import bandwidth, cpu, reads_writes
from verifier.indicators.interface import HostRule
from verifier.scope import Scope
from verifier.toml_table import nearest

DECLARED_FIGURE = "declared/1"
"""The definition of any figure that an edition asks for and nothing here measures."""


@dataclass(frozen=True)
class Definition:
    """One definition: the indicator it belongs to, how its hosts become one figure, its function.

    ``rule`` is ``None`` for what this version does not measure. ``units`` are the names that an
    edition may give to what the function returns; empty: any, for nothing is returned.
    """

    id: str
    indicator: str
    aggregation: str
    rule: HostRule | None = None
    units: tuple[str, ...] = ()


_ALL = (
    Definition("it_cost.before_after/1", "it_cost_reduction", DECLARED),
    Definition("users.distinct_month/1", "monthly_user_rate", DECLARED),
    Definition(cpu.ID, "cpu_utilization", MEAN_OVER_HOSTS, cpu.figure, ("%",)),
    Definition(bandwidth.ID, "bandwidth_utilization", CAPACITY_WEIGHTED, bandwidth.figure, ("%",)),
    Definition(
        reads_writes.ID, "daily_reads_writes", SUM_OVER_HOSTS, reads_writes.figure, ("次/day", "次/日")
    ),
    Definition("investment.paid/1", "cloud_investment", DECLARED),
)
DEFINITIONS: Mapping[str, Definition] = {definition.id: definition for definition in _ALL}


def chosen(edition: Edition, scope: Scope | None) -> dict[str, Definition]:
    """Return the definition of every indicator: the scope's choice, else the edition's.

    Raises:
        ScopeError: the scope names an indicator that the edition does not ask for, or a definition
            that does not exist, belongs to another indicator or aggregates in another way.
        EditionError: the edition names such a definition, or another unit than the definition's.
    """
    result = {}
    asked = [rule.id for rule in edition.rules]
    for key in scope.definitions if scope else ():
        if key not in asked:
            raise ScopeError(
                f"scope: [definitions]: edition {edition.id} does not ask for {key!r}{nearest(key, asked)}; "
                f"write some of {', '.join(asked)}"
            )
    for rule in edition.rules:
        declared = scope.definitions.get(rule.id) if scope else None
        error: type[VerifierError] = ScopeError if declared else EditionError
        definition = _definition(declared or rule.definition, rule.id, error)
        if rule.aggregation != definition.aggregation:
            raise error(
                f"edition {edition.id}: {rule.id} cannot be aggregated as {rule.aggregation} under "
                f"{definition.id}; "
                + ("leave it out of [definitions]" if declared else f"write {definition.aggregation}")
            )
        if definition.units and rule.unit not in definition.units:
            raise EditionError(
                f"edition {edition.id}: {rule.id} is in {rule.unit}, but {definition.id} gives "
                f'{definition.units[0]}; write unit = "{definition.units[0]}"'
            )
        result[rule.id] = definition
    return result


def _definition(name: str, indicator: str, error: type[VerifierError]) -> Definition:
    known = [definition.id for definition in _ALL if definition.indicator == indicator]
    if name == DECLARED_FIGURE:
        return Definition(DECLARED_FIGURE, indicator, DECLARED)
    if name not in known:
        known.append(DECLARED_FIGURE)
        place = "edition: [indicators]" if error is EditionError else "scope: [definitions]"
        raise error(
            f"{place}: definition {name!r} of {indicator} does not exist{nearest(name, known)}; write {', '.join(known)}"
        )
    return DEFINITIONS[name]
