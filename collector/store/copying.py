"""Copying a store into an empty one on another database: everything, in order, or nothing.

1. Nobody writes to the source meanwhile, so that nothing can come in behind the copy.
2. Tables come in the order of their references, rows in the order of their keys, numbers as they are.
3. Before the one commit the copy is read back: every table must have the same rows, by a hash over all
   of them, and the leaves of the log must make the root of the source's head.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from sqlalchemy import Connection, Table, text

from collector.errors import StoreError, StoreMismatchError
from collector.store import log, months, partitions, schema
from collector.store.contents import Contents, Digest, batches, contents, count
from collector.store.engine import Store

Progress = Callable[[str, int], None]
"""Is told of a table that was copied, and how many rows it has."""


def copy(source: Store, target: Store, *, progress: Progress) -> Contents:
    """Copy everything and return what the target then holds.

    Raises:
        StoreMismatchError: the target holds something already.
        StoreError: nothing was copied.
    """
    with target.writing() as writer:
        require_empty(writer)
        with source.writing() as reader:
            _copy(reader, writer, progress)
            copied = contents(writer)
            root = log.head(reader).frontier
            if copied.log != root:
                raise StoreError(
                    f"the leaves of the source's log do not make its root {root.root.hex()}; nothing was copied; "
                    "run: starproof audit"
                )
    return copied


def require_empty(connection: Connection) -> None:
    """Refuse a store that holds something.

    Raises:
        StoreMismatchError: it does.
    """
    for table in schema.metadata.sorted_tables:
        if table is not schema.log_head and count(connection, table):
            raise StoreMismatchError(
                f"the target holds rows in {table.name} already; copy into an empty database only"
            )


def _copy(reader: Connection, writer: Connection, progress: Progress) -> None:
    writer.execute(schema.log_head.delete())  # an empty store has a head of its own
    for table in schema.metadata.sorted_tables:
        sent = Digest()
        for rows in batches(reader, table):
            partitions.require(writer, _months(table, rows))
            writer.execute(table.insert(), rows)
            sent.add(rows)
        _require_same(writer, table, sent)
        _count_on(writer, table)
        progress(table.name, sent.rows)


def _months(table: Table, rows: list[dict[str, Any]]) -> set[int]:
    """Return the months in whose partitions rows belong, none for tables that have no partitions."""
    if table is schema.chunk_frame:
        return {row["month"] for row in rows}
    return {months.of_day(row["day"]) for row in rows} if table is schema.day_sum else set()


def _require_same(writer: Connection, table: Table, sent: Digest) -> None:
    found = Digest()
    for rows in batches(writer, table):
        found.add(rows)
    if (found.rows, found.hex()) != (sent.rows, sent.hex()):
        raise StoreError(
            f"the table {table.name} reads back otherwise than it was written ({sent.rows} rows sent, "
            f"{found.rows} found); nothing was copied; run: starproof audit on the source"
        )


def _count_on(writer: Connection, table: Table) -> None:
    """Let PostgreSQL number new rows after the copied ones; SQLite does so by itself."""
    column = table.autoincrement_column
    if writer.dialect.name != "postgresql" or column is None:
        return
    name = writer.dialect.identifier_preparer.format_table(table)
    # Names of the schema's own tables, not of anybody's input.
    query = (
        f"SELECT setval(pg_get_serial_sequence('{name}', '{column.name}'), max({column.name})) "  # noqa: S608 - see above
        f"FROM {name} HAVING max({column.name}) IS NOT NULL"
    )
    writer.execute(text(query))
