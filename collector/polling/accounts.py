"""Which accounts are polled: the file ``sources.toml``, read strictly.

Every key is described in ``docs/sources.md``. The file says where a credential is, never what it is:
a text that is no reference is refused and not repeated, because it may be the secret itself.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import tomllib

from collector.errors import SettingsError
from collector.names import is_host_name, nearest
from collector.ownership import remedy
from collector.polling.references import require_reference, require_references
from collector.sources.interface import METRICS
from evidence.sources import ACCOUNTS, IMPORT, NAME_RULE, SIGNED_BY_HOSTS, is_source

MAX_FILE_BYTES = 4 * 1024 * 1024
MAX_ACCOUNTS = 256
DEFAULT_EVERY_S = 3600
LEAST_EVERY_S = 60
MOST_EVERY_S = 7 * 86_400
MOST_PERIOD_S = 86_400
MOST_BACKFILL_DAYS = 800
MAX_INSTANCE = 255
MS_PER_S = 1000

_ALIAS = re.compile(r"[a-z0-9][a-z0-9-]{0,31}\Z")
REGIONS = "regions"
SECRET = "secret"  # noqa: S105 - the name of a provider's setting, see docs/sources.md
_OURS = (*SIGNED_BY_HOSTS, IMPORT, ACCOUNTS)
"""Names of sources that no provider has."""
_KEYS = (
    "alias",
    "provider",
    "regions",
    "credential",
    "metrics",
    "period_s",
    "every_s",
    "backfill_days",
    "instances",
    "bills",
    "hosts",
    "settings",
)


@dataclass(frozen=True)
class Account:
    """One account of a cloud, or one monitor. ``None``: the source's own limits decide.

    ``credential`` is a reference (``file:``, ``env:``, ``systemd:``), ``settings`` are the
    provider's own, ``hosts`` the host name of each instance that is not called by its own name.
    """

    alias: str
    provider: str
    regions: tuple[str, ...] = ()
    credential: str = ""
    metrics: tuple[str, ...] = ()
    period_ms: int | None = None
    every_ms: int = DEFAULT_EVERY_S * MS_PER_S
    backfill_days: int | None = None
    only_mapped: bool = False
    bills: bool = True
    hosts: Mapping[str, str] = field(default_factory=dict)
    settings: Mapping[str, Any] = field(default_factory=dict)

    @property
    def opened_with(self) -> dict[str, Any]:
        """What the provider's plug-in is given: its settings, the regions, the credential as ``secret``."""
        given: dict[str, Any] = dict(self.settings)
        if self.regions:
            given[REGIONS] = list(self.regions)
        if self.credential:
            given[SECRET] = self.credential
        return given


def read_accounts(path: Path) -> tuple[Account, ...]:
    """Return the accounts in a file; none if there is no such file.

    Raises:
        SettingsError: the file cannot be read, or names the key that is wrong.
    """
    return parse_accounts(read_text(path), where=str(path))


def read_text(path: Path) -> str:
    """Return the text of the file, empty if there is none.

    Raises:
        SettingsError: it cannot be read.
    """
    try:
        with path.open("rb") as file:
            raw = file.read(MAX_FILE_BYTES + 1)
    except FileNotFoundError:
        return ""
    except OSError as error:
        raise SettingsError(f"cannot read {path}: {error.strerror}{remedy(path, error)}") from None
    if len(raw) > MAX_FILE_BYTES:
        raise SettingsError(f"{path} is larger than {MAX_FILE_BYTES} bytes; it is no list of sources")
    try:
        return raw.decode("utf-8")
    except UnicodeDecodeError:
        raise SettingsError(f"{path} is not UTF-8; save it as UTF-8") from None


def parse_accounts(text: str, *, where: str) -> tuple[Account, ...]:
    """Return the accounts in the text of a file.

    Raises:
        SettingsError: not TOML, a key is unknown, a value is wrong, or an alias stands twice.
    """
    entries = _entries(text, where)
    accounts = tuple(_account(entry, f"{where}: source {place}") for place, entry in enumerate(entries, 1))
    _require_distinct(accounts, where)
    return accounts


def usable_accounts(path: Path) -> tuple[tuple[Account, ...], tuple[str, ...]]:
    """Return the accounts of a file that can be used, and what is wrong with each other one.

    Of two that contradict each other the first one is used.

    Raises:
        SettingsError: the file cannot be read or is no list of sources.
    """
    accounts: tuple[Account, ...] = ()
    broken: list[str] = []
    for place, entry in enumerate(_entries(read_text(path), str(path)), 1):
        try:
            with_it = (*accounts, _account(entry, f"{path}: source {place}"))
            _require_distinct(with_it, str(path))
        except SettingsError as error:
            broken.append(str(error))
        else:
            accounts = with_it
    return accounts, tuple(broken)


def find(accounts: tuple[Account, ...], alias: str) -> Account:
    """Return the account with this alias.

    Raises:
        SettingsError: there is none.
    """
    by_alias = {account.alias: account for account in accounts}
    if not by_alias:
        raise SettingsError("no source is configured yet; run: starproof source add --help")
    if alias not in by_alias:
        raise SettingsError(f"there is no source {alias!r}{nearest(alias, by_alias)}")
    return by_alias[alias]


def _entries(text: str, where: str) -> list[dict[str, Any]]:
    try:
        document = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise SettingsError(f"{where} is not a TOML file: {error}") from None
    for key in document:
        if key != "sources":
            raise SettingsError(f"{where}: unknown key {key!r}; every source is a table [[sources]]")
    entries = document.get("sources", [])
    if not isinstance(entries, list) or not all(isinstance(entry, dict) for entry in entries):
        raise SettingsError(f"{where}: write every source as a table [[sources]]")
    if len(entries) > MAX_ACCOUNTS:
        raise SettingsError(f"{where}: {len(entries)} sources, at most {MAX_ACCOUNTS} in one collector")
    return entries


def _account(entry: Mapping[str, Any], where: str) -> Account:
    alias = entry.get("alias")
    if not isinstance(alias, str) or not _ALIAS.match(alias):
        raise SettingsError(f"{where}: alias is needed: at most 32 lower-case letters, digits and hyphens")
    where = f"{where} ({alias})"
    for key in entry:
        if key not in _KEYS:
            raise SettingsError(f"{where}: unknown key {key!r}{nearest(key, _KEYS)}")
    provider = entry.get("provider")
    if not isinstance(provider, str) or not is_source(provider) or provider in _OURS:
        raise SettingsError(f"{where}: provider is needed, such as aliyun: {NAME_RULE}")
    metrics = _texts(entry, "metrics", where)
    for metric in metrics:
        if metric not in METRICS:
            raise SettingsError(f"{where}: there is no metric {metric!r}{nearest(metric, METRICS)}")
    credential = entry.get("credential", "")
    period_s = _number(entry, "period_s", 1, MOST_PERIOD_S, where)
    every_s = _number(entry, "every_s", LEAST_EVERY_S, MOST_EVERY_S, where)
    hosts = _hosts(entry, where)
    only_mapped = _choice(entry, "instances", ("all", "mapped"), where) == "mapped"
    if only_mapped and not hosts:
        raise SettingsError(f'{where}: instances = "mapped" needs a table [sources.hosts]')
    bills = entry.get("bills", True)
    if not isinstance(bills, bool):
        raise SettingsError(f"{where}: bills is true or false")
    return Account(
        alias=alias,
        provider=provider,
        regions=_texts(entry, "regions", where),
        credential=require_reference(credential, f"{where}: credential") if credential else "",
        metrics=metrics,
        period_ms=None if period_s is None else period_s * MS_PER_S,
        every_ms=(every_s or DEFAULT_EVERY_S) * MS_PER_S,
        backfill_days=_number(entry, "backfill_days", 0, MOST_BACKFILL_DAYS, where),
        only_mapped=only_mapped,
        bills=bills,
        hosts=hosts,
        settings=_settings(entry, where),
    )


def _require_distinct(accounts: tuple[Account, ...], where: str) -> None:
    seen: set[str] = set()
    hosts: dict[tuple[str, str], str] = {}
    for account in accounts:
        if account.alias in seen:
            raise SettingsError(f"{where}: the alias {account.alias!r} stands twice; choose another one")
        seen.add(account.alias)
        for instance, host in account.hosts.items():
            other = hosts.setdefault((account.provider, host), instance)
            if other != instance:
                raise SettingsError(
                    f"{where}: {other} and {instance} ({account.provider}) are both mapped to the host "
                    f"{host!r}; give each instance a host of its own"
                )


def _texts(entry: Mapping[str, Any], key: str, where: str) -> tuple[str, ...]:
    values = entry.get(key, [])
    if not isinstance(values, list) or not all(isinstance(value, str) and value for value in values):
        raise SettingsError(f'{where}: {key} is a list of texts, such as ["…"]')
    if len(set(values)) != len(values):
        raise SettingsError(f"{where}: {key} names something twice")
    return tuple(values)


def _number(entry: Mapping[str, Any], key: str, least: int, most: int, where: str) -> int | None:
    value = entry.get(key)
    if value is None:
        return None
    if not isinstance(value, int) or isinstance(value, bool) or not least <= value <= most:
        raise SettingsError(f"{where}: {key} is a whole number from {least} to {most}")
    return value


def _choice(entry: Mapping[str, Any], key: str, allowed: tuple[str, ...], where: str) -> str:
    value = entry.get(key, allowed[0])
    if value not in allowed:
        raise SettingsError(f"{where}: {key} is one of {', '.join(allowed)}")
    return str(value)


def _hosts(entry: Mapping[str, Any], where: str) -> dict[str, str]:
    table = entry.get("hosts", {})
    if not isinstance(table, dict):
        raise SettingsError(f"{where}: hosts is a table [sources.hosts] of instance = host")
    owners: dict[str, str] = {}
    for instance, host in table.items():
        if not 0 < len(instance) <= MAX_INSTANCE or not isinstance(host, str) or not is_host_name(host):
            raise SettingsError(
                f"{where}: hosts.{instance[:40]!r} is not an instance id with a host name of 1 to 128 "
                "printable characters"
            )
        other = owners.setdefault(host, instance)
        if other != instance:
            raise SettingsError(
                f"{where}: {other} and {instance} are both mapped to the host {host!r}; "
                "give each instance a host of its own"
            )
    return dict(table)


def _settings(entry: Mapping[str, Any], where: str) -> dict[str, Any]:
    table = entry.get("settings", {})
    if not isinstance(table, dict):
        raise SettingsError(f"{where}: settings is a table [sources.settings]")
    for word, own in ((REGIONS, "regions"), (SECRET, "credential")):
        if word in table:
            raise SettingsError(f"{where}: write {own} beside alias, not {word} in settings")
    require_references(table, f"{where}: settings")
    return dict(table)
