"""A real MariaDB under a scripted load of a known number of statements."""

import time

import pytest
from servers import PASSWORD

from agent.databases.interface import DatabaseError
from agent.databases.registry import open_database
from agent.databases.settings import DatabaseSettings

pytestmark = pytest.mark.slow


def settings(server, **more):
    fields = {
        "name": "shop", "product": "mysql", "counts": "statements", "port": server.port, "user": "starproof",
        "password_env": "PASSWORD", "timeout_s": 5,
    }  # fmt: skip
    return DatabaseSettings(**{**fields, **more})


@pytest.fixture
def reader(mariadb):
    found = open_database(settings(mariadb), {"PASSWORD": PASSWORD})
    yield found
    found.close()


@pytest.fixture
def shop(mariadb):
    import pymysql

    with pymysql.connect(
        host="127.0.0.1",
        port=mariadb.port,
        user="shop",
        password=PASSWORD.encode(),
        database="shop",
        autocommit=True,
    ) as connection:
        cursor = connection.cursor()
        cursor.execute("CREATE OR REPLACE TABLE t (id INT PRIMARY KEY, n INT)")
        cursor.execute("CREATE OR REPLACE TABLE u (id INT PRIMARY KEY, n INT)")
        yield cursor


def difference(reader, work):
    before = reader.count()
    work()
    after = reader.count()
    assert after.identity == before.identity
    return after.reads - before.reads, after.writes - before.writes


def test_a_load_of_a_known_number_of_statements_is_counted_exactly(reader, shop):
    def load():
        for number in range(200):
            shop.execute(f"INSERT INTO t VALUES ({number}, 0)")
        for number in range(150):
            shop.execute(f"UPDATE t SET n = n + 1 WHERE id = {number}")
        for number in range(500):
            shop.execute(f"SELECT n FROM t WHERE id = {number}")
        for number in range(50):
            shop.execute(f"DELETE FROM t WHERE id = {number}")

    assert difference(reader, load) == (500, 400)


def test_reading_counts_nothing_of_its_own(reader):
    assert difference(reader, lambda: [reader.count() for _ in range(20)]) == (0, 0)


def test_connecting_anew_counts_nothing_and_gives_the_same_identity(mariadb, reader):
    def connect():
        for _ in range(5):
            other = open_database(settings(mariadb), {"PASSWORD": PASSWORD})
            assert other.count().identity == reader.count().identity
            other.close()
            time.sleep(0.3)

    assert difference(reader, connect) == (0, 0)


@pytest.mark.parametrize(
    ("statement", "counted"),
    [
        ("REPLACE INTO t VALUES (1, 1)", (0, 1)),
        ("INSERT INTO u SELECT * FROM t", (0, 1)),
        ("REPLACE INTO u SELECT * FROM t", (0, 1)),
        ("UPDATE t, u SET t.n = 1, u.n = 1 WHERE t.id = u.id", (0, 1)),
        ("DELETE t, u FROM t JOIN u ON t.id = u.id", (0, 1)),
        ("INSERT INTO t VALUES (11, 1), (12, 1), (13, 1)", (0, 1)),
        ("INSERT INTO t VALUES (21, 1) ON DUPLICATE KEY UPDATE n = 2", (0, 1)),
        ("SELECT 1", (1, 0)),
        ("SELECT n FROM t UNION SELECT n FROM u", (1, 0)),
        ("WITH x AS (SELECT 1 AS a) SELECT a FROM x", (1, 0)),
        ("SELECT n FROM t FOR UPDATE", (1, 0)),
        ("SET @a = 1", (0, 0)),
        ("SHOW TABLES", (0, 0)),
        ("BEGIN", (0, 0)),
        ("COMMIT", (0, 0)),
        ("TRUNCATE t", (0, 0)),
        ("DO 1", (0, 0)),
    ],
)
def test_each_kind_of_statement_counts_as_the_definition_says(reader, shop, statement, counted):
    shop.execute("TRUNCATE t")
    shop.execute("TRUNCATE u")
    assert difference(reader, lambda: shop.execute(statement)) == counted


def test_a_prepared_statement_counts_once_for_each_execution(reader, shop):
    def load():
        shop.execute("PREPARE p FROM 'SELECT n FROM t WHERE id = ?'")
        shop.execute("SET @id = 1")
        for _ in range(7):
            shop.execute("EXECUTE p USING @id")
        shop.execute("DEALLOCATE PREPARE p")

    assert difference(reader, load) == (7, 0)


def test_statements_of_a_procedure_count_and_the_call_does_not(reader, shop):
    shop.execute(
        "CREATE OR REPLACE PROCEDURE work() BEGIN INSERT INTO t VALUES (91, 0); UPDATE t SET n = 1; END"
    )
    assert difference(reader, lambda: shop.execute("CALL work()")) == (0, 2)


def test_statements_of_a_trigger_count_beside_the_one_that_fires_it(reader, shop):
    shop.execute(
        "CREATE OR REPLACE TRIGGER tr AFTER INSERT ON t FOR EACH ROW INSERT INTO u VALUES (NEW.id, 0)"
    )
    try:
        assert difference(reader, lambda: shop.execute("INSERT INTO t VALUES (92, 0)")) == (0, 2)
    finally:
        shop.execute("DROP TRIGGER tr")


def test_a_select_that_the_query_cache_answers_counts_like_any_other(reader, shop):
    shop.execute("INSERT INTO t VALUES (1, 1)")
    assert difference(reader, lambda: [shop.execute("SELECT n FROM t") for _ in range(10)]) == (10, 0)


def test_a_statement_that_fails_counts(reader, shop):
    import pymysql

    shop.execute("REPLACE INTO t VALUES (5, 0)")

    def load():
        with pytest.raises(pymysql.IntegrityError):
            shop.execute("INSERT INTO t VALUES (5, 0)")

    assert difference(reader, load) == (0, 1)


def test_flush_status_and_a_restart_are_other_identities_and_a_stopped_server_is_named(mariadb, reader):
    import pymysql

    first = reader.count().identity
    time.sleep(1.1)
    with pymysql.connect(unix_socket=f"{mariadb.folder}/s", user="root") as root, root.cursor() as cursor:
        cursor.execute("FLUSH STATUS")
    flushed = reader.count().identity
    assert flushed != first
    mariadb.stop()
    with pytest.raises(DatabaseError, match="database shop: OperationalError"):
        reader.count()
    with pytest.raises(DatabaseError, match="database shop: OperationalError") as refused:
        reader.count()
    assert PASSWORD not in str(refused.value)
    mariadb.start()
    assert reader.count().identity not in (first, flushed)


def test_a_wrong_password_is_refused_and_not_printed(mariadb):
    wrong = open_database(settings(mariadb), {"PASSWORD": "WRONG-BUT-SECRET"})
    with pytest.raises(DatabaseError, match="Access denied") as refused:
        wrong.count()
    assert "WRONG-BUT-SECRET" not in str(refused.value)
