"""From the button at the door to a session, by way of the provider.

(1) To the provider goes a state; nonce and PKCE verifier are made of it with the browser's own token, so nothing of
value is kept and in another browser the state is worth nothing. (2) Who comes back uses the state up, whatever comes of it.
(3) The answer names the issuer that was asked, if it names one (RFC 9207). (4) The code is exchanged at that issuer alone,
the token is judged (``claims``). (5) Somebody is who the provider says by issuer and subject, never by name: an
account of the same name stays another one. (6) The role is the claim's each time; none, and nobody is let in or stays in. (7) The session
is like every other.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import secrets
from urllib.parse import urlencode, urlsplit

from sqlalchemy import Connection

from collector.store import identities, people, registry, trail
from collector.store.engine import Store
from collector.store.people import Person
from console.access.sessions import Sessions, digest
from console.identity.claims import MOST_NAME, Identity, UnknownKeyError, judged
from console.identity.errors import (
    AnswerError,
    DeniedError,
    IdentityError,
    NoAccountError,
    NoRoleError,
    StaleError,
)
from console.identity.interface import BACK, Returned
from console.identity.provider import Provider

STATE_BYTES = 32
MOST_STATE = 128
MOST_CODE = 4096
MOST_UNDER_WAY = 10_000
"""Sign-ins; each is a row for ten minutes, and anybody can begin one."""
UNDER_WAY_MS = 10 * 60_000
MS_PER_S = 1_000
MOST_NAMESAKES = 1_000
NOBODY = ""
"""The password of an account that has none: no password fits it."""
ACTOR = "oidc"


class Federation:
    """Signs people in by way of the provider; threads may share it. ``url`` is where people find the console."""

    def __init__(self, store: Store, sessions: Sessions, provider: Provider, *, url: str) -> None:
        self._store = store
        self._sessions = sessions
        self._provider = provider
        self._base = url.rstrip("/")

    @property
    def name(self) -> str:
        """What the button calls the provider."""
        return self._provider.settings.name

    @property
    def begin_url(self) -> str:
        """Where signing in begins: at the public address, to which the provider leads back."""
        return self._base + "/login/oidc"

    def begin(self, browser: str, *, onward: str, now_ms: int) -> str:
        """Return the address at the provider to which to send a browser with this token.

        Raises:
            IdentityError: there is no account here, the provider cannot be asked, or too many are under way.
            StoreError: the store cannot be used.
        """
        published = self._provider.published()
        settings = self._provider.settings
        state = secrets.token_urlsafe(STATE_BYTES)
        with self._store.writing() as connection:
            if not people.anybody(connection):
                raise NoAccountError("somebody tried to sign in before the console was set up")
            identities.forget(connection, now_ms=now_ms)
            if identities.attempts(connection) >= MOST_UNDER_WAY:
                raise StaleError("too many sign-ins are under way")
            identities.begin(
                connection, _made(browser, state, "attempt"), onward=onward, expires_ms=now_ms + UNDER_WAY_MS
            )
        challenge = hashlib.sha256(_made(browser, state, "verifier").encode()).digest()
        query = {  # (1)
            "response_type": "code",
            "client_id": settings.client_id,
            "redirect_uri": self._base + BACK,
            "scope": " ".join(settings.scopes),
            "state": state,
            "nonce": _made(browser, state, "nonce"),
            "code_challenge": base64.urlsafe_b64encode(challenge).decode().rstrip("="),
            "code_challenge_method": "S256",
        }
        address = published.authorization
        return f"{address}{'&' if urlsplit(address).query else '?'}{urlencode(query)}"

    def finish(self, browser: str, returned: Returned, *, now_ms: int) -> tuple[str, str]:
        """Return the token of a new session, and the path to go on to.

        Raises:
            IdentityError: nobody is signed in, and why.
            StoreError: the store cannot be used.
        """
        onward = self._taken(browser, returned.state, now_ms)  # (2)
        published = self._provider.published()
        issuer = self._provider.settings.issuer
        if (published.names_itself or returned.issuer) and returned.issuer != issuer:  # (3)
            raise AnswerError("the answer came from another issuer than was asked")
        if returned.error:
            raise DeniedError("the provider let nobody in")
        if not 0 < len(returned.code) <= MOST_CODE:
            raise AnswerError("the answer holds no code")
        token = self._provider.token(  # (4)
            returned.code, verifier=_made(browser, returned.state, "verifier"), back=self._base + BACK
        )
        found = self._judged(token, _made(browser, returned.state, "nonce"), now_ms)
        if found.role is None:
            self._shut_out(found, now_ms)
            raise NoRoleError("no value of the claim gives a role")
        with self._store.writing() as connection:
            person_id = self._account(connection, found, found.role, now_ms)  # (5) (6)
            return self._sessions.begin(connection, person_id, detail=ACTOR, now_ms=now_ms), onward  # (7)

    def _taken(self, browser: str, state: str, now_ms: int) -> str:
        if not browser or not 0 < len(state) <= MOST_STATE:
            raise StaleError("the browser that came back has no token, or no state")
        with self._store.writing() as connection:
            onward = identities.take(connection, _made(browser, state, "attempt"), now_ms=now_ms)
        if onward is None:
            raise StaleError("the state is unknown here, used up, too old, or of another browser")
        return onward

    def _judged(self, token: str, nonce: str, now_ms: int) -> Identity:
        settings, now_s = self._provider.settings, now_ms // MS_PER_S
        try:
            return judged(token, keys=self._provider.keys(), settings=settings, nonce=nonce, now_s=now_s)
        except UnknownKeyError:
            keys = self._provider.keys(again=True)  # the provider may have changed its keys
            return judged(token, keys=keys, settings=settings, nonce=nonce, now_s=now_s)

    def _account(self, connection: Connection, found: Identity, role: str, now_ms: int) -> int:
        known = identities.person(connection, issuer=found.issuer, subject=found.subject)
        if known is None:
            return self._added(connection, found, role, now_ms).id
        if known.role != role:
            people.change(connection, known.id, role=role, changed_ms=now_ms)
            registry.note(
                connection, now_ms=now_ms, actor=ACTOR, action="PERSON_ROLE",
                detail=f"{known.name} {known.role} -> {role}",
            )  # fmt: skip
        return known.id

    def _added(self, connection: Connection, found: Identity, role: str, now_ms: int) -> Person:
        name = _free_name(connection, found.name)
        people.add(connection, name=name, role=role, password=NOBODY, now_ms=now_ms)
        made = people.by_name(connection, name)
        if made is None:
            raise IdentityError("the account that was just made is not there")
        identities.link(connection, made.id, issuer=found.issuer, subject=found.subject, now_ms=now_ms)
        registry.note(
            connection, now_ms=now_ms, actor=ACTOR, action="PERSON_ADDED",
            detail=f"{name} {role}, {found.issuer} {found.subject}",
        )  # fmt: skip
        return made

    def _shut_out(self, found: Identity, now_ms: int) -> None:
        """Note it, and end the sessions of somebody who had a role before."""
        with self._store.writing() as connection:
            known = identities.person(connection, issuer=found.issuer, subject=found.subject)
            if known is not None:
                people.end_sessions(connection, known.id)
            registry.note(
                connection, now_ms=now_ms, actor=ACTOR, action="SIGN_IN_REFUSED",
                detail=f"{found.name}, {found.issuer} {found.subject}: no role",
            )  # fmt: skip


def _made(browser: str, state: str, purpose: str) -> str:
    """Return a secret of this browser for one sign-in and one purpose, 43 letters as PKCE wants them at least."""
    key = digest(browser).encode()
    made = hmac.new(key, f"starproof oidc {purpose} {state}".encode("utf-8", "surrogatepass"), "sha256")
    return base64.urlsafe_b64encode(made.digest()).decode().rstrip("=")


def _free_name(connection: Connection, name: str) -> str:
    """Return the name, with a number behind it if somebody else or a program of the trail has it."""
    for number in range(1, MOST_NAMESAKES):
        ending = "" if number == 1 else f" ({number})"
        candidate = name[: MOST_NAME - len(ending)] + ending
        if not trail.is_reserved(candidate) and people.by_name(connection, candidate) is None:
            return candidate
    raise AnswerError(
        f"{MOST_NAMESAKES} accounts have this name; the provider should give another claim for names"
    )
