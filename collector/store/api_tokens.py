"""Tokens with which programs read the console's data: their SHA-256, their scopes, until when they hold."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from sqlalchemy import Connection, func, select, update

from collector.store import schema

_TABLE = schema.api_token.c


@dataclass(frozen=True)
class ApiToken:
    """A token at rest, without its secret; times in ms since 1970, ``None``: never."""

    id: int
    name: str
    scopes: tuple[str, ...]
    made_by: str
    created_ms: int
    expires_ms: int
    used_ms: int | None
    revoked_ms: int | None

    def holds(self, now_ms: int) -> bool:
        """Return whether it may be used at an instant."""
        return self.revoked_ms is None and now_ms < self.expires_ms


_FIELDS = (
    _TABLE.id, _TABLE.name, _TABLE.scopes, _TABLE.made_by, _TABLE.created_ms, _TABLE.expires_ms, _TABLE.used_ms,
    _TABLE.revoked_ms,
)  # fmt: skip


def tokens(connection: Connection) -> Sequence[ApiToken]:
    """Return all tokens, the newest first."""
    rows = connection.execute(select(*_FIELDS).order_by(_TABLE.id.desc()))
    return [ApiToken(row[0], row[1], tuple(row[2].split()), *row[3:]) for row in rows]


def by_digest(connection: Connection, sha256: str) -> ApiToken | None:
    """Return the token whose secret has this SHA-256, whether or not it still holds."""
    row = connection.execute(select(*_FIELDS).where(_TABLE.sha256 == sha256)).first()
    return None if row is None else ApiToken(row[0], row[1], tuple(row[2].split()), *row[3:])


def count(connection: Connection) -> int:
    """Return how many tokens are kept."""
    return int(connection.scalar(select(func.count()).select_from(schema.api_token)) or 0)


def add(
    connection: Connection,
    sha256: str,
    *,
    name: str,
    scopes: Sequence[str],
    made_by: str,
    now_ms: int,
    expires_ms: int,
) -> None:
    """Add a token."""
    connection.execute(
        schema.api_token.insert().values(
            sha256=sha256, name=name, scopes=" ".join(sorted(scopes)), made_by=made_by, created_ms=now_ms,
            expires_ms=expires_ms,
        )
    )  # fmt: skip


def use(connection: Connection, token_id: int, *, now_ms: int) -> None:
    """Note that a token was used."""
    connection.execute(update(schema.api_token).where(_TABLE.id == token_id).values(used_ms=now_ms))


def revoke(connection: Connection, token_id: int, *, now_ms: int) -> str | None:
    """End a token for good and return its name, ``None`` if there is none that holds."""
    name = connection.scalar(select(_TABLE.name).where(_TABLE.id == token_id, _TABLE.revoked_ms.is_(None)))
    if name is None:
        return None
    connection.execute(update(schema.api_token).where(_TABLE.id == token_id).values(revoked_ms=now_ms))
    return str(name)
