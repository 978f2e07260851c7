"""The bytes of chunks, apart from what is known of them, so that a month of them can be dropped at once.

They are asked for by month and number, never by a join: so PostgreSQL looks into the partitions of these
months only, whatever its planner believes.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import Any

from sqlalchemy import Connection, Row, Select, select

from collector.store import dropped, schema
from collector.store.clickhouse import far_frames
from evidence.chunk import read_frame

AT_ONCE = 64
"""Frames fetched at once where nothing is known of their size: bounds memory, a frame may have megabytes."""
MOST_AT_ONCE = 512
BYTES_AT_ONCE = 4 * 1024 * 1024
"""Frames like those before are fetched at once up to this."""
_ADD = schema.chunk_frame.insert()
GONE = b""
"""Stands for a frame that is not there and was not dropped either; nobody can read it as one."""


def add(connection: Connection, month: int, chunk_id: int, frame: bytes) -> None:
    """Store a frame."""
    connection.execute(_ADD, {"month": month, "chunk_id": chunk_id, "frame": frame})


def read(connection: Connection, places: Iterable[tuple[int, int]]) -> dict[int, bytes]:
    """Return the frames that there are for these months and chunks, by chunk.

    What the database does not have is looked for in the cluster, if the store gave frames to one.

    Raises:
        ClusterError: the cluster cannot be asked.
    """
    by_month: dict[int, list[int]] = {}
    for month, chunk_id in places:
        by_month.setdefault(month, []).append(chunk_id)
    table = schema.chunk_frame.c
    found: dict[int, bytes] = {}
    for month, ids in by_month.items():
        query = select(table.chunk_id, table.frame).where(table.month == month, table.chunk_id.in_(ids))
        found.update((chunk_id, bytes(frame)) for chunk_id, frame in connection.execute(query))
    lacking = [(month, number) for month, ids in by_month.items() for number in ids if number not in found]
    if lacking:
        gone = dropped.numbers(connection)
        found.update(far_frames.read(connection, [place for place in lacking if place[0] not in gone]))
    return found


def headers(connection: Connection, places: Sequence[tuple[int, int]]) -> dict[int, bytes]:
    """Return the headers that there are for these months and chunks, by chunk."""
    table = schema.kept_header.c
    kept = select(table.chunk_id, table.header).where(table.chunk_id.in_([number for _, number in places]))
    found = {number: bytes(header) for number, header in connection.execute(kept)}
    found.update((number, read_frame(frame).header) for number, frame in read(connection, places).items())
    return found


def keep_headers(connection: Connection, month: int, came_from_ms: int) -> None:
    """Keep the headers of what a month has that came in at an instant or later, before its frames go.

    Packs of later months tell of it: it stands in their stretch of the log (``verifier.left_out``).
    """
    table = schema.chunk.c
    late = select(table.id).where(table.month == month, table.received_ms >= came_from_ms)
    ids = list(connection.scalars(late.order_by(table.id)))
    for at in range(0, len(ids), AT_ONCE):
        part = headers(connection, [(month, number) for number in ids[at : at + AT_ONCE]])
        if part:
            rows = [{"chunk_id": number, "header": header} for number, header in part.items()]
            connection.execute(schema.kept_header.insert(), rows)


def stream(connection: Connection, query: Select[Any]) -> Iterator[tuple[Row[Any], bytes]]:
    """Yield the rows of a query for chunks (with ``id`` and ``month``) and their frames, a few at a time.

    A frame that is not there is ``GONE``.

    Raises:
        DroppedMonthError: a frame was dropped with its month.
    """
    for row, frame in _paired(connection, query):
        if frame is None:
            dropped.refuse(connection, row.month)
        yield row, GONE if frame is None else frame


def stream_left(connection: Connection, query: Select[Any]) -> Iterator[tuple[Row[Any], bytes]]:
    """Yield as ``stream``, but leave out what was dropped with its month (``dropped.of_host`` tells it)."""
    gone = dropped.numbers(connection)
    for row, frame in _paired(connection, query):
        if frame is not None or row.month not in gone:
            yield row, GONE if frame is None else frame


def _paired(connection: Connection, query: Select[Any]) -> Iterator[tuple[Row[Any], bytes | None]]:
    # Of the query: an option of the connection would stay, and PostgreSQL has no cursor for an INSERT.
    count = AT_ONCE
    with connection.execute(query.execution_options(yield_per=MOST_AT_ONCE)) as rows:
        while part := rows.fetchmany(count):
            found = read(connection, ((row.month, row.id) for row in part))
            for row in part:
                yield row, found.get(row.id)
            size = max(1, sum(map(len, found.values())) // len(part))
            count = min(MOST_AT_ONCE, max(1, BYTES_AT_ONCE // size))
