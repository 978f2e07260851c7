"""Who is told: the file ``alerts.toml``, read strictly (docs/alerts.md).

The address of a robot holds its key, so it is a secret like any other: the file says where it is, never
what it is.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import tomllib

from collector.alerts.matters import BAD, CODES, WARN
from collector.alerts.situation import DEFAULT_COVERAGE_PERCENT
from collector.alerts.words import LANGUAGES
from collector.errors import SettingsError
from collector.names import nearest
from collector.polling.accounts import read_text
from collector.polling.references import require_reference

JSON, WECOM, DINGTALK = "json", "wecom", "dingtalk"
KINDS = (JSON, WECOM, DINGTALK)
MAX_WEBHOOKS = 16
MAX_ALIAS = 32
_KEYS = ("alias", "kind", "url", "secret", "codes", "least", "language", "ca_file", "proxy")
_ALIAS_CHARACTERS = frozenset("abcdefghijklmnopqrstuvwxyz0123456789-")
_EXAMPLE = "write every webhook as a table [[webhooks]] with alias, kind and url"


@dataclass(frozen=True)
class Webhook:
    """One table of the file; ``url`` and ``secret`` say where the secrets are."""

    alias: str
    kind: str
    url: str
    secret: str = ""
    codes: tuple[str, ...] = tuple(CODES)
    language: str = LANGUAGES[0]
    ca_file: str = ""
    proxy: str = ""


@dataclass(frozen=True)
class AlertSettings:
    """What the file says."""

    coverage_percent: int = DEFAULT_COVERAGE_PERCENT
    webhooks: tuple[Webhook, ...] = ()


def read_alerts(path: Path) -> AlertSettings:
    """Return the settings in a file; the defaults if there is no such file.

    Raises:
        SettingsError: the file cannot be read, or names the key that is wrong.
    """
    return parse_alerts(read_text(path), where=str(path))


def parse_alerts(text: str, *, where: str) -> AlertSettings:
    """Return the settings in the text of a file.

    Raises:
        SettingsError: not TOML, an unknown key, a wrong value, or an alias stands twice.
    """
    try:
        document = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise SettingsError(f"{where} is not a TOML file: {error}") from None
    known = ("coverage_percent", "webhooks")
    for key in document:
        if key not in known:
            raise SettingsError(f"{where}: unknown key {key!r}{nearest(key, known)}")
    percent = document.get("coverage_percent", DEFAULT_COVERAGE_PERCENT)
    if not isinstance(percent, int) or isinstance(percent, bool) or not 1 <= percent <= 100:  # noqa: PLR2004 - percent
        raise SettingsError(f"{where}: coverage_percent is a whole number from 1 to 100")
    entries = document.get("webhooks", [])
    if not isinstance(entries, list) or not all(isinstance(entry, dict) for entry in entries):
        raise SettingsError(f"{where}: {_EXAMPLE}")
    if len(entries) > MAX_WEBHOOKS:
        raise SettingsError(f"{where}: {len(entries)} webhooks, at most {MAX_WEBHOOKS}")
    found = tuple(_webhook(entry, f"{where}: webhook {place}") for place, entry in enumerate(entries, 1))
    aliases = [one.alias for one in found]
    twice = next((alias for alias in aliases if aliases.count(alias) > 1), None)
    if twice is not None:
        raise SettingsError(f"{where}: the alias {twice!r} stands twice; choose another one")
    return AlertSettings(percent, found)


def _webhook(entry: Mapping[str, Any], where: str) -> Webhook:
    for key in entry:
        if key not in _KEYS:
            raise SettingsError(f"{where}: unknown key {key!r}{nearest(key, _KEYS)}")
    alias = entry.get("alias")
    if not isinstance(alias, str) or not 0 < len(alias) <= MAX_ALIAS or not set(alias) <= _ALIAS_CHARACTERS:
        raise SettingsError(f"{where}: alias is needed: at most 32 lower-case letters, digits and hyphens")
    where = f"{where} ({alias})"
    kind = _choice(entry, "kind", KINDS, where)
    if kind is None:
        raise SettingsError(f"{where}: kind is one of {', '.join(KINDS)}")
    secret = entry.get("secret", "")
    if secret and kind == WECOM:
        raise SettingsError(f"{where}: a robot of WeCom takes no secret; its key is in its address")
    return Webhook(
        alias,
        kind,
        require_reference(entry.get("url"), f"{where}: url"),
        require_reference(secret, f"{where}: secret") if secret else "",
        _codes(entry, where),
        _choice(entry, "language", LANGUAGES, where) or LANGUAGES[0],
        _text(entry, "ca_file", where),
        _text(entry, "proxy", where),
    )


def _codes(entry: Mapping[str, Any], where: str) -> tuple[str, ...]:
    """Return the codes that a webhook is told of: those it names, of those that are urgent enough."""
    wanted = entry.get("codes", list(CODES))
    if not isinstance(wanted, list) or not wanted:
        raise SettingsError(f"{where}: codes is a list of some of {', '.join(CODES)}")
    for code in wanted:
        if code not in CODES:
            raise SettingsError(f"{where}: unknown code {code!r}{nearest(str(code), CODES)}")
    least = _choice(entry, "least", (WARN, BAD), where) or WARN
    return tuple(code for code, kind in CODES.items() if code in wanted and (least == WARN or kind == BAD))


def _choice(entry: Mapping[str, Any], key: str, allowed: tuple[str, ...], where: str) -> str | None:
    value = entry.get(key)
    if value is None:
        return None
    if value not in allowed:
        raise SettingsError(f"{where}: {key} is one of {', '.join(allowed)}")
    return str(value)


def _text(entry: Mapping[str, Any], key: str, where: str) -> str:
    value = entry.get(key, "")
    if not isinstance(value, str) or not value.isprintable() or "@" in value:
        raise SettingsError(f"{where}: {key} is a text without user or password in it")
    return value
