"""Measured time of hosts over some days, for seeing early whether a month can still be complete."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from dataclasses import dataclass

from sqlalchemy import Connection, func, select

from collector.store import schema
from collector.store.clickhouse import far_sums
from collector.store.clickhouse.far_sums import Asked
from collector.store.clickhouse.tables import NUMBERS
from evidence.sources import AGENT

_METRICS = ("cpu", "cpu.utilization")
"""What tells best whether a host was measured: of the agent's counters, and of averages."""


@dataclass(frozen=True)
class Measured:
    """A host's source over the days that were asked for, in ms."""

    host: str
    source: str
    covered_ms: int
    downtime_ms: int


@dataclass(frozen=True)
class Reach:
    """The number of a host, and where the newest chunk of its agent ends (ms since 1970)."""

    host_id: int
    end_ms: int


def measured(
    connection: Connection, first_day: int, after_day: int, excluded: Collection[int]
) -> list[Measured]:
    """Return the measured time of every host and source over [``first_day``, ``after_day``)."""
    enrolled = select(schema.enrolment.c.host_id, schema.enrolment.c.source).distinct().subquery()
    table, host = schema.day_sum.c, schema.host.c
    query = (
        select(
            host.name,
            table.source,
            func.sum(table.observed_ms + table.bridged_ms).label("covered_ms"),
            func.sum(table.downtime_ms).label("downtime_ms"),
        )
        # By host and source first: the day alone is no beginning of the key.
        .select_from(enrolled)
        .join(
            schema.day_sum,
            (table.host_id == enrolled.c.host_id) & (table.source == enrolled.c.source),
        )
        .join(schema.host, host.id == table.host_id)
        .where(table.metric.in_(_METRICS), table.day >= first_day, table.day < after_day)
        .group_by(host.name, table.source)
    )
    if excluded:
        query = query.where(table.day.not_in(sorted(excluded)))
    near = {
        (row.name, row.source): Measured(row.name, row.source, int(row.covered_ms), int(row.downtime_ms))
        for row in connection.execute(query)
    }
    asked = Asked(first_day, after_day, metrics=_METRICS, without=tuple(excluded))
    far = far_sums.by_host(connection, asked)
    names = _names(connection) if far else {}
    for number, source, _, *added in far:
        sums, place = dict(zip(NUMBERS, added, strict=True)), (names[number], source)
        before = near.get(place, Measured(*place, 0, 0))
        covered = sums["observed_ms"] + sums["bridged_ms"]
        near[place] = Measured(*place, before.covered_ms + covered, before.downtime_ms + sums["downtime_ms"])
    return list(near.values())


def _names(connection: Connection) -> dict[int, str]:
    return {row.id: row.name for row in connection.execute(select(schema.host.c.id, schema.host.c.name))}


def agents(connection: Connection) -> dict[str, Reach]:
    """Return how far the agent of every host has come, by the host's name."""
    table, host = schema.chunk, schema.host
    last = (
        select(table.c.id)
        .where(table.c.host_id == host.c.id, table.c.source == AGENT)
        .order_by(table.c.end_ms.desc(), table.c.start_ms.desc())
        .limit(1)
        .scalar_subquery()
    )
    newest = schema.chunk.alias("newest")
    query = select(host.c.name, host.c.id, newest.c.end_ms).join_from(host, newest, newest.c.id == last)
    return {row.name: Reach(int(row.id), int(row.end_ms)) for row in connection.execute(query)}


def holes(connection: Connection, host_id: int, since_ms: int) -> Iterator[tuple[int, int]]:
    """Yield the stretches between chunks of a host's agent whose numbers do not follow each other.

    What ends before ``since_ms`` is left out. Between two enrolments there is no hole: an agent sends in
    order, what it sealed with its old key first.
    """
    table = schema.chunk.c
    query = (
        select(table.enrolment_id, table.seq, table.start_ms, table.end_ms)
        .where(table.host_id == host_id, table.source == AGENT, table.end_ms >= since_ms)
        .order_by(table.enrolment_id, table.seq)
    )
    enrolment, seq, end_ms = 0, -1, since_ms
    for row in connection.execute(query):
        if row.enrolment_id != enrolment:
            enrolment, seq = row.enrolment_id, -1
        if seq < 0:  # the first that was asked for: its predecessor may lie before
            follows = row.seq == 0 or _is_stored(connection, enrolment, row.seq - 1)
        else:
            follows = row.seq == seq + 1
        if not follows and end_ms < row.start_ms:
            yield end_ms, int(row.start_ms)
        seq, end_ms = int(row.seq), max(end_ms, int(row.end_ms))


def _is_stored(connection: Connection, enrolment_id: int, seq: int) -> bool:
    table = schema.chunk.c
    query = select(table.id).where(table.enrolment_id == enrolment_id, table.seq == seq)
    return connection.execute(query).first() is not None
