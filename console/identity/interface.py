"""What the door needs of signing in elsewhere; without the library that judges tokens."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

BACK = "/login/oidc/back"
"""Where the provider sends people back; below the console's public address."""


@dataclass(frozen=True)
class Returned:
    """What the browser brings back from the provider; "" for what it does not."""

    state: str
    code: str
    error: str
    issuer: str


class SigningInElsewhere(Protocol):
    """An identity provider at which people may sign in."""

    @property
    def name(self) -> str:
        """What the button calls the provider."""
        ...

    @property
    def begin_url(self) -> str:
        """Where signing in begins: at the public address, to which the provider leads back."""
        ...

    def begin(self, browser: str, *, onward: str, now_ms: int) -> str:
        """Return the address at the provider to which to send a browser with this token.

        Raises:
            IdentityError: there is no account here, the provider cannot be asked, or too many are under way.
            StoreError: the store cannot be used.
        """
        ...

    def finish(self, browser: str, returned: Returned, *, now_ms: int) -> tuple[str, str]:
        """Return the token of a new session, and the path to go on to.

        Raises:
            IdentityError: nobody is signed in, and why.
            StoreError: the store cannot be used.
        """
        ...
