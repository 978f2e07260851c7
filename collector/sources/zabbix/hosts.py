"""The hosts that are asked for, and what Zabbix says of them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from collector.sources.errors import AnswerError, RangeError
from collector.sources.interface import COMMITTED, Bandwidth, Instance
from collector.sources.points import number
from collector.sources.zabbix import macros
from collector.sources.zabbix.client import Client
from collector.sources.zabbix.records import parts, rows, text, whole

MAX_HOSTS_A_CALL = 500
MONITORED = "monitored"
DISABLED = "disabled"
_MOST_CPUS = 65_536
_EQUALS = 1
_CPU_KEYS = ("system.cpu.num", "wmi.get[root/cimv2")
_METHOD = "host.get"


@dataclass(frozen=True)
class Selection:
    """Which hosts: those that are in one of the groups, bear the tags and have one of the names.

    What is empty does not restrict. ``names`` are technical names, as agents use them.
    """

    groups: tuple[str, ...] = ()
    tags: tuple[tuple[str, str], ...] = ()
    names: tuple[str, ...] = ()


@dataclass(frozen=True)
class Purchased:
    """The user macro in which a host's purchased bandwidth stands, in Mbit/s, and what it is of."""

    macro: str
    scope: str


def ids(client: Client, selection: Selection) -> list[str]:
    """Return the ids of the chosen hosts, in order.

    Raises:
        RangeError: there is no group of one of the names, or the user may not read it.
        SourceError: what the client says.
    """
    asked: dict[str, Any] = {"output": ["hostid"]}
    if selection.groups:
        asked["groupids"] = _group_ids(client, selection.groups)
    if selection.tags:
        asked["tags"] = [{"tag": tag, "value": value, "operator": _EQUALS} for tag, value in selection.tags]
    if selection.names:
        asked["filter"] = {"host": list(selection.names)}
    found = rows(client.call(_METHOD, asked), where=_METHOD)
    return [str(number) for number in sorted({whole(row, "hostid", where=_METHOD) for row in found})]


def _group_ids(client: Client, names: Sequence[str]) -> list[str]:
    method = "hostgroup.get"
    found = rows(
        client.call(method, {"output": ["groupid", "name"], "filter": {"name": list(names)}}), where=method
    )
    by_name = {text(row, "name", where=method): text(row, "groupid", where=method) for row in found}
    for name in names:
        if name not in by_name:
            raise RangeError(f"there is no host group {name!r} that the user may read; check name and rights")
    return [by_name[name] for name in names]


def instances(client: Client, selection: Selection, purchased: Purchased | None) -> Iterator[Instance]:
    """Yield the chosen hosts, each once.

    Raises:
        AnswerError: a bandwidth macro is not a number of Mbit/s, or an answer cannot be used.
        SourceError: what the client says.
    """
    chosen = ids(client, selection)
    for first in range(0, len(chosen), MAX_HOSTS_A_CALL):
        some = chosen[first : first + MAX_HOSTS_A_CALL]
        asked = {
            "hostids": some,
            "output": ["hostid", "host", "name", "status"],
            "selectInterfaces": ["ip", "dns"],
            "selectInventory": ["location"],
        }
        found = rows(client.call(_METHOD, asked), where=_METHOD)
        cpus = _cpus(client, some)
        known = macros.load(client, some) if purchased else macros.NO_MACROS
        for row in sorted(found, key=lambda row: whole(row, "hostid", where=_METHOD)):
            host = text(row, "hostid", where=_METHOD)
            yield Instance(
                id=host,
                name=text(row, "name", where=_METHOD) or text(row, "host", where=_METHOD),
                region=_location(row),
                state=MONITORED if text(row, "status", where=_METHOD) == "0" else DISABLED,
                addresses=_addresses(row),
                bandwidths=_bandwidths(host, purchased, known),
                cpus=cpus.get(host),
                request_ids=(),
            )


def _location(row: Mapping[str, Any]) -> str:
    inventory = row.get("inventory")  # an empty list where the inventory is off
    return text(inventory, "location", where=_METHOD) if isinstance(inventory, dict) and inventory else ""


def _addresses(row: Mapping[str, Any]) -> tuple[str, ...]:
    found = [
        text(face, "ip", where=_METHOD) or text(face, "dns", where=_METHOD)
        for face in parts(row, "interfaces", where=_METHOD)
    ]
    return tuple(dict.fromkeys(address for address in found if address))


def _bandwidths(host: str, purchased: Purchased | None, known: macros.Macros) -> tuple[Bandwidth, ...]:
    if purchased is None:
        return ()
    written = known.resolve(host, purchased.macro)
    if written is None:
        return ()
    where = f"host {host}: {purchased.macro}"
    mbps = number(written, where=where)
    if mbps <= Decimal(0):
        raise AnswerError(f"{where}: a bandwidth is above 0 Mbit/s; correct the macro")
    return (Bandwidth(mbps, COMMITTED, purchased.scope, purchased.macro),)


def _cpus(client: Client, hosts: Sequence[str]) -> Mapping[str, int]:
    """Return the processors of the hosts that have an item for it with a value."""
    method = "item.get"
    asked = {
        "hostids": list(hosts),
        "search": {"key_": list(_CPU_KEYS)},
        "searchByAny": True,
        "startSearch": True,
        "output": ["hostid", "key_", "lastvalue"],
    }
    found: dict[str, int] = {}
    for row in rows(client.call(method, asked), where=method):
        key, last = text(row, "key_", where=method), text(row, "lastvalue", where=method)
        counts = key in ("system.cpu.num", "system.cpu.num[online]") or "NumberOfLogicalProcessors" in key
        if counts and last.isascii() and last.isdigit() and 0 < int(last[:9]) <= _MOST_CPUS:
            found.setdefault(text(row, "hostid", where=method), int(last))
    return found
