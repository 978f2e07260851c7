"""How the fleet stands: hosts with their sources and newest chunk, and a mark that moves with the store."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from sqlalchemy import Connection, func, select

from collector.store import schema
from evidence import enrolment as records
from evidence.chunk import Header, parse_header, read_frame
from evidence.manifest import Manifest, parse

Revision = tuple[int, ...]


@dataclass(frozen=True)
class Newest:
    """The newest chunk of a host. ``lag_ms``: how long after its last reading it arrived."""

    source: str
    start_ms: int
    end_ms: int
    received_ms: int
    header: Header

    @property
    def lag_ms(self) -> int:
        """Time from the chunk's end to its arrival."""
        return self.received_ms - self.end_ms


@dataclass(frozen=True)
class Standing:
    """One host: its sources with the software that enrolled them, and its newest chunk if it has one."""

    id: int
    name: str
    sources: Mapping[str, str]
    newest: Newest | None


def revision(connection: Connection) -> Revision:
    """Return numbers that differ whenever figures or the fleet's standing may.

    Everything that counts is in the log, but for declared scopes, the ledger, and what pollers note.
    """
    marks = (
        schema.log_leaf.c.index,
        schema.scope_version.c.version,
        schema.ledger_entry.c.number,
        schema.finding.c.id,
        schema.inventory.c.id,
        schema.poll.c.id,
        schema.token.c.used_ms,
    )
    return tuple(int(connection.scalar(select(func.max(mark))) or 0) for mark in marks)


def standings(connection: Connection) -> Sequence[Standing]:
    """Return all hosts by name."""
    query = select(schema.host.c.id, schema.host.c.name).order_by(schema.host.c.name)
    sources = _sources(connection)
    newest = _newest(connection)
    return [
        Standing(row.id, row.name, sources.get(row.id, {}), newest.get(row.id))
        for row in connection.execute(query)
    ]


def host_name(connection: Connection, host_id: int) -> str | None:
    """Return the name of the host with this number."""
    name = connection.scalar(select(schema.host.c.name).where(schema.host.c.id == host_id))
    return None if name is None else str(name)


def newest_manifest(connection: Connection, host_id: int, source: str) -> Manifest | None:
    """Return what the newest chunk of a host's source says of the host and its devices."""
    table = schema.chunk.c
    query = select(table.frame).where(table.host_id == host_id, table.source == source)
    frame = connection.scalar(query.order_by(table.end_ms.desc()).limit(1))
    return None if frame is None else parse(read_frame(frame).manifest)


def first_day(connection: Connection) -> int | None:
    """Return the ordinal of the first local day with a day sum."""
    day = connection.scalar(select(func.min(schema.day_sum.c.day)))
    return None if day is None else int(day)


def unanchored(connection: Connection) -> int:
    """Return how many checkpoints an anchor has failed to take so far."""
    outbox = schema.anchor_outbox.c
    query = select(func.count()).where(outbox.done_ms.is_(None), outbox.attempts > 0)
    return int(connection.scalar(query) or 0)


def _sources(connection: Connection) -> dict[int, dict[str, str]]:
    table = schema.enrolment.c
    found: dict[int, dict[str, str]] = {}
    query = select(table.host_id, table.source, table.record).order_by(
        table.host_id, table.source, table.epoch
    )
    for row in connection.execute(query):
        found.setdefault(row.host_id, {})[row.source] = records.parse(row.record).agent
    return found


def _newest(connection: Connection) -> dict[int, Newest]:
    table, other = schema.chunk, schema.chunk.alias("other")
    # One look into the index for each host; grouping would read the index of all chunks.
    last = (
        select(other.c.id)
        .where(other.c.host_id == schema.host.c.id)
        .order_by(other.c.end_ms.desc(), other.c.start_ms.desc())
        .limit(1)
        .scalar_subquery()
    )
    columns = (
        table.c.host_id,
        table.c.source,
        table.c.start_ms,
        table.c.end_ms,
        table.c.received_ms,
        table.c.frame,
    )
    query = select(*columns).join_from(schema.host, table, table.c.id == last)
    return {
        row.host_id: Newest(
            row.source, row.start_ms, row.end_ms, row.received_ms, parse_header(read_frame(row.frame).header)
        )
        for row in connection.execute(query)
    }
