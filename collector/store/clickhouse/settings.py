"""The file ``clickhouse.toml``: where the cluster is (docs/clickhouse.md).

It lies beside the keys, so every command on the store finds it as the service does; ``STARPROOF_CLICKHOUSE``
names another one.
"""

from __future__ import annotations

import os
import re
from collections.abc import Mapping
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any

import tomllib

from collector.errors import SettingsError
from collector.names import nearest

FILE_NAME = "clickhouse.toml"
FILE_VARIABLE = "STARPROOF_CLICKHOUSE"
MAX_FILE_BYTES = 64 * 1024
MAX_SHARDS = 64
MAX_REPLICAS = 8
PORT = 9000
SECURE_PORT = 9440
_MAX_PORT = 65_535
_MOST_SECONDS = 86_400
_MAX_TEXT = 512
_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]{0,63}")
_TEXTS = ("database", "user", "password", "ca_file")
_SWITCHES = ("secure", "replicated")


@dataclass(frozen=True)
class Address:
    """Where a server listens for the native protocol."""

    host: str
    port: int

    def __str__(self) -> str:
        return f"{self.host}:{self.port}"


@dataclass(frozen=True)
class ClusterSettings:
    """Where the cluster is, and how frames get there. Seconds where the name ends in ``_s``."""

    shards: tuple[tuple[Address, ...], ...]
    """The servers of every shard: one, or replicas of one another."""
    database: str = "starproof"
    user: str = "default"
    password: str | None = None
    """Where the password is: ``file:``, ``env:`` or ``systemd:``; ``None``: there is none."""
    secure: bool = True
    ca_file: Path | None = None
    """Certificates to trust instead of the system's, PEM."""
    replicated: bool = False
    """Tables replicate themselves; the servers know a ZooKeeper or a ClickHouse Keeper."""
    hold_s: int = 600
    """A frame leaves the database only so long after every replica was seen to have it (ADR 25)."""
    every_s: int = 60


def file_beside(directory: Path) -> Path:
    """Return where the settings are looked for, given the directory of the keys."""
    named = os.environ.get(FILE_VARIABLE)
    return Path(named) if named else directory / FILE_NAME


def read(path: Path) -> ClusterSettings | None:
    """Return the settings in a file, ``None`` if there is none.

    Raises:
        SettingsError: the file cannot be read, or names the key that is wrong.
    """
    try:
        with path.open("rb") as file:
            raw = file.read(MAX_FILE_BYTES + 1)
    except FileNotFoundError:
        return None
    except OSError as error:
        raise SettingsError(f"cannot read {path}: {error.strerror}") from None
    if len(raw) > MAX_FILE_BYTES:
        raise SettingsError(f"{path} is larger than {MAX_FILE_BYTES} bytes; it is not a settings file")
    try:
        document = tomllib.loads(raw.decode("utf-8"))
    except (UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        raise SettingsError(f"{path} is not a TOML file: {error}") from None
    return parse(document, where=str(path))


def parse(document: Mapping[str, Any], *, where: str) -> ClusterSettings:
    """Return the settings in a parsed document.

    Raises:
        SettingsError: a key is unknown, missing, or its value is of the wrong type or out of range.
    """
    known = [field.name for field in fields(ClusterSettings)]
    for key in document:
        if key not in known:
            raise SettingsError(f"{where}: unknown key {key!r}{nearest(key, known)}")
    values: dict[str, Any] = {
        key: _value(key, value, where) for key, value in document.items() if key != "shards"
    }
    port = SECURE_PORT if values.get("secure", True) else PORT
    settings = ClusterSettings(_shards(document.get("shards"), port, where), **values)
    if not settings.replicated and any(len(replicas) > 1 for replicas in settings.shards):
        raise SettingsError(
            f"{where}: a shard with several servers needs replicated = true and ZooKeeper; without them write "
            "one server for each shard"
        )
    return settings


def _value(key: str, value: object, where: str) -> object:
    if key in _TEXTS:
        if not isinstance(value, str) or not 0 < len(value) <= _MAX_TEXT or not value.isprintable():
            raise SettingsError(f"{where}: {key} is a text between quotes")
        if key == "database" and not _NAME.fullmatch(value):
            raise SettingsError(f"{where}: database is made of letters, digits and _")
        return Path(value) if key == "ca_file" else value
    if key in _SWITCHES:
        if not isinstance(value, bool):
            raise SettingsError(f"{where}: {key} is true or false")
        return value
    least = 1 if key == "every_s" else 0
    if not isinstance(value, int) or isinstance(value, bool) or not least <= value <= _MOST_SECONDS:
        raise SettingsError(f"{where}: {key} is a whole number from {least} to {_MOST_SECONDS}")
    return value


def _shards(value: object, port: int, where: str) -> tuple[tuple[Address, ...], ...]:
    example = 'shards = [["ch1:9440"], ["ch2:9440"]]: a list of shards, each a list of its servers'
    if not isinstance(value, list) or not 0 < len(value) <= MAX_SHARDS:
        raise SettingsError(f"{where}: write {example}")
    found = []
    for replicas in value:
        if not isinstance(replicas, list) or not 0 < len(replicas) <= MAX_REPLICAS:
            raise SettingsError(f"{where}: write {example}")
        found.append(tuple(_address(one, port, where) for one in replicas))
    everybody = [address for replicas in found for address in replicas]
    if len(set(everybody)) != len(everybody):
        raise SettingsError(f"{where}: shards names a server twice")
    return tuple(found)


def _address(text: object, port: int, where: str) -> Address:
    if isinstance(text, str) and 0 < len(text) <= _MAX_TEXT and text.isprintable():
        host, colon, number = text.rpartition(":")
        if not colon or text.endswith("]"):
            host, number = text, str(port)
        bracketed = host.startswith("[") and host.endswith("]")
        is_number = number.isascii() and number.isdigit() and 0 < int(number[:6]) <= _MAX_PORT
        if host and is_number and (bracketed or ":" not in host):
            return Address(host[1:-1] if bracketed else host, int(number))
    raise SettingsError(f"{where}: shards: {text!r} is not HOST:PORT, for example ch1.example:{port}")
