"""One-time tokens: made here, shown once, stored only as their SHA-256."""

from __future__ import annotations

import hashlib
import secrets
import shlex
from dataclasses import dataclass

from collector.errors import RequestError, SettingsError
from collector.names import is_host_name
from collector.store import registry
from collector.store.engine import Store
from collector.store.registry import Token

TOKEN_BYTES = 32
MAX_TOKEN_CHARACTERS = 128
DEFAULT_HOURS = 24
MS_PER_HOUR = 3_600_000


@dataclass(frozen=True)
class IssuedToken:
    """A new token in the clear, for the one time it is shown."""

    text: str
    host: str | None
    expires_ms: int


def digest(text: str) -> str:
    """Return the SHA-256 under which a token is stored, 64 hex digits."""
    return hashlib.sha256(text.encode("utf-8", errors="surrogatepass")).hexdigest()


def issue(
    store: Store, *, host: str | None, now_ms: int, hours: int = DEFAULT_HOURS, actor: str = "operator"
) -> IssuedToken:
    """Store a new token and return it. ``host`` binds it to one host name; ``actor`` is who gives it out.

    Raises:
        SettingsError: ``host`` cannot be a host name.
        StoreError: it could not be stored.
    """
    if host is not None and not is_host_name(host):
        raise SettingsError(f"--host {host!r}: a host name has 1 to 128 printable characters")
    issued = IssuedToken(secrets.token_urlsafe(TOKEN_BYTES), host, now_ms + hours * MS_PER_HOUR)
    with store.writing() as connection:
        registry.add_token(
            connection, Token(digest(issued.text), host, now_ms, issued.expires_ms, None, None)
        )
        registry.note(connection, now_ms=now_ms, actor=actor, action="TOKEN", detail=host or "")
    return issued


def enroll_command(token: str, *, url: str, host: str | None, pin: str = "") -> str:
    """Return the command that enrols a host where the agent is installed.

    The token comes by standard input: so it shows in no list of processes. ``pin`` is the fingerprint of the
    authority that the host shall trust, empty without TLS of our own.
    """
    command = f"echo {token} | starproof-agent enroll --collector {url} --token-file -"
    if host is not None:
        command += f" --name {shlex.quote(host)}"
    return f"{command} --ca-sha256 {pin}" if pin else command


def install_command(token: str, *, host: str | None) -> str:
    """Return the command that installs, enrols and starts the agent from an unpacked bundle, as root.

    The bundle brings address and authority along.
    """
    name = "" if host is None else f" --name {shlex.quote(host)}"
    return f"echo {token} | sh install.sh{name} --token-file -"


def require_fresh(token: Token | None, *, now_ms: int, late: bool = False) -> Token:
    """Return the token if it may still be used; ``late``: also when it has expired.

    Raises:
        RequestError: 401 with the reason.
    """
    ask = "ask for a new one: starproof collector token"
    if token is None:
        raise RequestError(401, "TOKEN_UNKNOWN", f"this token was not given out here; {ask}")
    if token.used_ms is not None:
        raise RequestError(401, "TOKEN_USED", f"this token was used before; {ask}")
    if now_ms >= token.expires_ms and not late:
        raise RequestError(401, "TOKEN_EXPIRED", f"this token has expired; {ask}")
    return token
