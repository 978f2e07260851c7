"""Day sums at rest: adding a chunk's, and deriving a host's days again from its chunks.

All of them are integers, on the way in and on the way out: what would not fit is refused before it
is added, and a stored value that is no integer is never handed on as a number.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import fields
from datetime import date
from functools import lru_cache
from itertools import groupby
from operator import itemgetter
from typing import Any, cast

from sqlalchemy import (
    BigInteger,
    Connection,
    Insert,
    Row,
    RowMapping,
    Select,
    bindparam,
    case,
    literal,
    select,
)

from collector.errors import DamagedSumError, SumLimitError
from collector.store import chunks, far_reading, months, schema
from collector.store.chunks import Line
from collector.store.clickhouse import far_sums
from collector.store.dialects import insert_for
from collector.store.registry import PinnedKey
from evidence import crediting
from evidence.calendar import LocalCalendar
from evidence.chunk import Chunk
from evidence.day_sum import DaySum, DaySums, claims, day_sums
from evidence.manifest import COUNTERS
from evidence.stored import DaySumLine, DaySumRow

_COUNTS = tuple(field.name for field in fields(DaySum) if field.name != "amount")
_NUMBERS = ("amount_hi", "amount_lo", *_COUNTS)
_INTEGERS = frozenset((int,))
_STORED = select(schema.day_sum).where(
    schema.day_sum.c.host_id == bindparam("host_id"),
    schema.day_sum.c.source == bindparam("source"),
    schema.day_sum.c.metric.in_(bindparam("metrics", expanding=True)),
    schema.day_sum.c.day.between(bindparam("first"), bindparam("last")),
)
NOT_AN_INTEGER = -1
"""Stands for a damaged value where an audit asks for all rows; no sum is negative."""


def credit(
    connection: Connection,
    key: PinnedKey,
    chunk: Chunk,
    calendar: LocalCalendar,
    *,
    dropped: frozenset[int] = frozenset(),
) -> None:
    """Bring the day sums up to date with a chunk that was stored just now.

    Nearly always nothing overlaps it and its sums are added. If chunks that come later in the
    order overlap it (it is a late one), the days that they touch are derived again.

    Args:
        connection: of the transaction that stored it.
        key: what it was examined with.
        chunk: the chunk.
        calendar: the days.
        dropped: months (``collector.store.months``) whose chunks were dropped: their sums stay as packed.

    Raises:
        SumLimitError: a sum would not fit; undo what was done for this chunk.
        DamagedSumError: a sum that is stored already is no integer.
    """
    line = Line(key.host_id, key.source, chunks.metric(chunk))
    start, end = chunks.span(chunk)
    place = (key.epoch, chunk.header.seq)
    neighbours = [n for n in chunks.overlapping(connection, line, start, end) if n[0] != place]
    later = [claim for other, claim in neighbours if other > place]
    if later:
        first, last = crediting.reach([(start, end), *later])
        days = range(calendar.day_of(first), calendar.day_of(last) + 1)
        held = [day for day in days if months.of_day(day) not in dropped] if dropped else days
        if held:
            rederive(connection, line, calendar, (held[0], held[-1] + 1), dropped=dropped)
        return
    occupied = [claim for _, claim in neighbours]
    if occupied and chunk.manifest.kind != COUNTERS:  # their stretches have holes: look inside
        earlier = chunks.opened(connection, line, start, end, before=place)
        occupied = [claim for neighbour in earlier for claim in claims(neighbour)]
    add(connection, line, _held(day_sums(chunk, calendar, occupied), dropped))


def add(connection: Connection, line: Line, sums: DaySums) -> None:
    """Add sums to what is stored for the same metrics and days.

    Raises:
        SumLimitError: a sum would not fit; nothing was added.
        DamagedSumError: a sum that is stored already is no integer.
        ClusterError: sums of the month are in the cluster, and it cannot be asked.
    """
    if not sums:
        return
    far_sums.fetch_back(connection, line.host_id, line.source, {day for _, day in sums})
    _require_room(connection, line, sums)
    connection.execute(_adding(connection.dialect.name), [_values(line, *item) for item in sums.items()])


@lru_cache(maxsize=2)
def _adding(dialect: str) -> Insert:
    """Return the statement that adds to what is stored; built once for a database."""
    table = schema.day_sum.c
    statement = insert_for(dialect, schema.day_sum)
    new = statement.excluded
    low = table.amount_lo + new.amount_lo
    # Typed: a bare 1 is a small integer to PostgreSQL, and so would be what it is multiplied with.
    carry = case((low >= schema.AMOUNT_BASE, literal(1, BigInteger)), else_=literal(0, BigInteger))
    changes: dict[str, Any] = {name: table[name] + new[name] for name in _COUNTS}
    changes["amount_hi"] = table.amount_hi + new.amount_hi + carry
    changes["amount_lo"] = low - carry * schema.AMOUNT_BASE
    return statement.on_conflict_do_update(
        index_elements=[table.host_id, table.source, table.metric, table.day], set_=changes
    )


def rederive(
    connection: Connection,
    line: Line,
    calendar: LocalCalendar,
    days: tuple[int, int],
    *,
    dropped: frozenset[int] = frozenset(),
) -> None:
    """Replace the sums of the days from ``days[0]`` until before ``days[1]`` by the chunks' own.

    All metrics of the line's source are derived again; days of months that were ``dropped`` are left alone.
    """
    first_day, after_day = days
    line = Line(line.host_id, line.source)
    start, end = calendar.day_start(first_day), calendar.day_start(after_day)
    spans = [claim for _, claim in chunks.overlapping(connection, line, start, end)]
    start, end = crediting.reach([(start, end), *spans])
    sums = crediting.credited(chunks.opened(connection, line, start, end), calendar)
    far_sums.fetch_back(connection, line.host_id, line.source, range(first_day, after_day))
    table = schema.day_sum.c
    connection.execute(
        schema.day_sum.delete().where(
            table.host_id == line.host_id,
            table.source == line.source,
            table.day >= first_day,
            table.day < after_day,
            *(
                ~table.day.between(months.first_day(month), months.first_day(months.after(month)) - 1)
                for month in sorted(dropped)
            ),
        )
    )
    wanted = {(metric, day): value for (metric, day), value in sums.items() if first_day <= day < after_day}
    add(connection, line, _held(wanted, dropped))


def rows(
    connection: Connection,
    first_day: int,
    after_day: int,
    *,
    hosts: Sequence[str] | None = None,
    metric: str | None = None,
    damaged: bool = False,
) -> Iterator[DaySumRow]:
    """Yield the day sums of all hosts and metrics, or of those named, for days in [first_day, after_day), sorted.

    ``damaged`` also yields sums that are not made of integers, each such value ``NOT_AN_INTEGER``.

    Raises:
        DamagedSumError: a sum is not made of integers, and ``damaged`` was not asked for.
        ClusterError: sums of these days are in the cluster, and it cannot be asked or has lost some.
    """
    query = _asked(first_day, after_day, hosts=hosts)
    if metric is not None:
        query = query.where(schema.day_sum.c.metric == metric)
    near = (_row(row, damaged=damaged) for row in connection.execute(query))
    yield from far_reading.with_far(connection, near, first_day, after_day, hosts=hosts, metric=metric)


def lines(
    connection: Connection, first_day: int, after_day: int, *, hosts: Sequence[str] | None = None
) -> Iterator[DaySumLine]:
    """Yield the same as ``rows``, a line of numbers for each host, source and metric: four times as fast.

    Raises:
        DamagedSumError: a sum is not made of integers.
        ClusterError: sums of these days are in the cluster, and it cannot be asked or has lost some.
    """
    near = _lines(connection, first_day, after_day, hosts=hosts)
    yield from far_reading.lines_with_far(connection, near, first_day, after_day, hosts=hosts)


def _lines(
    connection: Connection, first_day: int, after_day: int, *, hosts: Sequence[str] | None
) -> Iterator[DaySumLine]:
    result = connection.execute(_asked(first_day, after_day, hosts=hosts))
    # The driver's own rows: an object for each of two million of them costs more than reading them.
    read = cast("Iterable[Sequence[Any]]", result.cursor)
    for (name, source, what), found in groupby(read, itemgetter(0, 1, 2)):
        _, _, _, days, host_ids, high, low, *counts = zip(*found, strict=True)
        try:
            numbers = far_reading.packed(high, low, counts)
        except TypeError:
            raise DamagedSumError(
                f"a stored sum of {what} of host number {host_ids[0]} is damaged (a number of it is no integer); "
                "run: starproof audit"
            ) from None
        yield DaySumLine(name, source, what, days, numbers)
    result.close()


def _asked(first_day: int, after_day: int, *, hosts: Sequence[str] | None) -> Select[Any]:
    table = schema.day_sum.c
    places = (schema.host.c.name, table.source, table.metric, table.day)
    query = (
        select(*places, table.host_id, *(table[name] for name in _NUMBERS))
        .join_from(schema.day_sum, schema.host, schema.host.c.id == table.host_id)
        .where(table.day >= first_day, table.day < after_day)
        .order_by(*places)
    )
    return query if hosts is None else query.where(schema.host.c.name.in_(hosts))


def _row(row: Row[Any], *, damaged: bool) -> DaySumRow:
    name, source, what, day, _, high, low, *counts = tuple(row)
    if _INTEGERS.issuperset(map(type, (high, low, *counts))):
        sums = DaySum(high * schema.AMOUNT_BASE + low, *counts)
    else:
        sums = _sum(row._mapping, damaged=damaged)  # noqa: SLF001 - SQLAlchemy's documented name
    return DaySumRow(name, source, what, day, sums)


def _held(sums: DaySums, dropped: frozenset[int]) -> DaySums:
    """Return the sums without those of months whose chunks were dropped."""
    if not dropped:
        return sums
    return {place: value for place, value in sums.items() if months.of_day(place[1]) not in dropped}


def _values(line: Line, place: tuple[str, int], sums: DaySum) -> dict[str, Any]:
    high, low = divmod(sums.amount, schema.AMOUNT_BASE)
    return {
        "host_id": line.host_id,
        "source": line.source,
        "metric": place[0],
        "day": place[1],
        "amount_hi": high,
        "amount_lo": low,
        **{name: getattr(sums, name) for name in _COUNTS},
    }


def _require_room(connection: Connection, line: Line, sums: DaySums) -> None:
    """Refuse sums that SQL could not add up as integers."""
    days = {day for _, day in sums}
    places = {
        "host_id": line.host_id,
        "source": line.source,
        "metrics": sorted({metric for metric, _ in sums}),
        "first": min(days),
        "last": max(days),
    }
    rows_stored = connection.execute(_STORED, places).mappings()
    stored = {(row["metric"], row["day"]): _sum(row) for row in rows_stored}
    for place, new in sums.items():
        total = stored[place] + new if place in stored else new
        values = _values(line, place, total)
        for name in _NUMBERS:
            if values[name] > schema.MAX_INTEGER:
                metric, day = place
                raise SumLimitError(
                    f"the sum of {metric} on {date.fromordinal(day)} would be beyond the limit of 64 bits"
                )


def _sum(row: RowMapping, *, damaged: bool = False) -> DaySum:
    wrong = [name for name in _NUMBERS if not isinstance(row[name], int)]
    if wrong and not damaged:
        raise DamagedSumError(
            f"the stored sum of {row['metric']} of host number {row['host_id']} on "
            f"{date.fromordinal(row['day'])} is damaged ({', '.join(wrong)} is no integer); "
            "run: starproof audit"
        )
    amount = row["amount_hi"] * schema.AMOUNT_BASE + row["amount_lo"]
    counts = {name: NOT_AN_INTEGER if name in wrong else row[name] for name in _COUNTS}
    return DaySum(NOT_AN_INTEGER if {"amount_hi", "amount_lo"} & set(wrong) else amount, **counts)
