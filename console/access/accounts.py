"""Making and changing accounts: what is taken, what is refused and why."""

from __future__ import annotations

from sqlalchemy import Connection

from collector.store import identities, people, registry, trail
from collector.store.engine import Store
from collector.store.people import Person
from console.access.passwords import Passwords, weakness
from console.access.roles import Role
from console.access.sessions import digest, fresh_token

MOST_NAME = 64
SETUP_MS = 24 * 3_600_000


class AccountError(Exception):
    """An account cannot be made or changed so. ``words`` is the key of the reason's words."""

    def __init__(self, words: str) -> None:
        super().__init__(words)
        self.words = words


class Accounts:
    """Makes, changes and removes accounts, each change in the audit trail; threads may share it."""

    def __init__(self, store: Store, passwords: Passwords) -> None:
        self._store = store
        self._passwords = passwords

    def people(self) -> list[Person]:
        """Return all accounts by name."""
        with self._store.reading() as connection:
            return list(people.people(connection))

    def elsewhere(self) -> frozenset[int]:
        """Return the numbers of the accounts that an identity provider speaks for."""
        with self._store.reading() as connection:
            return identities.linked(connection)

    def offer_setup(self, *, now_ms: int) -> str | None:
        """Return the secret of a new link for the first local administrator, ``None`` if there is one."""
        secret = fresh_token()
        with self._store.writing() as connection:
            if people.local_administrators(connection):
                return None
            people.offer_setup(connection, digest(secret), now_ms=now_ms, expires_ms=now_ms + SETUP_MS)
        return secret

    def setup_is_open(self, secret: str, *, now_ms: int) -> bool:
        """Return whether the link with this secret still makes the first local administrator."""
        with self._store.reading() as connection:
            return people.setup_is_open(connection, digest(secret), now_ms=now_ms)

    def set_up(self, secret: str, *, name: str, password: str, now_ms: int) -> None:
        """Make the first local administrator; the link is used up.

        Raises:
            AccountError: the link is used up, or name or password cannot be taken.
        """
        kept = self._kept(name, password)
        with self._store.writing() as connection:
            if not people.setup_is_open(connection, digest(secret), now_ms=now_ms):
                raise AccountError("setup.over")
            if people.by_name(connection, name) is not None:
                raise AccountError("person.taken")
            people.end_setup(connection)
            people.add(connection, name=name, role=Role.ADMINISTRATOR.value, password=kept, now_ms=now_ms)
            registry.note(connection, now_ms=now_ms, actor=name, action="SETUP", detail="")

    def add(self, *, name: str, role: str, password: str, actor: str, now_ms: int) -> None:
        """Add an account.

        Raises:
            AccountError: name, role or password cannot be taken.
        """
        kept = self._kept(name, password)
        with self._store.writing() as connection:
            if people.by_name(connection, name) is not None:
                raise AccountError("person.taken")
            people.add(connection, name=name, role=_role(role), password=kept, now_ms=now_ms)
            registry.note(
                connection, now_ms=now_ms, actor=actor, action="PERSON_ADDED", detail=f"{name} {role}"
            )

    def give_role(self, person_id: int, *, role: str, actor: str, now_ms: int) -> None:
        """Give an account another role.

        Raises:
            AccountError: there is no such account or role, no local administrator would be left, or the role is
                a provider's to give.
        """
        with self._store.writing() as connection:
            before = _local_administrators(connection)
            person = _found(people.by_id(connection, person_id))
            _require_here(person)
            people.change(connection, person_id, role=_role(role), changed_ms=now_ms)
            _require_local(connection, before)
            detail = f"{person.name} {person.role} -> {role}"
            registry.note(connection, now_ms=now_ms, actor=actor, action="PERSON_ROLE", detail=detail)

    def set_password(self, person_id: int, *, password: str, actor: str, now_ms: int) -> None:
        """Give an account another password; it is signed out everywhere and no longer locked.

        Raises:
            AccountError: there is no such account, it has no password here, or this one cannot be taken.
        """
        with self._store.reading() as connection:
            person = _found(people.by_id(connection, person_id))
        _require_here(person)
        kept = self._kept(person.name, password)
        with self._store.writing() as connection:
            people.change(
                connection, person_id, password=kept, failures=0, locked_until_ms=0, changed_ms=now_ms
            )
            people.end_sessions(connection, person_id)
            registry.note(
                connection, now_ms=now_ms, actor=actor, action="PERSON_PASSWORD", detail=person.name
            )

    def remove(self, person_id: int, *, actor: str, now_ms: int) -> None:
        """Remove an account.

        Raises:
            AccountError: there is no such account, or no local administrator would be left.
        """
        with self._store.writing() as connection:
            before = _local_administrators(connection)
            person = _found(people.by_id(connection, person_id))
            people.remove(connection, person_id)
            _require_local(connection, before)
            registry.note(connection, now_ms=now_ms, actor=actor, action="PERSON_REMOVED", detail=person.name)

    def _kept(self, name: str, password: str) -> str:
        if not 0 < len(name) <= MOST_NAME or not name.isprintable() or name != name.strip():
            raise AccountError("person.name_rule")
        if trail.is_reserved(name):
            raise AccountError("person.reserved")
        reason = weakness(password, name=name)
        if reason is not None:
            raise AccountError(reason.value)
        return self._passwords.hashed(password)


def _role(text: str) -> str:
    try:
        return Role(text).value
    except ValueError:
        raise AccountError("person.no_role") from None


def _found(person: Person | None) -> Person:
    if person is None:
        raise AccountError("person.gone")
    return person


def _local_administrators(connection: Connection) -> int:
    """Return how many there are; whoever else would change that waits until the transaction ends."""
    connection.execute(registry.identity_lock())
    return people.local_administrators(connection)


def _require_local(connection: Connection, before: int) -> None:
    """Somebody must be able to sign in on the day on which the provider is down, or gone."""
    if before and not people.local_administrators(connection):
        raise AccountError("person.last")


def _require_here(person: Person) -> None:
    if not person.password:
        raise AccountError("person.elsewhere")
