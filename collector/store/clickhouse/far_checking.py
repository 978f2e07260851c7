"""What ``starproof db check`` says of a store whose frames are in a cluster: servers, and frames that are nowhere."""

from __future__ import annotations

from dataclasses import dataclass

from sqlalchemy import Connection, func, select

from collector.errors import ClusterError
from collector.store import dropped, months, schema
from collector.store.clickhouse import binding as bindings
from collector.store.clickhouse import far_dropping, far_frames, far_sums, tables
from collector.store.clickhouse.binding import Binding
from collector.store.clickhouse.cluster import Cluster
from collector.store.clickhouse.far_frames import Place
from collector.store.clickhouse.far_sums import Asked

MOST_NAMED = 10
_AT_ONCE = 10_000


@dataclass(frozen=True)
class FarChecked:
    """The servers in one line, and what is wrong, a sentence each."""

    server: str
    problems: tuple[str, ...]


def check(connection: Connection) -> FarChecked | None:
    """Return what there is to say, ``None`` for a store that gave nothing away.

    A server that does not answer is a problem like another one.
    """
    binding = bindings.of(connection)
    if binding is None:
        return None
    try:
        cluster = bindings.cluster_of(connection, binding)
        for shard in cluster.shards:
            tables.require_member(cluster, binding, shard)
        server = f"ClickHouse {_versions(cluster)}, {binding.shards} 个分片 shards"
        problems = [*_lost(connection, cluster, binding), *_lost_sums(connection, binding)]
    except ClusterError as error:
        return FarChecked("ClickHouse", (str(error),))
    return FarChecked(server, tuple(problems))


def _versions(cluster: Cluster) -> str:
    found = {
        cluster.ask_server(address, "SELECT version()", {})[0][0].decode()
        for shard in cluster.shards
        for address in cluster.replicas(shard)
    }
    return ", ".join(sorted(found))


def _lost(connection: Connection, cluster: Cluster, binding: Binding) -> list[str]:
    """Return the months of which frames are neither in the database nor in the cluster, and some of them by name."""
    table = schema.chunk.c
    present = set(connection.scalars(select(table.month).distinct()))
    problems = []
    for month in sorted(present - dropped.numbers(connection)):
        lacking = sorted(far_dropping.lacking(connection, month))
        lost: list[Place] = []
        for at in range(0, len(lacking), _AT_ONCE):
            part = dict.fromkeys(lacking[at : at + _AT_ONCE], month)
            places = set(far_frames.places(connection, part).values())
            lost += places - far_frames.present(cluster, binding, places)
        if lost:
            shown = sorted(lost, key=lambda place: (place.host_id, place.end_ms))[:MOST_NAMED]
            named = "; ".join(_named(connection, place) for place in shown)
            more = f"; and {len(lost) - len(shown)} more" if len(lost) > len(shown) else ""
            problems.append(
                f"{months.name(month)} lacks the bytes of {len(lost)} chunks, in the database and in the cluster: "
                f"{named}{more}; restore the cluster's tables, then run: starproof audit"
            )
    return problems


def _named(connection: Connection, place: Place) -> str:
    table, host = schema.chunk.c, schema.host.c
    query = (
        select(host.name, table.source, table.seq)
        .join_from(schema.chunk, schema.host, host.id == table.host_id)
        .where(table.host_id == place.host_id, table.end_ms == place.end_ms, table.hash == place.hash)
    )
    name, source, seq = connection.execute(query.limit(1)).one()
    return f"{name} {source} {seq} ({place.hash})"


def _lost_sums(connection: Connection, binding: Binding) -> list[str]:
    """Return the months of which the cluster counts other day sums than were moved."""
    table, problems = schema.moved_sum.c, []
    for month in binding.months:
        wanted = int(
            connection.scalar(select(func.coalesce(func.sum(table.rows), 0)).where(table.month == month)) or 0
        )
        asked = Asked(months.first_day(month), months.first_day(months.after(month)))
        found = sum(row[2] for row in far_sums.by_host(connection, asked))
        if found != wanted:
            problems.append(
                f"the cluster has {found} day sums of {months.name(month)}, {wanted} were moved there; fetch everything "
                "back, which derives them again from the chunks: starproof db move-frames --back"
            )
    return problems
