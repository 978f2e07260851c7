"""Settings of ``starproof relay``: a TOML file, overruled by the command line (``docs/relay.md``)."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import tomllib

from collector.errors import SettingsError
from collector.names import nearest
from collector.places import state_directory
from collector.settings import MAX_SETTINGS_BYTES, Settings, parse_settings
from collector.tls.settings import OFF

DATABASE_NAME = "relay.db"
DEFAULT_MAX_MIB, DEFAULT_HOST_MIB = 1024, 64
_MOST_MIB = 1024 * 1024
_SERVING = ("listen", "limits", "tls")
_TEXTS = ("to", "ca", "certificate", "state")
_SIZES = ("max_mib", "host_mib")
_URL = re.compile(
    r"https?://(\[[0-9A-Fa-f:.]+\]|[A-Za-z0-9._-]+)(:\d{1,5})?(/[A-Za-z0-9._~%/-]*)?\Z", re.ASCII
)


@dataclass(frozen=True)
class RelaySettings:
    """What a relay runs with. ``serving`` is how it answers agents: address, limits, TLS."""

    to: str
    """The collector, or another relay."""
    serving: Settings
    state: Path
    ca: Path | None = None
    """The authority of ``to``, believed instead of the system's."""
    certificate: Path | None = None
    """Key and certificate in one PEM file, for a collector that wants one."""
    max_bytes: int = DEFAULT_MAX_MIB << 20
    """Of everything that is kept."""
    host_bytes: int = DEFAULT_HOST_MIB << 20
    """Of the chunks of one key that wait."""

    @property
    def database(self) -> Path:
        """Where waiting chunks and answers are kept."""
        return self.state / DATABASE_NAME


def relay_settings(path: Path | None, **options: str | Path | None) -> RelaySettings:
    """Return the settings in a file, overruled by options that are not ``None``.

    Raises:
        SettingsError: the file cannot be read, a key is wrong, or no collector is named.
    """
    where = str(path or "starproof relay")
    document = {**_document(path), **{k: str(v) for k, v in options.items() if v is not None}}
    known = (*_TEXTS, *_SIZES, *_SERVING)
    for key in document:
        if key not in known:
            raise SettingsError(f"{where}: unknown key {key!r}{nearest(key, known)}")
    texts = {key: _text(document[key], key, where) for key in _TEXTS if key in document}
    if not _URL.match(texts.get("to", "")):
        raise SettingsError(
            f"{where}: to is the collector's address such as https://collector.example:8440; write it, or --to"
        )
    sizes = {key: _size(document[key], key, where) for key in _SIZES if key in document}
    state = Path(texts["state"]) if "state" in texts else state_directory().with_name("relay")
    serving = parse_settings({key: document[key] for key in _SERVING if key in document}, where=where)
    if serving.tls.clients != OFF:
        raise SettingsError(f"{where}: a relay asks for no client certificates; leave tls.clients out")
    return RelaySettings(
        to=texts["to"].rstrip("/"),
        # The certificate of an own authority lies beside the database, as a collector's does.
        serving=replace(serving, db=f"sqlite:///{state / DATABASE_NAME}"),
        state=state,
        ca=Path(texts["ca"]) if "ca" in texts else None,
        certificate=Path(texts["certificate"]) if "certificate" in texts else None,
        max_bytes=sizes.get("max_mib", DEFAULT_MAX_MIB) << 20,
        host_bytes=sizes.get("host_mib", DEFAULT_HOST_MIB) << 20,
    )


def _document(path: Path | None) -> Mapping[str, Any]:
    if path is None:
        return {}
    try:
        with path.open("rb") as file:
            raw = file.read(MAX_SETTINGS_BYTES + 1)
        if len(raw) > MAX_SETTINGS_BYTES:
            raise SettingsError(
                f"{path} is larger than {MAX_SETTINGS_BYTES} bytes; it is not a settings file"
            )
        return tomllib.loads(raw.decode("utf-8"))
    except OSError as error:
        raise SettingsError(f"cannot read {path}: {error.strerror}") from None
    except (UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        raise SettingsError(f"{path} is not a TOML file: {error}") from None


def _text(value: object, key: str, where: str) -> str:
    if not isinstance(value, str) or not value:
        raise SettingsError(f"{where}: {key} is a text between quotes")
    return value


def _size(value: object, key: str, where: str) -> int:
    if not isinstance(value, int) or isinstance(value, bool) or not 0 < value <= _MOST_MIB:
        raise SettingsError(f"{where}: {key} is a whole number of MiB from 1 to {_MOST_MIB}")
    return value
