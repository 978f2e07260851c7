"""Day sums at rest: adding a chunk's, and deriving a host's days again from its chunks."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import fields
from typing import Any

from sqlalchemy import Connection, RowMapping, case, select

from collector.store import chunks, schema
from collector.store.chunks import Line
from collector.store.dialects import insert
from collector.store.registry import PinnedKey
from evidence import crediting
from evidence.calendar import LocalCalendar
from evidence.chunk import Chunk
from evidence.day_sum import DaySum, DaySums, claims, day_sums
from evidence.manifest import COUNTERS
from evidence.stored import DaySumRow

_COUNTS = tuple(field.name for field in fields(DaySum) if field.name != "amount")


def credit(connection: Connection, key: PinnedKey, chunk: Chunk, calendar: LocalCalendar) -> None:
    """Bring the day sums up to date with a chunk that was stored just now.

    Nearly always nothing overlaps it and its sums are added. If chunks that come later in the
    order overlap it (it is a late one), the days that they touch are derived again.
    """
    line = Line(key.host_id, key.source, chunks.metric(chunk))
    start, end = chunks.span(chunk)
    place = (key.epoch, chunk.header.seq)
    neighbours = [n for n in chunks.overlapping(connection, line, start, end) if n[0] != place]
    later = [claim for other, claim in neighbours if other > place]
    if later:
        first, last = crediting.reach([(start, end), *later])
        rederive(connection, line, calendar, (calendar.day_of(first), calendar.day_of(last) + 1))
        return
    occupied = [claim for _, claim in neighbours]
    if occupied and chunk.manifest.kind != COUNTERS:  # their stretches have holes: look inside
        earlier = chunks.opened(connection, line, start, end, before=place)
        occupied = [claim for neighbour in earlier for claim in claims(neighbour)]
    add(connection, line, day_sums(chunk, calendar, occupied))


def add(connection: Connection, line: Line, sums: DaySums) -> None:
    """Add sums to what is stored for the same metrics and days."""
    if not sums:
        return
    table = schema.day_sum.c
    statement = insert(connection, schema.day_sum)
    new = statement.excluded
    low = table.amount_lo + new.amount_lo
    carry = case((low >= schema.AMOUNT_BASE, 1), else_=0)
    changes: dict[str, Any] = {name: table[name] + new[name] for name in _COUNTS}
    changes["amount_hi"] = table.amount_hi + new.amount_hi + carry
    changes["amount_lo"] = low - carry * schema.AMOUNT_BASE
    statement = statement.on_conflict_do_update(
        index_elements=[table.host_id, table.source, table.metric, table.day], set_=changes
    )
    connection.execute(statement, [_values(line, *item) for item in sums.items()])


def rederive(connection: Connection, line: Line, calendar: LocalCalendar, days: tuple[int, int]) -> None:
    """Replace the sums of the days from ``days[0]`` until before ``days[1]`` by the chunks' own.

    All metrics of the line's source are derived again.
    """
    first_day, after_day = days
    line = Line(line.host_id, line.source)
    start, end = calendar.day_start(first_day), calendar.day_start(after_day)
    spans = [claim for _, claim in chunks.overlapping(connection, line, start, end)]
    start, end = crediting.reach([(start, end), *spans])
    sums = crediting.credited(chunks.opened(connection, line, start, end), calendar)
    table = schema.day_sum.c
    connection.execute(
        schema.day_sum.delete().where(
            table.host_id == line.host_id,
            table.source == line.source,
            table.day >= first_day,
            table.day < after_day,
        )
    )
    wanted = {(metric, day): value for (metric, day), value in sums.items() if first_day <= day < after_day}
    add(connection, line, wanted)


def rows(connection: Connection, first_day: int, after_day: int) -> Iterator[DaySumRow]:
    """Yield the day sums of all hosts for days in [first_day, after_day), sorted."""
    table = schema.day_sum
    query = (
        select(schema.host.c.name, table)
        .join(schema.host, schema.host.c.id == table.c.host_id)
        .where(table.c.day >= first_day, table.c.day < after_day)
        .order_by(schema.host.c.name, table.c.source, table.c.metric, table.c.day)
    )
    for row in connection.execute(query).mappings():
        yield DaySumRow(row["name"], row["source"], row["metric"], row["day"], _sum(row))


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


def _sum(row: RowMapping) -> DaySum:
    amount = row["amount_hi"] * schema.AMOUNT_BASE + row["amount_lo"]
    return DaySum(amount, **{name: row[name] for name in _COUNTS})
