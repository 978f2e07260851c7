"""Why somebody who came from the provider is not let in. ``words`` is the key of what the page says."""

from __future__ import annotations

from collections.abc import Mapping
from typing import ClassVar


class IdentityError(Exception):
    """Nobody is signed in. The message is for the log: it holds no secret, no token and no name."""

    words: ClassVar[str] = "entry.oidc_answer"


class StaleError(IdentityError):
    """What came back does not belong to a sign-in that this browser has under way."""

    words: ClassVar[str] = "entry.oidc_stale"


class AnswerError(IdentityError):
    """The provider's answer, or who claims to be the provider, cannot be believed."""

    words: ClassVar[str] = "entry.oidc_answer"


class UnreachableError(IdentityError):
    """The provider does not answer, or not now."""

    words: ClassVar[str] = "entry.oidc_unreachable"


class DeniedError(IdentityError):
    """The provider did not let the person in, or the person went no further."""

    words: ClassVar[str] = "entry.oidc_denied"


class NoRoleError(IdentityError):
    """The person is known there and has no role here."""

    words: ClassVar[str] = "entry.oidc_no_role"


class NoAccountError(IdentityError):
    """The console has no account of its own yet; the setup link makes the first."""

    words: ClassVar[str] = "entry.no_people"


REASONS: Mapping[str, str] = {
    "answer": AnswerError.words,
    "stale": StaleError.words,
    "unreachable": UnreachableError.words,
    "denied": DeniedError.words,
    "no-role": NoRoleError.words,
    "no-account": NoAccountError.words,
}
"""What stands in the address of the door, and in the log, for each reason."""
