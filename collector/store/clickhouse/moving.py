"""A turn of moving: frames, day sums of months that are long over, and what dropped months have left in the cluster."""

from __future__ import annotations

from dataclasses import dataclass

from collector.errors import ClusterError
from collector.store.clickhouse import binding as bindings
from collector.store.clickhouse import far_dropping, moving_frames, moving_sums
from collector.store.clickhouse.binding import Binding
from collector.store.clickhouse.cluster import Cluster
from collector.store.clickhouse.moving_frames import Moved
from collector.store.engine import Store


@dataclass(frozen=True)
class Turn:
    """What a turn did: with frames, and how many day sums it moved."""

    frames: Moved
    sums: int = 0


def require_cluster(store: Store) -> Cluster:
    """Return the cluster that a store's settings name.

    Raises:
        ClusterError: they name none.
    """
    if store.cluster is None:
        raise ClusterError(
            "no settings name a cluster; write clickhouse.toml beside the keys (docs/clickhouse.md)"
        )
    return store.cluster


def bind(store: Store) -> Binding:
    """Return the store's place in its cluster; the first time make it.

    Raises:
        ClusterError: no settings name a cluster, or they name another one.
        StoreError: the database cannot be used.
    """
    cluster = require_cluster(store)
    with store.reading() as connection:
        found = bindings.of(connection)
    if found is None:
        with store.writing() as connection:
            found = bindings.of(connection) or bindings.new(cluster)
            bindings.keep(connection, found)
    bindings.require_same(cluster, found)
    return found


def turn(store: Store, binding: Binding, *, now_ms: int, sums: bool = True) -> Turn:
    """Do what is due; to be called by one process at a time.

    Raises:
        ClusterError: a server does not answer; what it was to take stays in the database.
        StoreError: the database cannot be used.
    """
    cluster = require_cluster(store)
    frames = moving_frames.move(store, cluster, binding, now_ms=now_ms)
    if not sums:
        return Turn(frames)
    moved = moving_sums.move(store, cluster, binding, now_ms=now_ms)
    far_dropping.finish(store)
    return Turn(frames, moved)
