"""Opening the store: connection rules, migrations, and the two ways to use it.

SQLite runs in WAL mode with ``synchronous=FULL``: a commit has reached the disk when it returns,
and readers never wait for the writer. Writers take the write lock at the transaction's beginning
(BEGIN IMMEDIATE), so a transaction that began can always finish. What PostgreSQL is asked for stands in
``collector/store/postgresql.py``; the rest of the store is the same code on both.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from alembic import command
from alembic.config import Config
from alembic.runtime.migration import MigrationContext
from sqlalchemy import Connection, Engine, create_engine, event, inspect
from sqlalchemy.engine import URL, make_url
from sqlalchemy.exc import ArgumentError, DBAPIError, NoSuchModuleError

from collector.errors import StoreDamagedError, StoreError, StoreMismatchError
from collector.places import state_directory
from collector.store import postgresql, schema, sqlite
from collector.store.clickhouse import settings as clickhouse_settings
from collector.store.clickhouse.binding import CLUSTER
from collector.store.clickhouse.cluster import Cluster
from collector.store.faults import explained, hidden, refused_to_write
from collector.store.health import Health

HEAD = "0016"
"""The newest version of the schema; a test compares it with the migrations."""


@dataclass(frozen=True)
class Store:
    """An open store. Threads and, on PostgreSQL, processes on several machines may share it."""

    engine: Engine
    health: Health = field(default_factory=Health, compare=False)

    @property
    def is_postgresql(self) -> bool:
        """Whether the store is on PostgreSQL; else it is an SQLite file."""
        return self.engine.dialect.name == "postgresql"

    @contextmanager
    def reading(self) -> Iterator[Connection]:
        """Give a connection with one unchanging view of the data.

        Raises:
            StoreDamagedError: the database says that it is damaged.
            StoreError: the database cannot be read.
        """
        reader = self.engine
        if self.is_postgresql:
            reader = reader.execution_options(isolation_level="REPEATABLE READ", postgresql_readonly=True)
        with (
            self._noted(),
            explained(self.engine.url),
            reader.connect() as connection,
            connection.begin(),
            nullcontext() if self.is_postgresql else sqlite.damage_named(connection),
        ):
            yield connection

    @contextmanager
    def writing(self) -> Iterator[Connection]:
        """Give a connection whose changes are committed and on disk when the block ends.

        An exception inside the block undoes all of them. Nobody else writes meanwhile.

        Raises:
            StoreBusyError: another process has been writing for ``sqlite.BUSY_TIMEOUT_S``.
            StoreDamagedError: the database is known to be damaged; nothing was written.
            StoreError: the database cannot be written.
        """
        with self._writing(postgresql.ALONE) as connection:
            yield connection

    @contextmanager
    def writing_beside(self) -> Iterator[Connection]:
        """Give a connection as ``writing`` does, beside others that were given one so.

        On SQLite there is one writer all the same. On PostgreSQL the block must lock what it is about
        itself: its hosts first, by number, then the log's head.

        Raises:
            StoreBusyError: another process has been in the way for ``sqlite.BUSY_TIMEOUT_S``.
            StoreDamagedError: the database is known to be damaged; nothing was written.
            StoreError: the database cannot be written.
        """
        with self._writing(postgresql.BESIDE) as connection:
            yield connection

    @contextmanager
    def _writing(self, turn: str) -> Iterator[Connection]:
        self.health.require()
        writer = self.engine.execution_options(**{sqlite.WRITES: turn})
        with self._noted(), explained(self.engine.url), self._tried(), writer.begin() as connection:
            yield connection

    def try_writing(self) -> None:
        """Commit a change that changes nothing, to see whether the database takes any.

        Raises:
            StoreError: as ``writing``.
        """
        with self.writing() as connection:
            connection.execute(schema.log_head.update().values(arrival_ms=schema.log_head.c.arrival_ms))

    @property
    def cluster(self) -> Cluster | None:
        """The ClickHouse cluster that the settings name for this store."""
        found: Cluster | None = self.engine.get_execution_options().get(CLUSTER)
        return found

    @contextmanager
    def _noted(self) -> Iterator[None]:
        """Remember it if the database says inside the block that it is damaged."""
        try:
            yield
        except StoreDamagedError as error:
            self.health.note(error.reason)
            raise

    @contextmanager
    def _tried(self) -> Iterator[None]:
        """Remember whether the database took what the block writes; a fault of the block itself says nothing."""
        try:
            yield
        except DBAPIError as error:
            problem = refused_to_write(error)
            if problem:
                self.health.wrote(problem)
            raise
        self.health.wrote()

    def close(self) -> None:
        """Close all connections; whoever asks for another one gets a ``StoreError``."""
        if not event.contains(self.engine, "do_connect", _refuse_closed):
            event.listen(self.engine, "do_connect", _refuse_closed)
        self.engine.dispose()
        if self.cluster is not None:
            self.cluster.close()


def _refuse_closed(*_connecting: object) -> None:
    raise StoreError("the store was closed and is asked once more: open it again first")


def open_engine(url: str) -> Store:
    """Return the store at an SQLAlchemy URL, its schema brought to the newest version.

    Raises:
        StoreError: not a URL, no driver for it, or no database there.
        StoreMismatchError: a newer version of this software has changed the schema.
    """
    return _kept_if(_migrate, open_engine_as_it_is(url))


def open_engine_as_it_is(url: str) -> Store:
    """Return the store at an SQLAlchemy URL with the schema that it has, if any.

    Raises:
        StoreError: not a URL, no driver for it, or no database there.
    """
    parsed = _parsed(url)
    if parsed.get_backend_name() == "sqlite":
        sqlite.make_file(Path(str(parsed.database)))
        engine = _engine(parsed, sqlite.options())
        sqlite.follow_rules(engine)
    else:
        engine = _engine(parsed, postgresql.options())
        postgresql.follow_rules(engine)
    return Store(engine)


def open_engine_for_reading(url: str) -> Store:
    """Return the store at an SQLAlchemy URL as it is: nothing is created, migrated or changed.

    Raises:
        StoreError: not a URL, no driver for it, or no store there.
        StoreMismatchError: the schema is older or newer than this software's.
    """
    parsed = _parsed(url)
    path = sqlite_path(url)
    if path is not None and not path.is_file():
        raise StoreError(
            f"there is no store at {path}; give --db URL, or start one: starproof collector serve"
        )
    if path is None:
        engine = _engine(parsed, postgresql.options(read_only=True))
    else:
        engine = _engine(parsed, {"creator": lambda: sqlite.connect_for_reading(path)})
        sqlite.follow_rules_for_reading(engine)
    return _kept_if(_require_current, Store(engine))


def sqlite_path(url: str) -> Path | None:
    """Return the file of an SQLite URL, ``None`` for other databases.

    Raises:
        StoreError: not a database URL.
    """
    parsed = _parsed(url)
    return Path(str(parsed.database)) if parsed.get_backend_name() == "sqlite" else None


def stored_bytes(store: Store) -> int | None:
    """Return the size of an SQLite store with its write-ahead log, ``None`` for other databases."""
    path = sqlite_path(store.engine.url.render_as_string(hide_password=False))
    if path is None:
        return None
    parts = (path, path.with_name(path.name + "-wal"))
    return sum(part.stat().st_size for part in parts if part.exists())


def _parsed(url: str) -> URL:
    try:
        parsed = make_url(url)
    except ArgumentError:
        raise StoreError(
            "--db takes a database URL, for example sqlite:////var/lib/starproof/collector/starproof.db"
        ) from None
    if parsed.get_backend_name() == "sqlite" and parsed.database in (None, "", ":memory:"):
        raise StoreError("an SQLite store must be a file: write sqlite:///FILE")
    return postgresql.with_driver(parsed)


def _engine(url: URL, options: dict[str, Any]) -> Engine:
    if url.get_backend_name() not in ("sqlite", "postgresql"):
        raise StoreError(f"no driver for the database URL {hidden(url)}: a store is on SQLite or PostgreSQL")
    cluster = clickhouse_settings.read(clickhouse_settings.file_beside(_keys_of(url)))
    named = {} if cluster is None else {CLUSTER: Cluster(cluster)}
    try:
        engine = create_engine(url, **options)
    except (NoSuchModuleError, ModuleNotFoundError) as error:
        raise StoreError(
            f"no driver for the database URL {hidden(url)}: {error}; pip install 'starproof[postgresql]'"
        ) from None
    engine.update_execution_options(**named)
    return engine


def _keys_of(url: URL) -> Path:
    """Return the directory of the keys of this database's collector."""
    return Path(str(url.database)).parent if url.get_backend_name() == "sqlite" else state_directory()


def _kept_if(check: Callable[[Store], None], store: Store) -> Store:
    """Return the store, closed again if the check raises."""
    try:
        check(store)
    except BaseException:
        store.close()
        raise
    return store


def _migrate(store: Store) -> None:
    if schema_version(store) == HEAD:
        return
    with store.writing() as connection:
        if store.is_postgresql:
            postgresql.require_usable(connection, hidden(store.engine.url))
        version = MigrationContext.configure(connection).get_current_revision()
        _refuse_newer(version)
        config = Config()
        config.set_main_option("script_location", str(Path(__file__).with_name("migrations")))
        config.attributes["connection"] = connection
        command.upgrade(config, HEAD)


def _require_current(store: Store) -> None:
    with store.reading() as connection:
        tables = set(inspect(connection).get_table_names())
        if not {schema.meta.name, schema.enrolment.name, schema.chunk.name} <= tables:
            raise StoreError(
                f"{hidden(store.engine.url)} is not a store of the collector, and was left as it is; "
                "give --db URL, or start one: starproof collector serve"
            )
        version = MigrationContext.configure(connection).get_current_revision()
    _refuse_newer(version)
    if version != HEAD:
        raise StoreMismatchError(
            f"the database has schema version {version or 'none'}, this software reads {HEAD}; "
            f"bring it up to date: starproof collector serve --db {hidden(store.engine.url)}"
        )


def _refuse_newer(version: str | None) -> None:
    if version is not None and version > HEAD:
        raise StoreMismatchError(
            f"the database has schema version {version}, this software knows {HEAD}; install the newer one"
        )


def schema_version(store: Store) -> str | None:
    """Return the version of the store's schema, ``None`` if it has none.

    Raises:
        StoreError: the database cannot be read.
    """
    with store.reading() as connection:
        return MigrationContext.configure(connection).get_current_revision()
