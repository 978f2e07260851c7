"""Moving frames from the database, which is where they are acknowledged, to the cluster.

1. A frame stays in the database until every replica of its shard was seen to have it, byte for byte, and
   ``hold_s`` after it was put there: a server has written it then, though old ones never ask the disk whether
   (ADR 25).
2. What is there is asked of the servers each time, never remembered here: what a server lost within the hold is
   put there again, and a turn that was interrupted anywhere is simply done again.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from sqlalchemy import Connection, select

from collector.errors import ClusterError
from collector.store import dropped, schema
from collector.store.clickhouse import far_frames, tables
from collector.store.clickhouse.binding import Binding
from collector.store.clickhouse.cluster import Cluster
from collector.store.clickhouse.far_frames import Copy, Place
from collector.store.engine import Store

MOST_ROWS = 4_096
MOST_BYTES = 32 * 1024 * 1024
"""Frames and bytes that are looked at together, and inserted together: few large inserts are what a server likes."""
_READ_AT_ONCE = 64
_DELETED_AT_ONCE = 500
_MS_PER_S = 1_000


@dataclass(frozen=True)
class Moved:
    """Frames that were put into the cluster, that left the database, and that wait there for their hold to end."""

    put: int = 0
    left: int = 0
    waiting: int = 0

    def __add__(self, other: Moved) -> Moved:
        """Return both together."""
        return Moved(self.put + other.put, self.left + other.left, self.waiting + other.waiting)


def move(store: Store, cluster: Cluster, binding: Binding, *, now_ms: int) -> Moved:
    """Put what is not there yet, and let go what was held long enough.

    A shard that does not answer is left alone for this turn and keeps no other shard's frames waiting; its error
    is raised at the end.

    Raises:
        ClusterError: a server does not answer; its frames stay in the database.
        StoreError: the database cannot be used.
    """
    total, failed = Moved(), dict[int, ClusterError]()
    for shard in cluster.shards:
        try:
            tables.make(cluster, binding, shard)
        except ClusterError as error:
            failed[shard] = error
    for month, block in _blocks(store):
        with store.reading() as connection:
            known = far_frames.places(connection, dict.fromkeys(block, month))
        numbers = {place: number for number, place in known.items()}
        for shard, mine in far_frames.by_shard(binding, numbers).items():
            if shard in failed:
                continue
            part = {place: block[numbers[place]] for place in mine}
            try:
                put, settled = _settle(cluster, binding, shard, part, now_ms=now_ms)
            except ClusterError as error:
                failed[shard] = error
                continue
            _let_go(store, month, [numbers[place] for place in settled])
            total += Moved(put, len(settled), len(part) - len(settled))
    for first in failed.values():
        raise first
    return total


def _settle(
    cluster: Cluster, binding: Binding, shard: int, frames: Mapping[Place, bytes], *, now_ms: int
) -> tuple[int, list[Place]]:
    """Put those frames into a shard that none of its servers has; return how many, and which may leave (rule 1)."""
    has = [far_frames.held(cluster, binding, address, frames) for address in cluster.replicas(shard)]
    oldest = now_ms - cluster.settings.hold_s * _MS_PER_S
    lacking, settled = {}, []
    for place, frame in frames.items():
        since = [_since(server.get(place, ()), frame, now_ms) for server in has]
        if all(found is None for found in since):
            lacking[place] = frame
        elif all(found is not None and found <= oldest for found in since):
            settled.append(place)
    if lacking:
        far_frames.put(cluster, binding, shard, lacking, now_ms=now_ms)
    return len(lacking), settled


def _since(copies: Iterable[Copy], frame: bytes, now_ms: int) -> int | None:
    """Return since when a server has a frame, ``None`` if it has not, or other bytes, or by a clock that ran ahead."""
    right = hashlib.sha256(frame).hexdigest()
    return min(
        (one.moved_ms for one in copies if one.sha256 == right and one.moved_ms <= now_ms), default=None
    )


def _let_go(store: Store, month: int, numbers: Sequence[int]) -> None:
    table = schema.chunk_frame
    for at in range(0, len(numbers), _DELETED_AT_ONCE):
        part = numbers[at : at + _DELETED_AT_ONCE]
        with store.writing() as connection:
            connection.execute(table.delete().where(table.c.month == month, table.c.chunk_id.in_(part)))


def _blocks(store: Store) -> Iterator[tuple[int, dict[int, bytes]]]:
    """Yield the frames in the database, by month, as many as are looked at together; not those that were dropped."""
    with store.reading() as connection:
        gone = dropped.numbers(connection)
        months = sorted(set(connection.scalars(select(schema.chunk_frame.c.month).distinct())) - gone)
    for month in months:
        last = -1
        while True:
            with store.reading() as connection:
                block = _block(connection, month, last)
            if not block:
                break
            yield month, block
            last = max(block)


def _block(connection: Connection, month: int, after: int) -> dict[int, bytes]:
    table, found, size = schema.chunk_frame.c, dict[int, bytes](), 0
    query = (
        select(table.chunk_id, table.frame)
        .where(table.month == month, table.chunk_id > after)
        .order_by(table.chunk_id)
        .limit(MOST_ROWS)
        .execution_options(yield_per=_READ_AT_ONCE)
    )
    with connection.execute(query) as rows:
        for chunk_id, frame in rows:
            found[chunk_id] = bytes(frame)
            size += len(frame)
            if size >= MOST_BYTES:
                break
    return found
