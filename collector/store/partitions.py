"""PostgreSQL's partitions by month: the bytes of chunks and the day sums of a month lie together.

They are made by who holds the turn of a writer alone (``Store.writing``), so nobody else writes and no
two wait for one another; and as tables of their own that are then attached, for which no reader has to
end (``CREATE TABLE … PARTITION OF`` would wait for all of them). Months before ``FIRST`` share one: a
machine whose clock began at 1970 or 2000 must not make hundreds. On SQLite there is nothing to make.
"""

from __future__ import annotations

from collections.abc import Iterable

from sqlalchemy import Connection, text

from collector.store import months, registry, schema
from collector.store.engine import Store
from evidence.calendar import LocalCalendar

FIRST = 202001
"""The first month with a partition of its own."""
EARLIER = "earlier"
"""The name of the partition of what lies before."""
_PARTED = (schema.chunk_frame.name, schema.day_sum.name)


def missing(connection: Connection, wanted: Iterable[int]) -> frozenset[int]:
    """Return those of the months that have no partition yet."""
    asked = sorted(month for month in wanted if month >= FIRST)
    if connection.dialect.name != "postgresql" or not asked:
        return frozenset()
    query = text(
        "SELECT month FROM unnest(CAST(:months AS int[])) AS month, unnest(CAST(:tables AS text[])) AS parted "
        "WHERE to_regclass(parted || '_' || month) IS NULL"
    )
    return frozenset(connection.scalars(query, {"months": asked, "tables": list(_PARTED)}))


def require(connection: Connection, wanted: Iterable[int]) -> None:
    """Make the partitions of these months that are missing; the transaction must be of a writer alone."""
    for month in sorted(missing(connection, wanted)):
        end = months.after(month)
        _make(connection, schema.chunk_frame.name, month, (month, end))
        _make(connection, schema.day_sum.name, month, (months.first_day(month), months.first_day(end)))


def make(store: Store, wanted: Iterable[int]) -> None:
    """Make the partitions of these months that are missing.

    Raises:
        StoreBusyError: others have been writing for too long; trying again helps.
        StoreError: they cannot be made.
    """
    with store.writing() as connection:
        require(connection, wanted)


def make_ahead(store: Store, *, now_ms: int) -> None:
    """Make the partitions of this month and the next, so that no chunk waits for one.

    Raises:
        StoreBusyError: others have been writing for too long; trying again helps.
        StoreError: they cannot be made.
    """
    if not store.is_postgresql:
        return
    with store.reading() as connection:
        month = months.of_instant(registry.identity(connection).calendar, now_ms)
        lacking = missing(connection, (month, months.after(month)))
    if lacking:
        make(store, lacking)


def require_for(connection: Connection, calendar: LocalCalendar, start_ms: int, end_ms: int) -> None:
    """Make the partitions for a chunk that claims [start, end]; only for a writer alone."""
    if connection.dialect.name == "postgresql":
        require(connection, months.between(calendar, start_ms, end_ms))


def drop(connection: Connection, month: int) -> bool:
    """Drop the bytes of a month, if they have a partition of their own; the transaction must be a writer's alone."""
    table = schema.chunk_frame.name
    if month < FIRST or connection.dialect.name != "postgresql":
        return False
    name = f"{table}_{month}"
    if connection.scalar(text("SELECT to_regclass(:name)"), {"name": name}) is not None:
        connection.execute(text(f"ALTER TABLE {table} DETACH PARTITION {name}"))
        connection.execute(text(f"DROP TABLE {name}"))
    return True


def is_partition(table: str) -> bool:
    """Return whether a table of this name is a partition, which the schema in the code does not name."""
    stem, _, month = table.rpartition("_")
    return stem in _PARTED and (month.isdecimal() or month == EARLIER)


def _make(connection: Connection, table: str, month: int, bounds: tuple[int, int]) -> None:
    # Names and numbers are this module's own; a definition takes no parameters.
    name = f"{table}_{month}"
    if connection.scalar(text("SELECT to_regclass(:name)"), {"name": name}) is not None:
        return
    connection.execute(text(f"CREATE TABLE {name} (LIKE {table} INCLUDING ALL)"))
    connection.execute(
        text(f"ALTER TABLE {table} ATTACH PARTITION {name} FOR VALUES FROM ({bounds[0]}) TO ({bounds[1]})")
    )
