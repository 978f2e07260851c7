"""Frames in a cluster: putting them there, reading them, and what is known of those that are there.

A frame is named by host, end and hash of its chunk, never by its number: numbers are given anew after an older
backup was restored, hashes never.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection, select

from collector.store import schema
from collector.store.clickhouse import binding as bindings
from collector.store.clickhouse import tables
from collector.store.clickhouse.binding import Binding
from collector.store.clickhouse.cluster import Cluster
from collector.store.clickhouse.settings import Address
from collector.store.clickhouse.tables import FRAME, shard_of

MOST_NAMED = 1_000
"""Chunks named in one statement; a server takes statements of 256 KiB."""
_KEY = "month, host, end_ms, hash"
_WHERE = (
    "store = %(store)s AND month IN %(months)s AND host IN %(hosts)s AND end_ms >= %(first)s "
    f"AND end_ms <= %(last)s AND ({_KEY}) IN %(places)s"
)


@dataclass(frozen=True)
class Place:
    """A chunk as the cluster knows it. ``month`` is where its frame lies."""

    month: int
    host_id: int
    end_ms: int
    hash: str


@dataclass(frozen=True)
class Copy:
    """A frame as a server has it: SHA-256 of its bytes as the server computes it, and when it was put there."""

    sha256: str
    moved_ms: int


def read(connection: Connection, wanted: Iterable[tuple[int, int]]) -> dict[int, bytes]:
    """Return the frames that the cluster has for these months and chunks, by chunk; none without a cluster.

    Raises:
        ClusterError: the cluster cannot be asked.
    """
    binding = bindings.of(connection)
    if binding is None:
        return {}
    months = {chunk_id: month for month, chunk_id in wanted}
    if not months:
        return {}
    cluster = bindings.cluster_of(connection, binding)
    numbers = {place: number for number, place in places(connection, months).items()}
    found: dict[int, bytes] = {}
    for shard, asked in by_shard(binding, numbers).items():
        for month, host, end_ms, hash_, frame in _rows(cluster, shard, f"{_KEY}, frame", binding, asked):
            found[numbers[Place(month, host, end_ms, hash_.decode())]] = frame
    return found


def places(connection: Connection, months: Mapping[int, int]) -> dict[int, Place]:
    """Return how the cluster knows these chunks, by number; ``months`` are where their frames lie."""
    table, found = schema.chunk.c, dict[int, Place]()
    for part in parts(sorted(months)):
        query = select(table.id, table.host_id, table.end_ms, table.hash).where(table.id.in_(part))
        for row in connection.execute(query):
            found[row.id] = Place(months[row.id], row.host_id, row.end_ms, row.hash)
    return found


def put(
    cluster: Cluster, binding: Binding, shard: int, frames: Mapping[Place, bytes], *, now_ms: int
) -> None:
    """Put frames into a shard; the same ones again do no harm.

    Raises:
        ClusterError: they may be there or not.
    """
    rows = [
        (binding.store, place.month, place.host_id, place.end_ms, place.hash, frame, now_ms)
        for place, frame in frames.items()
    ]
    table = f"{cluster.settings.database}.{FRAME}"
    cluster.insert(shard, f"INSERT INTO {table} (store, {_KEY}, frame, moved_ms) VALUES", rows)


def held(
    cluster: Cluster, binding: Binding, address: Address, asked: Collection[Place]
) -> dict[Place, list[Copy]]:
    """Return which of these frames a server has, each with its copies (one, or more until it merged them).

    Raises:
        ClusterError: it does not answer.
    """
    columns = f"{_KEY}, lower(hex(SHA256(frame))), moved_ms"
    found: dict[Place, list[Copy]] = {}
    for statement, values in _statements(cluster, columns, binding, asked):
        for month, host, end_ms, hash_, sha256, moved_ms in cluster.ask_server(address, statement, values):
            place = Place(month, host, end_ms, hash_.decode())
            found.setdefault(place, []).append(Copy(sha256.decode(), moved_ms))
    return found


def present(cluster: Cluster, binding: Binding, asked: Collection[Place]) -> set[Place]:
    """Return which of these frames the cluster has.

    Raises:
        ClusterError: a shard does not answer.
    """
    return {
        Place(month, host, end_ms, hash_.decode())
        for shard, mine in by_shard(binding, asked).items()
        for month, host, end_ms, hash_ in _rows(cluster, shard, f"DISTINCT {_KEY}", binding, mine)
    }


def size(cluster: Cluster, binding: Binding, asked: Collection[Place]) -> int:
    """Return how many bytes these frames have in the cluster.

    Raises:
        ClusterError: a shard does not answer.
    """
    columns = f"DISTINCT {_KEY}, length(frame)"
    return sum(
        row[-1]
        for shard, mine in by_shard(binding, asked).items()
        for row in _rows(cluster, shard, columns, binding, mine)
    )


def by_shard(binding: Binding, asked: Iterable[Place]) -> dict[int, list[Place]]:
    """Return places by the shard in which they are."""
    found: dict[int, list[Place]] = {}
    for place in asked:
        found.setdefault(shard_of(binding, place.host_id), []).append(place)
    return found


def parts(numbers: Sequence[Any]) -> Iterator[Sequence[Any]]:
    """Yield so many at a time as one statement names."""
    for at in range(0, len(numbers), MOST_NAMED):
        yield numbers[at : at + MOST_NAMED]


def _rows(
    cluster: Cluster, shard: int, columns: str, binding: Binding, asked: Collection[Place]
) -> Iterator[tuple[Any, ...]]:
    for statement, values in _statements(cluster, columns, binding, asked):
        yield from cluster.ask(shard, statement, values)


def _statements(
    cluster: Cluster, columns: str, binding: Binding, asked: Collection[Place]
) -> Iterator[tuple[str, dict[str, Any]]]:
    """Yield a query for some places at a time; months, hosts and ends first, by which the server finds its marks."""
    ordered = sorted(asked, key=lambda place: (place.month, place.host_id, place.end_ms, place.hash))
    statement = tables.query(cluster, columns, FRAME, _WHERE)
    for part in parts(ordered):
        yield (
            statement,
            {
                "store": binding.store,
                "months": tuple({place.month for place in part}),
                "hosts": tuple({place.host_id for place in part}),
                "first": min(place.end_ms for place in part),
                "last": max(place.end_ms for place in part),
                "places": tuple((place.month, place.host_id, place.end_ms, place.hash) for place in part),
            },
        )
