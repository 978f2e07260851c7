"""Moving the day sums of months that are long over from the database to the cluster.

Some hosts at a time: put under a new turn, read back from every replica, and only then, in one transaction of a
writer alone, taken out of the database where they are still the same (``far_sums``, rule 1). What a late chunk
changed meanwhile stays, and what was put of it does not count.
"""

from __future__ import annotations

import secrets
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from sqlalchemy import Connection, and_, or_, select

from collector.errors import ClusterError
from collector.store import months, registry, schema
from collector.store.clickhouse import binding as bindings
from collector.store.clickhouse import far_sums
from collector.store.clickhouse.cluster import Cluster
from collector.store.clickhouse.far_sums import FarRow
from collector.store.clickhouse.tables import NUMBERS, shard_of
from collector.store.engine import Store

DAYS_AFTER = 10
"""Sums stay so many days after their month's end: until then chunks that were late still come in."""
LINES_AT_ONCE = 200
_TURN_BITS = 62

Line = tuple[int, str]
"""Host number and source."""


def move(store: Store, cluster: Cluster, *, now_ms: int) -> int:
    """Move what is due and return how many sums went.

    Raises:
        ClusterError: a server does not answer, or has something else than was sent; the rest stays in the database.
        StoreError: the database cannot be used.
    """
    with store.reading() as connection:
        binding = bindings.of(connection)
        calendar = registry.identity(connection).calendar
        before = months.of_day(calendar.day_of(now_ms) - DAYS_AFTER)
        due = sorted({months.of_day(day) for day in connection.scalars(_days(months.first_day(before)))})
    moved = 0
    for month in due if binding else ():
        for batch in _batches(store, month):
            moved += _move(store, cluster, month, batch)
    return moved


def _days(before: int) -> Any:
    table = schema.day_sum.c
    return select(table.day).where(table.day < before).distinct()


def _batches(store: Store, month: int) -> Iterator[Mapping[Line, set[FarRow]]]:
    """Yield the sums of a month, some hosts and sources at a time."""
    table = schema.day_sum.c
    with store.reading() as connection:
        query = select(table.host_id, table.source).where(_in(month)).distinct()
        lines = sorted((row.host_id, row.source) for row in connection.execute(query))
    for at in range(0, len(lines), LINES_AT_ONCE):
        with store.reading() as connection:
            found = _rows(connection, month, lines[at : at + LINES_AT_ONCE])
        # A damaged sum is no number to anybody: it stays where the audit names it.
        yield {line: rows for line, rows in found.items() if all(map(_is_whole, rows))}


def _move(store: Store, cluster: Cluster, month: int, batch: Mapping[Line, set[FarRow]]) -> int:
    with store.reading() as connection:
        binding = bindings.of(connection)
    if binding is None or not batch:
        return 0
    turn = secrets.randbits(_TURN_BITS)
    shards: dict[int, set[FarRow]] = {}
    for (host_id, _), rows in batch.items():
        shards.setdefault(shard_of(binding, host_id), set()).update(rows)
    for shard, rows in sorted(shards.items()):
        far_sums.put(cluster, binding, shard, turn, sorted(rows))
        for address in cluster.replicas(shard):
            if far_sums.of_turn(cluster, binding, address, turn) != rows:
                raise ClusterError(
                    f"ClickHouse at {address} has other day sums of {months.name(month)} than were sent; they stay "
                    "in the database, and are sent again at the next turn"
                )
    with store.writing() as connection:
        return _take_out(connection, month, turn, batch)


def _take_out(connection: Connection, month: int, turn: int, batch: Mapping[Line, set[FarRow]]) -> int:
    binding = bindings.of(connection)
    if binding is None:  # everything was fetched back meanwhile
        return 0
    now = _rows(connection, month, list(batch))
    same = {line: rows for line, rows in batch.items() if now.get(line) == rows}
    if not same:  # nothing counts under the turn
        return 0
    changed = [line for line in batch if line not in same]
    if changed:
        names = [{"turn": turn, "host_id": host_id, "source": source} for host_id, source in changed]
        connection.execute(schema.stale_sum.insert(), names)
    table = schema.day_sum
    connection.execute(table.delete().where(_in(month), _of(list(same))))
    connection.execute(
        schema.moved_sum.insert(),
        [
            {"host_id": host_id, "source": source, "month": month, "turn": turn, "rows": len(rows)}
            for (host_id, source), rows in same.items()
        ],
    )
    if month not in binding.months:
        bindings.keep(connection, bindings.with_month(binding, month))
    return sum(map(len, same.values()))


def _rows(connection: Connection, month: int, lines: Sequence[Line]) -> dict[Line, set[FarRow]]:
    table = schema.day_sum.c
    names = (table.host_id, table.source, table.metric, table.day, *(table[name] for name in NUMBERS))
    found: dict[Line, set[FarRow]] = {}
    for row in connection.execute(select(*names).where(_in(month), _of(lines))):
        found.setdefault((row.host_id, row.source), set()).add(tuple(row))
    return found


def _is_whole(row: FarRow) -> bool:
    return all(isinstance(value, int) for value in row[-len(NUMBERS) :])


def _in(month: int) -> Any:
    return schema.day_sum.c.day.between(months.first_day(month), months.first_day(months.after(month)) - 1)


def _of(lines: Sequence[Line]) -> Any:
    table, sources = schema.day_sum.c, dict[str, list[int]]()
    for host_id, source in lines:
        sources.setdefault(source, []).append(host_id)
    return or_(*(and_(table.source == source, table.host_id.in_(ids)) for source, ids in sources.items()))
