"""Moving the day sums of months that are long over from the database to the cluster.

As frames move (``moving_frames``): put, seen to be on every replica, held, and only then taken out of the database,
in a transaction of a writer alone and only where they are still the same. What a late chunk changed meanwhile
stays, and goes under another turn later.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from sqlalchemy import Connection, and_, or_, select

from collector.store import months, registry, schema
from collector.store.clickhouse import binding as bindings
from collector.store.clickhouse import far_sums
from collector.store.clickhouse.binding import Binding
from collector.store.clickhouse.cluster import Cluster
from collector.store.clickhouse.far_sums import FarRow, turn_of
from collector.store.clickhouse.tables import NUMBERS, shard_of
from collector.store.engine import Store

DAYS_AFTER = 10
"""Sums stay so many days after their month's end: until then chunks that were late still come in."""
LINES_AT_ONCE = 200
_MS_PER_S = 1_000

Line = tuple[int, str]
"""Host number and source."""
Sums = Mapping[Line, set[FarRow]]


def move(store: Store, cluster: Cluster, binding: Binding, *, now_ms: int) -> int:
    """Move what is due and return how many sums left the database.

    Raises:
        ClusterError: a server does not answer; its sums stay in the database.
        StoreError: the database cannot be used.
    """
    with store.reading() as connection:
        calendar = registry.identity(connection).calendar
        before = months.first_day(months.of_day(calendar.day_of(now_ms) - DAYS_AFTER))
        table = schema.day_sum.c
        days = connection.scalars(select(table.day).where(table.day < before).distinct())
        due = sorted({months.of_day(day) for day in days})
    left = 0
    for month in due:
        for batch in _batches(store, month):
            for shard, sums in _by_shard(binding, batch).items():
                settled = _settle(cluster, binding, shard, month, sums, now_ms=now_ms)
                if settled:
                    with store.writing() as connection:
                        left += _take_out(connection, month, settled)
    return left


def _batches(store: Store, month: int) -> Iterator[Sums]:
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


def _by_shard(binding: Binding, batch: Sums) -> dict[int, Sums]:
    found: dict[int, dict[Line, set[FarRow]]] = {}
    for line, rows in batch.items():
        found.setdefault(shard_of(binding, line[0]), {})[line] = rows
    return dict(sorted(found.items()))


def _settle(cluster: Cluster, binding: Binding, shard: int, month: int, sums: Sums, *, now_ms: int) -> Sums:
    """Put those sums into a shard that none of its servers has; return which may leave the database."""
    turns = {turn_of(rows): line for line, rows in sums.items()}
    has = [far_sums.held(cluster, binding, address, month, turns) for address in cluster.replicas(shard)]
    oldest = now_ms - cluster.settings.hold_s * _MS_PER_S
    lacking, settled = {}, {}
    for turn, line in turns.items():
        since = [_since(server.get(turn, {}), sums[line], now_ms) for server in has]
        if all(found is None for found in since):
            lacking[turn] = sums[line]
        elif all(found is not None and found <= oldest for found in since):
            settled[line] = sums[line]
    if lacking:
        far_sums.put(cluster, binding, shard, lacking, now_ms=now_ms)
    return settled


def _since(has: Mapping[FarRow, int], wanted: set[FarRow], now_ms: int) -> int | None:
    """Return since when a server has all of these sums, ``None`` if it has not, or by a clock that ran ahead."""
    if has.keys() != wanted:
        return None
    newest = max(has.values())
    return newest if newest <= now_ms else None


def _take_out(connection: Connection, month: int, settled: Sums) -> int:
    """Take sums out of the database that are still what was put; return how many."""
    binding = bindings.of(connection)
    if binding is None:  # everything was fetched back meanwhile
        return 0
    now = _rows(connection, month, list(settled))
    same = {line: rows for line, rows in settled.items() if now.get(line) == rows}
    if not same:
        return 0
    connection.execute(schema.day_sum.delete().where(_in(month), _of(list(same))))
    connection.execute(
        schema.moved_sum.insert(),
        [
            {"host_id": line[0], "source": line[1], "month": month, "turn": turn_of(rows), "rows": len(rows)}
            for line, rows in same.items()
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
