"""A business database as a source of accounts: one SELECT, read-only, with a time limit.

The query gives ``account`` and ``day``, and ``count`` if it likes; ``:first`` and ``:after`` stand for the first
day and the day after the last. What the database says of an error is not repeated: it may quote a row.
"""

from __future__ import annotations

import re
import sqlite3
import time
from collections.abc import Iterator
from datetime import date, datetime, timedelta

from sqlalchemy import Connection, create_engine, text
from sqlalchemy.engine import URL, make_url
from sqlalchemy.exc import ArgumentError, SQLAlchemyError
from sqlalchemy.pool import NullPool

from collector.accounts.errors import AccountsError
from collector.accounts.interface import Active
from collector.sources.secrets import Secret

MOST_TIMEOUT_S = 3_600
ROWS_AT_ONCE = 10_000
_PROGRESS_STEPS = 10_000
"""Instructions of SQLite between two looks at the clock."""
_QUERY = re.compile(r"\s*(?:SELECT|WITH)\b[^;]*;?\s*\Z", re.IGNORECASE)
_READ_ONLY = {
    "postgresql": ("SET TRANSACTION READ ONLY", "SET LOCAL statement_timeout = {ms}"),
    "mysql": ("SET SESSION max_execution_time = {ms}", "SET TRANSACTION READ ONLY"),
    "mariadb": ("SET SESSION max_statement_time = {s}", "SET TRANSACTION READ ONLY"),
    "sqlite": ("PRAGMA query_only = ON",),
}
"""How each database is told that nothing may change and how long it may take."""


class SqlAccounts:
    """Accounts that a database tells of.

    Args:
        url: SQLAlchemy URL, a secret since it holds the password.
        query: one SELECT.
        timeout_s: how long the database may take.
    """

    def __init__(self, url: Secret, query: str, *, timeout_s: int) -> None:
        """Check the query and the address; nothing is asked yet.

        Raises:
            AccountsError: not one SELECT, not a URL, or a database that cannot be made read-only here.
        """
        if not _QUERY.match(query):
            raise AccountsError("query must be one SELECT … without a semicolon inside")
        self._url = _parsed(url)
        self._query, self._timeout_s = query, timeout_s
        self._dialect = self._url.get_backend_name()
        if self._dialect not in _READ_ONLY:
            raise AccountsError(
                f"accounts cannot be read from {self._dialect}; there are {', '.join(sorted(_READ_ONLY))}, or a CSV file"
            )

    @property
    def origin(self) -> str:
        """The kind of database."""
        return f"SQL ({self._dialect})"

    def active(self, first: date, last: date) -> Iterator[Active]:
        """Yield what the query gives. Raises ``AccountsError``."""
        after = last + timedelta(days=1)
        values = {"first": first, "after": after}
        given = {
            name: value.isoformat() if self._dialect == "sqlite" else value
            for name, value in values.items()
            if f":{name}" in self._query
        }
        engine = None
        try:
            engine = create_engine(self._url, poolclass=NullPool, hide_parameters=True)
            with engine.connect() as connection:
                self._restrain(connection)
                options = {"yield_per": ROWS_AT_ONCE}
                result = connection.execute(text(self._query), given, execution_options=options)
                names = [name.lower() for name in result.keys()]  # noqa: SIM118 - no mapping
                if names not in (["account", "day"], ["account", "day", "count"]):
                    raise AccountsError("the query must give the columns account, day, and count if it likes")
                for row in result:
                    yield _active(tuple(row))
                connection.rollback()
        except (SQLAlchemyError, ImportError, sqlite3.Error) as error:
            raise AccountsError(
                f"the {self._dialect} database did not answer the query: {type(error).__name__}; try the query "
                f"by hand with the same account (limit: {self._timeout_s} s)"
            ) from None
        finally:
            if engine is not None:
                engine.dispose()

    def _restrain(self, connection: Connection) -> None:
        dialect = self._dialect
        if dialect == "mysql" and connection.dialect.__dict__.get("is_mariadb"):
            dialect = "mariadb"
        for statement in _READ_ONLY[dialect]:
            connection.exec_driver_sql(statement.format(ms=self._timeout_s * 1000, s=self._timeout_s))
        if dialect in ("mysql", "mariadb"):
            # It is the next transaction that is read-only; the one that was begun to say so ends here.
            connection.commit()
        if dialect == "sqlite":
            give_up = time.monotonic() + self._timeout_s
            driver = connection.connection.driver_connection
            if isinstance(driver, sqlite3.Connection):
                driver.set_progress_handler(lambda: time.monotonic() > give_up, _PROGRESS_STEPS)


def _parsed(url: Secret) -> URL:
    try:
        return make_url(url.reveal())
    except ArgumentError:
        raise AccountsError(
            "the url's file does not hold a database URL, such as mysql+pymysql://…"
        ) from None


def _active(row: tuple[object, ...]) -> Active:
    account, day, *more = row
    if isinstance(day, datetime):
        day = day.date()
    elif isinstance(day, str):
        try:
            day = date.fromisoformat(day[:10])
        except ValueError:
            day = None
    if not isinstance(day, date):
        raise AccountsError(
            "the query's column day is not a date; cast it to one, in the enterprise's time zone"
        )
    times = more[0] if more else 1
    if not isinstance(times, int) or times < 1:
        raise AccountsError("the query's column count is not an integer above 0")
    return Active("" if account is None else str(account), day, times)
