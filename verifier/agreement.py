"""Agreement: what scope, profile and store say of one enterprise must be the same."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from verifier.errors import ProfileError, ScopeError
from verifier.profile import Profile
from verifier.scope import Scope


@dataclass(frozen=True)
class Disagreement:
    """What a profile says at a place, and what it must say there."""

    place: str
    expected: str
    got: str


def disagreements(profile: Profile, scope: Scope | None, enterprise: str) -> Iterator[Disagreement]:
    """Yield what a profile says differently: the enterprise's name, and its head counts."""
    if profile.applicant.name != enterprise:
        yield Disagreement("applicant.name", enterprise, profile.applicant.name)
    counts = {"total": profile.applicant.total, "cloud_users": profile.applicant.cloud_users}
    for name, declared in sorted((scope.head_counts if scope else {}).items()):
        if counts[name] not in (None, declared):
            yield Disagreement(f"applicant.size.{name}", str(declared), str(counts[name]))


def require_owner(scope: Scope | None, enterprise: str) -> None:
    """Refuse a scope of another enterprise than the store's.

    Raises:
        ScopeError: it is one.
    """
    if scope is not None and scope.enterprise != enterprise:
        raise ScopeError(
            f"the scope is of {scope.enterprise!r}, the store of {enterprise!r}; use the right store"
        )


def require_agreement(profile: Profile | None, scope: Scope | None, enterprise: str) -> None:
    """Refuse a profile that a check of its pack would refuse.

    Raises:
        ProfileError: the first disagreement, and what to write.
    """
    for found in disagreements(profile, scope, enterprise) if profile else ():
        raise ProfileError(
            f"profile: {found.place} is {found.got}, but store and scope say {found.expected}; "
            "write it as they do, or declare the scope anew"
        )
