"""A store as it is at one instant: everything that is read in the block is of the same moment.

On PostgreSQL others may look at that moment too, from any process or machine: its *name* is that of an exported
snapshot, good while the block lasts. On SQLite a view belongs to its connection; who opens another compares the
*mark*, which everything that comes in changes.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass, field

from sqlalchemy import Connection, func, select, text

from collector.errors import StoreMovedError
from collector.store import log, schema, sqlite
from collector.store.engine import Store
from collector.store.faults import explained


@dataclass(frozen=True)
class Moment:
    """A moment of a store. ``name`` is empty where nobody else can look at it."""

    mark: str
    name: str = ""


@dataclass(frozen=True)
class Instant(Store):
    """A store whose readers all see what one connection sees."""

    connection: Connection = field(kw_only=True)

    @contextmanager
    def reading(self) -> Iterator[Connection]:
        """Give the connection.

        Raises:
            StoreError: the database cannot be read.
        """
        damage = nullcontext() if self.is_postgresql else sqlite.damage_named(self.connection)
        with self._noted(), explained(self.engine.url), damage:
            yield self.connection


@contextmanager
def at_one_instant(store: Store) -> Iterator[tuple[Instant, Moment]]:
    """Give a store as it is now, and the moment that this is.

    Raises:
        StoreError: it cannot be read.
    """
    with store.reading() as connection:
        name = str(connection.scalar(text("SELECT pg_export_snapshot()"))) if store.is_postgresql else ""
        yield Instant(store.engine, store.health, connection=connection), Moment(_mark(connection), name)


@contextmanager
def at_moment(store: Store, moment: Moment) -> Iterator[Instant]:
    """Give a store as it was at a moment that somebody else looks at.

    Raises:
        StoreMovedError: it is another store, or has gone on.
        StoreError: it cannot be read.
    """
    with store.reading() as connection:
        if store.is_postgresql:
            # The name is made of hex digits and dashes; a statement of this kind takes no parameters.
            name = "".join(letter for letter in moment.name if letter.isalnum() or letter == "-")
            connection.exec_driver_sql(f"SET TRANSACTION SNAPSHOT '{name}'")
        if _mark(connection) != moment.mark:
            raise StoreMovedError("the store is another one, or something was written to it meanwhile")
        yield Instant(store.engine, store.health, connection=connection)


def _mark(connection: Connection) -> str:
    """Return what everything that comes in changes: the log's root, and how many months were dropped."""
    dropped = connection.scalar(select(func.count()).select_from(schema.dropped_month))
    return f"{log.head(connection).frontier.root.hex()} {dropped}"
