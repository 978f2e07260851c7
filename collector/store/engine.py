"""Opening the store: connection rules, migrations, and the two ways to use it.

SQLite runs in WAL mode with ``synchronous=FULL``: a commit has reached the disk when it returns,
and readers never wait for the writer. Writers take the write lock at the transaction's beginning
(BEGIN IMMEDIATE), so a transaction that began can always finish. This is the only module with SQL
of one dialect; on PostgreSQL the same code runs on the driver's defaults.
"""

from __future__ import annotations

import os
import sqlite3
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import quote

from alembic import command
from alembic.config import Config
from alembic.runtime.migration import MigrationContext
from sqlalchemy import Connection, Engine, create_engine, event, inspect
from sqlalchemy.engine import URL, make_url
from sqlalchemy.exc import ArgumentError, DBAPIError, NoSuchModuleError, OperationalError, SQLAlchemyError

from collector.errors import StoreBusyError, StoreError, StoreMismatchError
from collector.ownership import adopt
from collector.store import schema

HEAD = "0012"
"""The newest version of the schema; a test compares it with the migrations."""
BUSY_TIMEOUT_S = 5
"""How long a writer waits for another process (an import) before it says so."""
CACHE_KIB = 16 * 1024
_WRITES = "starproof_writes"
_DIRECTORY = 0o700
_PRIVATE = 0o600


@dataclass(frozen=True)
class Store:
    """An open store. Threads may share it; writers should come one at a time."""

    engine: Engine

    @contextmanager
    def reading(self) -> Iterator[Connection]:
        """Give a connection with one unchanging view of the data.

        Raises:
            StoreError: the database cannot be read.
        """
        with _explained(self.engine.url), self.engine.connect() as connection, connection.begin():
            yield connection

    @contextmanager
    def writing(self) -> Iterator[Connection]:
        """Give a connection whose changes are committed and on disk when the block ends.

        An exception inside the block undoes all of them.

        Raises:
            StoreBusyError: another process has been writing for ``BUSY_TIMEOUT_S``.
            StoreError: the database cannot be written.
        """
        writer = self.engine.execution_options(**{_WRITES: True})
        with _explained(self.engine.url), writer.begin() as connection:
            yield connection

    def close(self) -> None:
        """Close all connections."""
        self.engine.dispose()


def open_engine(url: str) -> Store:
    """Return the store at an SQLAlchemy URL, its schema brought to the newest version.

    Raises:
        StoreError: not a URL, no driver for it, or no database there.
        StoreMismatchError: a newer version of this software has changed the schema.
    """
    parsed = _parsed(url)
    sqlite = parsed.get_backend_name() == "sqlite"
    if sqlite:
        _make_directory(parsed)
        _make_file(Path(str(parsed.database)))
    engine = _engine(parsed, {"connect_args": {"timeout": BUSY_TIMEOUT_S}} if sqlite else {})
    if sqlite:
        event.listen(engine, "connect", _on_connect)
        event.listen(engine, "begin", _on_begin)
    return _kept_if(_migrate, Store(engine))


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
    engine = _engine(parsed, {} if path is None else {"creator": lambda: _connect_for_reading(path)})
    if path is not None:
        event.listen(engine, "connect", _on_connect_for_reading)
        event.listen(engine, "begin", _on_begin)
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
    return parsed


def _engine(url: URL, options: dict[str, Any]) -> Engine:
    try:
        return create_engine(url, **options)
    except (NoSuchModuleError, ModuleNotFoundError) as error:
        raise StoreError(f"no driver for the database URL {_hidden(url)}: {error}") from None


def _kept_if(check: Callable[[Store], None], store: Store) -> Store:
    """Return the store, closed again if the check raises."""
    try:
        check(store)
    except BaseException:
        store.close()
        raise
    return store


def _make_directory(url: URL) -> None:
    parent = Path(str(url.database)).parent
    try:
        parent.mkdir(mode=_DIRECTORY, parents=True, exist_ok=True)
    except OSError as error:
        raise StoreError(f"cannot make the directory {parent}: {error.strerror}") from None


def _connect_for_reading(path: Path) -> sqlite3.Connection:
    # Not mode=ro: in WAL mode that leaves -wal and -shm files of the reader's behind, which the
    # service may then not be allowed to write. mode=rw creates no database, query_only changes none.
    return sqlite3.connect(
        f"file:{quote(str(path.absolute()))}?mode=rw",
        uri=True,
        timeout=BUSY_TIMEOUT_S,
        check_same_thread=False,  # the pool hands a connection to one thread at a time
    )


def _make_file(path: Path) -> None:
    """Make an empty database, the directory's owner's and nobody else's to read.

    SQLite gives the write-ahead log and its index the same owner and mode.

    This must happen before SQLite opens it: a process that closes *any* handle of a file loses all
    its POSIX locks on it, and without those another process would delete a write-ahead log in use
    (https://www.sqlite.org/howtocorrupt.html, 2.2).
    """
    try:
        handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, _PRIVATE)
    except FileExistsError:
        return
    except OSError as error:
        raise StoreError(f"cannot make the database {path}: {error.strerror}") from None
    try:
        adopt(handle, path.parent)
    except OSError as error:
        raise StoreError(f"cannot give {path} to the owner of its directory: {error.strerror}") from None
    finally:
        os.close(handle)


def _on_connect_for_reading(connection: Any, _record: object) -> None:
    connection.isolation_level = None
    for pragma in (
        "query_only=ON",
        f"busy_timeout={BUSY_TIMEOUT_S * 1000}",
        f"cache_size=-{CACHE_KIB}",
    ):
        connection.execute(f"PRAGMA {pragma}").close()


def _on_connect(connection: Any, _record: object) -> None:
    connection.isolation_level = None  # transactions are begun by _on_begin, not by the driver
    for pragma in (
        "journal_mode=WAL",
        "synchronous=FULL",
        "foreign_keys=ON",
        f"busy_timeout={BUSY_TIMEOUT_S * 1000}",
        f"cache_size=-{CACHE_KIB}",
    ):
        connection.execute(f"PRAGMA {pragma}").close()


def _on_begin(connection: Connection) -> None:
    writes = connection.get_execution_options().get(_WRITES)
    connection.exec_driver_sql("BEGIN IMMEDIATE" if writes else "BEGIN")


def _migrate(store: Store) -> None:
    if _version(store) == HEAD:
        return
    with store.writing() as connection:
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
                f"{_hidden(store.engine.url)} is not a store of the collector, and was left as it is; "
                "give --db URL, or start one: starproof collector serve"
            )
        version = MigrationContext.configure(connection).get_current_revision()
    _refuse_newer(version)
    if version != HEAD:
        raise StoreMismatchError(
            f"the database has schema version {version or 'none'}, this software reads {HEAD}; "
            f"bring it up to date: starproof collector serve --db {_hidden(store.engine.url)}"
        )


def _refuse_newer(version: str | None) -> None:
    if version is not None and version > HEAD:
        raise StoreMismatchError(
            f"the database has schema version {version}, this software knows {HEAD}; install the newer one"
        )


def _version(store: Store) -> str | None:
    with store.reading() as connection:
        return MigrationContext.configure(connection).get_current_revision()


@contextmanager
def _explained(url: URL) -> Iterator[None]:
    """Turn the driver's errors into ours, without the statement and its values."""
    try:
        yield
    except OperationalError as error:
        if _is_busy(error.orig):
            raise StoreBusyError("another process is writing to the database; try again shortly") from None
        raise StoreError(f"cannot use the database {_hidden(url)}: {error.orig}") from None
    except DBAPIError as error:
        raise StoreError(f"the database {_hidden(url)} reports: {error.orig}") from None
    except SQLAlchemyError as error:
        raise StoreError(f"the database {_hidden(url)} cannot be used: {error}") from None


def _is_busy(error: object) -> bool:
    primary = 0xFF  # the low byte of an SQLite result code is its primary code
    return isinstance(error, sqlite3.OperationalError) and (error.sqlite_errorcode & primary) in (
        sqlite3.SQLITE_BUSY,
        sqlite3.SQLITE_LOCKED,
    )


def _hidden(url: URL) -> str:
    return url.render_as_string(hide_password=True)
