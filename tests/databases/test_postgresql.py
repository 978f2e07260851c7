"""A real PostgreSQL under a scripted load of a known number of statements."""

import time

import pytest
from servers import PASSWORD

from agent.databases.interface import DatabaseError
from agent.databases.registry import open_database
from agent.databases.settings import DatabaseSettings

pytestmark = pytest.mark.slow


def settings(server, **more):
    fields = {
        "name": "shop", "product": "postgresql", "counts": "statements", "port": server.port,
        "user": "starproof", "password_env": "PASSWORD", "database": "postgres", "timeout_s": 5,
    }  # fmt: skip
    return DatabaseSettings(**{**fields, **more})


def opened(server, **more):
    return open_database(settings(server, **more), {"PASSWORD": PASSWORD})


def connect(server, user="shop", database="shop"):
    import psycopg

    return psycopg.connect(
        host="127.0.0.1", port=server.port, user=user, password=PASSWORD, dbname=database, autocommit=True
    )


@pytest.fixture
def reader(postgresql):
    found = opened(postgresql)
    yield found
    found.close()


@pytest.fixture
def shop(postgresql):
    with connect(postgresql) as connection:
        connection.execute("DROP TABLE IF EXISTS t, u")
        connection.execute("CREATE TABLE t (id int PRIMARY KEY, n int)")
        connection.execute("CREATE TABLE u (id int PRIMARY KEY, n int)")
        yield connection


def difference(reader, work):
    before = reader.count()
    work()
    after = reader.count()
    assert after.identity == before.identity
    return after.reads - before.reads, None if after.writes is None else after.writes - before.writes


def test_a_load_of_a_known_number_of_statements_is_counted_exactly(reader, shop):
    def load():
        for number in range(200):
            shop.execute("INSERT INTO t VALUES (%s, 0)", (number,))
        for number in range(150):
            shop.execute("UPDATE t SET n = n + 1 WHERE id = %s", (number,))
        for number in range(500):
            shop.execute("SELECT n FROM t WHERE id = %s", (number,))
        for number in range(50):
            shop.execute("DELETE FROM t WHERE id = %s", (number,))

    assert difference(reader, load) == (500, 400)


def test_reading_and_connecting_count_nothing_of_their_own(postgresql, reader):
    def work():
        for _ in range(10):
            reader.count()
            other = opened(postgresql)
            other.count()
            other.close()

    assert difference(reader, work) == (0, 0)


@pytest.mark.parametrize(
    ("statement", "counted"),
    [
        ("VALUES (1)", (1, 0)),
        ("TABLE t", (1, 0)),
        ("/* a note */ SELECT 1", (1, 0)),
        ("-- a note\nSELECT 1", (1, 0)),
        ("(SELECT 1) UNION (SELECT 2)", (1, 0)),
        ("SELECT n FROM t FOR UPDATE", (1, 0)),
        ("WITH x AS (SELECT 1 AS a) SELECT a FROM x", (1, 0)),
        ("WITH x AS (SELECT id FROM t FOR UPDATE) SELECT id FROM x", (1, 0)),
        ("WITH x AS (INSERT INTO t VALUES (1, 1) RETURNING id) SELECT id FROM x", (0, 1)),
        ("WITH x AS (SELECT 1 AS a) UPDATE t SET n = a FROM x", (0, 1)),
        ("WITH x AS (DELETE FROM t RETURNING id) SELECT count(*) FROM x", (0, 1)),
        ("INSERT INTO t VALUES (11, 1), (12, 1), (13, 1)", (0, 1)),
        ("INSERT INTO t VALUES (11, 1) ON CONFLICT (id) DO UPDATE SET n = 2", (0, 1)),
        ("UPDATE ONLY t SET n = 3", (0, 1)),
        ("MERGE INTO t USING u ON t.id = u.id WHEN MATCHED THEN DELETE", (0, 1)),
        ("COPY t TO STDOUT", (1, 0)),
        ("CREATE TABLE v AS SELECT 1 AS a; DROP TABLE v", (0, 0)),
        ("SET work_mem = '4MB'", (0, 0)),
        ("SHOW work_mem", (0, 0)),
        ("EXPLAIN SELECT 1", (0, 0)),
        ("TRUNCATE t", (0, 0)),
    ],
)
def test_each_kind_of_statement_counts_as_the_definition_says(reader, shop, statement, counted):
    def work():
        if statement.startswith("COPY"):
            with shop.cursor().copy(statement) as copy:
                list(copy)
        else:
            for part in statement.split("; "):
                shop.execute(part)

    assert difference(reader, work) == counted


def test_copying_in_is_one_write(reader, shop):
    def work():
        with shop.cursor().copy("COPY t FROM STDIN") as copy:
            copy.write("1\t1\n2\t2\n3\t3\n")

    assert difference(reader, work) == (0, 1)


def test_a_statement_prepared_in_sql_counts_once_for_each_execution(reader, shop):
    def work():
        shop.execute("PREPARE p (int) AS INSERT INTO t VALUES ($1, 0)")
        for number in range(7):
            shop.execute(f"EXECUTE p({number})")
        shop.execute("DEALLOCATE p")

    assert difference(reader, work) == (0, 7)


def test_a_statement_prepared_by_the_protocol_counts_once_for_each_execution(reader, shop):
    assert difference(
        reader, lambda: [shop.execute("SELECT n FROM t WHERE id = %s", (n,), prepare=True) for n in range(9)]
    ) == (9, 0)


def test_a_statement_that_fails_does_not_count(reader, shop):
    import psycopg

    shop.execute("INSERT INTO t VALUES (5, 0)")

    def work():
        with pytest.raises(psycopg.errors.UniqueViolation):
            shop.execute("INSERT INTO t VALUES (5, 0)")

    assert difference(reader, work) == (0, 0)


def test_statements_inside_of_a_function_do_not_count_unless_all_are_tracked(reader, shop):
    shop.execute(
        "CREATE OR REPLACE FUNCTION f() RETURNS void LANGUAGE plpgsql AS 'BEGIN INSERT INTO t VALUES (77, 0); END'"
    )
    assert difference(reader, lambda: shop.execute("SELECT f()")) == (1, 0)
    assert "track = top" in reader.count().reason


def test_committed_transactions_are_told_where_they_are_asked_for(postgresql, shop):
    """The difference is explained: 40 of the load, and what autovacuum and the statistics do meanwhile."""
    reader = opened(postgresql, counts="transactions")

    def work():
        for number in range(40):
            with shop.transaction():
                shop.execute("INSERT INTO t VALUES (%s, 0)", (number,))
                shop.execute("UPDATE t SET n = 1 WHERE id = %s", (number,))
        shop.close()  # a session reports at its end what it has not reported yet
        time.sleep(1)

    reads, writes = difference(reader, work)
    reader.close()
    # The session reports what it did before as well: setting up took up to 8 transactions; the rest is autovacuum's.
    assert 40 <= reads <= 40 + 8 + 20
    assert writes is None


def test_resetting_the_statistics_and_a_restart_are_other_identities(postgresql, reader):
    first = reader.count().identity
    with connect(postgresql, user="postgres", database="postgres") as admin:
        admin.execute("SELECT pg_stat_statements_reset()")
    reset = reader.count().identity
    postgresql.stop()
    with pytest.raises(DatabaseError, match=r"database shop: (AdminShutdown|OperationalError)"):
        reader.count()
    postgresql.start()
    again = reader.count().identity
    assert len({first, reset, again}) == 3


def test_forgotten_texts_are_another_identity(postgresql, reader):
    """More kinds of statements than the extension keeps: it forgets the rarest and says so."""
    with connect(postgresql, user="postgres", database="postgres") as admin:
        admin.execute("ALTER SYSTEM SET pg_stat_statements.max = 100")
    postgresql.restart()
    try:
        first = reader.count().identity
        with connect(postgresql) as shop:
            for number in range(150):
                shop.execute("SELECT " + ", ".join(["1"] * (number + 1)))
        assert reader.count().identity != first
    finally:
        with connect(postgresql, user="postgres", database="postgres") as admin:
            admin.execute("ALTER SYSTEM RESET pg_stat_statements.max")
        postgresql.restart()


def test_without_the_extension_or_the_grant_it_says_what_to_run(postgresql):
    with pytest.raises(DatabaseError, match="CREATE EXTENSION pg_stat_statements"):
        opened(postgresql, database="shop").count()
    with pytest.raises(DatabaseError, match="GRANT pg_read_all_stats"):
        opened(postgresql, user="shop").count()
