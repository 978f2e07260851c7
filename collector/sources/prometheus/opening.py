"""The entry point: settings become a source.

url = "https://prometheus.example.com/prefix"
bearer = "file:/etc/starproof/prometheus.token"   # or user + password, or header + value
instance_label = "instance"                       # Nightingale: "ident"
matchers = { job = "node" }
profiles = ["node_exporter", "windows_exporter"]  # or "categraf"
scrape_interval_s = 60
net_devices = "eth0"                              # patterns of whole names, instead of ours
net_scope = "public"                              # only you know; by default all_interfaces
disk_devices = "vd[a-z]"
keeps_days = 365
ca_file = "/etc/ssl/monitor.pem"
proxy = "http://proxy.example.com:3128"
allow_plain_http = false
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from collector.errors import SettingsError
from collector.names import nearest
from collector.sources.interface import ALL_INTERFACES, PUBLIC, Source
from collector.sources.prometheus.client import Client, Login
from collector.sources.prometheus.profiles import NODE, PROFILES, WINDOWS, Profile
from collector.sources.prometheus.promql import View
from collector.sources.prometheus.source import FITTING_S, SAMPLE_MS, PrometheusSource, Watching
from collector.sources.registry import Tools
from collector.sources.secrets import Secret
from collector.sources.web import Reach, Web, require_private

_DAY_MS = 86_400_000
_MAX_DAYS = 36_500
_MAX_PATTERN = 1000
_LABEL = re.compile(r"[A-Za-z_][A-Za-z0-9_]*\Z")
_HEADER = re.compile(r"[A-Za-z0-9-]{1,64}\Z")
_DEFAULTS: Mapping[str, Any] = {
    "url": "",
    "bearer": "",
    "user": "",
    "password": "",
    "header": "",
    "value": "",
    "instance_label": "instance",
    "matchers": {},
    "profiles": [NODE.name, WINDOWS.name],
    "scrape_interval_s": SAMPLE_MS // 1000,
    "net_devices": "",
    "net_scope": ALL_INTERFACES,
    "disk_devices": "",
    "keeps_days": 0,
    "ca_file": "",
    "proxy": "",
    "allow_plain_http": False,
}
"""Every setting; its type is that of its default."""


def open_source(settings: Mapping[str, Any], tools: Tools) -> Source:
    """Return the source that these settings describe.

    Raises:
        SettingsError: a setting is unknown, missing or cannot be used.
        CredentialError: a credential cannot be read.
    """
    chosen = _chosen(settings)
    login = _login(chosen, tools)
    require_private(chosen["url"], plain_allowed=login is None or chosen["allow_plain_http"])
    reach = Reach(
        ca_file=Path(chosen["ca_file"]) if chosen["ca_file"] else None, proxy=chosen["proxy"] or None
    )
    caller = tools.caller(*_secrets(login))
    client = Client(chosen["url"], web=Web(tools.clocks, reach), caller=caller, login=login)
    return PrometheusSource(client, _watching(chosen), tools.clocks)


_KINDS: Mapping[type, str] = {
    str: "a text",
    int: "a whole number",
    bool: "true or false",
    list: "a list",
    dict: 'a table such as { job = "node" }: --set cannot write one; write it under [sources.settings] in sources.toml',
}


def _chosen(settings: Mapping[str, Any]) -> dict[str, Any]:
    for name, value in settings.items():
        if name not in _DEFAULTS:
            raise SettingsError(f"prometheus: unknown setting {name!r}{nearest(name, _DEFAULTS)}")
        kind = type(_DEFAULTS[name])
        if type(value) is not kind:
            raise SettingsError(f"prometheus: {name} is {_KINDS[kind]}")
    return {**_DEFAULTS, **settings}


def _login(chosen: Mapping[str, Any], tools: Tools) -> Login | None:
    ways = [name for name in ("bearer", "password", "value") if chosen[name]]
    if len(ways) > 1:
        raise SettingsError(f"prometheus: {' and '.join(ways)} are different ways to log in; choose one")
    if bool(chosen["user"]) != bool(chosen["password"]) or bool(chosen["header"]) != bool(chosen["value"]):
        raise SettingsError("prometheus: user goes with password, and header with value")
    if ":" in chosen["user"] or (chosen["header"] and not _HEADER.match(chosen["header"])):
        raise SettingsError("prometheus: a user has no colon, and a header is made of letters, digits and -")
    if not ways:
        return None
    return Login(tools.secret(chosen[ways[0]]), user=chosen["user"], header=chosen["header"])


def _secrets(login: Login | None) -> list[Secret]:
    """Return what must not be shown: the secret, and the header made of it."""
    if login is None:
        return []
    return [login.secret, *(Secret(value.removeprefix("Basic ")) for value in login.headers().values())]


def _watching(chosen: Mapping[str, Any]) -> Watching:
    if chosen["scrape_interval_s"] not in FITTING_S:
        raise SettingsError(
            f"prometheus: scrape_interval_s is 1 to {FITTING_S[-1]} and divides 3600; if yours does not,"
            " write the next longer one that does"
        )
    if not 0 <= chosen["keeps_days"] <= _MAX_DAYS:
        raise SettingsError(f"prometheus: keeps_days is 0 (ask the system) to {_MAX_DAYS}")
    if chosen["net_scope"] not in (PUBLIC, ALL_INTERFACES):
        raise SettingsError(f"prometheus: net_scope is {PUBLIC} or {ALL_INTERFACES}")
    if chosen["net_scope"] == PUBLIC and not chosen["net_devices"]:
        raise SettingsError("prometheus: net_scope public needs net_devices, the devices that are public")
    if not chosen["profiles"]:
        raise SettingsError(f"prometheus: profiles names at least one of {', '.join(PROFILES)}")
    return Watching(
        view=_view(chosen),
        profiles=tuple(_profile(name) for name in chosen["profiles"]),
        sample_ms=chosen["scrape_interval_s"] * 1000,
        net_scope=chosen["net_scope"],
        keeps_ms=chosen["keeps_days"] * _DAY_MS or None,
    )


def _view(chosen: Mapping[str, Any]) -> View:
    matchers = chosen["matchers"]
    if not all(isinstance(value, str) for value in matchers.values()):
        raise SettingsError("prometheus: the values of matchers are texts")
    for label in (chosen["instance_label"], *matchers):
        if not _LABEL.match(label):
            raise SettingsError(f"prometheus: {label!r} is not the name of a label")
    for name in ("net_devices", "disk_devices"):
        _require_pattern(name, chosen[name])
    return View(
        instance_label=chosen["instance_label"],
        matchers=dict(matchers),
        nics=chosen["net_devices"],
        disks=chosen["disk_devices"],
    )


def _require_pattern(name: str, pattern: str) -> None:
    try:
        re.compile(pattern)  # the system's own syntax is nearly this one; its refusal would come late
    except re.error as error:
        raise SettingsError(f"prometheus: {name} is not a regular expression: {error}") from None
    if len(pattern) > _MAX_PATTERN:
        raise SettingsError(f"prometheus: {name} has more than {_MAX_PATTERN} characters")


def _profile(name: object) -> Profile:
    if not isinstance(name, str) or name not in PROFILES:
        raise SettingsError(f"prometheus: unknown profile {name!r}{nearest(str(name), PROFILES)}")
    return PROFILES[name]
