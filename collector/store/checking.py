"""Looking at a store without changing it: what it is, what it holds, and what is wrong with it.

This finds what a database can lose or a server can be set to; whether the figures follow from the chunks
is what ``starproof audit`` computes.
"""

from __future__ import annotations

from dataclasses import dataclass

from sqlalchemy import Connection, Table, func, select, text

from collector.store import dropped, months, postgresql, schema
from collector.store.clickhouse import far_checking
from collector.store.contents import Contents, contents, log_problems
from collector.store.engine import HEAD, Store
from collector.store.schema import chunk, log_leaf
from evidence.log_entry import CHUNK

_MOST_SHOWN = 10
_DURABLE = ("fsync", "full_page_writes")


@dataclass(frozen=True)
class Checked:
    """``server``: name and version; ``problems``: a sentence each, none if all is well."""

    server: str
    version: str
    contents: Contents
    problems: tuple[str, ...]


def check(store: Store) -> Checked:
    """Return what the store is and holds, and what is wrong.

    Raises:
        StoreError: it cannot be read.
    """
    with store.reading() as connection:
        look = _postgresql if store.is_postgresql else _sqlite
        server, problems = look(connection)
        found = contents(connection)
        problems += log_problems(connection, found.log)
        far = far_checking.check(connection)
        problems += [*(_frame_problems(connection) if far is None else far.problems), *_unlogged(connection)]
        server += "" if far is None else f"; {far.server}"
    return Checked(server, HEAD, found, tuple(problems))


def _frame_problems(connection: Connection) -> list[str]:
    """Return the months that hold other frames than their chunks say."""
    gone = dropped.numbers(connection)
    wanted, found = _by_month(connection, schema.chunk), _by_month(connection, schema.chunk_frame)
    return [
        f"{months.name(month)} has {wanted.get(month, 0)} chunks but the bytes of {found.get(month, 0)}; "
        "run: starproof audit"
        for month in sorted(wanted.keys() | found.keys())
        if month not in gone and wanted.get(month, 0) != found.get(month, 0)
    ]


def _by_month(connection: Connection, table: Table) -> dict[int, int]:
    rows = connection.execute(select(table.c.month, func.count()).group_by(table.c.month))
    return {month: count for month, count in rows}  # noqa: C416 - a row is no pair to mypy


def _unlogged(connection: Connection) -> list[str]:
    """Return what to say of chunks under a hash that the log does not name; the audit compares log and frames."""
    leaf = select(log_leaf.c.index).where(log_leaf.c.hash == chunk.c.hash, log_leaf.c.kind == CHUNK)
    count = connection.scalar(select(func.count()).select_from(chunk).where(~leaf.exists()))
    return [f"{count} chunks stand under a hash that the log does not name"] if count else []


def _sqlite(connection: Connection) -> tuple[str, list[str]]:
    query = connection.exec_driver_sql
    damage = [str(row[0]) for row in query(f"PRAGMA integrity_check({_MOST_SHOWN})") if row[0] != "ok"]
    lost = query("PRAGMA foreign_key_check").fetchmany(_MOST_SHOWN)
    damage += [f"row {row[1]} of {row[0]} refers to a row of {row[2]} that is not there" for row in lost]
    mode = query("PRAGMA journal_mode").scalar()
    if mode != "wal":
        damage.append(f"the journal mode is {mode}, not wal: readers and the writer wait for one another")
    return f"SQLite {query('SELECT sqlite_version()').scalar()}", damage


def _postgresql(connection: Connection) -> tuple[str, list[str]]:
    problems = []
    encoding, collation = postgresql.encoding_and_collation(connection)
    if not postgresql.is_usable(encoding, collation):
        problems.append(f"encoding {encoding} and collation {collation}, not UTF8 and C.UTF-8")
    problems += [
        f"the server runs with {name}=off: what was acknowledged may be lost in a power failure"
        for name in _DURABLE
        if connection.scalar(text(f"SHOW {name}")) == "off"
    ]
    return f"PostgreSQL {connection.scalar(text('SHOW server_version'))}", problems
