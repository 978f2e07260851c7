"""Day sums of the database and of the cluster as one sequence, sorted by host, source, metric and day."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from heapq import merge

from sqlalchemy import Connection, select

from collector.store import months, schema
from collector.store.clickhouse import binding as bindings
from collector.store.clickhouse import far_sums
from collector.store.clickhouse.far_sums import Asked
from evidence.day_sum import DaySum
from evidence.stored import DaySumRow

HOSTS_AT_ONCE = 200
"""Hosts whose sums are asked of the cluster together: bounds memory."""


def with_far(
    connection: Connection,
    near: Iterator[DaySumRow],
    first_day: int,
    after_day: int,
    *,
    hosts: Sequence[str] | None,
    metric: str | None,
) -> Iterator[DaySumRow]:
    """Yield the database's sums of days in [first_day, after_day), and those that lie in the cluster between them.

    Raises:
        ClusterError: the cluster cannot be asked, or has lost some.
    """
    binding = bindings.of(connection)
    last = months.of_day(after_day - 1) if first_day < after_day else 0
    if binding is None or not any(months.of_day(first_day) <= month <= last for month in binding.months):
        yield from near
        return
    asked = Asked(first_day, after_day, metrics=None if metric is None else (metric,))
    yield from merge(near, _far(connection, asked, hosts), key=_place)


def _far(connection: Connection, asked: Asked, hosts: Sequence[str] | None) -> Iterator[DaySumRow]:
    query = select(schema.host.c.id, schema.host.c.name)
    if hosts is not None:
        query = query.where(schema.host.c.name.in_(hosts))
    names = {row.id: row.name for row in connection.execute(query)}
    ordered = sorted(names, key=lambda number: names[number])
    for at in range(0, len(ordered), HOSTS_AT_ONCE):
        block = Asked(
            asked.first_day, asked.after_day, hosts=ordered[at : at + HOSTS_AT_ONCE], metrics=asked.metrics
        )
        found = [_row(names[row[0]], row) for row in far_sums.rows(connection, block)]
        yield from sorted(found, key=_place)


def _row(name: str, row: far_sums.FarRow) -> DaySumRow:
    _, source, metric, day, high, low, *counts = row
    return DaySumRow(name, source, metric, day, DaySum(high * schema.AMOUNT_BASE + low, *counts))


def _place(row: DaySumRow) -> tuple[str, str, str, int]:
    return row.host, row.source, row.metric, row.day
