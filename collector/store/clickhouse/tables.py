"""The tables in a cluster, and which shard a host's rows are in.

Statements are made of our own words and of the database's name, which the settings have checked; values travel
apart. They run on 18.16 and on current versions alike (``tests/collector/test_current_clickhouse.py``).
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import fields

from collector.errors import ClusterError
from collector.store.clickhouse.binding import Binding
from collector.store.clickhouse.cluster import Cluster
from collector.store.clickhouse.settings import Address
from evidence.day_sum import DaySum

FRAME = "frame"
DAY_SUM = "day_sum"
MEMBER = "member"
INDEX_ROWS = 128
"""Rows between two marks of the index of frames: what is read for one of them, some 300 kB."""
COUNTS = tuple(field.name for field in fields(DaySum) if field.name != "amount")
NUMBERS = ("amount_hi", "amount_lo", *COUNTS)
_SHARD_BYTES = 8

_COLUMNS: Mapping[str, str] = {
    FRAME: "store String, month UInt32, host UInt64, end_ms Int64, hash FixedString(64), frame String, moved_ms Int64",
    DAY_SUM: "store String, month UInt32, turn UInt64, host UInt64, source String, metric String, day UInt32, "
    + ", ".join(f"{name} Int64" for name in NUMBERS)
    + ", moved_ms Int64",
    MEMBER: "store String, shard UInt32, shards UInt32",
}
# By the end of a chunk: who reads a host's month in order finds neighbours beside one another.
_ORDER: Mapping[str, str] = {
    FRAME: "PARTITION BY month ORDER BY (store, host, end_ms, hash)",
    DAY_SUM: "PARTITION BY month ORDER BY (store, host, source, metric, day, turn)",
    MEMBER: "ORDER BY store",
}


def query(cluster: Cluster, columns: str, table: str, where: str, *, final: bool = False) -> str:
    """Return a query; ``final`` counts what was put twice once."""
    once = " FINAL" if final else ""
    return f"SELECT {columns} FROM {cluster.settings.database}.{table}{once} WHERE {where}"  # noqa: S608 - see the module


def shard_of(binding: Binding, host_id: int) -> int:
    """Return the shard of a host's rows."""
    digest = hashlib.sha256(f"{binding.store} {host_id}".encode()).digest()
    return int.from_bytes(digest[:_SHARD_BYTES], "big") % binding.shards


def make(cluster: Cluster, binding: Binding, shard: int) -> None:
    """Make the tables on the servers of a shard where they are not, and enter the store as a member of it.

    Raises:
        ClusterError: a server does not answer or refuses, or is another shard; asking again goes on.
    """
    database = cluster.settings.database
    for address in cluster.replicas(shard):
        cluster.run(address, f"CREATE DATABASE IF NOT EXISTS {database}")
        for table in _COLUMNS:
            cluster.run(address, definition(cluster, table, shard, address))
    if not cluster.ask(shard, _members(cluster), {"store": binding.store}):
        row = (binding.store, shard, binding.shards)
        cluster.insert(shard, f"INSERT INTO {database}.{MEMBER} (store, shard, shards) VALUES", [row])
    require_member(cluster, binding, shard)


def definition(cluster: Cluster, table: str, shard: int, address: Address) -> str:
    """Return the statement that makes a table on a server."""
    database, engine = cluster.settings.database, "ReplacingMergeTree()"
    if cluster.settings.replicated:
        path = f"/starproof/{database}/{shard + 1}/{table}"
        engine = f"ReplicatedReplacingMergeTree('{path}', '{address}')"
    granularity = f" SETTINGS index_granularity = {INDEX_ROWS}" if table == FRAME else ""
    return (
        f"CREATE TABLE IF NOT EXISTS {database}.{table} ({_COLUMNS[table]}) ENGINE = {engine} "
        f"{_ORDER[table]}{granularity}"
    )


def require_member(cluster: Cluster, binding: Binding, shard: int) -> None:
    """Refuse a server that is not the shard, in the order, to which the store gave its frames.

    Raises:
        ClusterError: it is another shard, or does not answer.
    """
    rows = cluster.ask(shard, _members(cluster), {"store": binding.store})
    if (shard, binding.shards) not in rows:
        raise ClusterError(
            f"ClickHouse at {cluster.replicas(shard)[0]} is not shard {shard + 1} of this store's cluster; name "
            "the shards in the order in which they were when it was first used (docs/clickhouse.md)"
        )


def _members(cluster: Cluster) -> str:
    return query(cluster, "DISTINCT shard, shards", MEMBER, "store = %(store)s")
