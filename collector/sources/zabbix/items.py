"""Items of hosts: what they measure, how often, and how long their values are kept."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from collector.sources.points import number
from collector.sources.zabbix import macros
from collector.sources.zabbix.client import Client
from collector.sources.zabbix.intervals import seconds, shortest_interval_s
from collector.sources.zabbix.keys import Key, parse
from collector.sources.zabbix.records import parts, rows, text, whole

AGENT, TRAPPER, ACTIVE, DEPENDENT = 0, 2, 7, 18
NUMERIC = (0, 3)
"""Types of values: float and unsigned."""
UNSIGNED = 3
MASTER_LEVELS = 3
"""Zabbix allows three levels of dependent items."""

MULTIPLIER, DELTA, PER_SECOND, DISCARD, HEARTBEAT = 1, 9, 10, 19, 20
"""Steps of preprocessing."""
_NO_MASTER = "0"
_SET_VALUE = "2"
_OUTPUT = [
    "itemid", "hostid", "key_", "type", "value_type", "units", "delay", "history", "trends", "status",
    "state", "master_itemid",
]  # fmt: skip


@dataclass(frozen=True)
class Step:
    """One step of preprocessing; ``factor`` of a multiplier, else 1 (``None``: not a number).

    ``invents``: it sets a value of its own when it fails.
    """

    kind: int
    factor: Decimal | None = Decimal(1)
    invents: bool = False


@dataclass(frozen=True)
class Item:
    """One item. ``None`` for a time that is not known; ``history_s`` and ``trends_s`` 0: not kept.

    ``steps``: its preprocessing, after that of the items that it depends on.
    """

    id: str
    host: str
    written_key: str
    key: Key
    type: int
    value_type: int
    units: str
    interval_s: int | None
    history_s: int | None
    trends_s: int | None
    enabled: bool
    supported: bool
    steps: tuple[Step, ...]


def load(client: Client, hosts: Sequence[str], beginnings: Sequence[str]) -> Mapping[str, Sequence[Item]]:
    """Return for each host its items whose keys begin so, in the order of their ids.

    Raises:
        SourceError: what the client says.
    """
    asked = {
        "hostids": list(hosts),
        "search": {"key_": list(beginnings)},
        "searchByAny": True,
        "startSearch": True,
    }
    found = _fetch(client, asked)
    known = {row["itemid"]: row for row in found}
    for _ in range(MASTER_LEVELS):
        missing = sorted({_master(row) for row in known.values()} - {_NO_MASTER} - known.keys())
        if not missing:
            break
        known.update((row["itemid"], row) for row in _fetch(client, {"itemids": missing}))
    resolved = macros.load(client, _with_macros(known.values()))
    by_host: dict[str, list[Item]] = {host: [] for host in hosts}
    for row in sorted(found, key=lambda row: int(row["itemid"])):
        item = _item(row, known, resolved)
        if item is not None and item.host in by_host:
            by_host[item.host].append(item)
    return by_host


def _fetch(client: Client, asked: Mapping[str, Any]) -> list[Mapping[str, Any]]:
    method = "item.get"
    params = {**asked, "output": _OUTPUT, "selectPreprocessing": ["type", "params", "error_handler"]}
    found = rows(client.call(method, params), where=method)
    for row in found:
        whole(row, "itemid", where=method)
        whole(row, "type", where=method)
    return [{**row, **{name: text(row, name, where=method) for name in _OUTPUT}} for row in found]


def _with_macros(known: Iterable[Mapping[str, Any]]) -> set[str]:
    times = ("delay", "history", "trends")
    return {row["hostid"] for row in known if any(macros.has_macro(row[name]) for name in times)}


def _master(row: Mapping[str, Any]) -> str:
    return row["master_itemid"] if int(row["type"]) == DEPENDENT else _NO_MASTER


def _item(
    row: Mapping[str, Any], known: Mapping[str, Mapping[str, Any]], resolved: macros.Macros
) -> Item | None:
    where = f"item.get: item {row['itemid']}"
    key = parse(row["key_"])
    if key is None:
        return None  # a text that Zabbix itself would not take as a key names nothing that we count
    host = row["hostid"]
    chain = _chain(row, known)
    steps = tuple(
        _step(step, where)
        for link in reversed(chain)
        for step in parts(link, "preprocessing", where=where)
    )  # fmt: skip
    source = chain[-1]
    delay = resolved.resolve(host, source["delay"]) if _master(source) == _NO_MASTER else None
    return Item(
        id=row["itemid"],
        host=host,
        written_key=row["key_"],
        key=key,
        type=int(row["type"]),
        value_type=whole(row, "value_type", where=where),
        units=row["units"],
        interval_s=shortest_interval_s(delay) if int(source["type"]) != TRAPPER else None,
        history_s=seconds(resolved.resolve(host, row["history"])),
        trends_s=seconds(resolved.resolve(host, row["trends"])),
        enabled=row["status"] == "0",
        supported=row["state"] == "0",
        steps=steps,
    )


def _chain(row: Mapping[str, Any], known: Mapping[str, Mapping[str, Any]]) -> list[Mapping[str, Any]]:
    """Return the item and the items it depends on; it ends early at one that we may not see."""
    chain = [row]
    while _master(chain[-1]) in known and len(chain) <= MASTER_LEVELS + 1:
        chain.append(known[_master(chain[-1])])
    return chain


def _step(step: Mapping[str, Any], where: str) -> Step:
    kind = whole(step, "type", where=where)
    invents = text(step, "error_handler", where=where) == _SET_VALUE
    if kind != MULTIPLIER:
        return Step(kind, invents=invents)
    written = text(step, "params", where=where)
    factor = None if macros.has_macro(written) else number(written, where=f"{where}: multiplier")
    return Step(kind, factor, invents)
