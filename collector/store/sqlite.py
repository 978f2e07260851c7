"""SQLite's connection rules: WAL, every commit on disk, the write lock taken at a transaction's beginning."""

from __future__ import annotations

import os
import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from urllib.parse import quote

from sqlalchemy import Connection, Engine, event

from collector.errors import StoreDamagedError, StoreError
from collector.ownership import adopt

BUSY_TIMEOUT_S = 5
"""How long a writer waits for another process (an import) before it says so."""
CACHE_KIB = 16 * 1024
WRITES = "starproof_writes"
"""The option of a connection whose transactions write."""
_DIRECTORY = 0o700
_PRIVATE = 0o600


def options() -> dict[str, Any]:
    """Return the options of ``create_engine``."""
    return {"connect_args": {"timeout": BUSY_TIMEOUT_S}}


def follow_rules(engine: Engine) -> None:
    """Open every connection of an engine by the rules."""
    event.listen(engine, "connect", _on_connect)
    event.listen(engine, "begin", _begin)


def follow_rules_for_reading(engine: Engine) -> None:
    """Open every connection of an engine so that it changes nothing."""
    event.listen(engine, "connect", _on_connect_for_reading)
    event.listen(engine, "begin", _begin)


def make_file(path: Path) -> None:
    """Make an empty database with its directory, unless there is one.

    Raises:
        StoreError: it cannot be made.
    """
    parent = path.parent
    try:
        parent.mkdir(mode=_DIRECTORY, parents=True, exist_ok=True)
    except OSError as error:
        raise StoreError(f"cannot make the directory {parent}: {error.strerror}") from None
    _make_file(path)


def connect_for_reading(path: Path) -> sqlite3.Connection:
    """Return a connection to a database that is there, and stays as it is."""
    # Not mode=ro: in WAL mode that leaves -wal and -shm files of the reader's behind, which the
    # service may then not be allowed to write. mode=rw creates no database, query_only changes none.
    return sqlite3.connect(
        f"file:{quote(str(path.absolute()))}?mode=rw",
        uri=True,
        timeout=BUSY_TIMEOUT_S,
        check_same_thread=False,  # the pool hands a connection to one thread at a time
    )


@contextmanager
def damage_named(connection: Connection) -> Iterator[None]:
    """Name the file's damage where a value that no column may hold has surprised the code inside the block.

    Raises:
        StoreDamagedError: SQLite itself says that the file is damaged; else the surprise is raised as it is.
    """
    try:
        yield
    except (TypeError, AttributeError, UnicodeDecodeError) as error:
        found = connection.exec_driver_sql("PRAGMA quick_check(1)").scalar()
        if found == "ok":
            raise
        raise StoreDamagedError(
            f"the store is damaged: {found}; see starproof db check, and restore a backup", str(found)
        ) from error


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
    _set(
        connection,
        "query_only=ON",
        f"busy_timeout={BUSY_TIMEOUT_S * 1000}",
        f"cache_size=-{CACHE_KIB}",
    )


def _on_connect(connection: Any, _record: object) -> None:
    connection.isolation_level = None  # transactions are begun by _begin, not by the driver
    _set(
        connection,
        "journal_mode=WAL",
        "synchronous=FULL",
        "foreign_keys=ON",
        f"busy_timeout={BUSY_TIMEOUT_S * 1000}",
        f"cache_size=-{CACHE_KIB}",
    )


def _set(connection: Any, *pragmas: str) -> None:
    try:
        for pragma in pragmas:
            connection.execute(f"PRAGMA {pragma}").close()
    except UnicodeDecodeError:  # the driver cannot even say which part of the schema is malformed
        raise sqlite3.DatabaseError("the schema is damaged; restore a backup") from None


def _begin(connection: Connection) -> None:
    writes = connection.get_execution_options().get(WRITES)
    connection.exec_driver_sql("BEGIN IMMEDIATE" if writes else "BEGIN")
