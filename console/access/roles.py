"""Roles of people, and what a page needs."""

from __future__ import annotations

from collections.abc import Mapping
from enum import Enum


class Role(Enum):
    """What somebody is here."""

    ADMINISTRATOR = "administrator"
    OPERATOR = "operator"
    VIEWER = "viewer"
    REVIEWER = "reviewer"


class Need(Enum):
    """What a page needs of who opens it."""

    NOTHING = "nothing"
    """Anybody, signed in or not."""
    SIGNED_IN = "signed in"
    EVIDENCE = "evidence"
    """The evidence, which reviewers see too."""
    VIEW = "view"
    OPERATE = "operate"
    ADMINISTER = "administer"


ALLOWED: Mapping[Need, frozenset[Role]] = {
    Need.NOTHING: frozenset(Role),
    Need.SIGNED_IN: frozenset(Role),
    Need.EVIDENCE: frozenset(Role),
    Need.VIEW: frozenset((Role.ADMINISTRATOR, Role.OPERATOR, Role.VIEWER)),
    Need.OPERATE: frozenset((Role.ADMINISTRATOR, Role.OPERATOR)),
    Need.ADMINISTER: frozenset((Role.ADMINISTRATOR,)),
}
"""The roles that fulfil a need."""


def may(role: Role | None, need: Need) -> bool:
    """Return whether somebody of this role (``None``: not signed in) may open what needs ``need``."""
    return need is Need.NOTHING or (role is not None and role in ALLOWED[need])
