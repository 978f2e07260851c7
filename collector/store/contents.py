"""What a store holds, so that two can be compared: rows of each table, the log's size and root."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from dataclasses import dataclass

from sqlalchemy import Connection, LargeBinary, Table, func, select

from collector.store import checkpoints, log, schema
from evidence.merkle import Frontier

_ROWS_AT_ONCE = 1_000
_FRAMES_AT_ONCE = 64
"""Rows with bytes may have megabytes each."""


@dataclass(frozen=True)
class Contents:
    """Rows by table, and the log as its leaves say (not as its head does)."""

    rows: dict[str, int]
    log: Frontier


def contents(connection: Connection) -> Contents:
    """Return what the store holds; the log is computed anew from its leaves."""
    rows = {table.name: count(connection, table) for table in schema.metadata.sorted_tables}
    return Contents(rows, Frontier().extend(leaf.entry.leaf for leaf in log.leaves(connection)))


def count(connection: Connection, table: Table) -> int:
    """Return how many rows a table has."""
    return int(connection.scalar(select(func.count()).select_from(table)) or 0)


def log_problems(connection: Connection, found: Frontier) -> list[str]:
    """Return how head and checkpoints of the log differ from ``found``, the log that its leaves make."""
    problems = []
    head = log.head(connection).frontier
    if head != found:
        problems.append(
            f"the log's head says {head.size} leaves with root {head.root.hex()}, "
            f"its leaves make {found.size} with root {found.root.hex()}"
        )
    newest = checkpoints.newest(connection)
    if newest is not None and newest.size > found.size:
        problems.append(
            f"a checkpoint of {newest.size} leaves was signed, the log has {found.size}: it was cut, "
            "or an old backup was restored"
        )
    return problems


def batches(connection: Connection, table: Table) -> Iterator[list[dict[str, object]]]:
    """Yield a table's rows in the order of its key, some at a time."""
    heavy = any(isinstance(column.type, LargeBinary) for column in table.columns)
    size = _FRAMES_AT_ONCE if heavy else _ROWS_AT_ONCE
    query = select(table).order_by(*table.primary_key.columns).execution_options(yield_per=size)
    with connection.execute(query) as result:
        for part in result.mappings().partitions(size):
            yield [dict(row) for row in part]


class Digest:
    """A hash over rows that is the same for the same rows on every database."""

    def __init__(self) -> None:
        self._hash = hashlib.sha256()
        self.rows = 0

    def add(self, rows: list[dict[str, object]]) -> None:
        """Add rows, in the order of their key."""
        for row in rows:
            values = [bytes(v) if isinstance(v, (bytes, memoryview)) else v for v in row.values()]
            self._hash.update(repr(values).encode("utf-8", "backslashreplace"))
        self.rows += len(rows)

    def hex(self) -> str:
        """Return the hash of what was added."""
        return self._hash.hexdigest()
