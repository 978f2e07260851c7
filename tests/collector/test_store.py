from __future__ import annotations

import os
import sqlite3
import stat
import subprocess
import sys
import threading
from contextlib import closing
from pathlib import Path

import pytest
from alembic.autogenerate import compare_metadata
from alembic.config import Config
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy.engine import URL

from collector.errors import KeyFileError, StoreBusyError, StoreError, StoreMismatchError
from collector.keyring import Keyring
from collector.opening import open_store
from collector.store import engine, partitions, registry, schema, sqlite
from collector.store.archive import StoreArchive
from collector.store.engine import HEAD, open_engine, open_engine_for_reading, sqlite_path, stored_bytes
from evidence.errors import MalformedError

pytestmark = pytest.mark.both_stores

NOW = 1_800_000_000_000


def test_the_migrated_schema_is_the_one_in_the_code(store):
    with store.reading() as connection:
        known = lambda name, kind, _: kind != "table" or not partitions.is_partition(name)  # noqa: E731 - one line
        context = MigrationContext.configure(connection, opts={"compare_type": True, "include_name": known})
        assert compare_metadata(context, schema.metadata) == []


def test_the_newest_migration_is_the_one_that_opening_asks_for():
    config = Config()
    config.set_main_option("script_location", str(Path(engine.__file__).with_name("migrations")))
    assert ScriptDirectory.from_config(config).get_current_head() == HEAD


@pytest.mark.sqlite_only("its pragmas")
def test_sqlite_is_opened_durably(store):
    with store.reading() as connection:
        value = lambda name: connection.exec_driver_sql(f"PRAGMA {name}").scalar()  # noqa: E731 - one line
        assert (value("journal_mode"), value("synchronous"), value("foreign_keys")) == ("wal", 2, 1)


@pytest.mark.sqlite_only("its file")
def test_another_process_that_closes_a_new_store_takes_nothing_from_the_first(url):
    """Who opens the store's file beside SQLite loses the locks that keep its write-ahead log."""
    first = open_store(url, enterprise="甲公司", now_ms=NOW)
    path = sqlite_path(url)
    look = f"import sqlite3; c = sqlite3.connect({str(path)!r}); c.execute('select * from meta').fetchall(); c.close()"
    subprocess.run([sys.executable, "-c", look], check=True)
    with first.store.writing() as connection:
        connection.execute(schema.meta.insert().values(key="after", value="kept"))
    with closing(sqlite3.connect(path)) as fresh:
        assert fresh.execute("select value from meta where key = 'after'").fetchone() == ("kept",)
    first.store.close()


def test_opening_again_keeps_everything(url):
    open_store(url, enterprise="甲公司", now_ms=NOW).store.close()
    opened = open_store(url)
    assert opened.identity.enterprise == "甲公司"
    assert opened.identity.timezone == "Asia/Shanghai"
    opened.store.close()


def test_a_closed_store_is_not_opened_again_by_a_question(url):
    opened = open_store(url, enterprise="甲公司")
    opened.store.close()
    opened.store.close()
    with pytest.raises(StoreError, match="open it again"):
        _ = opened.identity


def test_a_fresh_store_has_a_name_and_a_zone(url):
    opened = open_store(url)
    archive = StoreArchive(opened.store)
    assert (archive.enterprise, archive.timezone) == ("未命名企业", "Asia/Shanghai")
    assert (archive.hosts(), archive.enrolments(), archive.findings()) == ([], [], [])
    assert list(archive.chunks("nobody", 0, 1)) == []
    opened.store.close()


def test_threads_that_open_a_fresh_store_together_all_succeed(url):
    failures = []

    def work():
        try:
            open_store(url).store.close()
        except StoreError as error:
            failures.append(error)

    threads = [threading.Thread(target=work) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert failures == []


def test_a_store_of_a_newer_version_is_refused(store, url):
    with store.writing() as connection:
        connection.exec_driver_sql("UPDATE alembic_version SET version_num = '9999'")
    with pytest.raises(StoreMismatchError, match="newer"):
        open_engine(url)


def test_an_empty_store_has_no_archive(url):
    store = open_engine(url)
    with pytest.raises(StoreMismatchError, match="no enterprise"):
        StoreArchive(store)
    store.close()


def test_the_enterprise_and_zone_may_change_until_something_depends_on_them(url, web, store, take):
    with pytest.raises(StoreMismatchError, match="甲公司"):
        open_store(url, enterprise="乙公司")
    opened = open_store(url, timezone="UTC")
    assert opened.identity.timezone == "UTC"
    opened.store.close()
    assert take(web.next(NOW - 100 * 86_400_000)) == [("stored", "")]
    with pytest.raises(StoreMismatchError, match="days of UTC"):
        open_store(url, timezone="Asia/Shanghai")
    with pytest.raises(MalformedError, match="time zone"):
        open_store(url, timezone="Mars/Base")


@pytest.mark.parametrize(
    ("wrong", "words"),
    [
        ("starproof.db", "takes a database URL"),
        ("sqlite://", "must be a file"),
        ("sqlite:///:memory:", "must be a file"),
        ("nothing://x/y", "no driver"),
        ("sqlite:////proc/nothing/starproof.db", "cannot make the directory"),
    ],
)
def test_a_database_that_cannot_be_opened_is_explained(wrong, words):
    with pytest.raises(StoreError, match=words):
        open_engine(wrong)


def test_a_file_that_is_no_database_is_explained(tmp_path):
    (tmp_path / "x.db").write_bytes(b"not a database, and long enough to be looked at" * 100)
    with pytest.raises(StoreError, match="not a database"):
        open_engine(f"sqlite:///{tmp_path / 'x.db'}")


def test_reading_does_not_make_a_store(tmp_path):
    path = tmp_path / "new" / "x.db"
    with pytest.raises(StoreError, match=r"no store at .*x\.db; give --db URL.*starproof collector serve"):
        open_engine_for_reading(f"sqlite:///{path}")
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("journal", ["delete", "wal"])
@pytest.mark.parametrize("tables", [(), ("notes",), ("alembic_version", "meta")])
def test_a_foreign_database_is_refused_and_not_changed_by_a_byte(tmp_path, journal, tables):
    path = tmp_path / "a ?%20#.db"
    with sqlite3.connect(path) as foreign:
        foreign.execute(f"PRAGMA journal_mode={journal}").close()
        for name in tables:
            foreign.execute(f"CREATE TABLE {name} (x)")
    foreign.close()
    before = path.read_bytes()
    with pytest.raises(StoreError, match="is not a store of the collector"):
        open_engine_for_reading(URL.create("sqlite", database=str(path)).render_as_string())
    assert path.read_bytes() == before
    assert [item.name for item in tmp_path.iterdir()] == [path.name]


@pytest.mark.sqlite_only("its file")
@pytest.mark.parametrize(
    ("change", "words"),
    [
        (
            "UPDATE alembic_version SET version_num = '0000'",
            "version 0000.*: starproof collector serve --db ",
        ),
        ("DELETE FROM alembic_version", "version none.*: starproof collector serve --db "),
        ("UPDATE alembic_version SET version_num = '9999'", "install the newer one"),
    ],
)
def test_reading_migrates_nothing_and_says_who_does(store, url, change, words):
    with store.writing() as connection:
        connection.exec_driver_sql(change)
    store.close()
    before = sqlite_path(url).read_bytes()
    with pytest.raises(StoreMismatchError, match=words):
        open_engine_for_reading(url)
    assert sqlite_path(url).read_bytes() == before


def test_a_store_opened_for_reading_shows_everything_and_refuses_to_be_written(store, url):
    reading = open_engine_for_reading(url)
    with store.writing() as connection:
        registry.host_id(connection, "web-1")
    assert StoreArchive(reading).hosts() == ["web-1"]
    with pytest.raises(StoreError, match=r"readonly|read-only"), reading.writing() as connection:
        registry.host_id(connection, "web-2")
    reading.close()
    store.close()
    path = sqlite_path(url)
    assert path is None or [item.name for item in path.parent.iterdir()] == ["starproof.db"]


def test_threads_share_a_store_opened_for_reading(store, url):
    reading = open_engine_for_reading(url)
    names = []
    threads = [
        threading.Thread(target=lambda: names.append(StoreArchive(reading).enterprise)) for _ in range(4)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    reading.close()
    assert names == ["甲公司"] * 4


@pytest.mark.parametrize("wrong", ["starproof.db", "sqlite://", "nothing://x/y"])
def test_a_database_that_cannot_be_opened_for_reading_is_explained(wrong):
    with pytest.raises(StoreError):
        open_engine_for_reading(wrong)


def test_a_password_in_the_url_is_not_shown():
    with pytest.raises(StoreError) as error:
        open_engine("nothing://user:secret@host/db")
    assert "secret" not in str(error.value)


@pytest.mark.sqlite_only("its file")
def test_a_locked_store_says_that_it_is_busy(store, url, monkeypatch):
    other = sqlite3.connect(sqlite_path(url), isolation_level=None)
    other.execute("BEGIN IMMEDIATE")
    monkeypatch.setattr(sqlite, "BUSY_TIMEOUT_S", 0)
    store.engine.dispose()
    with pytest.raises(StoreBusyError), store.writing():
        pass
    other.execute("ROLLBACK")
    other.close()


def test_a_missing_table_is_an_error_without_the_statement(store):
    with pytest.raises(StoreError) as error, store.reading() as connection:
        connection.exec_driver_sql("SELECT * FROM nothing WHERE x = 'secret'")
    assert "secret" not in str(error.value)


def test_a_broken_rule_of_the_database_undoes_the_whole_transaction(store):
    def add_twice():
        with store.writing() as connection:
            registry.host_id(connection, "web-1")
            connection.execute(schema.host.insert().values(name="web-1"))

    with pytest.raises(StoreError, match=r"UNIQUE constraint failed|duplicate key value violates unique"):
        add_twice()
    assert StoreArchive(store).hosts() == []


def test_hosts_and_chunks_come_sorted(api, token, store, take):
    hosts = [api.enrol(token(), name) for name in ("web-2", "甲", "web-1")]
    for host in hosts:
        take(*host.run(3))
    archive = StoreArchive(store)
    assert archive.hosts() == ["web-1", "web-2", "甲"]
    assert [signed.enrolment.host for signed in archive.enrolments()] == ["web-1", "web-2", "甲"]
    first = 1_793_462_400_000
    assert [c.seq for c in archive.chunks("web-1", first, first + 86_400_000)] == [0, 1, 2]
    assert [c.seq for c in archive.chunks("web-1", first + 601_000, first + 700_000)] == [1]
    assert [c.enrolment for c in archive.chunks("甲", 0, 2**52)] == [hosts[1].enrolment] * 3


@pytest.mark.sqlite_only("its file")
def test_the_stores_size_is_that_of_its_files(store, url):
    assert stored_bytes(store) >= sqlite_path(url).stat().st_size
    assert sqlite_path("postgresql://localhost/x") is None


def test_nobody_but_its_owner_may_read_the_database_and_the_files_beside_it(tmp_path):
    before = os.umask(0o022)
    try:
        opened = open_store(f"sqlite:///{tmp_path / 's.db'}")
    finally:
        os.umask(before)
    with opened.store.reading():
        modes = {path.name: stat.S_IMODE(path.stat().st_mode) for path in tmp_path.glob("s.db*")}
    opened.store.close()
    assert modes == {"s.db": 0o600, "s.db-wal": 0o600, "s.db-shm": 0o600}


def test_keys_are_made_once_and_only_for_the_owner(tmp_path):
    ring = Keyring(tmp_path / "keys")
    log, imports = ring.log_key(), ring.import_key()
    assert log.seed != imports.seed
    assert ring.log_key().seed == log.seed
    path = tmp_path / "keys" / "log.key"
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert path.read_text().strip() == log.seed.hex()
    assert (tmp_path / "keys" / "log.pub").read_text().strip() == log.public.raw.hex()
    assert sorted(p.name for p in path.parent.iterdir()) == ["import.key", "import.pub", "log.key", "log.pub"]


def test_threads_that_make_a_key_together_get_the_same(tmp_path):
    seeds = []
    ring = Keyring(tmp_path)
    threads = [threading.Thread(target=lambda: seeds.append(ring.log_key().seed)) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(seeds) == 8
    assert len(set(seeds)) == 1


@pytest.mark.parametrize("text", ["", "zz" * 32, "00" * 31, "00" * 33, "\xff" * 64])
def test_a_damaged_key_is_not_replaced(tmp_path, text):
    path = tmp_path / "log.key"
    path.write_text(text, encoding="latin-1")
    path.chmod(0o600)
    with pytest.raises(KeyFileError, match="64 hex digits"):
        Keyring(tmp_path).log_key()
    assert path.read_text(encoding="latin-1") == text


def test_a_key_that_others_may_read_is_refused(tmp_path):
    Keyring(tmp_path).log_key()
    (tmp_path / "log.key").chmod(0o640)
    with pytest.raises(KeyFileError, match="chmod 600"):
        Keyring(tmp_path).log_key()


def test_a_public_half_of_another_key_is_refused(tmp_path):
    Keyring(tmp_path).log_key()
    (tmp_path / "log.pub").write_text("00" * 32)
    with pytest.raises(KeyFileError, match="not the public half"):
        Keyring(tmp_path).log_key()


def test_a_key_that_is_gone_is_asked_for_and_no_other_is_made(tmp_path):
    Keyring(tmp_path).log_key()
    (tmp_path / "log.key").unlink()
    with pytest.raises(KeyFileError, match=r"log\.key is gone, but log\.pub is still there; put it back"):
        Keyring(tmp_path).log_key()
    (tmp_path / "log.pub").unlink()
    with pytest.raises(KeyFileError, match="the log of this store was begun with it"):
        Keyring(tmp_path, lambda: True).log_key()
    assert list(tmp_path.iterdir()) == []


def test_a_key_directory_that_cannot_be_made_is_explained():
    with pytest.raises(KeyFileError, match="cannot use the key file"):
        Keyring(Path("/proc/nothing")).log_key()
