"""How the fleet stands: hosts with their sources and newest chunk, and a mark that moves with the store."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date

from sqlalchemy import Connection, case, exists, func, select, true

from collector.store import frames, schema
from collector.store.clickhouse import far_sums
from evidence import columns
from evidence import enrolment as records
from evidence.chunk import Header, parse_header, read_frame
from evidence.manifest import Manifest, parse
from evidence.sources import AGENT, SIGNED_BY_HOSTS

Revision = tuple[int, ...]
EVER = date.max.toordinal()
AHEAD_MS = 10 * 60_000
"""As far ahead of the collector's clock chunks are taken (``collector.admission``)."""
LOOKED_BACK_MS = 7 * 86_400_000
"""So far chunks of a source are looked for that has no newer one."""
USUAL_CHUNK_MS = 10 * 60_000
"""Agents seal every ten minutes unless told otherwise."""


@dataclass(frozen=True)
class Newest:
    """The newest chunk of a host. ``lag_ms``: how long after its last reading it arrived.

    ``header`` is ``None`` if the chunk was dropped with its month. ``filled_ms`` is how long its rows take at the
    interval of its host, ``None`` where that was not looked at: a chunk after an interruption begins before it.
    """

    source: str
    start_ms: int
    end_ms: int
    received_ms: int
    header: Header | None
    filled_ms: int | None = None

    @property
    def lag_ms(self) -> int:
        """Time from the chunk's end to its arrival."""
        return self.received_ms - self.end_ms


@dataclass(frozen=True)
class Standing:
    """One host: its sources with the software that enrolled them, and its newest chunk if it has one.

    That is its agent's newest wherever the agent delivered any: what measures a host is what it is judged by.
    """

    id: int
    name: str
    sources: Mapping[str, str]
    newest: Newest | None


@dataclass(frozen=True)
class Beside:
    """A source that reports beside its host's agent: when it was last heard of, and how long its newest chunk is."""

    host: str
    source: str
    received_ms: int
    length_ms: int


def revision(connection: Connection) -> Revision:
    """Return numbers that differ whenever figures or the fleet's standing may.

    Everything that counts is in the log, but for what is declared, the ledger, and what pollers note.
    """
    marks = (
        schema.log_leaf.c.index,
        schema.scope_version.c.version,
        schema.ledger_entry.c.number,
        schema.finding.c.id,
        schema.inventory.c.id,
        schema.poll.c.id,
        schema.token.c.used_ms,
        schema.profile_version.c.version,
    )
    return tuple(int(connection.scalar(select(func.max(mark))) or 0) for mark in marks)


def declared(connection: Connection) -> Revision:
    """Return numbers that differ whenever what is declared differs: hosts, scope, ledger."""
    marks = (schema.host.c.id, schema.scope_version.c.version, schema.ledger_entry.c.number)
    return tuple(int(connection.scalar(select(func.max(mark))) or 0) for mark in marks)


def last_chunk(connection: Connection) -> int:
    """Return the number of the chunk that came last, 0 without one."""
    return int(connection.scalar(select(func.max(schema.chunk.c.id))) or 0)


def chunks_before(connection: Connection, after_id: int, end_ms: int) -> int:
    """Return how many chunks came after the one numbered ``after_id`` that claim time before ``end_ms``."""
    table = schema.chunk.c
    query = select(func.count()).where(table.id > after_id, table.start_ms < end_ms)
    return int(connection.scalar(query) or 0)


def standings(
    connection: Connection, *, host_id: int | None = None, now_ms: int | None = None
) -> Sequence[Standing]:
    """Return all hosts by name, or the one with this number.

    With ``now_ms`` chunks that end more than ``AHEAD_MS`` later are not the newest: they were taken while the
    collector's clock was ahead, too.
    """
    query = select(schema.host.c.id, schema.host.c.name).order_by(schema.host.c.name)
    if host_id is not None:
        query = query.where(schema.host.c.id == host_id)
    sources = _sources(connection, host_id)
    newest = _newest(connection, host_id, now_ms)
    return [
        Standing(row.id, row.name, sources.get(row.id, {}), newest.get(row.id))
        for row in connection.execute(query)
    ]


def beside_agents(connection: Connection, now_ms: int) -> Sequence[Beside]:
    """Return how the sources stand that report beside an agent.

    Readers of logs and of databases, on hosts that have an agent. What was silent for ``LOOKED_BACK_MS`` counts from its
    newest enrolment.
    """
    enrolled, agent, table = schema.enrolment.alias(), schema.enrolment.alias(), schema.chunk.c
    arrived, length = (
        select(wanted)
        .where(
            table.host_id == enrolled.c.host_id,
            table.source == enrolled.c.source,
            table.end_ms > now_ms - LOOKED_BACK_MS,
            table.end_ms <= now_ms + AHEAD_MS,
        )
        .order_by(table.end_ms.desc(), table.start_ms.desc())
        .limit(1)
        .scalar_subquery()
        for wanted in (table.received_ms, table.end_ms - table.start_ms)
    )
    query = (
        select(schema.host.c.name, enrolled.c.source, arrived, length, func.max(enrolled.c.received_ms))
        .join_from(enrolled, schema.host, schema.host.c.id == enrolled.c.host_id)
        .where(enrolled.c.source.in_([one for one in SIGNED_BY_HOSTS if one != AGENT]))
        .where(exists().where(agent.c.host_id == enrolled.c.host_id, agent.c.source == AGENT))
        .group_by(schema.host.c.name, enrolled.c.host_id, enrolled.c.source)
    )
    return [
        Beside(name, source, since_ms if arrived_ms is None else arrived_ms, length_ms or 0)
        for name, source, arrived_ms, length_ms, since_ms in connection.execute(query)
    ]


def sources(connection: Connection) -> Mapping[str, Sequence[str]]:
    """Return the sources of every host, by the host's name, sorted."""
    host, enrolled = schema.host.c, schema.enrolment.c
    query = (
        select(host.name, enrolled.source)
        .join_from(schema.host, schema.enrolment, enrolled.host_id == host.id, isouter=True)
        .distinct()
        .order_by(host.name, enrolled.source)
    )
    found: dict[str, list[str]] = {}
    for name, source in connection.execute(query):
        found.setdefault(name, []).extend([] if source is None else [source])
    return found


def host_name(connection: Connection, host_id: int) -> str | None:
    """Return the name of the host with this number."""
    name = connection.scalar(select(schema.host.c.name).where(schema.host.c.id == host_id))
    return None if name is None else str(name)


def newest_manifest(connection: Connection, host_id: int, source: str) -> Manifest | None:
    """Return what the newest chunk of a host's source says of the host and its devices.

    ``None`` without one, or if it was dropped with its month.
    """
    table = schema.chunk.c
    query = select(table.month, table.id).where(table.host_id == host_id, table.source == source)
    newest = connection.execute(query.order_by(table.end_ms.desc()).limit(1)).first()
    data = None if newest is None else frames.read(connection, [(newest.month, newest.id)]).get(newest.id)
    if data is None:
        return None
    frame = read_frame(data)
    return parse(columns.inflate(frame.manifest, length=frame.manifest_bytes))


def first_day(connection: Connection, *, host_id: int | None = None) -> int | None:
    """Return the ordinal of the first local day with a day sum, of all hosts or of the one with this number."""
    query = select(func.min(schema.day_sum.c.day))
    if host_id is not None:
        query = query.where(schema.day_sum.c.host_id == host_id)
    day = connection.scalar(query)
    far = far_sums.first_day(
        connection, far_sums.Asked(1, EVER, hosts=None if host_id is None else (host_id,))
    )
    return min((int(one) for one in (day, far) if one is not None), default=None)


def _sources(connection: Connection, host_id: int | None) -> dict[int, dict[str, str]]:
    table = schema.enrolment.c
    found: dict[int, dict[str, str]] = {}
    query = select(table.host_id, table.source, table.record).order_by(
        table.host_id, table.source, table.epoch
    )
    if host_id is not None:
        query = query.where(table.host_id == host_id)
    for row in connection.execute(query):
        found.setdefault(row.host_id, {})[row.source] = records.parse(row.record).agent
    return found


def _newest(connection: Connection, host_id: int | None, now_ms: int | None) -> dict[int, Newest]:
    table, other = schema.chunk, schema.chunk.alias("other")
    believed = true() if now_ms is None else other.c.end_ms <= now_ms + AHEAD_MS
    # One look into the index for each host; grouping would read the index of all chunks.
    latest = (
        select(other.c.id)
        .where(other.c.host_id == schema.host.c.id, believed)
        .order_by(other.c.end_ms.desc(), other.c.start_ms.desc())
        .limit(1)
    )
    enrolled = schema.enrolment.c
    measured = exists().where(enrolled.host_id == schema.host.c.id, enrolled.source == AGENT)
    # Asked only of hosts that have an agent: of others it would read all of their chunks.
    of_agent = case((measured, latest.where(other.c.source == AGENT).scalar_subquery()))
    last = func.coalesce(of_agent, latest.scalar_subquery())
    wanted = (
        table.c.host_id,
        table.c.source,
        table.c.start_ms,
        table.c.end_ms,
        table.c.received_ms,
        table.c.id,
        table.c.month,
    )
    query = select(*wanted).join_from(schema.host, table, table.c.id == last)
    if host_id is not None:
        query = query.where(schema.host.c.id == host_id)
    rows = connection.execute(query).all()
    read: dict[int, tuple[Header, int | None]] = {}
    for at in range(0, len(rows), frames.AT_ONCE):
        part = frames.read(connection, ((row.month, row.id) for row in rows[at : at + frames.AT_ONCE]))
        read.update((number, _header(data)) for number, data in part.items())
    return {
        row.host_id: Newest(
            row.source, row.start_ms, row.end_ms, row.received_ms, *read.get(row.id, (None, None))
        )
        for row in rows
    }


def _header(data: bytes) -> tuple[Header, int | None]:
    """Return a chunk's header, and how long its rows take where it is longer than chunks usually are."""
    frame = read_frame(data)
    header = parse_header(frame.header)
    if header.source != AGENT or header.end_ms - header.start_ms <= USUAL_CHUNK_MS:
        return header, None
    manifest = parse(columns.inflate(frame.manifest, length=frame.manifest_bytes))
    return header, (header.rows - 1) * manifest.interval_ms
