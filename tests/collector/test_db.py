"""``starproof db``: nothing is lost, nothing is overwritten, every refusal says what to do."""

from __future__ import annotations

import json
import shutil
import sqlite3
import stat
from contextlib import closing

import pytest
from sqlalchemy import text

from collector.errors import StoreBusyError, StoreError
from collector.log import keeping
from collector.opening import open_store
from collector.store import backup, copying, schema
from collector.store.archive import StoreArchive
from collector.store.contents import contents
from collector.store.engine import HEAD, open_engine, open_engine_for_reading, sqlite_path
from starproof.commands import audit as audit_command
from starproof.commands import db as command
from verifier.audit import audit

pytestmark = pytest.mark.both_stores
DAY = 86_400_000


@pytest.fixture
def filled(opened, api, token, take, clock):
    """A store with two hosts, chunks of two days, a finding, marks and checkpoints."""
    for name in ("web-1", "甲"):
        host = api.enrol(token(), name)
        assert [status for status, _ in take(*host.run(6, rows=241))] == ["stored"] * 6
    take(host.frame(1_793_462_400_000, seq=2))
    keeping.keep(opened.store, key=opened.keyring.log_key(), now_ms=clock())
    return opened


@pytest.fixture
def empty(store_kind, tmp_path, request):
    """The URL of an empty database of the other kind."""
    if store_kind == "postgresql":
        yield f"sqlite:///{tmp_path / 'state' / 'copy.db'}"
    else:
        with request.getfixturevalue("postgres_server").database() as url:
            yield url


@pytest.fixture
def fresh(store_kind, tmp_path, request):
    """The URL of an empty database of the same kind."""
    if store_kind == "sqlite":
        yield f"sqlite:///{tmp_path / 'fresh' / 'fresh.db'}"
    else:
        with request.getfixturevalue("postgres_server").database() as url:
            yield url


@pytest.fixture
def run(capsys, monkeypatch, tmp_path):
    monkeypatch.setenv("STARPROOF_STATE", str(tmp_path / "state"))

    def run(*arguments, code=0):
        assert command.main([*map(str, arguments)]) == code, capsys.readouterr()
        return capsys.readouterr()

    return run


def held(url):
    with closing(open_engine_for_reading(url)) as store, store.reading() as connection:
        return contents(connection)


def test_check_says_what_the_store_is_and_holds(run, filled, url, store_kind):
    said = run("check", "--db", url).out if store_kind == "sqlite" else run("check", "--db", url, code=1).out
    assert "chunk 12" in said
    assert f"schema version {HEAD}" in said
    if store_kind == "sqlite":
        assert "no problem found" in said
    else:
        assert "fsync=off" in said  # so the tests' server runs; a real one must not
    found = json.loads(run("check", "--db", url, "--json", code=int(store_kind != "sqlite")).out)
    assert found["log"] == {
        "size": held(url).log.size,
        "root": StoreArchive(filled.store).log.head().root.hex(),
    }
    assert "secret" not in json.dumps(found)


@pytest.mark.parametrize(
    ("damage", "words"),
    [
        ('DELETE FROM log_leaf WHERE "index" = 3', "the log's head says"),
        ("UPDATE checkpoint SET size = size + 100", "it was cut, or an old backup was restored"),
        ("UPDATE chunk SET hash = 'x' || substr(hash, 2) WHERE seq = 1", "that the log does not name"),
    ],
)
def test_check_finds_a_log_that_lost_leaves(run, filled, url, damage, words):
    with filled.store.writing() as connection:
        connection.exec_driver_sql(damage)
    assert words in run("check", "--db", url, code=1).out


@pytest.mark.sqlite_only("its pages")
def test_check_finds_a_damaged_page(run, filled, url):
    filled.store.close()
    path = sqlite_path(url)
    data = bytearray(path.read_bytes())
    with sqlite3.connect(path) as database:
        root = database.execute(
            "SELECT rootpage FROM sqlite_master WHERE name = 'ix_log_leaf_hash'"
        ).fetchone()[0]
        size = database.execute("PRAGMA page_size").fetchone()[0]
    data[(root - 1) * size + size // 2 : root * size] = bytes(size // 2)
    path.write_bytes(data)
    assert "problem: " in run("check", "--db", url, code=1).out


@pytest.mark.sqlite_only("its schema and pages")
@pytest.mark.parametrize(
    ("damage", "words"),
    [
        (
            "UPDATE sqlite_master SET sql = CAST(X'435245415445B1' AS TEXT) WHERE name = 'finding'",
            "schema is damaged",
        ),
        ("UPDATE log_leaf SET hash = CAST(X'B1' AS TEXT) WHERE \"index\" = 2", "UTF-8"),
        ("UPDATE log_node SET hash = NULL", "NULL value in log_node.hash"),
        ("UPDATE enrolment SET record = NULL", "NULL value in enrolment.record"),
    ],
)
def test_an_audit_of_a_damaged_store_ends_in_one_line(filled, url, damage, words, capsys):
    filled.store.close()
    with closing(sqlite3.connect(sqlite_path(url), isolation_level=None)) as database:
        database.execute("PRAGMA writable_schema = ON")
        # what a damaged page can hold although the schema says otherwise
        kept = database.execute("SELECT name, sql FROM sqlite_master WHERE sql LIKE '%NOT NULL%'").fetchall()
        database.execute(
            "UPDATE sqlite_master SET sql = replace(sql, 'NOT NULL', '') WHERE name NOT LIKE 'sqlite%'"
        )
        database.execute("PRAGMA writable_schema = RESET")
        database.execute("PRAGMA writable_schema = ON")
        database.executemany(
            "UPDATE sqlite_master SET sql = ? WHERE name = ?", [(sql, name) for name, sql in kept]
        )
        database.execute(damage)
    assert audit_command.main(["--db", url]) == 1
    said = capsys.readouterr()
    assert words in said.out + said.err
    assert "Traceback" not in said.err


@pytest.mark.sqlite_only("its integrity check")
def test_a_mistake_of_the_program_is_not_taken_for_damage(filled):
    with pytest.raises(TypeError, match="ours"), filled.store.reading():
        raise TypeError("ours")


def test_migrate_makes_a_store_and_says_from_where_to_where(run, fresh):
    assert f"无 none → {HEAD}" in run("migrate", "--db", fresh).out
    assert json.loads(run("migrate", "--db", fresh, "--json").out) == {
        "schema": "starproof/db-migrated/1",
        "from": HEAD,
        "to": HEAD,
    }


def test_a_backup_of_a_store_in_use_is_restored_with_everything(run, filled, url, fresh, tmp_path):
    before = held(url)
    file = tmp_path / "starproof.backup"
    with filled.store.reading() as connection:
        connection.execute(text("SELECT 1"))
        assert "the keys are not in it" in run("backup", file, "--db", url).err
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert [path.name for path in tmp_path.glob("starproof.backup*")] == [file.name]
    said = run("restore", file, "--db", fresh)
    assert "what came after the backup is not in it" in said.err
    assert held(fresh) == before
    with closing(open_engine(fresh)) as store:
        assert audit(StoreArchive(store)).findings == audit(StoreArchive(filled.store)).findings


def test_a_backup_and_a_restore_overwrite_nothing(run, filled, url, tmp_path):
    file = tmp_path / "starproof.backup"
    run("backup", file, "--db", url)
    kept = file.read_bytes()
    assert "overwrites nothing" in run("backup", file, "--db", url, code=1).err
    assert "overwrites nothing" in run("restore", file, "--db", url, code=1).err
    assert file.read_bytes() == kept


def test_what_is_no_backup_or_of_the_other_kind_is_refused(run, filled, empty, fresh, tmp_path):
    url = filled.store.engine.url.render_as_string(hide_password=False)
    file = tmp_path / "starproof.backup"
    run("backup", file, "--db", url)
    assert "then starproof db copy" in run("restore", file, "--db", empty, code=1).err
    (tmp_path / "x").write_bytes(b"hello")
    assert "is no backup" in run("restore", tmp_path / "x", "--db", fresh, code=1).err
    assert "cannot read" in run("restore", tmp_path / "none", "--db", fresh, code=1).err
    torn = tmp_path / "torn"
    torn.write_bytes(file.read_bytes()[: file.stat().st_size // 2])
    run("restore", torn, "--db", fresh, code=1)
    with closing(open_engine(fresh)) as store, store.writing() as connection:
        copying.require_empty(connection)


def test_without_the_programs_of_postgresql_a_backup_says_what_to_install(
    run, postgres_store, tmp_path, monkeypatch
):
    monkeypatch.setattr(backup, "_PROGRAMS", tmp_path)
    monkeypatch.setenv("PATH", "")
    said = run("backup", tmp_path / "x", "--db", postgres_store, code=1).err
    assert "apt install postgresql-client" in said
    assert list(tmp_path.glob("x*")) == []


def test_a_store_is_copied_to_the_other_kind_and_goes_on_there(run, filled, url, empty):
    before = held(url)
    said = run("copy", "--from", url, "--to", empty)
    assert "copied, and read back the same" in said.out
    assert held(empty) == before == held(url)
    with closing(open_store(empty).store) as store:
        assert StoreArchive(store).log.head() == StoreArchive(filled.store).log.head()
        with store.writing() as connection:
            number = connection.scalar(text("SELECT max(id) FROM host"))
            connection.execute(schema.host.insert().values(name="new"))
            assert connection.scalar(text("SELECT max(id) FROM host")) == number + 1
        rows = lambda one: sorted(StoreArchive(one).day_sums(0, 4_000_000), key=str)  # noqa: E731 - one line
        assert rows(store) == rows(filled.store) != []


def test_a_copy_goes_into_an_empty_store_only_and_is_all_or_nothing(run, filled, url, empty, monkeypatch):
    real = copying._require_same

    def fail(writer, table, sent):
        if table is schema.log_leaf:
            raise StoreError("the power went")
        real(writer, table, sent)

    monkeypatch.setattr(copying, "_require_same", fail)
    assert "the power went" in run("copy", "--from", url, "--to", empty, code=1).err
    monkeypatch.undo()
    with closing(open_engine(empty)) as store, store.writing() as connection:
        copying.require_empty(connection)
        connection.execute(schema.host.insert().values(name="somebody"))
    with closing(open_engine(url)) as source, closing(open_engine(empty)) as target:  # noqa: SIM117 - three in a line
        with pytest.raises(StoreError, match="rows in host already"):
            copying.copy(source, target, progress=lambda *_: None)


@pytest.mark.sqlite_only("only SQLite keeps a float in a column of integers")
def test_a_value_that_the_target_cannot_hold_as_it_is_stops_the_copy(run, filled, url, empty):
    with filled.store.writing() as connection:
        connection.exec_driver_sql("UPDATE day_sum SET whole = 1.5")
    assert "reads back otherwise" in run("copy", "--from", url, "--to", empty, code=1).err


@pytest.mark.sqlite_only("on PostgreSQL the keys lie in the state directory")
def test_a_copy_waits_for_the_keys_to_be_copied(run, filled, empty, monkeypatch, tmp_path):
    url = filled.store.engine.url.render_as_string()
    monkeypatch.setenv("STARPROOF_STATE", str(tmp_path / "elsewhere"))
    assert "copy them first: install -d" in run("copy", "--from", url, "--to", empty, code=1).err
    shutil.copytree(tmp_path / "state", tmp_path / "elsewhere")
    run("copy", "--from", url, "--to", empty, "--no-audit", "--json")


def test_a_database_that_would_sort_otherwise_is_refused(run, postgres_server):
    made = "ENCODING 'SQL_ASCII' LC_COLLATE 'C' LC_CTYPE 'C' TEMPLATE template0"
    with postgres_server.database(made) as url:
        assert "createdb --encoding UTF8" in run("migrate", "--db", url, code=1).err


def test_postgresqls_refusals_are_explained_without_a_password(run, postgres_server):
    good = postgres_server.url("postgres")
    for wrong, words in (
        (good.replace(str(postgres_server.port), "1"), "cannot use the database"),
        (good.replace("secret", "wrong"), "password authentication failed"),
        (good.replace("/postgres", "/nobody"), "does not exist"),
        (good, "is not a store of the collector"),
    ):
        said = run("check", "--db", wrong, code=1).err
        assert words in said
        assert "secret" not in said
        assert "wrong" not in said
        assert said.count("\n") == 1


def test_who_writes_alone_keeps_ingest_waiting_and_ingest_goes_on_beside_ingest(postgres_store, monkeypatch):
    monkeypatch.setattr("collector.store.postgresql.BUSY_TIMEOUT_S", 1)
    with closing(open_engine(postgres_store)) as one, closing(open_engine(postgres_store)) as two:
        with one.writing_beside(), two.writing_beside() as connection:
            assert connection.scalar(text("SELECT count(*) FROM pg_locks WHERE locktype = 'advisory'")) == 2
        with one.writing(), pytest.raises(StoreBusyError, match="try again"), two.writing_beside():
            pass


def test_a_reader_on_postgresql_has_one_view_and_writes_nothing(postgres_store):
    with closing(open_engine(postgres_store)) as store, store.reading() as connection:
        shown = [
            connection.scalar(text(f"SHOW {name}"))
            for name in ("transaction_isolation", "transaction_read_only")
        ]
        assert shown == ["repeatable read", "on"]
    with closing(open_engine(postgres_store)) as store, store.writing() as connection:
        shown = [
            connection.scalar(text(f"SHOW {name}"))
            for name in ("transaction_isolation", "synchronous_commit")
        ]
        assert shown == ["read committed", "on"]
