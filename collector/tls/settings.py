"""The table ``[tls]`` of the collector's settings.

Plain HTTP stays the default, also on an address that others reach: a collector that is upgraded must not
turn away the agents it has. There it warns at every start.
"""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Mapping
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any

from collector.errors import SettingsError
from collector.names import nearest

OFF, OWN, FILES = "off", "own", "files"
MODES = (OFF, OWN, FILES)
REQUIRED = "required"
MAX_NAMES = 64
MAX_NAME_CHARACTERS = 253
"""Of a DNS name (RFC 1035)."""
_NAME = re.compile(r"(?:\*\.)?[A-Za-z0-9_](?:[A-Za-z0-9_-]*)(?:\.[A-Za-z0-9_][A-Za-z0-9_-]*)*\Z", re.ASCII)


@dataclass(frozen=True)
class Tls:
    """How connections are secured. ``own``: by a CA that the collector makes; ``files``: by given files."""

    mode: str = OFF
    names: tuple[str, ...] = ()
    """DNS names and addresses that the own certificate speaks for, besides those that are known."""
    certificate: Path | None = None
    key: Path | None = None
    ca: Path | None = None
    """With ``files``: what hosts are told to pin; the last certificate of the chain if not given."""
    clients: str = OFF
    """``required``: chunks are taken only from who shows a certificate in TLS."""
    client_ca: Path | None = None
    """Believed for clients beside the own authority."""


def parse_tls(table: object, where: str) -> Tls:
    """Return what the table says.

    Raises:
        SettingsError: a key is unknown, wrong, or missing for its mode.
    """
    if not isinstance(table, Mapping):
        raise SettingsError(f"{where}: tls is a table; write [tls]")
    known = [field.name for field in fields(Tls)]
    for key in table:
        if key not in known:
            raise SettingsError(f"{where}: unknown key tls.{key}{nearest(key, known)}")
    mode = table.get("mode", OFF)
    if mode not in MODES:
        raise SettingsError(f'{where}: tls.mode is one of "off", "own", "files"')
    places = {name: _path(table[name], name, where) for name in ("certificate", "key", "ca") if name in table}
    clients = table.get("clients", OFF)
    if clients not in (OFF, REQUIRED):
        raise SettingsError(f'{where}: tls.clients is "off" or "required"')
    client_ca = _path(table["client_ca"], "client_ca", where) if "client_ca" in table else None
    if clients == REQUIRED and (mode == OFF or (mode == FILES and client_ca is None)):
        raise SettingsError(
            f'{where}: tls.clients "required" needs tls.mode "own", or "files" with tls.client_ca'
        )
    tls = Tls(mode, _names(table.get("names", []), where), **places, clients=clients, client_ca=client_ca)
    if mode == FILES and (tls.certificate is None or tls.key is None):
        raise SettingsError(f'{where}: tls.mode "files" needs tls.certificate and tls.key')
    if mode != FILES and places:
        raise SettingsError(f'{where}: tls.{next(iter(places))} is only for tls.mode "files"')
    return tls


def is_loopback(address: str) -> bool:
    """Return whether only this machine reaches an address."""
    try:
        return ipaddress.ip_address(address).is_loopback
    except ValueError:
        return address == "localhost"


def _names(value: Any, where: str) -> tuple[str, ...]:
    if not isinstance(value, list) or len(value) > MAX_NAMES or not all(map(_is_name, value)):
        raise SettingsError(
            f'{where}: tls.names is a list of names and addresses such as ["collector.example", "10.0.0.5"]'
        )
    return tuple(value)


def _is_name(value: object) -> bool:
    if not isinstance(value, str):
        return False
    try:
        ipaddress.ip_address(value)
    except ValueError:
        return len(value) <= MAX_NAME_CHARACTERS and _NAME.match(value) is not None
    return True


def _path(value: object, name: str, where: str) -> Path:
    if not isinstance(value, str) or not value:
        raise SettingsError(f"{where}: tls.{name} is the name of a file between quotes")
    return Path(value)
