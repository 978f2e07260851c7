"""Keeping the log: a signed checkpoint, the mark of every day that is over, the close of a month.

1. Every local day since the log began gets one mark, once it is over, also if nothing arrived. A mark
   that could not be made in time is made later; its leaf's arrival says so for ever.
2. Every mark and every close is followed by a checkpoint of exactly that size.
3. A checkpoint of one size is signed once; asking again gives the same note, byte for byte.
4. A month is closed once it is over, and may be closed again when chunks came later. All closes stay.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date

from sqlalchemy import Connection, func, select

from collector.errors import LogError
from collector.store import checkpoints, log, registry, schema, scopes
from collector.store.checkpoints import StoredCheckpoint, StoredRecord
from collector.store.engine import Store
from evidence import checkpoint as notes
from evidence import log_entry, log_records
from evidence.calendar import LocalCalendar
from evidence.errors import EvidenceError
from evidence.keys import PrivateKey
from evidence.log_records import MAX_ANCHORS, DayMark, MonthClose

MOST_DAYS = 4_000
"""Marked in one turn; more days than that are not a collector that was switched off but a wrong clock."""


@dataclass(frozen=True)
class Kept:
    """What a turn of keeping did: days that were marked (ordinals), and the newest checkpoint."""

    days: tuple[int, ...]
    checkpoint: StoredCheckpoint


@dataclass(frozen=True)
class Closed:
    """The close of a month with the checkpoint that covers it."""

    close: MonthClose
    leaf: int
    checkpoint: StoredCheckpoint


def require_key(store: Store, key: PrivateKey) -> None:
    """Refuse to go on with a log that another key has signed.

    Raises:
        LogError: the newest checkpoint is not this key's.
        StoreError: the store cannot be read.
    """
    with store.reading() as connection:
        newest = checkpoints.newest(connection)
    if newest is None:
        return
    try:
        notes.verify(newest.note, key.public)
    except EvidenceError:
        raise LogError(
            "the log's newest checkpoint is signed by another key than log.key here; put the log.key with which "
            "this store began into the directory of the keys (docs/database.md)"
        ) from None


def keep(store: Store, *, key: PrivateKey, now_ms: int) -> Kept:
    """Mark the days that are over, sign a checkpoint of the log as it is then, and return both.

    Raises:
        LogError: the clock is far from the last mark.
        StoreError: nothing was changed.
    """
    with store.writing() as connection:
        days = mark_days(connection, key=key, now_ms=now_ms)
        return Kept(days, checkpoint_now(connection, key=key, now_ms=now_ms))


def keep_days(store: Store, *, key: PrivateKey, now_ms: int) -> tuple[int, ...]:
    """Mark the days that are over, each with its checkpoint; return them. Writes nothing if there are none.

    Raises:
        LogError: the clock is far from the last mark.
        StoreError: nothing was changed.
    """
    with store.reading() as connection:
        if not _due(connection, now_ms):
            return ()
    with store.writing() as connection:
        return mark_days(connection, key=key, now_ms=now_ms)


def mark_days(connection: Connection, *, key: PrivateKey, now_ms: int) -> tuple[int, ...]:
    """Append the marks that are due, each with a checkpoint; return the days.

    Raises:
        LogError: more than ``MOST_DAYS`` are due.
    """
    log.locked_head(connection)  # who else marks days waits here
    due = _due(connection, now_ms)
    if len(due) > MOST_DAYS:
        raise LogError(f"{len(due)} days have no mark; set the collector's clock")
    for day in due:
        _mark(connection, day, now_ms=now_ms)
        checkpoint_now(connection, key=key, now_ms=now_ms)
    return tuple(due)


def checkpoint_now(connection: Connection, *, key: PrivateKey, now_ms: int) -> StoredCheckpoint:
    """Return the signed checkpoint of the log as it is; a new one is stored."""
    frontier = log.locked_head(connection).frontier
    known = checkpoints.at(connection, frontier.size)
    if known is not None:
        return known
    note = notes.sign(frontier.size, frontier.root, key=key)
    made = StoredCheckpoint(frontier.size, frontier.root, now_ms, note)
    checkpoints.add(connection, made)
    return made


def close_month(store: Store, month: str, *, key: PrivateKey, now_ms: int) -> Closed:
    """Close a month that is over and return the close with its checkpoint.

    Raises:
        LogError: the month is not over.
        MalformedError: not a month.
        StoreError: nothing was changed.
    """
    with store.writing() as connection:
        mark_days(connection, key=key, now_ms=now_ms)
        identity = registry.identity(connection)
        span = _span(identity.calendar, month)
        if now_ms < span[1]:
            raise LogError(f"{month} is not over; close it when it is")
        size = log.locked_head(connection).frontier.size
        close = MonthClose(identity.enterprise, month, identity.timezone, size)
        record = close.encode()
        leaf = log.append(connection, [(log_entry.CLOSE, log_records.sha256(record))], now_ms=now_ms)
        checkpoints.add_close(connection, month, StoredRecord(leaf, record))
        registry.note(
            connection, now_ms=now_ms, actor="operator", action="MONTH_CLOSED", detail=f"{month} leaf {leaf}"
        )
        return Closed(close, leaf, checkpoint_now(connection, key=key, now_ms=now_ms))


def _due(connection: Connection, now_ms: int) -> range:
    """Return the days that are over and have no mark."""
    calendar = registry.identity(connection).calendar
    last = checkpoints.last_marked_day(connection)
    if last is None:
        began = log.leaf_at(connection, 0)
        if began is None:
            return range(0)
        last = calendar.day_of(began.entry.arrival_ms) - 1
    return range(last + 1, calendar.day_of(now_ms))


def _mark(connection: Connection, day: int, *, now_ms: int) -> None:
    identity = registry.identity(connection)
    record = DayMark(
        identity.enterprise,
        date.fromordinal(day).isoformat(),
        identity.timezone,
        _new_anchors(connection),
        scopes.newest_sha256(connection),
    ).encode()
    leaf = log.append(connection, [(log_entry.DAY_MARK, log_records.sha256(record))], now_ms=now_ms)
    checkpoints.add_day_mark(connection, day, StoredRecord(leaf, record))


def _new_anchors(connection: Connection) -> tuple[str, ...]:
    """Return the receipts that came since those of the mark before."""
    named = 0
    marks = checkpoints.day_marks(connection, _last_mark(connection))
    if marks:
        mark = log_records.parse_day_mark(marks[-1].record)
        last = log.find(connection, mark.anchors[-1], kind=log_entry.ANCHOR) if mark.anchors else None
        named = marks[-1].leaf if last is None or len(mark.anchors) < MAX_ANCHORS else last.index + 1
    table = schema.log_leaf.c
    query = select(table.hash).where(table.kind == log_entry.ANCHOR, table.index >= named)
    return tuple(connection.scalars(query.order_by(table.index).limit(MAX_ANCHORS)))


def _last_mark(connection: Connection) -> int:
    newest = connection.scalar(select(func.max(schema.day_mark.c.leaf)))
    return 0 if newest is None else int(newest)


def _span(calendar: LocalCalendar, month: str) -> tuple[int, int]:
    first, after = calendar.month(month)
    return calendar.day_start(first), calendar.day_start(after)
