"""Day sums in a cluster: a month of them lies there once it is long over, and is added up there.

1. A host's and source's sums of a month go together, under a *turn*, a random number that the database keeps with
   how many rows they are (``moved_sum``). Rows under another turn do not count, whatever they are: what is left of a
   turn that was interrupted, or of a future that an older backup of the database knows nothing of.
2. What is to change is fetched back first, all of it, in the transaction that changes it; what lies in the cluster
   is never changed there.
3. Sums are added up as whole numbers of up to 38 digits, the two parts of an amount apart (``schema.AMOUNT_BASE``).
   A part has at most 19 digits, so 10^19 rows fit.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection, Row, select

from collector.errors import ClusterError
from collector.store import months, schema
from collector.store.clickhouse import binding as bindings
from collector.store.clickhouse.binding import Binding
from collector.store.clickhouse.cluster import Cluster, Rows
from collector.store.clickhouse.settings import Address
from collector.store.clickhouse.tables import DAY_SUM, NUMBERS, shard_of

MOST_NAMED = 1_000
"""Hosts, or lines, named in one statement."""
_KEY = ("host", "source", "metric", "day")
_COLUMNS = ", ".join((*_KEY, *NUMBERS))

FarRow = tuple[Any, ...]
"""Host number, source, metric, day, then ``NUMBERS``."""


@dataclass(frozen=True)
class Asked:
    """Which sums: days in [first, after), of these hosts (``None``: all) and metrics (``None``: all)."""

    first_day: int
    after_day: int
    hosts: Collection[int] | None = None
    metrics: Collection[str] | None = None
    without: Collection[int] = ()
    """Days that are left out."""


def fetch_back(connection: Connection, host_id: int, source: str, days: Collection[int]) -> None:
    """Put a host's and source's sums of the months of these days into the database again, if they are not there (2).

    Raises:
        ClusterError: the cluster cannot be asked, or has lost them.
    """
    binding = bindings.of(connection)
    if binding is None or not binding.months or not days:
        return
    wanted = {months.of_day(day) for day in days} & set(binding.months)
    if not wanted:
        return
    table = schema.moved_sum.c
    query = select(schema.moved_sum).where(
        table.host_id == host_id, table.source == source, table.month.in_(wanted)
    )
    for line in connection.execute(query).all():
        _fetch_back(connection, bindings.cluster_of(connection, binding), binding, line)


def forget(connection: Connection, host_id: int, source: str, month: int) -> None:
    """Forget that sums are in the cluster."""
    table = schema.moved_sum
    connection.execute(
        table.delete().where(table.c.host_id == host_id, table.c.source == source, table.c.month == month)
    )


def rows(connection: Connection, asked: Asked) -> Iterator[FarRow]:
    """Yield the sums in the cluster, of one shard after another, each by host, source, metric and day.

    Raises:
        ClusterError: the cluster cannot be asked, or has lost some.
    """
    for cluster, shard, where, values, wanted in _asked(connection, asked):
        query = f"SELECT {_COLUMNS} FROM {_table(cluster)} FINAL WHERE {where} ORDER BY {', '.join(_KEY)}"
        found: Counter[tuple[int, str, int]] = Counter()
        for row in _texts(cluster.ask(shard, query, values), 1, 2):
            found[row[0], row[1], months.of_day(row[3])] += 1
            yield row
        if asked.metrics is None and not asked.without:
            _require_all(wanted, found, asked)


def by_day(connection: Connection, asked: Asked) -> list[FarRow]:
    """Return the sums over all hosts, added up where they lie: source, metric, day, count of rows, then ``NUMBERS``.

    Raises:
        ClusterError: the cluster cannot be asked, or has lost some.
    """
    return _added(connection, asked, ("source", "metric", "day"))


def by_host(connection: Connection, asked: Asked) -> list[FarRow]:
    """Return the sums over all days, added up where they lie: host, source, count of rows, then ``NUMBERS``.

    Raises:
        ClusterError: the cluster cannot be asked, or has lost some.
    """
    return _added(connection, asked, ("host", "source"))


def first_day(connection: Connection, asked: Asked) -> int | None:
    """Return the first day with a sum in the cluster.

    Raises:
        ClusterError: the cluster cannot be asked.
    """
    found = []
    for cluster, shard, where, values, _ in _asked(connection, asked):
        query = f"SELECT count(), min(day) FROM {_table(cluster)} WHERE {where}"
        found += [day for count, day in cluster.ask(shard, query, values) if count]
    return min(found, default=None)


def put(cluster: Cluster, binding: Binding, shard: int, turn: int, sums: Sequence[FarRow]) -> None:
    """Put sums into a shard, to be counted once ``moved_sum`` names the turn.

    Raises:
        ClusterError: they may be there or not.
    """
    statement = f"INSERT INTO {_table(cluster)} (store, month, turn, {_COLUMNS}) VALUES"
    cluster.insert(shard, statement, [(binding.store, months.of_day(row[3]), turn, *row) for row in sums])


def of_turn(cluster: Cluster, binding: Binding, address: Address, turn: int) -> set[FarRow]:
    """Return what a server has under a turn.

    Raises:
        ClusterError: it does not answer.
    """
    query = f"SELECT {_COLUMNS} FROM {_table(cluster)} WHERE store = %(store)s AND turn = %(turn)s"
    return set(_texts(cluster.ask_server(address, query, {"store": binding.store, "turn": turn}), 1, 2))


def statement_by(cluster: Cluster, keys: Sequence[str], where: str) -> str:
    """Return the query that adds sums up by some columns (rule 3)."""
    added = ", ".join(f"sum(toDecimal128({name}, 0))" for name in NUMBERS)
    named = ", ".join(keys)
    return f"SELECT {named}, count(), {added} FROM {_table(cluster)} FINAL WHERE {where} GROUP BY {named}"


def _added(connection: Connection, asked: Asked, keys: tuple[str, ...]) -> list[FarRow]:
    total: dict[tuple[Any, ...], list[int]] = {}
    texts = [at for at, key in enumerate(keys) if key in {"source", "metric"}]
    for cluster, shard, where, values, _ in _asked(connection, asked):
        for row in _texts(cluster.ask(shard, statement_by(cluster, keys, where), values), *texts):
            key, numbers = row[: len(keys)], [int(number) for number in row[len(keys) :]]
            sums = total.setdefault(key, [0] * len(numbers))
            for at, number in enumerate(numbers):
                sums[at] += number
    return [(*key, *numbers) for key, numbers in sorted(total.items())]


def _asked(
    connection: Connection, asked: Asked
) -> Iterator[tuple[Cluster, int, str, dict[str, Any], Sequence[Row[Any]]]]:
    """Yield, for each shard and some hosts at a time, the condition for the rows that count, and the lines they are of."""
    binding = bindings.of(connection)
    if binding is None:
        return
    touched = [month for month in binding.months if _touches(month, asked)]
    if not touched or (asked.hosts is not None and not asked.hosts):
        return
    cluster = bindings.cluster_of(connection, binding)
    table = schema.moved_sum.c
    query = select(schema.moved_sum).where(table.month.in_(touched))
    if asked.hosts is not None:
        query = query.where(table.host_id.in_(list(asked.hosts)))
    lines: dict[int, list[Row[Any]]] = {}
    for line in connection.execute(query.order_by(table.host_id)):
        lines.setdefault(shard_of(binding, line.host_id), []).append(line)
    for shard, mine in sorted(lines.items()):
        turns = {line.turn for line in mine}
        where, values = _condition(connection, binding, asked, turns)
        if asked.hosts is not None:
            where += " AND host IN %(hosts)s"
            values["hosts"] = tuple({line.host_id for line in mine})
        yield cluster, shard, where, values, mine


def _condition(
    connection: Connection, binding: Binding, asked: Asked, turns: Collection[int]
) -> tuple[str, dict[str, Any]]:
    """Return what holds for rows that count (rule 1)."""
    where = (
        "store = %(store)s AND month >= %(first_month)s AND month <= %(last_month)s "
        "AND day >= %(first)s AND day < %(after)s AND turn IN %(turns)s"
    )
    values: dict[str, Any] = {
        "store": binding.store,
        "first_month": months.of_day(asked.first_day),
        "last_month": months.of_day(asked.after_day - 1),
        "first": asked.first_day,
        "after": asked.after_day,
        "turns": tuple(turns),
    }
    table = schema.stale_sum.c
    stale = connection.execute(select(schema.stale_sum).where(table.turn.in_(turns))).all()
    if stale:
        where += " AND (turn, host, source) NOT IN %(stale)s"
        values["stale"] = tuple((row.turn, row.host_id, row.source) for row in stale)
    if asked.metrics is not None:
        where += " AND metric IN %(metrics)s"
        values["metrics"] = tuple(asked.metrics)
    if asked.without:
        where += " AND day NOT IN %(without)s"
        values["without"] = tuple(asked.without)
    return where, values


def _touches(month: int, asked: Asked) -> bool:
    return (
        months.first_day(month) < asked.after_day and months.first_day(months.after(month)) > asked.first_day
    )


def _require_all(lines: Iterable[Row[Any]], found: Counter[tuple[int, str, int]], asked: Asked) -> None:
    """Refuse to hand on sums of whole months of which some are missing: missing is never zero."""
    for line in lines:
        first, after = months.first_day(line.month), months.first_day(months.after(line.month))
        if not asked.first_day <= first < after <= asked.after_day:
            continue
        if found[line.host_id, line.source, line.month] != line.rows:
            raise _lost(line, found[line.host_id, line.source, line.month])


def _lost(line: Row[Any], found: int) -> ClusterError:
    return ClusterError(
        f"the cluster has {found} of {line.rows} day sums of host number {line.host_id}, {line.source}, in "
        f"{months.name(line.month)}; fetch everything back, which derives them again from the chunks: starproof "
        "db move-frames --back (docs/clickhouse.md)"
    )


def _fetch_back(connection: Connection, cluster: Cluster, binding: Binding, line: Row[Any]) -> None:
    query = (
        f"SELECT {_COLUMNS} FROM {_table(cluster)} FINAL WHERE store = %(store)s AND month = %(month)s "
        "AND host = %(host)s AND source = %(source)s AND turn = %(turn)s"
    )
    values = {
        "store": binding.store,
        "month": line.month,
        "host": line.host_id,
        "source": line.source,
        "turn": line.turn,
    }
    found = _texts(cluster.ask(shard_of(binding, line.host_id), query, values), 1, 2)
    if len(found) != line.rows:
        raise _lost(line, len(found))
    names = ("host_id", "source", "metric", "day", *NUMBERS)
    connection.execute(schema.day_sum.insert(), [dict(zip(names, row, strict=True)) for row in found])
    forget(connection, line.host_id, line.source, line.month)
    connection.execute(
        schema.stale_sum.insert().values(turn=line.turn, host_id=line.host_id, source=line.source)
    )


def _texts(found: Rows, *columns: int) -> Rows:
    """Return rows with their texts as texts."""
    return [
        tuple(value.decode() if at in columns else value for at, value in enumerate(row)) for row in found
    ]


def _table(cluster: Cluster) -> str:
    return f"{cluster.settings.database}.{DAY_SUM}"
