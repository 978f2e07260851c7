"""Checkpoints, day marks and closes at rest. None is ever changed or deleted."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import ColumnElement, Connection, Row, func, select

from collector.store import schema


@dataclass(frozen=True)
class StoredCheckpoint:
    """A signed checkpoint: the log's size and root (32 bytes), the clock then, the note."""

    size: int
    root: bytes
    made_ms: int
    note: bytes


@dataclass(frozen=True)
class StoredRecord:
    """The record of a day mark or a close, and the leaf that holds its hash."""

    leaf: int
    record: bytes


def add(connection: Connection, made: StoredCheckpoint) -> None:
    """Store a checkpoint of a size that has none."""
    connection.execute(schema.checkpoint.insert().values(**vars(made)))


def at(connection: Connection, size: int) -> StoredCheckpoint | None:
    """Return the checkpoint of a size."""
    return _first(connection, schema.checkpoint.c.size == size)


def newest(connection: Connection) -> StoredCheckpoint | None:
    """Return the checkpoint of the greatest size."""
    return _first(connection, None)


def between(connection: Connection, least: int, most: int) -> list[StoredCheckpoint]:
    """Return the checkpoints with least <= size <= most, in order."""
    size = schema.checkpoint.c.size
    query = select(schema.checkpoint).where(size >= least, size <= most).order_by(size)
    return [_checkpoint(row) for row in connection.execute(query)]


def last_at_most(connection: Connection, size: int) -> StoredCheckpoint | None:
    """Return the checkpoint of the greatest size that is at most ``size``."""
    return _first(connection, schema.checkpoint.c.size <= size)


def add_day_mark(connection: Connection, day: int, mark: StoredRecord) -> None:
    """Store the mark of a day (an ordinal) that has none."""
    connection.execute(schema.day_mark.insert().values(day=day, **vars(mark)))


def last_marked_day(connection: Connection) -> int | None:
    """Return the last day that has a mark, as an ordinal."""
    day = connection.scalar(select(func.max(schema.day_mark.c.day)))
    return None if day is None else int(day)


def day_marks(connection: Connection, first_leaf: int = 0) -> Sequence[StoredRecord]:
    """Return the marks whose leaves have at least this index, in the order of the log."""
    table = schema.day_mark.c
    query = select(table.leaf, table.record).where(table.leaf >= first_leaf).order_by(table.leaf)
    return [StoredRecord(row.leaf, bytes(row.record)) for row in connection.execute(query)]


def add_close(connection: Connection, month: str, close: StoredRecord) -> None:
    """Store the close of a month (``YYYY-MM``)."""
    connection.execute(schema.month_close.insert().values(month=month, **vars(close)))


def closes(connection: Connection, month: str | None = None) -> Sequence[StoredRecord]:
    """Return the closes of a month, or all, in the order of the log."""
    table = schema.month_close.c
    query = select(table.leaf, table.record).order_by(table.leaf)
    if month is not None:
        query = query.where(table.month == month)
    return [StoredRecord(row.leaf, bytes(row.record)) for row in connection.execute(query)]


def _first(connection: Connection, condition: ColumnElement[bool] | None) -> StoredCheckpoint | None:
    query = select(schema.checkpoint).order_by(schema.checkpoint.c.size.desc()).limit(1)
    if condition is not None:
        query = query.where(condition)
    row = connection.execute(query).first()
    return None if row is None else _checkpoint(row)


def _checkpoint(row: Row[Any]) -> StoredCheckpoint:
    return StoredCheckpoint(row.size, bytes(row.root), row.made_ms, bytes(row.note))
