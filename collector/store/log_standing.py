"""How the log stands, for people who look at it: days with their marks, checkpoints, what anchors took of them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from sqlalchemy import Connection, RowMapping, func, select

from collector.store import schema
from collector.store.checkpoints import StoredCheckpoint

_OUT = schema.anchor_outbox.c
_GOT = schema.anchor_receipt.c


@dataclass(frozen=True)
class MarkedDay:
    """A local day (an ordinal) with the size of the log that ends with its mark; ``None``: no checkpoint has it."""

    day: int
    size: int
    checkpoint: StoredCheckpoint | None


@dataclass(frozen=True)
class Handed:
    """A checkpoint and one anchor: taken (``got_ms``, ``sha256``), or waiting after so many attempts."""

    size: int
    alias: str
    kind: str
    got_ms: int | None
    sha256: str
    attempts: int
    error: str


@dataclass(frozen=True)
class AnchorState:
    """One anchor over all time: what it took last, how many checkpoints wait, how often the next one failed."""

    alias: str
    taken: int
    last_ms: int | None
    waiting: int
    attempts: int


def marked_days(connection: Connection, first_day: int, last_day: int) -> Sequence[MarkedDay]:
    """Return the days from first to last that have a mark, in order."""
    mark, point = schema.day_mark, schema.checkpoint
    query = (
        select(mark.c.day, mark.c.leaf, point.c.size, point.c.root, point.c.made_ms, point.c.note)
        .join_from(mark, point, point.c.size == mark.c.leaf + 1, isouter=True)
        .where(mark.c.day >= first_day, mark.c.day <= last_day)
        .order_by(mark.c.day)
    )
    return [
        MarkedDay(row["day"], row["leaf"] + 1, _checkpoint(row))
        for row in connection.execute(query).mappings()
    ]


def handed(connection: Connection, least: int, most: int) -> Sequence[Handed]:
    """Return what became of the checkpoints with least <= size <= most at every anchor, by size and anchor."""
    query = (
        select(_OUT.size, _OUT.alias, _GOT.kind, _GOT.got_ms, _GOT.sha256, _OUT.attempts, _OUT.error)
        .join_from(schema.anchor_outbox, schema.anchor_receipt, _GOT.outbox_id == _OUT.id, isouter=True)
        .where(_OUT.size >= least, _OUT.size <= most)
        .order_by(_OUT.size, _OUT.alias)
    )
    return [
        Handed(row.size, row.alias, row.kind or "", row.got_ms, row.sha256 or "", row.attempts, row.error)
        for row in connection.execute(query)
    ]


def first_receipt_beyond(connection: Connection, size: int) -> int | None:
    """Return the size of the smallest checkpoint of at least this size that an anchor took."""
    query = select(func.min(_OUT.size)).where(_OUT.size >= size, _OUT.done_ms.is_not(None))
    found = connection.scalar(query)
    return None if found is None else int(found)


def anchor_states(connection: Connection) -> Sequence[AnchorState]:
    """Return every anchor that was ever handed something, by its name.

    What it took last is the longest log, not the latest time: a clock that was ahead told later ones.
    """
    done = _OUT.done_ms.is_not(None)
    longest = (
        select(_OUT.alias, func.max(_OUT.size).label("size")).where(done).group_by(_OUT.alias).subquery()
    )
    newest = select(_OUT.alias, _OUT.done_ms).join(
        longest, (_OUT.alias == longest.c.alias) & (_OUT.size == longest.c.size)
    )
    last = {alias: int(done_ms) for alias, done_ms in connection.execute(newest)}
    query = (
        select(
            _OUT.alias,
            func.count(_OUT.done_ms),
            func.count() - func.count(_OUT.done_ms),
            func.max(_OUT.attempts).filter(~done),
        )
        .group_by(_OUT.alias)
        .order_by(_OUT.alias)
    )
    return [
        AnchorState(alias, int(taken), last.get(alias), int(waiting), int(attempts or 0))
        for alias, taken, waiting, attempts in connection.execute(query)
    ]


def checkpoints_in(
    connection: Connection, start_ms: int, end_ms: int, *, most: int
) -> Sequence[StoredCheckpoint]:
    """Return the newest checkpoints made in a stretch of time, the newest first."""
    point = schema.checkpoint
    query = select(point).where(point.c.made_ms >= start_ms, point.c.made_ms < end_ms)
    rows = connection.execute(query.order_by(point.c.size.desc()).limit(most))
    return [StoredCheckpoint(row.size, bytes(row.root), row.made_ms, bytes(row.note)) for row in rows]


def checkpoint_count(connection: Connection) -> int:
    """Return how many checkpoints there are."""
    return int(connection.scalar(select(func.count()).select_from(schema.checkpoint)) or 0)


def first_arrival(connection: Connection) -> int | None:
    """Return when the first leaf arrived (ms since 1970), ``None`` without one."""
    found = connection.scalar(select(schema.log_leaf.c.arrival_ms).where(schema.log_leaf.c.index == 0))
    return None if found is None else int(found)


def _checkpoint(row: RowMapping) -> StoredCheckpoint | None:
    if row["size"] is None:
        return None
    return StoredCheckpoint(row["size"], bytes(row["root"]), row["made_ms"], bytes(row["note"]))
