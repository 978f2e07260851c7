"""Tokens of programs that read the data: what each may read, for how long, and who is behind a request."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from enum import Enum

from collector.store import api_tokens, registry
from collector.store.api_tokens import ApiToken
from collector.store.engine import Store
from console.access.accounts import AccountError
from console.access.sessions import MOST_TOKEN_CHARACTERS, digest, fresh_token

PREFIX = "star_"
"""So that somebody who finds one knows what it is."""
MOST_NAME = 64
MOST_TOKENS = 200
DAY_MS = 86_400_000
LIVES_DAYS = (30, 90, 365)
USED_EVERY_MS = 60_000
"""A token in use is noted at most so often."""


class Scope(Enum):
    """What a token may read."""

    FIGURES = "figures"
    HOSTS = "hosts"
    EVIDENCE = "evidence"


SCOPES: Mapping[str, Scope] = {scope.value: scope for scope in Scope}


class Tokens:
    """Makes, finds and ends tokens, each change in the audit trail; threads may share it."""

    def __init__(self, store: Store) -> None:
        self._store = store

    def tokens(self) -> Sequence[ApiToken]:
        """Return all tokens, the newest first."""
        with self._store.reading() as connection:
            return api_tokens.tokens(connection)

    def add(self, *, name: str, scopes: Sequence[str], days: int, actor: str, now_ms: int) -> str:
        """Make a token and return its secret, which nobody can ask for again.

        Raises:
            AccountError: name, scopes or days cannot be taken, or there are too many tokens.
        """
        if not 0 < len(name) <= MOST_NAME or not name.isprintable() or name != name.strip():
            raise AccountError("tokens.name_rule")
        if not scopes or any(scope not in SCOPES for scope in scopes):
            raise AccountError("tokens.no_scope")
        if days not in LIVES_DAYS:
            raise AccountError("tokens.no_days")
        secret = PREFIX + fresh_token()
        with self._store.writing() as connection:
            if api_tokens.count(connection) >= MOST_TOKENS:
                raise AccountError("tokens.many")
            api_tokens.add(
                connection, digest(secret), name=name, scopes=sorted(set(scopes)), made_by=actor, now_ms=now_ms,
                expires_ms=now_ms + days * DAY_MS,
            )  # fmt: skip
            registry.note(
                connection, now_ms=now_ms, actor=actor, action="TOKEN_MADE",
                detail=f"{name}: {' '.join(sorted(set(scopes)))}, {days} d",
            )  # fmt: skip
        return secret

    def revoke(self, token_id: int, *, actor: str, now_ms: int) -> None:
        """End a token; ending it again changes nothing."""
        with self._store.writing() as connection:
            name = api_tokens.revoke(connection, token_id, now_ms=now_ms)
            if name is not None:
                registry.note(connection, now_ms=now_ms, actor=actor, action="TOKEN_REVOKED", detail=name)

    def find(self, secret: str, *, now_ms: int) -> ApiToken | None:
        """Return the token with this secret, if it holds."""
        if not secret.startswith(PREFIX) or len(secret) > len(PREFIX) + MOST_TOKEN_CHARACTERS:
            return None
        with self._store.reading() as connection:
            found = api_tokens.by_digest(connection, digest(secret))
        if found is None or not found.holds(now_ms):
            return None
        if found.used_ms is None or now_ms - found.used_ms > USED_EVERY_MS:
            with self._store.writing() as connection:
                api_tokens.use(connection, found.id, now_ms=now_ms)
        return found
