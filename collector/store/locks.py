"""One process at a time: a lock that its holder's death releases, so nobody waits for a dead one.

PostgreSQL: a session's advisory lock; the server drops it with the connection. SQLite, where all
processes are on one machine (WAL needs that): the kernel's lock on a file beside the keys; a lease
in a row would outlive a killed process until it ran out, and would need a clock that agrees.
"""

from __future__ import annotations

import fcntl
import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from sqlalchemy import Connection, text
from sqlalchemy.exc import SQLAlchemyError

from collector.errors import StoreError
from collector.ownership import adopt, remedy
from collector.store.engine import Store
from collector.store.postgresql import lock_number

Check = Callable[[], None]
"""Raises ``StoreError`` if the lock is no longer held."""
_PRIVATE = 0o600


@contextmanager
def alone(store: Store, name: str, *, directory: Path) -> Iterator[Check | None]:
    """Hold the lock ``name`` of a store for a block; gives ``None`` if somebody else holds it.

    Args:
        store: whose lock.
        name: letters, digits and hyphens.
        directory: where lock files lie, the same for all processes on an SQLite store.

    Raises:
        StoreError: the lock cannot be asked for.
    """
    if store.is_postgresql:
        with _advisory(store, name) as check:
            yield check
    else:
        with _file(directory / f"{name}.lock") as check:
            yield check


@contextmanager
def _file(path: Path) -> Iterator[Check | None]:
    try:
        handle = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW, _PRIVATE)
    except OSError as error:
        raise StoreError(f"cannot use the lock file {path}: {error.strerror}{remedy(path, error)}") from None
    try:
        _adopted(handle, path)
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            yield None
        else:
            yield _still_held
    finally:
        os.close(handle)


def _adopted(handle: int, path: Path) -> None:
    try:
        adopt(handle, path.parent)
    except OSError as error:
        raise StoreError(
            f"cannot give the lock file {path} to its directory's owner: {error.strerror}"
        ) from None


def _still_held() -> None:
    """The kernel takes no file lock away."""


@contextmanager
def _advisory(store: Store, name: str) -> Iterator[Check | None]:
    number = {"key": lock_number(name)}
    try:
        connection = store.engine.connect().execution_options(isolation_level="AUTOCOMMIT")
    except SQLAlchemyError:
        raise StoreError("the database cannot be asked for a lock; is it running?") from None
    try:
        with _explained():
            held = connection.scalar(text("SELECT pg_try_advisory_lock(:key)"), number)
        yield _checking(connection) if held else None
        if held:
            with _explained():
                connection.execute(text("SELECT pg_advisory_unlock(:key)"), number)
    finally:
        connection.invalidate()  # never back to the pool: the lock, if still there, ends with the session
        connection.close()


def _checking(connection: Connection) -> Check:
    def check() -> None:
        with _explained():
            connection.execute(text("SELECT 1"))

    return check


@contextmanager
def _explained() -> Iterator[None]:
    try:
        yield
    except SQLAlchemyError:
        raise StoreError("the connection that held the lock is gone; the run ends here") from None
