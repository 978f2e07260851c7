"""The entry point: settings become a source.

url = "https://zabbix.example.com/zabbix"          # where the front end is
token = "file:/etc/starproof/zabbix.token"         # or user + password
groups = ["业务主机"]                                # empty: all hosts that the user may read
tags = [{ tag = "app", value = "erp" }]            # hosts that bear all of them
hosts = ["web01"]                                  # technical names
net_devices = "eth0"                               # patterns of whole names, instead of ours
net_scope = "public"                               # only you know; by default all_interfaces
disk_devices = "vd[a-z]"
fine_period_s = 300                                # offered where single values are kept
bandwidth_macro = "{$BANDWIDTH_MBPS}"              # what was bought, in Mbit/s
ca_file = "/etc/ssl/monitor.pem"
proxy = "http://proxy.example.com:3128"
allow_plain_http = false

[items."cpu.utilization"]                          # instead of the items of the usual templates
keys = ["aix.cpu.busy[*]"]
unit = "%"                                         # if the item does not say it
interval_s = 60                                    # if values are sent in
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from collector.errors import SettingsError
from collector.names import nearest
from collector.sources.interface import ALL_INTERFACES, PUBLIC
from collector.sources.registry import Tools
from collector.sources.web import Reach, Web, require_private
from collector.sources.zabbix.client import Client, Login
from collector.sources.zabbix.fitness import FACTORS
from collector.sources.zabbix.hosts import Purchased, Selection
from collector.sources.zabbix.keys import KeyPattern
from collector.sources.zabbix.recipes import Choice, Mapped
from collector.sources.zabbix.source import FINE_MS, HOUR_MS, SHORTEST_MS, Watching, ZabbixSource

_S_MS = 1000
_MAX_PATTERN = 1000
_MAX_INTERVAL_S = 86_400
_MACRO = re.compile(r"\{\$[A-Z0-9_.]+\}\Z")
_DEFAULTS: Mapping[str, Any] = {
    "url": "",
    "token": "",
    "user": "",
    "password": "",
    "groups": [],
    "tags": [],
    "hosts": [],
    "net_devices": "",
    "net_scope": ALL_INTERFACES,
    "disk_devices": "",
    "fine_period_s": FINE_MS // _S_MS,
    "bandwidth_macro": "",
    "items": {},
    "ca_file": "",
    "proxy": "",
    "allow_plain_http": False,
}
"""Every setting; its type is that of its default."""
_MAPPED: Mapping[str, Any] = {"keys": [], "unit": "", "interval_s": 0}


def open_source(settings: Mapping[str, Any], tools: Tools) -> ZabbixSource:
    """Return the source that these settings describe.

    Raises:
        SettingsError: a setting is unknown, missing or cannot be used.
        CredentialError: a credential cannot be read.
    """
    chosen = _chosen(settings, _DEFAULTS, "zabbix: ")
    watching = _watching(chosen)
    require_private(chosen["url"], plain_allowed=chosen["allow_plain_http"])
    login = _login(chosen, tools)
    reach = Reach(
        ca_file=Path(chosen["ca_file"]) if chosen["ca_file"] else None, proxy=chosen["proxy"] or None
    )
    web = Web(tools.clocks, reach)
    client = Client(chosen["url"], web=web, caller=tools.caller(login.secret), login=login)
    return ZabbixSource(client, watching, tools.clocks)


def _chosen(settings: Mapping[str, Any], defaults: Mapping[str, Any], where: str) -> dict[str, Any]:
    for name, value in settings.items():
        if name not in defaults:
            raise SettingsError(f"{where}unknown setting {name!r}{nearest(name, defaults)}")
        kind = type(defaults[name])
        if type(value) is not kind:
            raise SettingsError(f"{where}{name} is a {kind.__name__}")
    return {**defaults, **settings}


def _login(chosen: Mapping[str, Any], tools: Tools) -> Login:
    if bool(chosen["user"]) != bool(chosen["password"]) or bool(chosen["token"]) == bool(chosen["user"]):
        raise SettingsError("zabbix: give token, or user with password, and not both")
    secret = tools.secret(chosen["token"] or chosen["password"])
    if chosen["token"] and not secret.reveal().isascii():
        raise SettingsError("zabbix: a token is made of ASCII characters; this one is not")
    return Login(secret, user=chosen["user"])


def _watching(chosen: Mapping[str, Any]) -> Watching:
    scope = chosen["net_scope"]
    if scope not in (PUBLIC, ALL_INTERFACES):
        raise SettingsError(f"zabbix: net_scope is {PUBLIC} or {ALL_INTERFACES}")
    if scope == PUBLIC and not (chosen["net_devices"] or _maps_net(chosen["items"])):
        raise SettingsError("zabbix: net_scope public needs net_devices, the devices that are public")
    fine_ms = chosen["fine_period_s"] * _S_MS
    if fine_ms < SHORTEST_MS or fine_ms >= HOUR_MS or HOUR_MS % fine_ms:
        raise SettingsError("zabbix: fine_period_s is 60 to 1800, and an hour is a multiple of it")
    macro = chosen["bandwidth_macro"]
    if macro and not _MACRO.match(macro):
        raise SettingsError("zabbix: bandwidth_macro is written as {$BANDWIDTH_MBPS}")
    return Watching(
        selection=Selection(_texts(chosen, "groups"), _tags(chosen["tags"]), _texts(chosen, "hosts")),
        choice=Choice(
            _pattern(chosen, "net_devices"), _pattern(chosen, "disk_devices"), _mapped(chosen["items"])
        ),
        net_scope=scope,
        fine_ms=fine_ms,
        purchased=Purchased(macro, scope) if macro else None,
    )


def _texts(chosen: Mapping[str, Any], name: str, where: str = "zabbix: ") -> tuple[str, ...]:
    if not all(isinstance(value, str) and value for value in chosen[name]):
        raise SettingsError(f"{where}{name} is a list of texts")
    return tuple(chosen[name])


def _tags(written: list[Any]) -> tuple[tuple[str, str], ...]:
    for tag in written:
        if not isinstance(tag, dict) or {*tag} != {"tag", "value"} or not _all_texts(tag.values()):
            raise SettingsError('zabbix: tags are written as { tag = "app", value = "erp" }')
    return tuple((tag["tag"], tag["value"]) for tag in written)


def _all_texts(values: Any) -> bool:
    return all(isinstance(value, str) for value in values)


def _pattern(chosen: Mapping[str, Any], name: str) -> re.Pattern[str] | None:
    written = chosen[name]
    if len(written) > _MAX_PATTERN:
        raise SettingsError(f"zabbix: {name} has more than {_MAX_PATTERN} characters")
    try:
        return re.compile(written) if written else None
    except re.error as error:
        raise SettingsError(f"zabbix: {name} is not a regular expression: {error}") from None


def _maps_net(tables: Mapping[str, Any]) -> bool:
    return any(metric.startswith("net.") for metric in tables)


def _mapped(tables: Mapping[str, Any]) -> Mapping[str, Mapped]:
    found: dict[str, Mapped] = {}
    for metric, table in tables.items():
        where = f"zabbix: items.{metric}: "
        if metric not in FACTORS:
            raise SettingsError(f"zabbix: items: unknown metric {metric!r}{nearest(metric, FACTORS)}")
        if not isinstance(table, dict):
            raise SettingsError(f'{where}write [items."{metric}"]')
        chosen = _chosen(table, _MAPPED, where)
        patterns = tuple(KeyPattern(key) for key in _texts(chosen, "keys", where))
        if not patterns or not all(pattern.beginning for pattern in patterns):
            raise SettingsError(f"{where}keys names one key or more, none of which begins with *")
        if chosen["unit"] not in ("", *FACTORS[metric]):
            raise SettingsError(f"{where}unit is one of {', '.join(filter(None, FACTORS[metric]))}")
        if not 0 <= chosen["interval_s"] <= _MAX_INTERVAL_S:
            raise SettingsError(f"{where}interval_s is 1 to {_MAX_INTERVAL_S}, or left out")
        found[metric] = Mapped(patterns, chosen["unit"], chosen["interval_s"] or None)
    return found
