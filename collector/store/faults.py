"""The drivers' errors as ours: one sentence, without the statement, its values or a password.

1. Somebody else holds what is needed, or two waited for one another: ``StoreBusyError``; trying again helps.
2. The database says that its own file is damaged: ``StoreDamagedError``.
3. Everything else: ``StoreError`` with what the database itself says in one line. PostgreSQL's details
   quote values of rows, so only its primary message is taken.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager

from sqlalchemy.engine import URL
from sqlalchemy.exc import DBAPIError, InternalError, OperationalError, SQLAlchemyError

from collector.errors import StoreBusyError, StoreDamagedError, StoreError

# PostgreSQL, appendix A: lock_not_available, deadlock_detected, serialization_failure.
_BUSY_STATES = frozenset(("55P03", "40P01", "40001"))
# PostgreSQL, appendix A: data_corrupted, index_corrupted.
_DAMAGED_STATES = frozenset(("XX001", "XX002"))
_PRIMARY = 0xFF
"""The low byte of an SQLite result code is its primary code."""
# Class 28: invalid authorization; class 3D: the database does not exist; class 53: no room, no connections.
_REMEDIES = {
    "28": "; check user and password in the database URL",
    "3D": "; make it: createdb --encoding UTF8 --locale C.UTF-8 --template template0 NAME",
    "53": "; the server lacks room or connections",
    "42501": "; give the user of the database URL the rights of the tables' owner",
    "25006": "",  # read only, as asked for
}
_STATE_CLASS = 2


@contextmanager
def explained(url: URL) -> Iterator[None]:
    """Turn the driver's errors inside the block into ours.

    Raises:
        StoreBusyError: another process is in the way; trying again helps.
        StoreDamagedError: the database says that it is damaged.
        StoreError: the database cannot be used.
    """
    try:
        yield
    except OperationalError as error:
        if is_busy(error.orig):
            raise StoreBusyError("another process is writing to the database; try again shortly") from None
        raise _other(f"cannot use the database {hidden(url)}", error.orig) from None
    except DBAPIError as error:
        if is_busy(error.orig):
            raise StoreBusyError("another process is writing to the database; try again shortly") from None
        raise _other(f"the database {hidden(url)} reports", error.orig) from None
    except SQLAlchemyError as error:
        raise StoreError(f"the database {hidden(url)} cannot be used: {error}") from None


def refused_to_write(error: DBAPIError) -> str:
    """Return why the database takes no changes at all now (no room, only read), empty if it is something else."""
    orig = error.orig
    if not isinstance(error, (OperationalError, InternalError)) or is_busy(orig) or is_damage(orig):
        return ""
    return said(orig)


def is_busy(error: object) -> bool:
    """Return whether the driver's error says that somebody else is in the way."""
    if isinstance(error, sqlite3.OperationalError):
        return _primary_code(error) in (sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED)
    return getattr(error, "sqlstate", None) in _BUSY_STATES


def is_damage(error: object) -> bool:
    """Return whether the driver's error says that the database itself is damaged."""
    if isinstance(error, sqlite3.Error):
        return _primary_code(error) in (sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB)
    return getattr(error, "sqlstate", None) in _DAMAGED_STATES


def _primary_code(error: sqlite3.Error) -> int:
    # Text that is not UTF-8 is an error of the driver's own, without a code.
    code = getattr(error, "sqlite_errorcode", sqlite3.SQLITE_ERROR)
    return int(code) & _PRIMARY


def _other(what: str, error: object) -> StoreError:
    text = f"{what}: {said(error)}"
    return StoreDamagedError(text, said(error)) if is_damage(error) else StoreError(text)


def said(error: object) -> str:
    """Return what the driver's error says in one line, with what to do where that is known."""
    state = getattr(error, "sqlstate", None) or ""
    primary = getattr(getattr(error, "diag", None), "message_primary", None)
    text = primary or " ".join(str(error).split())
    return text + _REMEDIES.get(state, _REMEDIES.get(state[:_STATE_CLASS], ""))


def hidden(url: URL) -> str:
    """Return the URL as it may be shown."""
    return url.render_as_string(hide_password=True)
