"""The rules by which a month is shown: the declared scope and its edition, cut to the days that are over."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from console.reading.archives import Narrowed
from evidence.calendar import LocalCalendar
from verifier.declaration import ScopeVersion, declared_versions
from verifier.edition import Edition
from verifier.editions import load_edition
from verifier.errors import VerifierError
from verifier.ports import Archive
from verifier.scope import DeclaredHost, Scope, parse_scope


@dataclass(frozen=True)
class Rules:
    """Edition and scope of a month. ``problem``: why the declared scope is not used, empty if it is.

    ``declared``: there is a declared scope at all.
    """

    edition: Edition
    scope: Scope | None
    scopes: Sequence[ScopeVersion]
    declared: bool
    problem: str


def rules_of(archive: Narrowed, month: str) -> Rules:
    """Return the rules of a month; a scope that cannot be used is set aside and says why."""
    edition = load_edition()
    try:
        scopes = declared_versions(archive.scope_versions())
        if not scopes:
            return Rules(edition, None, (), declared=False, problem="")
        scope = parse_scope(scopes[-1].data)
        edition = archive.edition(scope.edition)
    except VerifierError as error:
        return Rules(edition, None, (), declared=True, problem=str(error))
    first, after = LocalCalendar(scope.timezone).month(month)
    if scope.last_day < first or scope.first_day >= after:
        return Rules(edition, None, (), declared=True, problem="outside")
    return Rules(edition, scope, scopes, declared=True, problem="")


def cut(
    rules: Rules, hosts: Sequence[DeclaredHost], archive: Archive, *, first_day: int, last_day: int
) -> Scope:
    """Return the scope of these hosts, its window cut to the given days (ordinals, both inclusive).

    Without a declared scope one that declares nothing but hosts and days.
    """
    if rules.scope is not None:
        start = max(first_day, rules.scope.first_day)
        return replace(
            rules.scope,
            hosts=tuple(hosts),
            first_day=start,
            last_day=max(start, min(last_day, rules.scope.last_day)),
        )
    return Scope(
        enterprise=archive.enterprise,
        timezone=archive.timezone,
        edition=rules.edition.id,
        first_day=first_day,
        last_day=last_day,
        definitions={},
        head_counts={},
        hosts=tuple(hosts),
        exclusions=(),
        sha256="",
    )
