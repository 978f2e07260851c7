"""Months whose frames were dropped after their pack was exported: what is known of them from then on.

Registry rows, leaves of the log and day sums of such a month stay. Its chunks are still known by their
hash, so one that is sent again is acknowledged; a new one for the month is refused.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime, timezone

from sqlalchemy import Connection, exists, select

from collector.errors import DroppedMonthError
from collector.store import months, schema
from evidence.stored import DroppedChunk, DroppedMonth

_MS_PER_S = 1_000
_ROWS_AT_ONCE = 10_000


_NUMBERS = select(schema.dropped_month.c.month)


def numbers(connection: Connection) -> frozenset[int]:
    """Return the numbers of the months that were dropped (``collector.store.months``)."""
    return frozenset(connection.scalars(_NUMBERS))


def all_months(connection: Connection) -> list[DroppedMonth]:
    """Return the months that were dropped, in order."""
    table = schema.dropped_month
    return [
        DroppedMonth(
            months.name(row.month),
            (months.first_day(row.month), months.first_day(months.after(row.month))),
            row.dropped_ms,
            row.pack_sha256,
            row.pack_name,
            row.chunks,
        )
        for row in connection.execute(select(table).order_by(table.c.month))
    ]


def sentence(month: DroppedMonth) -> str:
    """Return what became of the bytes of a month, for people."""
    when = datetime.fromtimestamp(month.dropped_ms // _MS_PER_S, timezone.utc).strftime("%Y-%m-%d %H:%MZ")
    return (
        f"the chunks of {month.month} were dropped from the store on {when}; they are in the pack "
        f"{month.pack_name} with SHA-256 {month.pack_sha256} "
        f"({month.month} 的数据块已于该时从数据库移出，保存在此证据包中)"
    )


def refuse(connection: Connection, month: int) -> None:
    """Raise what tells that the frames of a month are not here any more, if it was dropped.

    Raises:
        DroppedMonthError: with the date and the pack.
    """
    for one in all_months(connection):
        if months.number(one.month) == month:
            raise DroppedMonthError(
                f"{sentence(one)}; read that file: starproof check, starproof report --pack"
            )


def of_host(connection: Connection, host: str) -> Iterator[DroppedChunk]:
    """Yield what is known of a host's dropped chunks, by source, epoch and seq."""
    table, frame = schema.chunk.c, schema.chunk_frame.c
    kept = exists().where(frame.month == table.month, frame.chunk_id == table.id)
    query = (
        select(table.source, table.epoch, table.seq, table.hash, table.month)
        .join(schema.host, schema.host.c.id == table.host_id)
        .where(schema.host.c.name == host, table.month.in_(select(schema.dropped_month.c.month)), ~kept)
        .order_by(table.source, table.epoch, table.seq)
    )
    with connection.execute(query.execution_options(yield_per=_ROWS_AT_ONCE)) as rows:
        for row in rows:
            yield DroppedChunk(row.source, row.epoch, row.seq, row.hash, months.name(row.month))
