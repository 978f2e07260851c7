"""``logins.toml``: which logs are read, and how. Every key known, every mistake named with its place.

Everything but ``[[logs]]`` stands and is checked as in ``agent.toml`` (``agent.config``). ``docs/logins.md``
explains each key, and tests hold the two together.
"""

from __future__ import annotations

import codecs
import difflib
import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from typing import Any, Optional

from agent.config import MAX_PATTERNS, Key, Value, checked, toml_of
from agent.config import text_of as text_of_file
from agent.errors import ConfigError
from agent.logins.definitions import LOGIN_SUCCESS, SUPPORTED
from evidence.accounts import CLIENT_ADDRESS, excluded_fact
from evidence.calendar import LocalCalendar
from evidence.errors import EvidenceError

DEFAULT_PATH = "/etc/starproof/logins.toml"
MAX_LOGS = 64
MAX_EXCLUDED = 4_096
_NAME = re.compile(r"[a-z][a-z0-9_.-]{0,31}\Z", re.ASCII)

KEYS: Mapping[str, Key] = {
    "collector": Key(str, None, 'a URL such as "https://collector.example:8440"'),
    "state": Key(str, None, 'a folder such as "/var/lib/starproof/logins"'),
    "account_key": Key(str, None, 'the file of the account key, such as "/etc/starproof/account.key"'),
    "timezone": Key(str, "Asia/Shanghai", 'a time zone such as "Asia/Shanghai"'),
    "since": Key(str, "", 'a day such as "2026-11-01"'),
    "poll_s": Key(int, 10, "whole seconds", 1, 3_600),
    "seal_s": Key(int, 600, "whole seconds", 1, 86_400),
    "lag_s": Key(int, 60, "whole seconds", 0, 86_400),
    "exclude": Key(tuple, (), 'a list of accounts such as ["healthcheck"]'),
    "domains": Key(tuple, (), 'a list of domains such as ["CORP", "example.com"]'),
    "log_level": Key(str, "info", '"debug", "info", "warning" or "error"'),
    "delivery.ca_file": Key(str, None, 'a file such as "/etc/starproof/ca.pem"'),
    "delivery.timeout_s": Key(int, 30, "whole seconds", 1, 600),
    "delivery.max_chunks": Key(int, 64, "a number of chunks", 1, 256),
    "metrics.listen": Key(str, "", 'an address such as "127.0.0.1:9106"'),
    "metrics.allow_remote": Key(bool, False, "true or false"),
    "spool.max_mib": Key(int, 1024, "whole MiB", 1, 1024 * 1024),
}
LOG_KEYS: Mapping[str, Key] = {
    "name": Key(str, "", 'a name such as "web"'),
    "format": Key(str, "", f"one of {', '.join(SUPPORTED)}"),
    "definition": Key(str, "", "a definition such as login-success/1"),
    "paths": Key(tuple, (), 'a list of files such as ["/var/log/nginx/access.log"]'),
    "rotated": Key(tuple, (), 'a list of patterns such as ["/var/log/nginx/access.log?*"]'),
    "encoding": Key(str, "gb18030", 'an encoding such as "gb18030"'),
    "timezone": Key(str, "", 'a time zone such as "Asia/Shanghai"'),
    "account": Key(str, "", "the name of a JSON member"),
    "time": Key(str, "", "the name of a JSON member"),
    "status": Key(str, "", "the name of a JSON member"),
    "success": Key(tuple, (), 'a list such as ["200", "ok"]'),
    "pattern": Key(str, "", "a regular expression with the groups account and time"),
    "time_format": Key(str, "", 'a strptime format such as "%Y/%m/%d %H:%M:%S"'),
    "directory": Key(str, "", "the folder of a journal"),
}
LOG_LEVELS = ("debug", "info", "warning", "error")


@dataclass(frozen=True)
class Log:
    """One log. ``pattern`` is compiled for the format ``pattern``; ``success`` are statuses as they stand."""

    name: str
    format: str
    definition: str
    paths: tuple[str, ...] = ()
    rotated: tuple[str, ...] = ()
    encoding: str = "gb18030"
    timezone: str = ""
    account: str = ""
    time: str = ""
    status: str = ""
    success: tuple[str, ...] = ()
    pattern: str = ""
    time_format: str = ""
    directory: str = ""


@dataclass(frozen=True)
class Settings:
    """The values in force. Attribute names are the keys with ``_`` for the dot."""

    collector: Optional[str]
    state: Optional[str]
    account_key: Optional[str]
    timezone: str
    since: str
    poll_s: int
    seal_s: int
    lag_s: int
    exclude: tuple[str, ...]
    domains: tuple[str, ...]
    log_level: str
    delivery_ca_file: Optional[str]
    delivery_timeout_s: int
    delivery_max_chunks: int
    metrics_listen: str
    metrics_allow_remote: bool
    spool_max_mib: int
    logs: tuple[Log, ...]

    @property
    def since_day(self) -> Optional[int]:
        """The ordinal of the day from which on the logs are complete, ``None`` if none is named."""
        return date.fromisoformat(self.since).toordinal() if self.since else None


def load(path: Optional[str], **options: Value) -> Settings:
    """Return the settings of a file (``None``: ``/etc/starproof/logins.toml``), overridden by options.

    Raises:
        ConfigError: the file cannot be read, or a key is unknown or wrong.
    """
    where = path or DEFAULT_PATH
    return parse(text_of_file(where), where=where, **options)


def parse(text: str, *, where: str, **options: Value) -> Settings:
    """Return the settings that a TOML text holds.

    Raises:
        ConfigError: a key is unknown or wrong; the message names the place and what to write.
    """
    document = dict(toml_of(text, where))
    logs = document.pop("logs", [])
    found: dict[str, Any] = {name: key.default for name, key in KEYS.items()}
    for name, value in _flat(document):
        found[name] = _value(KEYS, name, value, where)
    found.update({name: value for name, value in options.items() if value is not None})
    settings = Settings(
        **{name.replace(".", "_"): value for name, value in found.items()}, logs=_logs(logs, where)
    )
    _require(settings, where)
    return settings


def _require(settings: Settings, where: str) -> None:
    if settings.log_level not in LOG_LEVELS:
        raise ConfigError(f"{where}: log_level must be {KEYS['log_level'].advice}")
    if settings.seal_s < settings.poll_s:
        raise ConfigError(f"{where}: seal_s is shorter than poll_s; make it at least as long")
    try:
        LocalCalendar(settings.timezone)
        for log in settings.logs:
            LocalCalendar(log.timezone or settings.timezone)
        excluded_fact(settings.exclude)
    except EvidenceError as error:
        raise ConfigError(f"{where}: {error}") from None
    try:
        settings.since_day  # noqa: B018 - it is read to be checked
    except ValueError:
        raise ConfigError(f"{where}: since must be {KEYS['since'].advice}") from None


def _logs(entries: Any, where: str) -> tuple[Log, ...]:
    if not isinstance(entries, list) or not 0 < len(entries) <= MAX_LOGS:
        raise ConfigError(f"{where}: write 1 to {MAX_LOGS} tables [[logs]], one for each log")
    logs = tuple(_log(entry, f"{where} [[logs]] {number}") for number, entry in enumerate(entries, 1))
    names = [log.name for log in logs]
    if len(set(names)) != len(names):
        raise ConfigError(f"{where}: two logs have the same name")
    return logs


def _log(entry: Any, place: str) -> Log:
    if not isinstance(entry, dict):
        raise ConfigError(f"{place}: write a table [[logs]]")
    values: dict[str, Any] = {name: key.default for name, key in LOG_KEYS.items()}
    for name, value in entry.items():
        values[name] = _value(LOG_KEYS, name, value, place)
    if not _NAME.match(values["name"]):
        raise ConfigError(f"{place}: name must be {LOG_KEYS['name'].advice}")
    if values["format"] not in SUPPORTED:
        raise ConfigError(f"{place}: format must be {LOG_KEYS['format'].advice}")
    known = SUPPORTED[values["format"]]
    values["definition"] = values["definition"] or (known[0] if len(known) == 1 else "")
    if values["definition"] not in known:
        raise ConfigError(f"{place}: definition must be one of {', '.join(known)} for {values['format']}")
    if values["format"] != "journal":
        if not values["paths"]:
            raise ConfigError(f"{place}: paths must be {LOG_KEYS['paths'].advice}")
        usual = (f"{path}{ending}" for path in values["paths"] for ending in (".*", "-*"))
        values["rotated"] = values["rotated"] or tuple(usual)
    _require_log(values, place)
    return Log(**values)


def _require_log(values: Mapping[str, Any], place: str) -> None:
    try:
        codecs.lookup(values["encoding"])
    except LookupError:
        raise ConfigError(f"{place}: encoding must be {LOG_KEYS['encoding'].advice}") from None
    if values["format"] == "json" and not (values["account"] and values["time"]):
        raise ConfigError(f"{place}: name the members account and time")
    if values["format"] == "pattern":
        try:
            groups = re.compile(values["pattern"].encode()).groupindex
        except re.error as error:
            raise ConfigError(f"{place}: pattern is no regular expression: {error}") from None
        if not {"account", "time"} <= set(groups):
            raise ConfigError(f"{place}: pattern must have the groups (?P<account>…) and (?P<time>…)")
        decides = "status" in groups
    else:
        decides = bool(values["status"])
    own = values["format"] in ("json", "pattern")
    if own and values["definition"] == LOGIN_SUCCESS and decides and not values["success"]:
        raise ConfigError(f'{place}: say which status is a successful login: success = ["ok"]')
    if own and values["definition"] == CLIENT_ADDRESS and values["success"]:
        raise ConfigError(f"{place}: {CLIENT_ADDRESS} counts every status; take success away")


def _flat(document: Mapping[str, Any]) -> list[tuple[str, Any]]:
    flat: list[tuple[str, Any]] = []
    for name, value in document.items():
        if isinstance(value, dict):
            flat.extend((f"{name}.{inner}", item) for inner, item in value.items())
        else:
            flat.append((name, value))
    return flat


def _value(keys: Mapping[str, Key], name: str, value: Any, place: str) -> Value:
    if name not in keys:
        near = difflib.get_close_matches(name, keys, n=1)
        advice = f"did you mean {near[0]}?" if near else f"known keys: {', '.join(keys)}"
        raise ConfigError(f"{place}: unknown key {name}; {advice}")
    return checked(name, keys[name], value, place, most=MAX_EXCLUDED if name == "exclude" else MAX_PATTERNS)
