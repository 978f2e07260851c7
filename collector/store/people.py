"""Who may use the console: accounts, their sessions, and the link with which the first one is made.

Nothing here decides who may do what; roles are texts. Secrets come as their SHA-256, passwords as
what argon2 made of them.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from sqlalchemy import Connection, Select, func, select, update

from collector.store import schema

ADMINISTRATOR = "administrator"


@dataclass(frozen=True)
class Person:
    """An account at rest. ``locked_until_ms`` 0: never locked."""

    id: int
    name: str
    role: str
    password: str
    failures: int
    locked_until_ms: int
    created_ms: int
    changed_ms: int


@dataclass(frozen=True)
class Session:
    """Somebody who is signed in, times in ms since 1970."""

    person: Person
    created_ms: int
    seen_ms: int
    expires_ms: int


def people(connection: Connection) -> Sequence[Person]:
    """Return all accounts by name."""
    rows = connection.execute(select(schema.person).order_by(schema.person.c.name)).mappings()
    return [Person(**row) for row in rows]


def anybody(connection: Connection) -> bool:
    """Return whether there is an account."""
    return connection.execute(select(schema.person.c.id).limit(1)).first() is not None


def local_administrators(connection: Connection) -> int:
    """Return how many administrators have a password here, and so can sign in without any provider."""
    table, elsewhere = schema.person.c, select(schema.person_identity.c.person_id)
    query = select(func.count()).where(table.role == ADMINISTRATOR, table.id.not_in(elsewhere))
    return int(connection.scalar(query) or 0)


def by_name(connection: Connection, name: str) -> Person | None:
    """Return the account of this name."""
    return _person(connection, select(schema.person).where(schema.person.c.name == name))


def by_id(connection: Connection, person_id: int) -> Person | None:
    """Return the account with this number."""
    return _person(connection, select(schema.person).where(schema.person.c.id == person_id))


def add(connection: Connection, *, name: str, role: str, password: str, now_ms: int) -> None:
    """Add an account."""
    connection.execute(
        schema.person.insert().values(
            name=name, role=role, password=password, failures=0, locked_until_ms=0,
            created_ms=now_ms, changed_ms=now_ms,
        )
    )  # fmt: skip


def change(connection: Connection, person_id: int, **values: str | int) -> None:
    """Change fields of an account."""
    connection.execute(update(schema.person).where(schema.person.c.id == person_id).values(**values))


def remove(connection: Connection, person_id: int) -> None:
    """Remove an account and end its sessions; what it did stays in the audit trail."""
    end_sessions(connection, person_id)
    connection.execute(schema.person_identity.delete().where(schema.person_identity.c.person_id == person_id))
    connection.execute(schema.person.delete().where(schema.person.c.id == person_id))


def begin_session(
    connection: Connection, sha256: str, *, person_id: int, now_ms: int, expires_ms: int
) -> None:
    """Add a session, and forget those that are over."""
    connection.execute(schema.session.delete().where(schema.session.c.expires_ms <= now_ms))
    connection.execute(
        schema.session.insert().values(
            sha256=sha256, person_id=person_id, created_ms=now_ms, seen_ms=now_ms, expires_ms=expires_ms
        )
    )


def session(connection: Connection, sha256: str) -> Session | None:
    """Return the session with its account, whether or not it is over."""
    table = schema.session.c
    query = select(table.person_id, table.created_ms, table.seen_ms, table.expires_ms)
    row = connection.execute(query.where(table.sha256 == sha256)).first()
    person = None if row is None else by_id(connection, row.person_id)
    if row is None or person is None:
        return None
    return Session(person, row.created_ms, row.seen_ms, row.expires_ms)


def see_session(connection: Connection, sha256: str, *, now_ms: int) -> None:
    """Note that a session is in use."""
    connection.execute(update(schema.session).where(schema.session.c.sha256 == sha256).values(seen_ms=now_ms))


def end_session(connection: Connection, sha256: str) -> None:
    """Remove a session."""
    connection.execute(schema.session.delete().where(schema.session.c.sha256 == sha256))


def end_sessions(connection: Connection, person_id: int) -> None:
    """Remove all sessions of an account."""
    connection.execute(schema.session.delete().where(schema.session.c.person_id == person_id))


def offer_setup(connection: Connection, sha256: str, *, now_ms: int, expires_ms: int) -> None:
    """Keep a new link for the first local administrator; earlier ones end."""
    end_setup(connection)
    connection.execute(
        schema.setup_link.insert().values(sha256=sha256, created_ms=now_ms, expires_ms=expires_ms)
    )


def setup_is_open(connection: Connection, sha256: str, *, now_ms: int) -> bool:
    """Return whether this link still makes the first local administrator."""
    table = schema.setup_link.c
    found = connection.scalar(select(table.expires_ms).where(table.sha256 == sha256))
    return found is not None and found > now_ms and not local_administrators(connection)


def end_setup(connection: Connection) -> None:
    """Make every link useless."""
    connection.execute(schema.setup_link.delete())


def _person(connection: Connection, query: Select[tuple[object, ...]]) -> Person | None:
    row = connection.execute(query).mappings().first()
    return None if row is None else Person(**row)
