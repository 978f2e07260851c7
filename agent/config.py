"""The agent's configuration: one TOML file, every key known, every mistake named with its place.

``KEYS`` is the whole list; ``docs/agent-config.md`` and ``config/examples/agent.toml`` explain each
key, and tests hold the three together. Options on the command line override the file.
"""

from __future__ import annotations

import os
import re
import sys
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Optional, Union, cast

from agent.errors import ConfigError, UsageError
from agent.schedule import DEFAULT_INTERVAL_S, DEFAULT_SEAL_S, GREATEST_STEP_S, LEAST_STEP_S

DEFAULT_PATH = "/etc/starproof/agent.toml"
MAX_CONFIG_BYTES = 1024 * 1024
MAX_PATTERNS = 256
DEFAULT_UNITS = 8
MOST_UNITS = 32
LOOPBACK = ("127.0.0.1", "::1", "localhost")

Value = Union[str, int, bool, tuple[str, ...], None]


@dataclass(frozen=True)
class Key:
    """One key of the file: its type, its default, and what to write when it is wrong."""

    kind: type
    default: Value
    advice: str
    least: int = 0
    most: int = 0


KEYS: Mapping[str, Key] = {
    "collector": Key(str, None, 'a URL such as "https://collector.example:8440"'),
    "state": Key(str, None, 'a folder such as "/var/lib/starproof/agent"'),
    "interval_s": Key(int, DEFAULT_INTERVAL_S, "whole seconds", LEAST_STEP_S, GREATEST_STEP_S),
    "seal_s": Key(int, DEFAULT_SEAL_S, "whole seconds", LEAST_STEP_S, GREATEST_STEP_S),
    "log_level": Key(str, "info", '"debug", "info", "warning" or "error"'),
    "devices.nics_include": Key(tuple, (), 'a list of names such as ["eth0"]'),
    "devices.nics_exclude": Key(tuple, (), 'a list of names such as ["eth1"]'),
    "devices.disks_include": Key(tuple, (), 'a list of names such as ["sda"]'),
    "devices.disks_exclude": Key(tuple, (), 'a list of names such as ["sdb"]'),
    "units.count": Key(int, DEFAULT_UNITS, "a number of units", 0, MOST_UNITS),
    "delivery.ca_file": Key(str, None, 'a file such as "/etc/starproof/ca.pem"'),
    "delivery.proxy": Key(str, None, 'a URL such as "http://proxy.example:3128", or "" for none'),
    "delivery.timeout_s": Key(int, 30, "whole seconds", 1, 600),
    "delivery.max_chunks": Key(int, 64, "a number of chunks", 1, 256),
    "metrics.listen": Key(str, "", 'an address such as "127.0.0.1:9105"'),
    "metrics.allow_remote": Key(bool, False, "true or false"),
    "spool.max_mib": Key(int, 1024, "whole MiB", 1, 1024 * 1024),
}
LOG_LEVELS = ("debug", "info", "warning", "error")


@dataclass(frozen=True)
class Settings:
    """The values in force. Attribute names are the keys with ``_`` for the dot."""

    collector: Optional[str]
    state: Optional[str]
    interval_s: int
    seal_s: int
    log_level: str
    devices_nics_include: tuple[str, ...]
    devices_nics_exclude: tuple[str, ...]
    devices_disks_include: tuple[str, ...]
    devices_disks_exclude: tuple[str, ...]
    units_count: int
    delivery_ca_file: Optional[str]
    delivery_proxy: Optional[str]
    delivery_timeout_s: int
    delivery_max_chunks: int
    metrics_listen: str
    metrics_allow_remote: bool
    spool_max_mib: int

    def devices(self) -> dict[str, Any]:
        """Return what is measured as ``this_host`` takes them."""
        return {
            "nics_include": self.devices_nics_include,
            "nics_exclude": self.devices_nics_exclude,
            "disks_include": self.devices_disks_include,
            "disks_exclude": self.devices_disks_exclude,
            "units": self.units_count,
        }


def load(path: Optional[str], **options: Value) -> Settings:
    """Return the settings of a file, overridden by options that are not ``None``.

    Args:
        path: the file; ``None``: ``/etc/starproof/agent.toml`` if it is there, else the defaults.
        options: values by key name.

    Raises:
        ConfigError: the file cannot be read, or a key is unknown or wrong.
    """
    if path is None and os.path.exists(DEFAULT_PATH):
        path = DEFAULT_PATH
    text = text_of(path) if path is not None else ""
    return parse(text, where=path or "", **options)


def parse(text: str, *, where: str, **options: Value) -> Settings:
    """Return the settings that a TOML text holds, overridden by options that are not ``None``.

    Raises:
        ConfigError: a key is unknown or wrong; the message names file, line and what to write.
    """
    return settings_of(toml_of(text, where), text, where=where, **options)


def settings_of(document: Mapping[str, Any], text: str, *, where: str, **options: Value) -> Settings:
    """Return the settings of a parsed document; ``text`` is its source, for naming lines.

    Raises:
        ConfigError: as ``parse``.
    """
    found: dict[str, Value] = {name: key.default for name, key in KEYS.items()}
    for name, value in _flat(document):
        place = f"{where} line {_line(text, name)}"
        if name not in KEYS:
            raise ConfigError(f"{place}: unknown key {name}; {_nearest(name)}")
        found[name] = checked(name, KEYS[name], value, place)
    for name, value in options.items():
        if value is not None:
            try:
                found[name] = checked(name, KEYS[name], value, f"--{name.replace('_s', '')}")
            except ConfigError as error:
                raise UsageError(str(error)) from None
    if found["log_level"] not in LOG_LEVELS:
        raise ConfigError(f"{where}: log_level must be {KEYS['log_level'].advice}")
    settings = Settings(**{name.replace(".", "_"): value for name, value in found.items()})  # type: ignore[arg-type]
    if settings.metrics_listen:
        listen(settings)
    return settings


def listen(settings: Settings) -> tuple[str, int]:
    """Return host and port that the metrics are served on.

    Raises:
        ConfigError: no address, or one that others can reach without ``metrics.allow_remote``.
    """
    return address(settings.metrics_listen, remote=settings.metrics_allow_remote)


def address(text: str, *, remote: bool) -> tuple[str, int]:
    """Return host and port of an address such as ``127.0.0.1:9105``; ``remote``: others may reach it.

    Raises:
        ConfigError: no address, or one that others can reach although they may not.
    """
    host, _, port = text.rpartition(":")
    host = host.strip("[]")
    if not host or not (port.isascii() and port.isdecimal()) or int(port[:6]) > 65_535:  # noqa: PLR2004 - TCP
        raise ConfigError(f"metrics.listen must be {KEYS['metrics.listen'].advice}")
    if host not in LOOPBACK and not remote:
        raise ConfigError(
            f"metrics.listen {text} can be reached from outside; "
            "write 127.0.0.1 or set metrics.allow_remote = true"
        )
    return host, int(port)


def text_of(path: str) -> str:
    """Return the text of a configuration file.

    Raises:
        ConfigError: it cannot be read, is too long, or no text.
    """
    try:
        with open(path, "rb") as file:
            data = file.read(MAX_CONFIG_BYTES + 1)
    except OSError as error:
        raise ConfigError(f"{path} cannot be read: {error.strerror}") from None
    if len(data) > MAX_CONFIG_BYTES:
        raise ConfigError(f"{path} is longer than {MAX_CONFIG_BYTES} bytes")
    try:
        return data.decode("utf-8-sig")
    except UnicodeDecodeError:
        raise ConfigError(f"{path} is not UTF-8 text") from None


def toml_of(text: str, where: str) -> Mapping[str, Any]:
    """Return the document that a TOML text holds, empty for an empty text.

    Raises:
        ConfigError: not TOML.
    """
    if not text.strip():
        return {}
    if sys.version_info >= (3, 11):
        import tomllib  # novermin - 3.11 is asked for above # noqa: PLC0415 - not needed without a file
    else:
        import tomli as tomllib  # noqa: PLC0415 - the same
    try:
        return tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise ConfigError(f"{where}: not TOML: {error}") from None


def _flat(document: Mapping[str, Any], prefix: str = "") -> Iterator[tuple[str, Any]]:
    tables = {name.split(".")[0] for name in KEYS if "." in name}
    for name, value in document.items():
        if isinstance(value, dict) and not prefix and (name in tables or value):
            yield from _flat(value, name + ".")
        else:
            yield prefix + name, value


def checked(name: str, key: Key, value: Any, place: str, *, most: int = MAX_PATTERNS) -> Value:
    """Return a value that a key can have; ``most`` limits lists. Raises ConfigError."""
    if key.kind is tuple:
        whole = isinstance(value, (list, tuple)) and all(isinstance(item, str) and item for item in value)
        if not whole or len(value) > most:
            raise ConfigError(f"{place}: {name} must be {key.advice}")
        return tuple(value)
    if type(value) is not key.kind:
        raise ConfigError(f"{place}: {name} must be {key.advice}, not {value!r}")
    if isinstance(value, int) and key.kind is int and not key.least <= value <= key.most:
        raise ConfigError(f"{place}: {name} is {value}; write {key.advice} from {key.least} to {key.most}")
    return cast("Value", value)


def _nearest(name: str) -> str:
    """Return the known key that was most likely meant, compared with and without its table."""
    import difflib  # noqa: PLC0415 - only for a mistake

    last = name.rpartition(".")[2]
    short = {key.rpartition(".")[2]: key for key in KEYS}
    near = difflib.get_close_matches(name, KEYS, n=1) or difflib.get_close_matches(last, short, n=1)
    return f"did you mean {short.get(near[0], near[0])}?" if near else f"known keys: {', '.join(KEYS)}"


def _line(text: str, name: str) -> int:
    """Return the line on which a key stands, 1 if it cannot be told."""
    table, _, last = name.rpartition(".")
    inside = not table
    for number, line in enumerate(text.splitlines(), 1):
        header = re.match(r"\s*\[+\s*([^\]]+?)\s*\]", line)
        if header:
            inside = header[1] == table
            if header[1] == name:
                return number
        elif re.match(rf"\s*[\"']?{re.escape(last if inside else name)}[\"']?\s*[=.]", line):
            return number
    return 1
