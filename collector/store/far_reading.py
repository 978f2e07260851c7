"""Day sums of the database and of the cluster as one sequence, sorted by host, source, metric and day."""

from __future__ import annotations

from array import array
from collections.abc import Iterable, Iterator, Sequence
from heapq import merge
from itertools import chain, groupby
from operator import attrgetter, itemgetter

from sqlalchemy import Connection, select

from collector.store import months, schema
from collector.store.clickhouse import binding as bindings
from collector.store.clickhouse import far_sums
from collector.store.clickhouse.far_sums import Asked
from evidence.day_sum import DaySum
from evidence.stored import DaySumLine, DaySumRow

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
    if not _touched(connection, first_day, after_day):
        yield from near
        return
    asked = Asked(first_day, after_day, metrics=None if metric is None else (metric,))
    far = (_row(name, row) for name, rows in _far(connection, asked, hosts) for row in rows)
    yield from merge(near, far, key=_place)


def lines_with_far(
    connection: Connection,
    near: Iterator[DaySumLine],
    first_day: int,
    after_day: int,
    *,
    hosts: Sequence[str] | None,
) -> Iterator[DaySumLine]:
    """Yield the same as ``with_far``, a line of numbers for each host, source and metric.

    Raises:
        ClusterError: the cluster cannot be asked, or has lost some.
    """
    if not _touched(connection, first_day, after_day):
        yield from near
        return
    far = (
        _line(name, source, metric, list(rows))
        for name, found in _far(connection, Asked(first_day, after_day), hosts)
        for (source, metric), rows in groupby(found, itemgetter(1, 2))
    )
    place = attrgetter("host", "source", "metric")
    for _, lines in groupby(merge(near, far, key=place), place):
        yield _joined(list(lines))


def packed(high: Sequence[int], low: Sequence[int], counts: Iterable[Sequence[int]]) -> Sequence[int]:
    """Return the numbers of a line in little room; those beyond 64 bits as they are.

    Args:
        high: the higher part of each day's amount (``schema.AMOUNT_BASE``).
        low: the lower part.
        counts: each other field's numbers.

    Raises:
        TypeError: one of them is no integer.
    """
    amounts = low if not any(high) else list(map(_amount, high, low))
    return _packed(chain(amounts, *counts))


def _packed(numbers: Iterable[int]) -> Sequence[int]:
    kept = list(numbers)
    try:
        return array("q", kept)
    except OverflowError:
        if all(type(number) is int for number in kept):
            return kept
        raise TypeError from None


def _amount(high: int, low: int) -> int:
    return high * schema.AMOUNT_BASE + low


def _touched(connection: Connection, first_day: int, after_day: int) -> bool:
    """Whether the cluster has sums of months in which such days are."""
    binding = bindings.of(connection)
    if binding is None or first_day >= after_day:
        return False
    return any(months.of_day(first_day) <= month <= months.of_day(after_day - 1) for month in binding.months)


def _far(
    connection: Connection, asked: Asked, hosts: Sequence[str] | None
) -> Iterator[tuple[str, list[far_sums.FarRow]]]:
    """Yield hosts by name, each with its sums in the cluster by source, metric and day."""
    query = select(schema.host.c.id, schema.host.c.name)
    if hosts is not None:
        query = query.where(schema.host.c.name.in_(hosts))
    names = {row.id: row.name for row in connection.execute(query)}
    ordered = sorted(names, key=lambda number: names[number])
    for at in range(0, len(ordered), HOSTS_AT_ONCE):
        block = Asked(
            asked.first_day, asked.after_day, hosts=ordered[at : at + HOSTS_AT_ONCE], metrics=asked.metrics
        )
        found = sorted((names[row[0]], *row[:4], row) for row in far_sums.rows(connection, block))
        for name, rows in groupby(found, itemgetter(0)):
            yield name, [row[-1] for row in rows]


def _row(name: str, row: far_sums.FarRow) -> DaySumRow:
    _, source, metric, day, high, low, *counts = row
    return DaySumRow(name, source, metric, day, DaySum(_amount(high, low), *counts))


def _line(name: str, source: str, metric: str, rows: Iterable[far_sums.FarRow]) -> DaySumLine:
    _, _, _, days, high, low, *counts = zip(*rows, strict=True)
    return DaySumLine(name, source, metric, days, packed(high, low, counts))


def _joined(lines: Sequence[DaySumLine]) -> DaySumLine:
    """Return the lines of one host, source and metric as one; no two of them have a day in common."""
    first = lines[0]
    if len(lines) == 1:
        return first
    columns = chain.from_iterable(zip(line.days, *_fields(line), strict=True) for line in lines)
    days, *numbers = zip(*sorted(columns), strict=True)
    return DaySumLine(first.host, first.source, first.metric, days, _packed(chain(*numbers)))


def _fields(line: DaySumLine) -> Iterator[Sequence[int]]:
    count = len(line.days)
    return (line.numbers[at : at + count] for at in range(0, len(line.numbers), count))


def _place(row: DaySumRow) -> tuple[str, str, str, int]:
    return row.host, row.source, row.metric, row.day
