"""The outbox of anchors and the receipts that came back. A receipt becomes a leaf of the log."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import date
from typing import Any

from sqlalchemy import Connection, Row, Select, func, select

from collector.anchors.interface import SUFFIXES, TIMESTAMP
from collector.store import log, schema
from evidence import log_entry
from evidence.stored import PackedReceipt

LONGEST_PAUSE_MS = 24 * 3_600_000
"""After a failure: what a provider may ask for at the most (``collector.polling.backoff``)."""
_OUT = schema.anchor_outbox.c
_GOT = schema.anchor_receipt.c


@dataclass(frozen=True)
class StoredCheckpoint:
    """A checkpoint as it is kept; ``day`` is the local day or month that it closes, empty if none."""

    size: int
    day: str
    made_ms: int
    note: bytes = field(repr=False)


@dataclass(frozen=True)
class Waiting:
    """A checkpoint that an anchor has not taken yet."""

    id: int
    alias: str
    attempts: int
    next_ms: int
    queued_ms: int
    error: str
    checkpoint: StoredCheckpoint


@dataclass(frozen=True)
class StoredReceipt:
    """What came back from an anchor for one checkpoint."""

    alias: str
    kind: str
    size: int
    day: str
    sha256: str
    got_ms: int
    claimed_ms: int
    data: bytes = field(repr=False)


def newest_checkpoint(connection: Connection, *, of_day: bool) -> StoredCheckpoint | None:
    """Return the newest checkpoint; ``of_day``: the newest one that closes a local day or a month."""
    query = _checkpoints().order_by(schema.checkpoint.c.size.desc()).limit(1)
    if of_day:
        query = query.where(schema.day_mark.c.day.is_not(None) | schema.month_close.c.month.is_not(None))
    row = connection.execute(query).first()
    return None if row is None else _checkpoint(row)


def checkpoint_of(connection: Connection, size: int) -> StoredCheckpoint | None:
    """Return the checkpoint of this size, ``None`` if there is none."""
    row = connection.execute(_checkpoints().where(schema.checkpoint.c.size == size)).first()
    return None if row is None else _checkpoint(row)


def queue(connection: Connection, alias: str, head: StoredCheckpoint, *, now_ms: int) -> bool:
    """Put a checkpoint into the outbox of an anchor; return whether it was not there yet."""
    known = select(_OUT.id).where(_OUT.alias == alias, _OUT.size == head.size)
    if connection.scalar(known) is not None:
        return False
    connection.execute(
        schema.anchor_outbox.insert().values(
            alias=alias, size=head.size, day=head.day, queued_ms=now_ms, attempts=0, next_ms=now_ms, error=""
        )
    )
    return True


def waiting(
    connection: Connection, aliases: Sequence[str], *, due_ms: int | None = None, most: int = 100
) -> list[Waiting]:
    """Return what these anchors have not taken, oldest first; ``due_ms``: only what may be tried at this time.

    No pause is longer than ``LONGEST_PAUSE_MS``: what is put off for longer was put off by a clock that was ahead.
    """
    query = (
        select(
            _OUT.id, _OUT.alias, _OUT.attempts, _OUT.next_ms, _OUT.queued_ms, _OUT.error, _OUT.size, _OUT.day,
            schema.checkpoint.c.made_ms, schema.checkpoint.c.note,
        )
        .join(schema.checkpoint, schema.checkpoint.c.size == _OUT.size)
        .where(_OUT.done_ms.is_(None), _OUT.alias.in_(aliases))
        .order_by(_OUT.size, _OUT.id)
        .limit(most)
    )  # fmt: skip
    if due_ms is not None:
        query = query.where((_OUT.next_ms <= due_ms) | (_OUT.next_ms > due_ms + LONGEST_PAUSE_MS))
    return [
        Waiting(
            row.id, row.alias, row.attempts, row.next_ms, row.queued_ms, row.error,
            StoredCheckpoint(row.size, row.day, row.made_ms, bytes(row.note)),
        )
        for row in connection.execute(query)
    ]  # fmt: skip


def postpone(connection: Connection, one: Waiting, *, next_ms: int, error: str) -> None:
    """Note a failed attempt."""
    connection.execute(
        schema.anchor_outbox.update()
        .where(_OUT.id == one.id)
        .values(attempts=one.attempts + 1, next_ms=next_ms, error=error)
    )


def take(
    connection: Connection, one: Waiting, *, kind: str, receipt: bytes, claimed_ms: int, now_ms: int
) -> str:
    """Keep what came back, append it to the log, and return its SHA-256.

    Raises:
        StoreMismatchError: the store has no log.
    """
    sha256 = hashlib.sha256(receipt).hexdigest()
    leaf = log.append(connection, [(log_entry.ANCHOR, sha256)], now_ms=now_ms)
    connection.execute(
        schema.anchor_outbox.update()
        .where(_OUT.id == one.id)
        .values(done_ms=now_ms, attempts=one.attempts + 1, error="")
    )
    connection.execute(
        schema.anchor_receipt.insert().values(
            outbox_id=one.id,
            kind=kind,
            sha256=sha256,
            got_ms=now_ms,
            claimed_ms=claimed_ms,
            leaf=leaf,
            data=receipt,
        )
    )
    # The log names what it took last; chunks should rather name what nobody could foresee.
    connection.execute(schema.log_head.update().values(anchor=newest_named(connection)))
    return sha256


def receipts(connection: Connection, *, from_size: int = 0) -> list[StoredReceipt]:
    """Return the receipts of checkpoints of this size and more, by size, then as they came."""
    query = _receipts().where(_OUT.size >= from_size).order_by(_OUT.size, _GOT.id)
    return [_receipt(row) for row in connection.execute(query)]


def receipts_named(connection: Connection, hashes: Sequence[str]) -> list[StoredReceipt]:
    """Return the receipts that have one of these hashes."""
    found: list[StoredReceipt] = []
    for at in range(0, len(hashes), _AT_ONCE):
        query = _receipts().where(_GOT.sha256.in_(hashes[at : at + _AT_ONCE])).order_by(_GOT.id)
        found += [_receipt(row) for row in connection.execute(query)]
    return found


def packed(connection: Connection) -> list[PackedReceipt]:
    """Return all receipts with the notes that they are about, by size, as a pack takes them."""
    query = (
        select(_OUT.size, _OUT.alias, _GOT.kind, _GOT.got_ms, _GOT.data, schema.checkpoint.c.note)
        .join(schema.anchor_outbox, _OUT.id == _GOT.outbox_id)
        .join(schema.checkpoint, schema.checkpoint.c.size == _OUT.size)
        .order_by(_OUT.size, _OUT.alias)
    )
    return [
        PackedReceipt(row.size, row.alias, SUFFIXES[row.kind], row.got_ms, bytes(row.note), bytes(row.data))
        for row in connection.execute(query)
    ]


def newest_named(connection: Connection) -> str:
    """Return the hash that chunks should name from now on, empty if there is no receipt.

    A time stamp if there is one: nobody can know its signature before, so what names it was made after.
    """
    for only in ((_GOT.kind == TIMESTAMP,), ()):
        found = connection.scalar(select(_GOT.sha256).where(*only).order_by(_GOT.id.desc()).limit(1))
        if found is not None:
            return str(found)
    return ""


def newest_of(connection: Connection, alias: str) -> StoredReceipt | None:
    """Return the last receipt of an anchor."""
    row = connection.execute(_receipts().where(_OUT.alias == alias).order_by(_GOT.id.desc()).limit(1)).first()
    return None if row is None else _receipt(row)


def waiting_count(connection: Connection, alias: str) -> int:
    """Return how many checkpoints an anchor has not taken."""
    query = select(func.count()).select_from(schema.anchor_outbox)
    return connection.scalar(query.where(_OUT.alias == alias, _OUT.done_ms.is_(None))) or 0


_AT_ONCE = 400


def _checkpoints() -> Select[Any]:
    """The mark of a day or the close of a month is the last leaf of the checkpoint that closes it."""
    table, mark, close = schema.checkpoint, schema.day_mark, schema.month_close
    joined = table.outerjoin(mark, mark.c.leaf == table.c.size - 1)
    joined = joined.outerjoin(close, close.c.leaf == table.c.size - 1)
    columns = (table.c.size, table.c.made_ms, table.c.note, mark.c.day, close.c.month)
    return select(*columns).select_from(joined)


def _checkpoint(row: Row[Any]) -> StoredCheckpoint:
    day = (row.month or "") if row.day is None else date.fromordinal(row.day).isoformat()
    return StoredCheckpoint(row.size, day, row.made_ms, bytes(row.note))


def _receipts() -> Select[Any]:
    return select(
        _OUT.alias, _GOT.kind, _OUT.size, _OUT.day, _GOT.sha256, _GOT.got_ms, _GOT.claimed_ms, _GOT.data
    ).join(schema.anchor_outbox, _OUT.id == _GOT.outbox_id)


def _receipt(row: Row[Any]) -> StoredReceipt:
    return StoredReceipt(
        row.alias, row.kind, row.size, row.day, row.sha256, row.got_ms, row.claimed_ms, bytes(row.data)
    )
