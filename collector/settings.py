"""Settings of ``starproof collector serve``: a TOML file, overruled by the command line.

Every key is described in ``docs/collector-config.md``. Unknown keys are refused with the nearest
name, because a misspelt limit that is silently ignored is no limit.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any

import tomllib

from collector.errors import SettingsError
from collector.names import nearest
from collector.oidc_settings import Oidc, parse_oidc
from collector.places import state_directory
from collector.store.engine import sqlite_path
from collector.tls.settings import Tls, parse_tls
from evidence.chunk import MAX_NAME

DEFAULT_LISTEN = "127.0.0.1:8440"
MAX_SETTINGS_BYTES = 1024 * 1024
DATABASE_VARIABLE = "STARPROOF_DB"
"""Names the store for commands without ``--db``: a URL may hold a password, which arguments would show."""
DATABASE_NAME = "starproof.db"
SOURCES_NAME = "sources.toml"
ANCHORS_NAME = "anchors.toml"
ALERTS_NAME = "alerts.toml"
_TABLES = ("limits", "tls", "oidc")
_MOST = 10**6
_MAX_PORT = 65_535


@dataclass(frozen=True)
class Limits:
    """How much the service takes on. Seconds where the name ends in ``_s``."""

    requests_per_minute: int = 120
    """Per sending key and address; an agent that catches up sends about one a second."""
    enrolments_per_minute: int = 30
    """Per address: guessing a token of 256 bits is hopeless anyway, this keeps it cheap for us."""
    connections: int = 512
    connections_per_address: int = 256
    """A fleet may stand behind one proxy; but no address may take all connections."""
    pending_batches: int = 16
    """Batches that wait for the one writer; more are told to come back."""
    header_timeout_s: int = 10
    body_timeout_s: int = 60
    idle_timeout_s: int = 30
    shutdown_timeout_s: int = 20
    token_hours: int = 24


@dataclass(frozen=True)
class Settings:
    """What the service runs with. ``None``: not set, the store's own value or the default holds."""

    enterprise: str | None = None
    timezone: str | None = None
    db: str | None = None
    listen: str = DEFAULT_LISTEN
    public_url: str | None = None
    sources: str | None = None
    anchors: str | None = None
    alerts: str | None = None
    limits: Limits = Limits()
    tls: Tls = Tls()  # noqa: RUF009 - a frozen record
    oidc: Oidc | None = None
    """Where people may sign in besides the console's own accounts."""

    @property
    def database_url(self) -> str:
        """The database URL, by default an SQLite file in the state directory."""
        return self.db or default_database_url()

    @property
    def sources_file(self) -> Path:
        """Where the sources are named, by default a file beside the keys."""
        return Path(self.sources) if self.sources else key_directory(self.database_url) / SOURCES_NAME

    @property
    def anchors_file(self) -> Path:
        """Where the anchors are named, by default a file beside the keys."""
        return Path(self.anchors) if self.anchors else key_directory(self.database_url) / ANCHORS_NAME

    @property
    def alerts_file(self) -> Path:
        """Where it stands who is told of alerts, by default a file beside the keys."""
        return Path(self.alerts) if self.alerts else key_directory(self.database_url) / ALERTS_NAME


def read_settings(path: Path) -> Settings:
    """Return the settings in a TOML file.

    Raises:
        SettingsError: the file cannot be read, or names the key that is wrong.
    """
    try:
        with path.open("rb") as file:
            raw = file.read(MAX_SETTINGS_BYTES + 1)
    except OSError as error:
        raise SettingsError(f"cannot read {path}: {error.strerror}") from None
    if len(raw) > MAX_SETTINGS_BYTES:
        raise SettingsError(f"{path} is larger than {MAX_SETTINGS_BYTES} bytes; it is not a settings file")
    try:
        document = tomllib.loads(raw.decode("utf-8"))
    except (UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        raise SettingsError(f"{path} is not a TOML file: {error}") from None
    return parse_settings(document, where=str(path))


def parse_settings(document: Mapping[str, Any], *, where: str) -> Settings:
    """Return the settings in a parsed document.

    Raises:
        SettingsError: a key is unknown or its value is of the wrong type or out of range.
    """
    known = [field.name for field in fields(Settings)]
    for key in document:
        if key not in known:
            raise SettingsError(f"{where}: unknown key {key!r}{nearest(key, known)}")
    table = document.get("limits", {})
    if not isinstance(table, dict):
        raise SettingsError(f"{where}: limits is a table; write [limits]")
    texts = {key: _text(document[key], key, where) for key in known if key not in _TABLES and key in document}
    tls = parse_tls(document.get("tls", {}), where)
    oidc = parse_oidc(document.get("oidc"), where, public_url=texts.get("public_url"))
    settings = Settings(**texts, limits=_limits(table, where), tls=tls, oidc=oidc)
    parse_listen(settings.listen)
    return settings


def parse_listen(text: str) -> tuple[str, int]:
    """Return address and port of ``ADDR:PORT``; an IPv6 address stands in brackets.

    Raises:
        SettingsError: it is not written so.
    """
    address, colon, port = text.rpartition(":")
    bracketed = address.startswith("[") and address.endswith("]")
    if not colon or not address or (":" in address and not bracketed):
        raise SettingsError(f"listen {text!r} is not ADDR:PORT, for example {DEFAULT_LISTEN} or [::1]:8440")
    if not (port.isascii() and port.isdigit() and int(port[:6]) <= _MAX_PORT):
        raise SettingsError(f"listen {text!r}: the port is a number from 0 to {_MAX_PORT}")
    return address[1:-1] if bracketed else address, int(port)


def enterprise_name(text: str) -> str:
    """Return ``text`` if it can name an enterprise.

    Raises:
        SettingsError: it is empty, too long or not printable.
    """
    if not 0 < len(text) <= MAX_NAME or not text.isprintable():
        raise SettingsError(f"enterprise has 1 to {MAX_NAME} printable characters")
    return text


def default_database_url() -> str:
    """Return the URL that the environment names, else that of the SQLite file in the state directory."""
    return os.environ.get(DATABASE_VARIABLE) or f"sqlite:///{state_directory() / DATABASE_NAME}"


def key_directory(database_url: str) -> Path:
    """Return where the keys of this database's collector lie: beside an SQLite file."""
    path = sqlite_path(database_url)
    return path.parent if path is not None else state_directory()


def _limits(table: Mapping[str, Any], where: str) -> Limits:
    known = [field.name for field in fields(Limits)]
    for key, value in table.items():
        if key not in known:
            raise SettingsError(f"{where}: unknown key limits.{key}{nearest(key, known)}")
        if not isinstance(value, int) or isinstance(value, bool) or not 0 < value <= _MOST:
            raise SettingsError(f"{where}: limits.{key} is a whole number from 1 to {_MOST}")
    return Limits(**table)


def _text(value: object, key: str, where: str) -> str:
    if not isinstance(value, str) or not value:
        raise SettingsError(f"{where}: {key} is a text between quotes")
    if key == "enterprise":
        try:
            return enterprise_name(value)
        except SettingsError as error:
            raise SettingsError(f"{where}: {error}") from None
    return value
