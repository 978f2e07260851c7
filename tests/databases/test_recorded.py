"""MongoDB, SQL Server and Oracle: answers recorded in the shape of their drivers; there is no such server here."""

import sys
from types import SimpleNamespace

import pytest

from agent.databases import passwords
from agent.databases.interface import DatabaseError
from agent.databases.own import Own
from agent.databases.registry import open_database
from agent.databases.settings import DatabaseSettings
from agent.state import State


class Cursor:
    """A DB-API cursor that answers by the first recorded statement that begins alike."""

    def __init__(self, answers, log):
        self.answers, self.log, self.row = answers, log, None

    def __enter__(self):
        return self

    def __exit__(self, *_):
        return None

    def execute(self, statement, **values):
        self.log.append((statement, values))
        self.row = next(row for begin, row in self.answers.items() if statement.startswith(begin))

    def fetchone(self):
        return self.row


class Connection:
    def __init__(self, answers):
        self.answers, self.log, self.closed, self.call_timeout = answers, [], False, 0

    def cursor(self):
        return Cursor(self.answers, self.log)

    def close(self):
        self.closed = True


class DriverError(Exception):
    pass


@pytest.fixture
def driver(monkeypatch):
    """Put a recorded driver in the place of ``name``; give its connections and what it was called with."""

    def place(name, connection, **more):
        calls = []

        def connect(**arguments):
            calls.append(arguments)
            if isinstance(connection, Exception):
                raise connection
            return connection

        module = SimpleNamespace(connect=connect, Error=DriverError, **more)
        monkeypatch.setitem(sys.modules, name, module)
        for ours in ("sqlserver", "oracle"):
            monkeypatch.delitem(sys.modules, f"agent.databases.{ours}", raising=False)
        return calls

    return place


def settings(product, **more):
    fields = {
        "name": "erp",
        "product": product,
        "counts": "batches",
        "port": 1,
        "user": "u",
        "password_env": "P",
    }
    return DatabaseSettings(**{**fields, **more})


SQLSERVER = (123_456, "2026-11-01T08:00:00.123", "SQL01", "16.0.4085.2")


def test_sql_server_tells_batches_less_the_readers_own(driver, tmp_path):
    state = State(str(tmp_path / "state"))
    state.create()
    calls = driver("pymssql", Connection({"SELECT p.cntr_value": SQLSERVER}))
    reader = open_database(settings("sqlserver"), {"P": "geheim"}, state)
    first, second = reader.count(), reader.count()
    assert (first.reads, second.reads, first.writes) == (123_455, 123_454, None)
    assert first.identity == second.identity
    assert first.identity.startswith("SQL01 started 2026-11-01T08:00:00.123 own ")
    assert len(calls) == 1
    assert calls[0]["password"] == "geheim"
    # The count goes on in the next life; where the file is lost, another identity begins.
    again = open_database(settings("sqlserver"), {"P": "geheim"}, state).count()
    assert (again.reads, again.identity) == (123_453, first.identity)
    lost = open_database(settings("sqlserver"), {"P": "geheim"}).count()
    assert lost.identity != first.identity


def test_a_damaged_count_of_own_statements_begins_another_series(tmp_path):
    state = State(str(tmp_path / "state"))
    state.create()
    own = Own("erp", state)
    assert [own.next(), own.next()] == [1, 2]
    assert Own("erp", state).next() == 3
    [name] = [path.name for path in (tmp_path / "state").iterdir()]
    state.write(name, b"{")
    assert Own("erp", state).series != own.series


def test_sql_server_without_the_grant_says_what_to_run(driver):
    driver("pymssql", Connection({"SELECT": None}))
    with pytest.raises(DatabaseError, match=r"database erp: .*GRANT VIEW SERVER STATE"):
        open_database(settings("sqlserver"), {"P": "x"}).count()


def test_a_driver_that_quotes_the_password_in_its_error_is_not_repeated(driver):
    driver("pymssql", DriverError("login failed for u with geheim"))
    with pytest.raises(DatabaseError) as refused:
        open_database(settings("sqlserver"), {"P": "geheim"}).count()
    assert str(refused.value) == f"database erp: DriverError: login failed for u with {passwords.HIDDEN}"


def test_anything_else_that_a_driver_raises_is_named_by_its_kind_alone(driver):
    driver("pymssql", KeyError("geheim"))
    with pytest.raises(DatabaseError, match="database erp: KeyError in the driver of sqlserver") as refused:
        open_database(settings("sqlserver"), {"P": "geheim"}).count()
    assert "geheim" not in str(refused.value)


ORACLE = {
    "SELECT d.dbid": (1_234, 1, "2026-11-01T08:00:00", "19.0.0.0.0"),
    "SELECT SUM(value)": (7_000,),
}


@pytest.mark.parametrize(
    ("counts", "told", "stat", "all_services"),
    [("commits", (None, 7_000), "user commits", 1), ("executions", (7_000, None), "execute count", 0)],
)
def test_oracle_tells_commits_or_executions(driver, counts, told, stat, all_services):
    connection = Connection(ORACLE)
    calls = driver("oracledb", connection)
    reader = open_database(settings("oracle", counts=counts, database="STARPROOF"), {"P": "geheim"})
    found = reader.count()
    assert ((found.reads, found.writes), found.definition) == (told, f"oracle.{counts}/1")
    assert found.identity == "dbid 1234 instance 1 started 2026-11-01T08:00:00"
    assert connection.log[1][1] == {"stat": stat, "all_services": all_services}
    assert (calls[0]["dsn"], connection.call_timeout) == ("127.0.0.1:1/STARPROOF", 10_000)
    reader.close()
    assert connection.closed


@pytest.mark.parametrize(
    ("answers", "said"),
    [
        ({"SELECT d": None}, "no row where one is certain"),
        ({**ORACLE, "SELECT SUM(value)": (None,)}, "GRANT SELECT"),
    ],
)
def test_oracle_that_does_not_tell_is_refused(driver, answers, said):
    driver("oracledb", Connection(answers))
    with pytest.raises(DatabaseError, match=said):
        open_database(settings("oracle", counts="commits", database="s"), {"P": "x"}).count()


MONGO = {
    "serverStatus": {
        "host": "db-1:27017", "version": "7.0.14", "pid": 77,
        "opcounters": {"insert": 5, "query": 100, "update": 3, "delete": 2, "getmore": 40, "command": 999},
    },
    "hello": {"topologyVersion": {"processId": "6740f0", "counter": 6}},
}  # fmt: skip


class Mongo:
    def __init__(self, answers):
        self.answers, self.closed = answers, False
        self.admin = self

    def command(self, name, **_):
        return self.answers[name]

    def close(self):
        self.closed = True


def test_mongodb_tells_queries_and_changes():
    pytest.importorskip("pymongo", reason="the driver pymongo is not installed; see the group dev")
    from agent.databases.mongodb import MongoDb

    client = Mongo(MONGO)
    reader = MongoDb(client)
    found = reader.count()
    assert (found.reads, found.writes) == (100, 10)
    assert (found.identity, found.version) == ("db-1:27017 process 6740f0", "MongoDB 7.0.14")
    reader.close()
    assert client.closed
    with pytest.raises(DatabaseError, match=r"MongoDB 4\.4 or later"):
        MongoDb(Mongo({**MONGO, "hello": {}})).count()


def test_a_mongodb_that_is_not_there_is_named():
    pytest.importorskip("pymongo", reason="the driver pymongo is not installed; see the group dev")
    reader = open_database(settings("mongodb", counts="statements", timeout_s=1), {"P": "geheim"})
    with pytest.raises(DatabaseError, match="database erp: ServerSelectionTimeoutError") as refused:
        reader.count()
    assert "geheim" not in str(refused.value)


def test_the_table_of_commands_is_read_in_both_shapes():
    pytest.importorskip("redis", reason="the driver redis is not installed; see the group dev")
    from agent.databases.redis_server import Resets, kinds

    inner = [["object|encoding", 3, ["readonly"], 2, 2, 1, [], [], [], []]]
    listed = [["GET", 2, ["readonly", "fast"], 1, 1, 1], ["object", -2, [], 2, 2, 1, [], [], [], inner]]
    named = {
        "set": {"name": "set", "flags": {"write"}},
        "eval_ro": {"name": "eval_ro", "flags": ["readonly"]},
    }
    assert kinds(listed) == {"get": "readonly", "object|encoding": "readonly"}
    assert kinds(named) == {"set": "write"}
    resets = Resets(lambda: 5)
    assert [resets.stamp("r", {"get": 3}), resets.stamp("r", {"get": 2}), resets.stamp("r", {"get": 4})] == [
        "", " reset before 5", " reset before 5",
    ]  # fmt: skip
    assert resets.stamp("other", {"get": 1}) == ""
