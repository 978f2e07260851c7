"""The table ``[oidc]`` of the collector's settings: one identity provider at which people may sign in.

What a person may do follows from a claim of the provider's, by ``[oidc.roles]``; whoever has none of the values
named there is refused. The secret itself never stands here, only where it is.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from collector.errors import SettingsError
from collector.names import nearest

ROLES = ("administrator", "operator", "viewer", "reviewer")
"""From the one that may most to the one that may least: the first that a person's claim gives is taken."""
ALGORITHMS = (
    "RS256", "RS384", "RS512", "PS256", "PS384", "PS512", "ES256", "ES384", "ES512", "EdDSA",
)  # fmt: skip
"""Those with a public key. ``none`` and the HMACs, whose key both sides know, cannot be allowed."""
USUAL_ALGORITHMS = ("RS256", "PS256", "ES256")
MOST_VALUES = 64
MOST_CHARACTERS = 512
MOST_SKEW_S = 300
_LOOPBACK = ("localhost", "127.0.0.1", "::1")
_LISTS = ("scopes", "algorithms")


@dataclass(frozen=True)
class Oidc:
    """How people sign in at an identity provider (OpenID Connect Core 1.0, authorization code with PKCE)."""

    issuer: str
    client_id: str
    client_secret: str | None = None
    """Where the secret is: ``file:``, ``env:`` or ``systemd:``; ``None``: a public client, with PKCE alone."""
    name: str = "统一身份认证"
    """What the button at the door calls the provider."""
    scopes: tuple[str, ...] = ("openid", "profile")
    roles_claim: str = "groups"
    """Of the ID token; dots lead into tables, as in ``realm_access.roles``."""
    name_claim: str = "preferred_username"
    algorithms: tuple[str, ...] = USUAL_ALGORITHMS
    skew_s: int = 60
    """How far the two clocks may differ."""
    ca_file: Path | None = None
    """Certificates to trust instead of the system's, PEM."""
    roles: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    """For each role the values of the claim that give it."""


def parse_oidc(table: object, where: str, *, public_url: str | None) -> Oidc | None:
    """Return what the table says, ``None`` if there is none.

    Raises:
        SettingsError: a key is unknown, wrong or missing, or there is no address to come back to.
    """
    if table is None:
        return None
    if not isinstance(table, Mapping):
        raise SettingsError(f"{where}: oidc is a table; write [oidc]")
    known = [one.name for one in fields(Oidc)]
    for key in table:
        if key not in known:
            raise SettingsError(f"{where}: unknown key oidc.{key}{nearest(key, known)}")
    values: dict[str, Any] = {key: _value(key, table[key], where) for key in table if key != "roles"}
    for key in ("issuer", "client_id"):
        if key not in values:
            raise SettingsError(f"{where}: oidc.{key} is missing; the provider's administrator knows it")
    _require_private(values["issuer"], "oidc.issuer", where)
    if public_url is None:
        raise SettingsError(
            f"{where}: [oidc] needs public_url, the address to which the provider sends people back"
        )
    _require_private(public_url, "public_url (with [oidc])", where)
    if "openid" not in values.get("scopes", ("openid",)):
        raise SettingsError(f'{where}: oidc.scopes holds "openid"')
    return Oidc(**values, roles=_roles(table.get("roles"), where))


def _value(key: str, value: object, where: str) -> object:
    if key in _LISTS:
        return _texts(value, f"oidc.{key}", where, among=ALGORITHMS if key == "algorithms" else None)
    if key == "skew_s":
        if not isinstance(value, int) or isinstance(value, bool) or not 0 <= value <= MOST_SKEW_S:
            raise SettingsError(f"{where}: oidc.skew_s is a whole number from 0 to {MOST_SKEW_S}")
        return value
    if not _is_text(value):
        raise SettingsError(f"{where}: oidc.{key} is a text between quotes")
    return Path(str(value)) if key == "ca_file" else value


def _roles(table: object, where: str) -> Mapping[str, tuple[str, ...]]:
    example = '[oidc.roles] with, for example, operator = ["it-department"]'
    if not isinstance(table, Mapping) or not table:
        raise SettingsError(f"{where}: oidc.roles is missing; write {example}")
    given: dict[str, str] = {}
    for role in table:
        if role not in ROLES:
            raise SettingsError(f"{where}: unknown key oidc.roles.{role}{nearest(role, ROLES)}")
        for value in _texts(table[role], f"oidc.roles.{role}", where):
            if value in given:
                raise SettingsError(f"{where}: oidc.roles names {value!r} for {given[value]} and for {role}")
            given[value] = role
    return {role: _texts(table[role], role, where) for role in ROLES if role in table}


def _texts(value: object, name: str, where: str, *, among: tuple[str, ...] | None = None) -> tuple[str, ...]:
    if not isinstance(value, list) or not 0 < len(value) <= MOST_VALUES or not all(map(_is_text, value)):
        raise SettingsError(f"{where}: {name} is a list of 1 to {MOST_VALUES} texts")
    for text in value if among else ():
        if text not in (among or ()):
            raise SettingsError(f"{where}: {name}: {text!r} is none of {', '.join(among or ())}")
    return tuple(value)


def _is_text(value: object) -> bool:
    return isinstance(value, str) and 0 < len(value) <= MOST_CHARACTERS and value.isprintable()


def _require_private(url: str, name: str, where: str) -> None:
    try:
        parts = urlsplit(url)
        host, _ = parts.hostname, parts.port  # raises for what is no port
    except ValueError:
        host = None
    if (
        not host
        or parts.query
        or parts.fragment
        or "@" in parts.netloc
        or parts.scheme not in ("http", "https")
    ):
        raise SettingsError(f"{where}: {name} is an address such as https://id.example.com")
    if parts.scheme == "http" and host not in _LOOPBACK:
        raise SettingsError(f"{where}: {name} begins with https://; plain http is for this machine alone")
