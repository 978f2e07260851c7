"""Signing in and out, and who is behind a request.

(1) An attempt is counted before the password is compared, so that attempts at the same time count too.
(2) After ``MOST_FAILURES`` wrong ones the account is locked for ``LOCK_MS``; while it is, even the right
password is refused, in the same words and after the same time. (3) A session is a random token of the
browser's; the store has its SHA-256. It ends after ``SESSION_MS``, or ``IDLE_MS`` without a request.
"""

from __future__ import annotations

import hashlib
import hmac
import secrets
from dataclasses import dataclass

from sqlalchemy import Connection

from collector.store import people, registry
from collector.store.engine import Store
from collector.store.people import Person
from console.access.passwords import MOST_CHARACTERS, Passwords
from console.access.roles import Role

TOKEN_BYTES = 32
MOST_TOKEN_CHARACTERS = 64
MOST_FAILURES = 10
LOCK_MS = 15 * 60_000
SESSION_MS = 12 * 3_600_000
IDLE_MS = 2 * 3_600_000
SEEN_EVERY_MS = 60_000
"""A session in use is noted at most so often."""


@dataclass(frozen=True)
class Known:
    """Somebody who is signed in."""

    id: int
    name: str
    role: Role


def fresh_token() -> str:
    """Return a new secret for a browser."""
    return secrets.token_urlsafe(TOKEN_BYTES)


def digest(token: str) -> str:
    """Return the SHA-256 under which a secret is kept."""
    return hashlib.sha256(token.encode("utf-8", errors="surrogatepass")).hexdigest()


def csrf_of(token: str) -> str:
    """Return what forms must carry that a browser with this token sends; it does not tell the token."""
    return hmac.new(token.encode("utf-8", errors="surrogatepass"), b"starproof csrf", "sha256").hexdigest()


class Sessions:
    """Signs people in and out; threads may share it."""

    def __init__(self, store: Store, passwords: Passwords) -> None:
        self._store = store
        self.passwords = passwords

    def sign_in(self, name: str, password: str, *, now_ms: int) -> str | None:
        """Return the token of a new session; ``None``: wrong, unknown or locked, which one is not told.

        Raises:
            StoreError: the store cannot be used.
        """
        person = self._attempt(name, now_ms)  # (1)
        # Who signs in at a provider has no password here; the answer takes as long as for nobody.
        kept = (person.password or None) if person else None
        right = self.passwords.agrees(kept, password[: MOST_CHARACTERS + 1])
        if person is None or not right or _is_locked(person, now_ms):  # (2)
            return None
        with self._store.writing() as connection:
            people.change(connection, person.id, failures=0, locked_until_ms=0)
            return self.begin(connection, person.id, now_ms=now_ms)

    def begin(self, connection: Connection, person_id: int, *, now_ms: int, detail: str = "") -> str:
        """Begin a session of somebody who has shown who it is, and return its token; ``detail`` says by what."""
        token = fresh_token()  # (3)
        people.begin_session(
            connection, digest(token), person_id=person_id, now_ms=now_ms, expires_ms=now_ms + SESSION_MS
        )
        person = people.by_id(connection, person_id)
        name = person.name if person else ""
        registry.note(connection, now_ms=now_ms, actor=name, action="SIGN_IN", detail=detail)
        return token

    def who(self, token: str, *, now_ms: int) -> Known | None:
        """Return who is signed in with this token.

        Raises:
            StoreError: the store cannot be used.
        """
        if not 0 < len(token) <= MOST_TOKEN_CHARACTERS:
            return None
        key = digest(token)
        with self._store.reading() as connection:
            found = people.session(connection, key)
        if found is None or now_ms >= found.expires_ms or now_ms - found.seen_ms > IDLE_MS:
            return None
        if now_ms - found.seen_ms > SEEN_EVERY_MS:
            with self._store.writing() as connection:
                people.see_session(connection, key, now_ms=now_ms)
        return Known(found.person.id, found.person.name, Role(found.person.role))

    def sign_out(self, token: str) -> None:
        """End a session.

        Raises:
            StoreError: the store cannot be used.
        """
        with self._store.writing() as connection:
            people.end_session(connection, digest(token))

    def confirm(self, person_id: int, password: str, *, now_ms: int) -> bool:
        """Return whether somebody who is signed in knows the password; wrong ones count as at the door.

        Raises:
            StoreError: the store cannot be used.
        """
        with self._store.reading() as connection:
            known = people.by_id(connection, person_id)
        person = None if known is None else self._attempt(known.name, now_ms)
        right = self.passwords.agrees((person.password or None) if person else None, password)
        if person is None or not right or _is_locked(person, now_ms):
            return False
        with self._store.writing() as connection:
            people.change(connection, person.id, failures=0)
        return True

    def _attempt(self, name: str, now_ms: int) -> Person | None:
        """Count an attempt and return the account as it stood before."""
        with self._store.writing() as connection:
            person = people.by_name(connection, name)
            if person is None or _is_locked(person, now_ms):
                return person
            failures = person.failures + 1
            if failures < MOST_FAILURES:
                people.change(connection, person.id, failures=failures)
            else:
                people.change(connection, person.id, failures=0, locked_until_ms=now_ms + LOCK_MS)
                registry.note(connection, now_ms=now_ms, actor=name, action="LOCKED", detail="")
            return person


def _is_locked(person: Person, now_ms: int) -> bool:
    """Return whether an account is locked. A longer lock than there can be was set by a clock that was ahead."""
    return now_ms < person.locked_until_ms <= now_ms + LOCK_MS
