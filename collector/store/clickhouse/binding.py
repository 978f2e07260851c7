"""That a store has given frames away: its name in the cluster, and the cluster as it was then.

One row of ``meta``. Whoever misses a frame or a sum looks here, so that a store whose frames are elsewhere is
never taken for one that lost them, nor the other way round.
"""

from __future__ import annotations

import json
import secrets
from dataclasses import asdict, dataclass, replace

from sqlalchemy import Connection, select

from collector.errors import ClusterError
from collector.store import schema
from collector.store.clickhouse.cluster import Cluster
from collector.store.clickhouse.settings import FILE_NAME, FILE_VARIABLE
from collector.store.dialects import insert

KEY = "clickhouse"
CLUSTER = "starproof_cluster"
"""The option of an engine's connections that names their ``Cluster``, if the settings name one."""
_SEEN = "starproof_binding"
_NAME_BYTES = 16


@dataclass(frozen=True)
class Binding:
    """Where a store's frames are. ``months`` have day sums in the cluster."""

    store: str
    database: str
    shards: int
    months: tuple[int, ...] = ()


def new(cluster: Cluster) -> Binding:
    """Return the binding of a store that nobody can mistake for another one's."""
    return Binding(secrets.token_hex(_NAME_BYTES), cluster.settings.database, len(cluster.shards))


def of(connection: Connection) -> Binding | None:
    """Return the store's binding, ``None`` if it never gave anything away; asked for once in a transaction."""
    seen = connection.get_execution_options().get(_SEEN)
    if seen is None:
        text = connection.scalar(select(schema.meta.c.value).where(schema.meta.c.key == KEY))
        seen = (None if text is None else _parsed(text),)
        connection.execution_options(**{_SEEN: seen})
    found: Binding | None = seen[0]
    return found


def keep(connection: Connection, binding: Binding) -> None:
    """Keep a binding in place of the one before."""
    statement = insert(connection, schema.meta).values(
        key=KEY, value=json.dumps(asdict(binding), sort_keys=True)
    )
    connection.execute(
        statement.on_conflict_do_update(
            index_elements=[schema.meta.c.key], set_={"value": statement.excluded.value}
        )
    )
    connection.execution_options(**{_SEEN: (binding,)})


def forget(connection: Connection) -> None:
    """Forget the binding: everything is in the database again."""
    connection.execute(schema.meta.delete().where(schema.meta.c.key == KEY))
    connection.execution_options(**{_SEEN: (None,)})


def with_month(binding: Binding, month: int) -> Binding:
    """Return the binding of a store that has day sums of a month in the cluster."""
    return replace(binding, months=tuple(sorted({*binding.months, month})))


def cluster_of(connection: Connection, binding: Binding) -> Cluster:
    """Return the cluster in which a store's frames are.

    Raises:
        ClusterError: no settings name it, or they name another one.
    """
    found = connection.get_execution_options().get(CLUSTER)
    if not isinstance(found, Cluster):
        raise ClusterError(
            f"frames of this store are in a ClickHouse cluster and no settings name it; put {FILE_NAME} beside "
            f"the keys, or name it by {FILE_VARIABLE} (docs/clickhouse.md)"
        )
    require_same(found, binding)
    return found


def require_same(cluster: Cluster, binding: Binding) -> None:
    """Refuse settings under which frames would be looked for where they are not.

    Raises:
        ClusterError: another database, or another number of shards.
    """
    if (cluster.settings.database, len(cluster.shards)) != (binding.database, binding.shards):
        raise ClusterError(
            f"this store's frames are in the database {binding.database} of {binding.shards} shards, "
            f"{FILE_NAME} names {cluster.settings.database} of {len(cluster.shards)}; change it back, or fetch "
            "them first: starproof db move-frames --back (with the old file)"
        )


def _parsed(text: str) -> Binding:
    document = json.loads(text)
    return Binding(**{**document, "months": tuple(document["months"])})
