"""The hosts a system knows: whose exporter was seen lately, and whether it answers now."""

from __future__ import annotations

import ipaddress
from collections.abc import Iterator, Mapping
from urllib.parse import urlsplit

from collector.sources.interface import Instance
from collector.sources.prometheus.client import Client, Row
from collector.sources.prometheus.profiles import BusyCounters, HostFacts, Profile
from collector.sources.prometheus.promql import View

SEEN_MS = 86_400_000
"""A host whose exporter was silent for a day is not listed; its past can be asked for all the same."""

UP = "up"
DOWN = "down"
UNKNOWN = "unknown"
"""The system does not scrape (agents push to it), so it has no ``up``."""


def instances(client: Client, view: View, profiles: tuple[Profile, ...], now_ms: int) -> Iterator[Instance]:
    """Yield every host once, in the order of their ids.

    Raises:
        SourceError: what the client says.
    """
    names: dict[str, str] = {}
    cpus: dict[str, int] = {}
    for profile in profiles:
        for facts in profile.facts:
            names.update(_names(client, view, facts, now_ms))
        cpus.update(_cpus(client, view, profile, now_ms))
    states = _states(client, view, now_ms)
    for host in sorted({*names, *cpus}):
        yield Instance(
            id=host,
            name=names.get(host, host),
            region="",
            state=states.get(host, UNKNOWN),
            addresses=_addresses(host),
            bandwidths=(),
            cpus=cpus.get(host),
            request_ids=(),
        )


def _names(client: Client, view: View, facts: HostFacts, now_ms: int) -> Mapping[str, str]:
    by = ",".join(part for part in (view.instance_label, facts.name) if part)
    expression = f"count by({by})(last_over_time({facts.metric}{{{view.every()}}}[{SEEN_MS}ms]))"
    rows = client.at(expression, now_ms, where=facts.metric)
    # Of a host that was renamed within the day one name is taken, always the same.
    found = sorted((_host(row, view), row.labels.get(facts.name, "")) for row in rows)
    return {host: name or host for host, name in found if host}


def _cpus(client: Client, view: View, profile: Profile, now_ms: int) -> Mapping[str, int]:
    busy = profile.busy
    if not isinstance(busy, BusyCounters):
        return {}
    series = f"{busy.metric}{{{busy.one},{view.every()}}}[{SEEN_MS}ms]"
    # One kernel may be scraped twice: the larger job counts, not their sum.
    label = view.instance_label
    expression = f"max by({label})(count by({label},job)(last_over_time({series})))"
    rows = client.at(expression, now_ms, where=f"{profile.name} processors")
    return {
        _host(row, view): int(sample.value)
        for row in rows
        for sample in row.samples
        if sample.value is not None and _host(row, view)
    }


def _states(client: Client, view: View, now_ms: int) -> Mapping[str, str]:
    expression = f"max by({view.instance_label})(up{{{view.every()}}})"
    rows = client.at(expression, now_ms, where="up")
    return {_host(row, view): UP if row.samples[0].value else DOWN for row in rows}


def _host(row: Row, view: View) -> str:
    return row.labels.get(view.instance_label, "")


def _addresses(host: str) -> tuple[str, ...]:
    """Return the address in an instance such as ``10.0.0.7:9100``; names are not looked up."""
    try:
        name = urlsplit(f"//{host}").hostname or ""
        return (str(ipaddress.ip_address(name)),)
    except ValueError:
        return ()
