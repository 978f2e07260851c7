"""What is tried before the first real question, so that a missing right is found at once."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

from collector.sources.errors import PermissionMissing, SourceError
from collector.sources.interface import METRICS, Probe
from collector.sources.zabbix import hosts
from collector.sources.zabbix.client import Client
from collector.sources.zabbix.hosts import Selection
from collector.sources.zabbix.recipes import Recipe, Unusable
from collector.sources.zabbix.role import GROUP_RIGHT, METHODS

MAX_HOSTS = 20
"""Looked at for each metric."""
_MAX_REASONS = 3
_NOBODY = ["0"]
"""An id that nothing has: the call is allowed or not, and costs nothing."""
_TRIALS: Mapping[str, Mapping[str, Any]] = {
    "history.get": {"itemids": _NOBODY, "limit": 1},
    "host.get": {"hostids": _NOBODY, "output": ["hostid"]},
    "hostgroup.get": {"groupids": _NOBODY, "output": ["groupid"]},
    "housekeeping.get": {"output": ["hk_trends"]},
    "item.get": {"itemids": _NOBODY, "output": ["itemid"]},
    "template.get": {"templateids": _NOBODY, "output": ["templateid"]},
    "trend.get": {"itemids": _NOBODY, "limit": 1},
    "usermacro.get": {"hostids": _NOBODY, "output": ["macro"]},
}

Recipes = Callable[[str, Sequence[str]], Mapping[str, "Recipe | Unusable"]]


def probes(client: Client, selection: Selection, recipes: Recipes) -> Iterator[Probe]:
    """Yield what was tried, until something fails that everything else needs."""
    try:
        major, minor = client.version()
    except SourceError as error:
        yield Probe("version", ok=False, detail=str(error))
        return
    yield Probe("version", ok=True, detail=f"Zabbix {major}.{minor}")
    refused = False
    for method in METHODS:
        probe = _tried(client, method)
        refused = refused or not probe.ok
        yield probe
        if not (probe.ok or probe.permission_missing):
            return  # not a right that is missing: the login itself
    if not refused:
        yield from _of_hosts(client, selection, recipes)


def _tried(client: Client, method: str) -> Probe:
    try:
        client.call(method, _TRIALS[method])
    except PermissionMissing as error:
        return Probe(method, ok=False, detail=str(error), permission_missing=error.permission)
    except SourceError as error:
        return Probe(method, ok=False, detail=str(error))
    return Probe(method, ok=True, detail="allowed")


def _of_hosts(client: Client, selection: Selection, recipes: Recipes) -> Iterator[Probe]:
    try:
        found = hosts.ids(client, selection)
    except SourceError as error:
        yield Probe("hosts", ok=False, detail=str(error))
        return
    if not found:
        detail = "no host is chosen or readable; check groups, tags and names, or grant the right"
        yield Probe("hosts", ok=False, detail=detail, permission_missing=GROUP_RIGHT)
        return
    yield Probe("hosts", ok=True, detail=f"{len(found)} hosts")
    for metric in METRICS:
        try:
            yield _of_metric(metric, recipes(metric, found[:MAX_HOSTS]))
        except SourceError as error:
            yield Probe(metric, ok=False, detail=str(error))


def _of_metric(metric: str, made: Mapping[str, Recipe | Unusable]) -> Probe:
    usable = {host: one for host, one in made.items() if isinstance(one, Recipe)}
    said = [f"{len(usable)} of {len(made)} hosts"]
    said += [f"host {host}: {one.reason}" for host, one in made.items() if isinstance(one, Unusable)]
    for host, one in usable.items():
        broken = [term.item.written_key for term in one.terms if not term.item.supported]
        if broken:
            said.append(f"host {host}: not supported now: {', '.join(broken)}")
    left_out = len(said) - 1 - _MAX_REASONS
    said = said[: 1 + _MAX_REASONS] + ([f"{left_out} more"] if left_out > 0 else [])
    return Probe(metric, ok=bool(usable), detail="; ".join(said))
