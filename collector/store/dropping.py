"""Dropping the bytes of a month whose pack was exported and checked.

1. The month is over and closed in the log.
2. Every chunk whose bytes would go is in the pack; who asks is told of those that are not.
3. Chunks at the month's edges that a month beside it still needs (``evidence.crediting.reach``) stay, under
   that month.
4. Rows of chunks, leaves of the log and day sums stay. That the bytes go is written, with the audit trail, in
   the transaction in which they do. On SQLite they go in steps after it, so that collectors get their turns;
   asking again finishes what was interrupted.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass

from sqlalchemy import ColumnElement, Connection, func, select

from collector.errors import DroppingError
from collector.store import checkpoints, dropped, frames, months, partitions, registry, schema
from collector.store.clickhouse import far_dropping
from collector.store.engine import Store

ROWS_AT_ONCE = 500
"""Frames deleted, and rows changed, by one statement."""
_READ_AT_ONCE = 10_000
MS_PER_DAY = 86_400_000
"""Headers are kept from a day before the month's end on: a packed stretch of the log begins before its window."""


@dataclass(frozen=True)
class Absent:
    """A chunk that the pack does not hold. The stretch is its claim, ms since 1970."""

    host: str
    start_ms: int
    end_ms: int


@dataclass(frozen=True)
class Plan:
    """What dropping a month would do.

    ``chunks`` and ``bytes`` would go; ``kept`` are the chunks that stay for the month by which they are named;
    ``absent`` are not in the pack. ``state`` tells whether something came in since.
    """

    month: int
    chunks: int
    bytes: int
    kept: Mapping[int, Sequence[int]]
    absent: Sequence[Absent]
    state: tuple[int, int]


@dataclass(frozen=True)
class Exported:
    """The pack: name and SHA-256 of its file."""

    name: str
    sha256: str


def require_closed(connection: Connection, month: int, *, now_ms: int) -> None:
    """Refuse a month that is not over, not closed, or dropped already (rule 1).

    Raises:
        DroppingError: with what to do first.
    """
    name = months.name(month)
    if now_ms < _end_ms(connection, month):
        raise DroppingError(f"{name} is not over; nothing of it can be dropped yet")
    for one in dropped.all_months(connection):
        if one.month == name:
            raise DroppingError(dropped.sentence(one))
    if not checkpoints.closes(connection, name):
        raise DroppingError(
            f"{name} is not closed in the log; run: starproof log close --month {name}, then pack it again"
        )


def plan(connection: Connection, month: int, held: Collection[bytes]) -> Plan:
    """Return what dropping a month would do.

    Args:
        connection: of a store.
        month: its number.
        held: hashes of the chunks in the pack.
    """
    kept = _needed_beside(connection, month)
    stay = {number for ids in kept.values() for number in ids}
    table = schema.chunk.c
    query = (
        select(table.id, schema.host.c.name, table.hash, table.start_ms, table.end_ms)
        .join(schema.host, schema.host.c.id == table.host_id)
        .where(table.month == month)
    )
    absent, going = [], 0
    with connection.execute(query.execution_options(yield_per=_READ_AT_ONCE)) as rows:
        for row in rows:
            if row.id in stay:
                continue
            going += 1
            if bytes.fromhex(row.hash) not in held:
                absent.append(Absent(row.name, row.start_ms, row.end_ms))
    return Plan(month, going, _bytes(connection, month, stay), kept, absent, _state(connection, month))


def drop(store: Store, found: Plan, pack: Exported, *, now_ms: int) -> None:
    """Drop the bytes of a month (rules 3 and 4).

    Raises:
        DroppingError: something came in since the plan was made; nothing was dropped.
        StoreBusyError: somebody reads or writes them; nothing was dropped, trying again helps.
        StoreError: nothing was dropped.
    """
    name = months.name(found.month)
    with store.writing() as connection:
        require_closed(connection, found.month, now_ms=now_ms)
        if _state(connection, found.month) != found.state:
            raise DroppingError(f"chunks of {name} came in meanwhile; close and pack it again")
        _keep(connection, found)
        frames.keep_headers(connection, found.month, _end_ms(connection, found.month) - MS_PER_DAY)
        connection.execute(
            schema.dropped_month.insert().values(
                month=found.month,
                dropped_ms=now_ms,
                pack_sha256=pack.sha256,
                pack_name=pack.name,
                chunks=found.chunks,
                bytes=found.bytes,
            )
        )
        registry.note(
            connection,
            now_ms=now_ms,
            actor="operator",
            action="MONTH_DROPPED",
            detail=f"{name} {found.chunks} chunks {found.bytes} bytes, pack {pack.name} SHA-256 {pack.sha256}",
        )
        partitions.drop(connection, found.month)
    finish(store)


def finish(store: Store) -> int:
    """Delete what is left of months that were dropped, in steps, and return how many frames left the database.

    Raises:
        ClusterError: the months are dropped, but frames of theirs are still in the cluster; ask again.
    """
    gone = 0
    while True:
        with store.writing() as connection:
            deleted = _delete_some(connection)
        if not deleted:
            far_dropping.finish(store)
            return gone
        gone += deleted


def _delete_some(connection: Connection) -> int:
    table = schema.chunk_frame
    for month in sorted(dropped.numbers(connection)):
        left = select(table.c.chunk_id).where(table.c.month == month).limit(ROWS_AT_ONCE)
        ids = list(connection.scalars(left))
        if ids:
            connection.execute(table.delete().where(table.c.month == month, table.c.chunk_id.in_(ids)))
            return len(ids)
    return 0


def _end_ms(connection: Connection, month: int) -> int:
    return registry.identity(connection).calendar.day_start(months.first_day(months.after(month)))


def _state(connection: Connection, month: int) -> tuple[int, int]:
    table = schema.chunk.c
    query = select(func.count(), func.coalesce(func.max(table.id), 0)).where(table.month == month)
    count, newest = connection.execute(query).one()
    return count, newest


def _bytes(connection: Connection, month: int, stay: Collection[int]) -> int:
    table = schema.chunk_frame.c
    length = func.coalesce(func.sum(func.length(table.frame)), 0)
    total = connection.execute(select(length).where(table.month == month)).scalar_one()
    for part in _parts(sorted(stay)):
        kept = select(length).where(table.month == month, table.chunk_id.in_(part))
        total -= connection.execute(kept).scalar_one()
    return int(total) + far_dropping.size(connection, month, stay)


def _keep(connection: Connection, found: Plan) -> None:
    """Put the frames that others need under the months that need them."""
    frame, chunk = schema.chunk_frame, schema.chunk
    partitions.require(connection, found.kept)
    for month, ids in found.kept.items():
        far_dropping.fetch_back(connection, found.month, ids)
        for part in _parts(ids):
            where = (frame.c.month == found.month, frame.c.chunk_id.in_(part))
            connection.execute(frame.update().where(*where).values(month=month))
            connection.execute(chunk.update().where(chunk.c.id.in_(part)).values(month=month))


def _needed_beside(connection: Connection, month: int) -> dict[int, list[int]]:
    """Return the chunks of a month that the next or the last one before needs, by that month.

    A month needs the chunks that touch it and those that touch these: they may take time from them, and
    continue their chain.
    """
    calendar, gone = registry.identity(connection).calendar, dropped.numbers(connection)
    begins = calendar.day_start(months.first_day(month))
    ends = calendar.day_start(months.first_day(months.after(month)))
    table = schema.chunk.c
    kept: dict[int, list[int]] = {}
    later = select(table.host_id, func.min(table.start_ms)).where(
        table.month > month, table.month.not_in(gone), table.start_ms < ends
    )
    after = months.after(month)
    for host, start in connection.execute(later.group_by(table.host_id)).all():
        kept.setdefault(after, []).extend(_of_host(connection, host, month, table.end_ms >= start))
    before = months.before(month)
    if before in gone:
        return kept
    having = select(table.host_id).where(table.month == before).distinct()
    touching = select(table.host_id, func.max(table.end_ms)).where(
        table.month == month, table.start_ms <= begins, table.host_id.in_(having)
    )
    stay = {number for ids in kept.values() for number in ids}
    for host, end in connection.execute(touching.group_by(table.host_id)).all():
        ids = _of_host(connection, host, month, table.start_ms <= end)
        kept.setdefault(before, []).extend(number for number in ids if number not in stay)
    return kept


def _of_host(connection: Connection, host_id: int, month: int, which: ColumnElement[bool]) -> list[int]:
    table = schema.chunk.c
    query = select(table.id).where(table.host_id == host_id, table.month == month, which)
    return list(connection.scalars(query.order_by(table.id)))


def _parts(ids: Sequence[int]) -> Iterator[Sequence[int]]:
    for at in range(0, len(ids), ROWS_AT_ONCE):
        yield ids[at : at + ROWS_AT_ONCE]
