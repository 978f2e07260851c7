"""Dropping a month whose frames are in the cluster: what it frees, what must stay, and deleting the rest there."""

from __future__ import annotations

import time
from collections.abc import Collection

from sqlalchemy import Connection, select

from collector.errors import ClusterError
from collector.store import dropped, schema
from collector.store.clickhouse import binding as bindings
from collector.store.clickhouse import far_frames, tables
from collector.store.clickhouse.binding import Binding
from collector.store.clickhouse.cluster import Cluster
from collector.store.clickhouse.tables import FRAME
from collector.store.engine import Store

WAIT_S = 60
"""How long a deletion is waited for; the servers go on by themselves, and the next turn looks again."""
LOOK_EVERY_S = 0.1
_OF_MONTHS = "store = %(store)s AND month IN %(months)s"


def size(connection: Connection, month: int, without: Collection[int]) -> int:
    """Return how many bytes those frames of a month have that only the cluster holds, but for some chunks'.

    Raises:
        ClusterError: the cluster cannot be asked.
    """
    binding = bindings.of(connection)
    if binding is None:
        return 0
    places = far_frames.places(connection, dict.fromkeys(lacking(connection, month) - set(without), month))
    if not places:
        return 0
    return far_frames.size(bindings.cluster_of(connection, binding), binding, places.values())


def fetch_back(connection: Connection, month: int, numbers: Collection[int]) -> None:
    """Put those of these frames into the database that only the cluster holds.

    Raises:
        ClusterError: the cluster cannot be asked.
    """
    if bindings.of(connection) is None:
        return
    frame = schema.chunk_frame.c
    for part in far_frames.parts(sorted(numbers)):
        near = select(frame.chunk_id).where(frame.month == month, frame.chunk_id.in_(part))
        wanted = set(part).difference(connection.scalars(near))
        found = far_frames.read(connection, [(month, number) for number in sorted(wanted)])
        if found:
            rows = [{"month": month, "chunk_id": number, "frame": data} for number, data in found.items()]
            connection.execute(schema.chunk_frame.insert(), rows)


def lacking(connection: Connection, month: int) -> set[int]:
    """Return the chunks of a month whose frames are not in the database."""
    chunk, frame = schema.chunk.c, schema.chunk_frame.c
    near = set(connection.scalars(select(frame.chunk_id).where(frame.month == month)))
    return set(connection.scalars(select(chunk.id).where(chunk.month == month))) - near


def finish(store: Store) -> None:
    """Delete from the cluster what it still has of dropped months.

    Raises:
        ClusterError: it does not answer, or has not deleted them in ``WAIT_S``; they are dropped all the same, and
            deleted at a later turn.
    """
    with store.reading() as connection:
        binding, gone = bindings.of(connection), dropped.numbers(connection)
        cluster = bindings.cluster_of(connection, binding) if binding and gone else None
    if binding is None or cluster is None:
        return
    for shard in cluster.shards:
        left = _months(cluster, binding, shard, gone)
        if left:
            statement = f"ALTER TABLE {cluster.settings.database}.{FRAME} DELETE WHERE {_OF_MONTHS}"
            cluster.order(shard, statement, {"store": binding.store, "months": left})
            _wait(cluster, binding, shard, left)


def _wait(cluster: Cluster, binding: Binding, shard: int, gone: Collection[int]) -> None:
    deadline = time.monotonic() + WAIT_S
    while _months(cluster, binding, shard, gone):
        if time.monotonic() > deadline:
            raise ClusterError(
                f"ClickHouse at {cluster.replicas(shard)[0]} is still deleting frames of dropped months; it goes on "
                "by itself, see its table system.mutations"
            )
        time.sleep(LOOK_EVERY_S)


def _months(cluster: Cluster, binding: Binding, shard: int, gone: Collection[int]) -> tuple[int, ...]:
    query = tables.query(cluster, "DISTINCT month", FRAME, _OF_MONTHS)
    rows = cluster.ask(shard, query, {"store": binding.store, "months": tuple(gone)})
    return tuple(sorted(row[0] for row in rows))
