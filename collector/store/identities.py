"""Accounts that an identity provider speaks for, and sign-ins that are under way there."""

from __future__ import annotations

from sqlalchemy import Connection, func, select

from collector.store import schema
from collector.store.people import Person, by_id


def person(connection: Connection, *, issuer: str, subject: str) -> Person | None:
    """Return the account of somebody at an issuer."""
    table = schema.person_identity.c
    query = select(table.person_id).where(table.issuer == issuer, table.subject == subject)
    found = connection.scalar(query)
    return None if found is None else by_id(connection, found)


def link(connection: Connection, person_id: int, *, issuer: str, subject: str, now_ms: int) -> None:
    """Say that an account is somebody's at an issuer."""
    connection.execute(
        schema.person_identity.insert().values(
            issuer=issuer, subject=subject, person_id=person_id, created_ms=now_ms
        )
    )


def linked(connection: Connection) -> frozenset[int]:
    """Return the numbers of the accounts that a provider speaks for."""
    return frozenset(connection.execute(select(schema.person_identity.c.person_id)).scalars())


def attempts(connection: Connection) -> int:
    """Return how many sign-ins are under way."""
    return int(connection.scalar(select(func.count()).select_from(schema.sign_in_attempt)) or 0)


def forget(connection: Connection, *, now_ms: int) -> None:
    """Forget the sign-ins that are over."""
    table = schema.sign_in_attempt
    connection.execute(table.delete().where(table.c.expires_ms <= now_ms))


def begin(connection: Connection, sha256: str, *, onward: str, expires_ms: int) -> None:
    """Keep a sign-in that is under way."""
    connection.execute(
        schema.sign_in_attempt.insert().values(sha256=sha256, onward=onward, expires_ms=expires_ms)
    )


def take(connection: Connection, sha256: str, *, now_ms: int) -> str | None:
    """Use up a sign-in and return where it leads; ``None``: there is none, or it came too late."""
    table = schema.sign_in_attempt
    row = connection.execute(select(table).where(table.c.sha256 == sha256)).first()
    # Of two that come with the same state only the one that removes it goes on.
    removed = connection.execute(table.delete().where(table.c.sha256 == sha256)).rowcount
    return str(row.onward) if row is not None and removed == 1 and now_ms < row.expires_ms else None
