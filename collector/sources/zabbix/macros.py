"""User macros: ``{$DELAY}`` in an item means what the host, its templates or all of Zabbix say.

The nearest place counts: the host, then its templates level by level (in one level the smaller id),
then the global macros. Secret macros have no value for us, so what is made of them stays unknown.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from collector.sources.zabbix.client import Client
from collector.sources.zabbix.records import parts, rows, text, whole

MAX_LEVELS = 8
"""Of templates that are linked to templates."""
CALLS = MAX_LEVELS + 3
_PLAIN = "0"
_MACRO = re.compile(r"\{\$[A-Z0-9_.]+(?::[^{}]*)?\}")
_BASE = re.compile(r"(\{\$[A-Z0-9_.]+):.*\}")

_Values = Mapping[str, "str | None"]


def has_macro(text_: str) -> bool:
    """Return whether a text needs macros to be understood."""
    return _MACRO.search(text_) is not None


@dataclass(frozen=True)
class Macros:
    """What macros mean, host by host; the nearest place first."""

    places: Mapping[str, Sequence[_Values]]

    def resolve(self, host: str, written: str) -> str | None:
        """Return a text with its macros replaced, ``None`` if one of them is not known."""
        unknown = False

        def value(match: re.Match[str]) -> str:
            nonlocal unknown
            found = self._value(host, match[0])
            unknown = unknown or found is None
            return found or ""

        resolved = _MACRO.sub(value, written)
        return None if unknown else resolved

    def _value(self, host: str, macro: str) -> str | None:
        base = _BASE.sub(r"\1}", macro)
        for name in dict.fromkeys((macro, base)):  # the one with its context goes before the general one
            for values in self.places.get(host, ()):
                if name in values:
                    return values[name]
        return None


NO_MACROS = Macros({})


def load(client: Client, hosts: Iterable[str]) -> Macros:
    """Return the macros of these hosts.

    Raises:
        SourceError: what the client says.
    """
    wanted = sorted(set(hosts))
    if not wanted:
        return NO_MACROS
    levels = _levels(client, wanted)
    owners = sorted({owner for chain in levels.values() for level in chain for owner in level})
    values = _values(client, owners)
    general = _global(client)
    return Macros(
        {
            host: [*(values.get(owner, {}) for level in chain for owner in level), general]
            for host, chain in levels.items()
        }
    )


def _levels(client: Client, hosts: Sequence[str]) -> Mapping[str, list[list[str]]]:
    """Return for each host the levels of what gives it macros: itself, its templates, theirs."""
    parents = _parents(client, "host", hosts)
    level = sorted({parent for found in parents.values() for parent in found})
    for _ in range(MAX_LEVELS):
        level = [template for template in level if template not in parents]
        if not level:
            break
        found = _parents(client, "template", level)
        parents = {**{template: [] for template in level}, **found, **parents}
        level = sorted({parent for above in found.values() for parent in above})
    return {host: _chain(host, parents) for host in hosts}


def _chain(host: str, parents: Mapping[str, Sequence[str]]) -> list[list[str]]:
    chain, seen = [[host]], {host}
    for _ in range(MAX_LEVELS):
        level = sorted({up for owner in chain[-1] for up in parents.get(owner, ())} - seen, key=int)
        if not level:
            break
        seen.update(level)
        chain.append(level)
    return chain


def _parents(client: Client, kind: str, ids: Sequence[str]) -> dict[str, list[str]]:
    method, id_name = f"{kind}.get", f"{kind}id"
    asked = {f"{id_name}s": list(ids), "output": [id_name], "selectParentTemplates": ["templateid"]}
    found = rows(client.call(method, asked), where=method)
    return {
        text(row, id_name, where=method): [
            str(_id(parent, method)) for parent in parts(row, "parentTemplates", where=method)
        ]
        for row in found
    }


def _id(row: Mapping[str, object], where: str) -> int:
    return whole(row, "templateid", where=where)


def _values(client: Client, owners: Sequence[str]) -> Mapping[str, _Values]:
    method = "usermacro.get"
    asked = {"hostids": list(owners), "output": ["hostid", "macro", "value", "type"]}
    found: dict[str, dict[str, str | None]] = {}
    for row in rows(client.call(method, asked), where=method):
        owner = found.setdefault(text(row, "hostid", where=method), {})
        owner[text(row, "macro", where=method)] = _value(row, method)
    return found


def _global(client: Client) -> _Values:
    method = "usermacro.get"
    asked = {"globalmacro": True, "output": ["macro", "value", "type"]}
    found = rows(client.call(method, asked), where=method)
    return {text(row, "macro", where=method): _value(row, method) for row in found}


def _value(row: Mapping[str, object], where: str) -> str | None:
    if text(row, "type", where=where) != _PLAIN:
        return None
    return text(row, "value", where=where)
