"""Machines that the sources know, at rest. A change is a new row; what was seen is never deleted."""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection, Row, func, select

from collector.sources.interface import Instance
from collector.store import schema

_LOOKED_AT = ("name", "region", "state", "addresses", "bandwidths", "cpus")


@dataclass(frozen=True)
class Seen:
    """An instance as it was seen last. ``bandwidths`` is the JSON text of what was bought."""

    alias: str
    instance: str
    name: str
    region: str
    state: str
    bandwidths: str
    last_seen_ms: int


def keep(
    connection: Connection, alias: str, provider: str, instances: Iterable[Instance], *, now_ms: int
) -> dict[str, int]:
    """Record the instances that an account has now.

    Returns when each instance was seen before with the same bandwidths, in ms since 1970; those that
    are new, or have others, are left out.
    """
    newest = {row.instance: row for row in _newest(connection, alias)}
    ahead = {one for one, row in newest.items() if row.last_seen_ms > now_ms}
    if ahead:  # by a clock that was ahead: whoever is not seen now would seem to be the newest for ever
        table = schema.inventory
        later = table.c.last_seen_ms > now_ms
        connection.execute(
            table.update().where(table.c.alias == alias, later).values(last_seen_ms=now_ms - 1)
        )
    same: dict[str, int] = {}
    for instance in instances:
        values = _values(instance)
        before = newest.get(instance.id)
        if before is not None and instance.id not in ahead and before.bandwidths == values["bandwidths"]:
            same[instance.id] = before.last_seen_ms
        if before is not None and all(getattr(before, name) == values[name] for name in _LOOKED_AT):
            connection.execute(
                schema.inventory.update()
                .where(schema.inventory.c.id == before.id)
                .values(last_seen_ms=now_ms, request_ids=values["request_ids"])
            )
            continue
        connection.execute(
            schema.inventory.insert().values(
                alias=alias, provider=provider, **values, first_seen_ms=now_ms, last_seen_ms=now_ms
            )
        )
    return same


def seen(connection: Connection, alias: str) -> list[Seen]:
    """Return every instance that an account ever had, as it was seen last, sorted by id."""
    return [_seen(row) for row in _newest(connection, alias)]


def bandwidth_history(connection: Connection, alias: str, instance: str) -> list[tuple[int, int, Any]]:
    """Return (first seen, last seen, bandwidths) of an instance in order of time."""
    table = schema.inventory.c
    query = (
        select(table.first_seen_ms, table.last_seen_ms, table.bandwidths)
        .where(table.alias == alias, table.instance == instance)
        .order_by(table.first_seen_ms)
    )
    return [
        (row.first_seen_ms, row.last_seen_ms, json.loads(row.bandwidths)) for row in connection.execute(query)
    ]


def _newest(connection: Connection, alias: str) -> list[Row[Any]]:
    table = schema.inventory
    newest = select(func.max(table.c.id)).where(table.c.alias == alias).group_by(table.c.instance)
    query = select(table).where(table.c.id.in_(newest)).order_by(table.c.instance)
    return list(connection.execute(query))


def _seen(row: Row[Any]) -> Seen:
    return Seen(row.alias, row.instance, row.name, row.region, row.state, row.bandwidths, row.last_seen_ms)


def _values(instance: Instance) -> dict[str, Any]:
    bandwidths = [
        {"mbps": str(one.mbps), "kind": one.kind, "scope": one.scope, "resource": one.resource}
        for one in instance.bandwidths
    ]
    return {
        "instance": instance.id,
        "name": instance.name,
        "region": instance.region,
        "state": instance.state,
        "addresses": json.dumps(list(instance.addresses), ensure_ascii=False),
        "bandwidths": json.dumps(bandwidths, ensure_ascii=False),
        "cpus": instance.cpus,
        "request_ids": "\n".join(instance.request_ids),
    }
