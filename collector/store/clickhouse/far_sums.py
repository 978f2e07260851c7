"""Day sums in a cluster: a month of them lies there once it is long over, and is added up there.

1. A host's and source's sums of a month go together, under a *turn*: a number made of a hash over all of them, which
   the database keeps (``moved_sum``). Rows under another turn do not count, whatever they are: what is left of what
   was fetched back and changed, or of a future that an older backup of the database knows nothing of. The same sums
   are put under the same turn, so doing it twice does no harm.
2. What is to change is fetched back first, all of it, in the transaction that changes it; what lies in the cluster
   is never changed there.
3. Who reads whole months hashes what came; sums that are not what the turn was made of are an error, never a smaller
   figure.
4. Sums are added up as whole numbers of up to 38 digits, the two parts of an amount apart (``schema.AMOUNT_BASE``).
   A part has at most 19 digits, so 10^19 rows fit.
"""

from __future__ import annotations

import hashlib
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection, Row, select

from collector.errors import ClusterError
from collector.store import months, schema
from collector.store.clickhouse import binding as bindings
from collector.store.clickhouse import tables
from collector.store.clickhouse.binding import Binding
from collector.store.clickhouse.cluster import Cluster, Rows
from collector.store.clickhouse.settings import Address
from collector.store.clickhouse.tables import DAY_SUM, NUMBERS, shard_of

LINES_AT_ONCE = 5_000
"""Turns named in one statement; a server takes statements of 256 KiB."""
_TURN_BYTES = 8
_KEY = ("host", "source", "metric", "day")
_COLUMNS = ", ".join((*_KEY, *NUMBERS))
_TEXTS = frozenset(("source", "metric"))

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


@dataclass(frozen=True)
class Part:
    """Some lines that lie in one shard, with the condition for their rows that were asked for."""

    cluster: Cluster
    shard: int
    where: str
    values: Mapping[str, Any]
    lines: Sequence[Row[Any]]

    def ask(self, columns: str, *, grouped: str = "", texts: Sequence[int] = ()) -> Rows:
        """Return these columns of the rows; those numbered ``texts`` are texts.

        Raises:
            ClusterError: the shard cannot be asked.
        """
        query = tables.query(self.cluster, columns, DAY_SUM, self.where, final=True) + grouped
        return _decoded(self.cluster.ask(self.shard, query, self.values), texts)


def turn_of(sums: Iterable[FarRow]) -> int:
    """Return the name of a host's and source's sums of a month (rule 1)."""
    digest = hashlib.sha256(repr(sorted(sums)).encode("utf-8", "backslashreplace")).digest()
    return int.from_bytes(digest[:_TURN_BYTES], "big") >> 1  # a signed number to the database


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
        cluster = bindings.cluster_of(connection, binding)
        where, values = _where(binding, _whole(line.month), [line])
        part = Part(cluster, shard_of(binding, host_id), where, values, (line,))
        found = part.ask(_COLUMNS, texts=(1, 2))
        if turn_of(found) != line.turn:
            raise _lost(line, len(found))
        names = ("host_id", "source", "metric", "day", *NUMBERS)
        connection.execute(schema.day_sum.insert(), [dict(zip(names, row, strict=True)) for row in found])
        forget(connection, host_id, source, line.month)


def forget(connection: Connection, host_id: int, source: str, month: int) -> None:
    """Forget that sums are in the cluster."""
    table = schema.moved_sum
    connection.execute(
        table.delete().where(table.c.host_id == host_id, table.c.source == source, table.c.month == month)
    )


def rows(connection: Connection, asked: Asked) -> Iterator[FarRow]:
    """Yield the sums in the cluster, in no order.

    Raises:
        ClusterError: the cluster cannot be asked, or has lost some of a month that was asked for whole (rule 3).
    """
    for part in _parts(connection, asked):
        found = part.ask(_COLUMNS, texts=(1, 2))
        if asked.metrics is None and not asked.without:
            _require_right(part.lines, found, asked)
        yield from found


def by_host(connection: Connection, asked: Asked) -> list[FarRow]:
    """Return the sums over all days, added up where they lie: host, source, count of rows, then ``NUMBERS``.

    Raises:
        ClusterError: the cluster cannot be asked.
    """
    return _added(connection, asked, ("host", "source"))


def first_day(connection: Connection, asked: Asked) -> int | None:
    """Return the first day with a sum in the cluster.

    Raises:
        ClusterError: the cluster cannot be asked.
    """
    found = [row for part in _parts(connection, asked) for row in part.ask("count(), min(day)")]
    return min((day for count, day in found if count), default=None)


def put(
    cluster: Cluster, binding: Binding, shard: int, sums: Mapping[int, Collection[FarRow]], *, now_ms: int
) -> None:
    """Put sums into a shard, by turn; they count once ``moved_sum`` names it.

    Raises:
        ClusterError: they may be there or not.
    """
    statement = (
        f"INSERT INTO {cluster.settings.database}.{DAY_SUM} (store, month, turn, {_COLUMNS}, moved_ms) VALUES"
    )
    sent = [
        (binding.store, months.of_day(row[3]), turn, *row, now_ms)
        for turn, lines in sorted(sums.items())
        for row in sorted(lines)
    ]
    cluster.insert(shard, statement, sent)


def held(
    cluster: Cluster, binding: Binding, address: Address, month: int, turns: Collection[int]
) -> dict[int, dict[FarRow, int]]:
    """Return what a server has of a month under each of these turns, and since when (ms since 1970).

    Raises:
        ClusterError: it does not answer.
    """
    where = "store = %(store)s AND month = %(month)s AND turn IN %(turns)s"
    columns = f"turn, {_COLUMNS}, moved_ms"
    values = {"store": binding.store, "month": month, "turns": tuple(turns)}
    found: dict[int, dict[FarRow, int]] = {}
    answer = cluster.ask_server(address, tables.query(cluster, columns, DAY_SUM, where), values)
    for turn, *row, moved_ms in _decoded(answer, (2, 3)):
        known = found.setdefault(turn, {})
        known[tuple(row)] = min(moved_ms, known.get(tuple(row), moved_ms))
    return found


def _added(connection: Connection, asked: Asked, keys: tuple[str, ...]) -> list[FarRow]:
    """Return sums by some columns, added up by the shards and then over them (rule 4)."""
    total: dict[tuple[Any, ...], list[int]] = {}
    texts = [at for at, key in enumerate(keys) if key in _TEXTS]
    added, named = ", ".join(f"sum(toDecimal128({name}, 0))" for name in NUMBERS), ", ".join(keys)
    for part in _parts(connection, asked):
        for row in part.ask(f"{named}, count(), {added}", grouped=f" GROUP BY {named}", texts=texts):
            key, numbers = row[: len(keys)], [int(number) for number in row[len(keys) :]]
            sums = total.setdefault(key, [0] * len(numbers))
            for at, number in enumerate(numbers):
                sums[at] += number
    return [(*key, *numbers) for key, numbers in sorted(total.items())]


def _parts(connection: Connection, asked: Asked) -> Iterator[Part]:
    """Yield the lines that may have such sums, some of a shard at a time."""
    binding = bindings.of(connection)
    if binding is None or (asked.hosts is not None and not asked.hosts):
        return
    touched = [month for month in binding.months if _touches(month, asked)]
    if not touched:
        return
    cluster = bindings.cluster_of(connection, binding)
    table = schema.moved_sum.c
    query = select(schema.moved_sum).where(table.month.in_(touched))
    if asked.hosts is not None:
        query = query.where(table.host_id.in_(list(asked.hosts)))
    by_shard: dict[int, list[Row[Any]]] = {}
    for line in connection.execute(query.order_by(table.host_id)):
        by_shard.setdefault(shard_of(binding, line.host_id), []).append(line)
    for shard, lines in sorted(by_shard.items()):
        for at in range(0, len(lines), LINES_AT_ONCE):
            some = lines[at : at + LINES_AT_ONCE]
            yield Part(cluster, shard, *_where(binding, asked, some), some)


def _where(binding: Binding, asked: Asked, lines: Sequence[Row[Any]]) -> tuple[str, dict[str, Any]]:
    """Return what holds for those rows of some lines, in the order of their hosts, that count and were asked for."""
    where = (
        "store = %(store)s AND month >= %(first_month)s AND month <= %(last_month)s AND day >= %(first)s "
        "AND day < %(after)s AND host >= %(first_host)s AND host <= %(last_host)s AND turn IN %(turns)s"
    )
    values: dict[str, Any] = {
        "store": binding.store,
        "first_month": months.of_day(asked.first_day),
        "last_month": months.of_day(asked.after_day - 1),
        "first": asked.first_day,
        "after": asked.after_day,
        "first_host": lines[0].host_id,
        "last_host": lines[-1].host_id,
        "turns": tuple(line.turn for line in lines),
    }
    if asked.metrics is not None:
        where += " AND metric IN %(metrics)s"
        values["metrics"] = tuple(asked.metrics)
    if asked.without:
        where += " AND day NOT IN %(without)s"
        values["without"] = tuple(asked.without)
    return where, values


def _whole(month: int) -> Asked:
    return Asked(months.first_day(month), months.first_day(months.after(month)))


def _touches(month: int, asked: Asked) -> bool:
    whole = _whole(month)
    return whole.first_day < asked.after_day and whole.after_day > asked.first_day


def _require_right(lines: Iterable[Row[Any]], found: Rows, asked: Asked) -> None:
    """Refuse to hand on sums of whole months that are not what was moved (rule 3)."""
    sums: dict[tuple[int, str, int], list[FarRow]] = {}
    for row in found:
        sums.setdefault((row[0], row[1], months.of_day(row[3])), []).append(row)
    for line in lines:
        whole = _whole(line.month)
        if asked.first_day <= whole.first_day and whole.after_day <= asked.after_day:
            has = sums.get((line.host_id, line.source, line.month), [])
            if turn_of(has) != line.turn:
                raise _lost(line, len(has))


def _lost(line: Row[Any], found: int) -> ClusterError:
    return ClusterError(
        f"the cluster has {found} day sums of host number {line.host_id}, {line.source}, in {months.name(line.month)}, "
        f"and not the {line.rows} that were moved there; fetch everything back, which derives them again from the "
        "chunks: starproof db move-frames --back (docs/clickhouse.md)"
    )


def _decoded(found: Rows, columns: Sequence[int]) -> Rows:
    """Return rows with the texts in some columns as texts."""
    return [
        tuple(value.decode() if at in columns else value for at, value in enumerate(row)) for row in found
    ]
