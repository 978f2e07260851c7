"""Tokens with which programs read what the console shows: made here, shown once, kept as their SHA-256."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from sqlalchemy import select

from collector.store import registry, schema
from collector.store.engine import Store
from console.access.sessions import digest, fresh_token

PREFIX = "sp_"
"""So that one that leaked is recognised for what it is."""
SCOPES = ("figures", "hosts", "evidence")
"""What a token may read."""
MOST_NAME = 64
MOST_TOKENS = 200
MOST_DAYS = 366
DAY_MS = 86_400_000
USED_EVERY_MS = 60_000
"""A token in use is noted at most so often."""


@dataclass(frozen=True)
class ApiToken:
    """A token at rest. Times in ms since 1970; ``used_ms`` and ``revoked_ms`` ``None``: never."""

    id: int
    name: str
    scopes: tuple[str, ...]
    made_by: str
    created_ms: int
    expires_ms: int
    used_ms: int | None
    revoked_ms: int | None

    def usable(self, now_ms: int) -> bool:
        """Return whether it still opens anything."""
        return self.revoked_ms is None and now_ms < self.expires_ms


class ApiTokenError(Exception):
    """A token cannot be made so. ``words`` is the key of the reason's words."""

    def __init__(self, words: str) -> None:
        super().__init__(words)
        self.words = words


class ApiTokens:
    """Makes, finds and revokes tokens, each change in the audit trail; threads may share it."""

    def __init__(self, store: Store) -> None:
        self._store = store

    def all(self) -> Sequence[ApiToken]:
        """Return all tokens, the newest first."""
        table = schema.api_token
        with self._store.reading() as connection:
            rows = connection.execute(select(table).order_by(table.c.id.desc())).mappings()
            return [_token(row) for row in rows]

    def make(self, *, name: str, scopes: Sequence[str], days: int, actor: str, now_ms: int) -> str:
        """Store a new token and return it in the clear, for the one time that it is shown.

        Raises:
            ApiTokenError: name, scopes or days cannot be taken.
        """
        if not 0 < len(name) <= MOST_NAME or not name.isprintable() or name != name.strip():
            raise ApiTokenError("api.name_rule")
        if not scopes or not set(scopes) <= set(SCOPES):
            raise ApiTokenError("api.no_scope")
        if not 0 < days <= MOST_DAYS:
            raise ApiTokenError("api.days_rule")
        if sum(token.usable(now_ms) for token in self.all()) >= MOST_TOKENS:
            raise ApiTokenError("api.too_many")
        text = PREFIX + fresh_token()
        wanted = " ".join(sorted(set(scopes)))
        with self._store.writing() as connection:
            connection.execute(
                schema.api_token.insert().values(
                    sha256=digest(text),
                    name=name,
                    scopes=wanted,
                    made_by=actor,
                    created_ms=now_ms,
                    expires_ms=now_ms + days * DAY_MS,
                )
            )
            registry.note(
                connection, now_ms=now_ms, actor=actor, action="API_TOKEN_MADE", detail=f"{name}: {wanted}"
            )
        return text

    def revoke(self, number: int, *, actor: str, now_ms: int) -> bool:
        """End a token; return whether there was one that still worked."""
        table = schema.api_token
        with self._store.writing() as connection:
            name = connection.scalar(select(table.c.name).where(table.c.id == number))
            ended = connection.execute(
                table.update()
                .where(table.c.id == number, table.c.revoked_ms.is_(None))
                .values(revoked_ms=now_ms)
            )
            if ended.rowcount:
                registry.note(
                    connection, now_ms=now_ms, actor=actor, action="API_TOKEN_REVOKED", detail=str(name)
                )
        return bool(ended.rowcount)

    def known(self, text: str, *, now_ms: int) -> ApiToken | None:
        """Return the token that a program sent, ``None`` if it opens nothing (any more)."""
        table = schema.api_token
        with self._store.reading() as connection:
            row = connection.execute(select(table).where(table.c.sha256 == digest(text))).mappings().first()
        found = None if row is None else _token(row)
        if found is None or not found.usable(now_ms):
            return None
        if found.used_ms is None or now_ms - found.used_ms >= USED_EVERY_MS:
            with self._store.writing() as connection:
                connection.execute(table.update().where(table.c.id == found.id).values(used_ms=now_ms))
        return found


def _token(row: object) -> ApiToken:
    fields = {name: row[name] for name in ApiToken.__dataclass_fields__}  # type: ignore[index] # a mapping of the table's columns
    return ApiToken(**{**fields, "scopes": tuple(fields["scopes"].split())})
