"""Chunks at rest: looking one up by its place in the chain, and by the time it claims."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from dataclasses import dataclass, replace
from itertools import islice
from typing import Any

from sqlalchemy import Connection, Select, and_, bindparam, or_, select

from collector.store import dropped, frames, months, registry, schema
from collector.store.registry import PinnedKey
from evidence import chunk as chunks
from evidence import enrolment as records
from evidence.calendar import LocalCalendar
from evidence.chunk import Chunk
from evidence.crediting import claimed_metrics
from evidence.day_sum import Interval, claims
from evidence.keys import PublicKey

_PLACES_AT_ONCE = 10_000
_NEIGHBOURS = 3
"""The one before, the same, and the next after: so many at the most are asked for."""


@dataclass(frozen=True)
class ChunkAt:
    """A stored chunk as its neighbours see it.

    ``prev`` and ``prev_end_ms`` are from its header, empty and 0 where only who comes before may ask.
    ``received_ms`` is when it arrived, by the collector's clock.
    """

    seq: int
    hash: str
    end_ms: int
    received_ms: int
    prev: str = ""
    prev_end_ms: int = 0


@dataclass(frozen=True)
class Line:
    """The chunks that take time from one another: of a host and source, and of a metric.

    ``metric`` ``None`` stands for all chunks of the source.
    """

    host_id: int
    source: str
    metric: str | None = None


# Asked for every chunk that comes in: built once.
_AROUND = (
    select(
        schema.chunk.c.id,
        schema.chunk.c.month,
        schema.chunk.c.seq,
        schema.chunk.c.hash,
        schema.chunk.c.end_ms,
        schema.chunk.c.received_ms,
    )
    .where(
        schema.chunk.c.enrolment_id == bindparam("enrolment_id"), schema.chunk.c.seq >= bindparam("before")
    )
    .order_by(schema.chunk.c.seq)
    .limit(_NEIGHBOURS)
)
_OVERLAPPING = (
    select(schema.chunk.c.epoch, schema.chunk.c.seq, schema.chunk.c.start_ms, schema.chunk.c.end_ms)
    .where(
        schema.chunk.c.host_id == bindparam("host_id"),
        schema.chunk.c.source == bindparam("source"),
        schema.chunk.c.end_ms > bindparam("start_ms"),
        schema.chunk.c.start_ms < bindparam("end_ms"),
    )
    .order_by(schema.chunk.c.epoch, schema.chunk.c.seq)
)
_OVERLAPPING_OF_METRIC = _OVERLAPPING.where(schema.chunk.c.metric == bindparam("metric"))
_ADD = schema.chunk.insert()


def around(connection: Connection, enrolment_id: int, seq: int) -> dict[int, ChunkAt]:
    """Return the stored chunks at ``seq`` and directly before it, and the next after it, by seq.

    Only of the one after is the header read, and only for a chunk that is to fill the place before it.

    Raises:
        DroppedMonthError: the one after was dropped, so nobody can tell whether a new one fits before it.
    """
    rows = {
        row.seq: row for row in connection.execute(_AROUND, {"enrolment_id": enrolment_id, "before": seq - 1})
    }
    found = {at: ChunkAt(at, row.hash, row.end_ms, row.received_ms) for at, row in rows.items()}
    after = rows.get(seq + 1)
    if after is not None and seq not in rows:
        frame = frames.read(connection, [(after.month, after.id)]).get(after.id)
        if frame is None:
            dropped.refuse(connection, after.month)
        header = chunks.parse_header(chunks.read_frame(frame or frames.GONE).header)
        found[seq + 1] = replace(found[seq + 1], prev=header.prev, prev_end_ms=header.prev_end_ms)
    return found


def headers(connection: Connection, hashes: Collection[str]) -> dict[str, bytes]:
    """Return the header of each of these chunks that is stored, by its hash.

    They are looked for from the newest back: whoever packs asks for what came lately, and one pass
    needs no index. Of a month that was dropped those are there that came after it (``frames.keep_headers``).
    """
    table, wanted, places = schema.chunk.c, set(hashes), dict[int, Any]()
    newest = select(table.id, table.month, table.hash).order_by(table.id.desc())
    if wanted:
        with connection.execute(newest.execution_options(yield_per=_PLACES_AT_ONCE)) as rows:
            places = {row.id: row for row in islice((row for row in rows if row.hash in wanted), len(wanted))}
    found, ids = {}, list(places)
    for at in range(0, len(ids), frames.AT_ONCE):
        part = ids[at : at + frames.AT_ONCE]
        for number, header in frames.headers(connection, [(places[one].month, one) for one in part]).items():
            found[places[number].hash] = header
    return found


def add(
    connection: Connection,
    key: PinnedKey,
    chunk: Chunk,
    frame: bytes,
    *,
    calendar: LocalCalendar,
    now_ms: int,
) -> None:
    """Store a chunk that was admitted; its arrival is logged by who admits it, in the same transaction."""
    start, end = span(chunk)
    month = months.of_instant(calendar, end)
    added = connection.execute(
        _ADD,
        {
            "host_id": key.host_id,
            "source": key.source,
            "enrolment_id": key.enrolment_id,
            "epoch": key.epoch,
            "seq": chunk.header.seq,
            "hash": chunk.hash,
            "metric": metric(chunk),
            "start_ms": start,
            "end_ms": end,
            "received_ms": now_ms,
            "month": month,
        },
    )
    frames.add(connection, month, registry.inserted(added.inserted_primary_key), frame)


def span(chunk: Chunk) -> Interval:
    """Return the stretch from the first to the last claimed instant."""
    mine = claims(chunk)
    return mine[0][0], mine[-1][1]


def metric(chunk: Chunk) -> str:
    """Return the metric whose time ``chunk`` claims, empty for all of them (counters)."""
    return claimed_metrics(chunk)[0]


def meets_dropped(connection: Connection, line: Line, start_ms: int, end_ms: int) -> bool:
    """Return whether a chunk that was dropped overlaps [start, end)."""
    table = schema.chunk.c
    query = (
        select(table.id)
        .where(table.host_id == line.host_id, table.source == line.source, table.metric == line.metric)
        .where(table.end_ms > start_ms, table.start_ms < end_ms)
        .where(table.month.in_(select(schema.dropped_month.c.month)))
    )
    return connection.execute(query.limit(1)).first() is not None


def overlapping(
    connection: Connection, line: Line, start_ms: int, end_ms: int
) -> list[tuple[tuple[int, int], Interval]]:
    """Return ((epoch, seq), claimed stretch) of the chunks that overlap [start, end), in that order.

    Of counters the stretch is the claim; averages may leave holes in it.
    """
    stretch = {"host_id": line.host_id, "source": line.source, "start_ms": start_ms, "end_ms": end_ms}
    if line.metric is None:
        rows = connection.execute(_OVERLAPPING, stretch)
    else:
        rows = connection.execute(_OVERLAPPING_OF_METRIC, {**stretch, "metric": line.metric})
    return [((row.epoch, row.seq), (row.start_ms, row.end_ms)) for row in rows]


def opened(
    connection: Connection,
    line: Line,
    start_ms: int,
    end_ms: int,
    *,
    before: tuple[int, int] | None = None,
) -> Iterator[Chunk]:
    """Yield the chunks that touch [start, end], opened again, in crediting order.

    ``before`` leaves out the chunks at that (epoch, seq) and later. Dropped ones are left out too: who asks
    is about days after theirs.
    """
    table = schema.chunk.c
    query = _touching(line.host_id, start_ms, end_ms).where(table.source == line.source)
    query = query.add_columns(schema.enrolment.c.record)
    if line.metric is not None:
        query = query.where(table.metric == line.metric)
    if before is not None:
        epoch, seq = before
        query = query.where(or_(table.epoch < epoch, and_(table.epoch == epoch, table.seq < seq)))
    for row, frame in frames.stream_left(connection, query.order_by(table.epoch, table.seq)):
        key = PublicKey.from_hex(records.parse(row.record).key)
        yield chunks.open_chunk(chunks.read_frame(frame), key)


def are_more_than(connection: Connection, count: int) -> bool:
    """Return whether more chunks than this are known."""
    return connection.execute(select(schema.chunk.c.id).limit(1).offset(count)).first() is not None


def touching(host_id: int, start_ms: int, end_ms: int) -> Select[Any]:
    """Return the query for a host's chunks that touch [start, end], in crediting order."""
    table = schema.chunk.c
    return _touching(host_id, start_ms, end_ms).order_by(table.source, table.epoch, table.seq)


def of_enrolment(host: str, source: str, epoch: int, seqs: tuple[int, int]) -> Select[Any]:
    """Return the query for the chunks of one enrolment with seqs[0] <= seq <= seqs[1], in order."""
    table = schema.chunk.c
    return (
        _registry()
        .join(schema.host, schema.host.c.id == table.host_id)
        .where(schema.host.c.name == host, table.source == source, table.epoch == epoch)
        .where(table.seq.between(*seqs))
        .order_by(table.seq)
    )


def _touching(host_id: int, start_ms: int, end_ms: int) -> Select[Any]:
    # Ends are included: a chunk of one reading claims no time, but may tell of a restart.
    table = schema.chunk.c
    return _registry().where(table.host_id == host_id, table.end_ms >= start_ms, table.start_ms <= end_ms)


def _registry() -> Select[Any]:
    table = schema.chunk.c
    return select(
        table.id,
        table.month,
        table.source,
        table.epoch,
        table.seq,
        table.received_ms,
        schema.enrolment.c.hash.label("enrolment"),
    ).join(schema.enrolment, schema.enrolment.c.id == table.enrolment_id)
