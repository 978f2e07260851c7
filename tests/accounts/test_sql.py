"""A business database as a source of accounts: SQLite always, PostgreSQL where it is installed."""

from __future__ import annotations

import sqlite3
import time
from datetime import date, datetime

import pytest
from sqlalchemy import create_engine, text

from collector.accounts.errors import AccountsError
from collector.accounts.sql import SqlAccounts
from collector.sources.secrets import Secret

FIRST, LAST = date(2026, 11, 1), date(2026, 11, 30)
ROWS = [
    ("zhangsan", "2026-11-02"),
    ("lisi", "2026-11-02"),
    ("zhangsan", "2026-11-30"),
    ("late", "2026-12-01"),
]
QUERY = "SELECT account, day FROM logins WHERE day >= :first AND day < :after"


@pytest.fixture
def sqlite_url(tmp_path):
    path = tmp_path / "business.db"
    with sqlite3.connect(path) as connection:
        connection.execute("CREATE TABLE logins (account TEXT, day TEXT)")
        connection.executemany("INSERT INTO logins VALUES (?, ?)", ROWS)
    connection.close()
    return f"sqlite:///{path}"


@pytest.fixture(params=["sqlite", "postgresql"])
def url(request, sqlite_url):
    if request.param == "sqlite":
        return sqlite_url
    address = request.getfixturevalue("postgres")
    engine = create_engine(address)
    with engine.begin() as connection:
        connection.execute(text("DROP TABLE IF EXISTS logins"))
        connection.execute(text("CREATE TABLE logins (account text, day date)"))
        for account, day in ROWS:
            values = {"account": account, "day": date.fromisoformat(day)}
            connection.execute(text("INSERT INTO logins VALUES (:account, :day)"), values)
    engine.dispose()
    return address


def source(url, query=QUERY, *, timeout_s=20):
    return SqlAccounts(Secret(url), query, timeout_s=timeout_s)


def found(url, query=QUERY):
    return sorted((a.account, a.day, a.count) for a in source(url, query).active(FIRST, LAST))


def test_the_query_tells_who_was_active_on_which_day(url):
    assert found(url) == [
        ("lisi", date(2026, 11, 2), 1),
        ("zhangsan", date(2026, 11, 2), 1),
        ("zhangsan", date(2026, 11, 30), 1),
    ]


def test_a_count_may_stand_beside(url):
    query = f"SELECT account, day, count(*) AS count FROM ({QUERY}) AS x GROUP BY account, day;"
    assert {count for _, _, count in found(url, query)} == {1}


def test_the_kind_of_database_is_the_origin_and_nothing_else(url):
    assert source(url).origin in ("SQL (sqlite)", "SQL (postgresql)")


@pytest.mark.parametrize(
    "query",
    ["DELETE FROM logins", "SELECT 1; DELETE FROM logins", "", "UPDATE logins SET account = 'x'", "SELECTED"],
)
def test_only_one_select_is_taken(sqlite_url, query):
    with pytest.raises(AccountsError, match="one SELECT"):
        source(sqlite_url, query)


def test_what_writes_is_refused_by_the_database_itself(postgres):
    # A function may write although the statement is a SELECT, and WITH may hold an INSERT.
    engine = create_engine(postgres)
    with engine.begin() as connection:
        connection.execute(text("CREATE TABLE IF NOT EXISTS kept (account text, day date)"))
    query = "WITH x AS (INSERT INTO kept VALUES ('zhangsan', '2026-11-01') RETURNING account, day) SELECT account, day FROM x"
    with pytest.raises(AccountsError, match="did not answer") as caught:
        found(postgres, query)
    assert "zhangsan" not in str(caught.value)
    with engine.connect() as connection:
        assert connection.scalar(text("SELECT count(*) FROM kept")) == 0
    engine.dispose()


def test_sqlite_is_read_only_too(sqlite_url):
    with pytest.raises(AccountsError, match="did not answer"):
        found(sqlite_url, "WITH x AS (SELECT 1) INSERT INTO logins SELECT 'a', 'b' FROM x")


def test_a_query_that_takes_too_long_is_ended(url):
    slow = (
        "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 1000000000) "
        "SELECT max(i) AS account, '2026-11-01' AS day FROM n"
    )
    begin = time.monotonic()
    with pytest.raises(AccountsError, match="limit: 1 s"):
        list(source(url, slow, timeout_s=1).active(FIRST, LAST))
    assert time.monotonic() - begin < 10


def test_what_the_database_says_is_not_repeated(url):
    with pytest.raises(AccountsError) as caught:
        found(url, "SELECT account, day, wangwu FROM logins")
    assert "wangwu" not in str(caught.value)
    assert caught.value.__cause__ is None


@pytest.mark.parametrize(
    ("query", "message"),
    [
        ("SELECT account FROM logins", "must give the columns"),
        ("SELECT account, 'yesterday' AS day FROM logins", "not a date"),
        ("SELECT account, 5 AS day FROM logins", "not a date"),
        ("SELECT account, day, 0 AS count FROM logins", "above 0"),
    ],
)
def test_rows_of_another_shape_are_refused(sqlite_url, query, message):
    with pytest.raises(AccountsError, match=message):
        found(sqlite_url, query)


def test_instants_are_days_too_and_no_name_is_an_empty_one(sqlite_url):
    query = "SELECT NULL AS account, '2026-11-05 08:00:00' AS day"
    assert found(sqlite_url, query) == [("", date(2026, 11, 5), 1)]


def test_an_instant_of_postgresql_is_its_day(postgres):
    query = "SELECT 'a' AS account, TIMESTAMP '2026-11-05 08:00:00' AS day"
    assert found(postgres, query) == [("a", datetime(2026, 11, 5).date(), 1)]  # noqa: DTZ001 - only its day


@pytest.mark.parametrize("url", ["no url", "oracle://x/y"])
def test_another_address_is_refused_without_repeating_it(url):
    with pytest.raises(AccountsError) as caught:
        source(url)
    assert "no url" not in str(caught.value)
