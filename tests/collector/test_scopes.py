from __future__ import annotations

import sqlite3
import threading

import pytest
from sqlalchemy import select
from sqlalchemy.dialects import postgresql

from collector.errors import StoreError, StoreMismatchError, UnchangedScopeError
from collector.opening import open_store
from collector.store import engine, registry, schema, scopes
from collector.store.archive import StoreArchive
from collector.store.engine import open_engine_for_reading, sqlite_path
from collector.store.registry import Identity

pytestmark = pytest.mark.both_stores

NOW = 1_792_000_000_000


def spelled(enterprise, before, now_ms):
    """A record that only says what it was made from."""
    return f"{enterprise} after {len(before)} at {now_ms}".encode()


def declare(store, file, *, now_ms=NOW, record=spelled):
    return scopes.declare(store, file, record=record, clock=lambda: now_ms)


def trail(store):
    with store.reading() as connection:
        rows = connection.execute(select(schema.audit_trail).order_by(schema.audit_trail.c.id))
        return [(row.action, row.detail) for row in rows if row.action == "SCOPE_DECLARED"]


def test_versions_are_kept_in_order_byte_for_byte(store):
    first = declare(store, b"one\r\n\xff")
    second = declare(store, b"two", now_ms=NOW + 5)
    assert (first.version, first.declared_ms) == (1, NOW)
    assert (second.version, second.declared_ms) == (2, NOW + 5)
    kept = [
        (f"甲公司 after 0 at {NOW}".encode(), b"one\r\n\xff"),
        (f"甲公司 after 1 at {NOW + 5}".encode(), b"two"),
    ]
    assert list(second.versions) == kept
    assert StoreArchive(store).scope_versions() == kept


def test_a_store_without_a_declared_scope_has_no_versions(store):
    assert StoreArchive(store).scope_versions() == []


def test_the_audit_trail_says_what_was_declared(store):
    declare(store, b"one")
    sha256 = "7692c3ad3540bb803c020b3aee66cd8887123234ea0c6e7143c0add73ff431ed"
    assert trail(store) == [("SCOPE_DECLARED", f"version 1 sha256 {sha256}")]


def test_the_newest_file_once_more_is_refused_and_changes_nothing(store):
    declare(store, b"one")
    declare(store, b"two")
    with pytest.raises(UnchangedScopeError, match="version 2 is this very file; nothing was declared"):
        declare(store, b"two")
    assert len(StoreArchive(store).scope_versions()) == len(trail(store)) == 2
    assert declare(store, b"one").version == 3  # back to what was before is a change


def test_a_record_that_cannot_be_made_leaves_nothing_behind(store):
    def refuse(*_):
        raise ValueError("no")

    with pytest.raises(ValueError, match="no"):
        declare(store, b"one", record=refuse)
    assert (StoreArchive(store).scope_versions(), trail(store)) == ([], [])


def test_concurrent_declarations_get_distinct_versions_in_the_order_of_their_times(url, opened):
    times = iter(range(NOW, NOW + 100))
    failures = []

    def work(number):
        mine = open_store(url)
        try:
            scopes.declare(mine.store, b"%d" % number, record=spelled, clock=lambda: next(times))
        except StoreError as error:
            failures.append(error)
        finally:
            mine.store.close()

    threads = [threading.Thread(target=work, args=(number,)) for number in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert failures == []
    kept = StoreArchive(opened.store).scope_versions()
    assert [record.decode() for record, _ in kept] == [f"甲公司 after {n} at {NOW + n}" for n in range(8)]
    assert {file for _, file in kept} == {b"%d" % number for number in range(8)}


def test_on_postgresql_too_one_declaration_waits_for_the_other():
    statement = registry.identity_lock().compile(dialect=postgresql.dialect())
    assert str(statement).endswith("FOR UPDATE")


def test_a_store_that_was_never_set_up_declares_nothing(url):
    store = engine.open_engine(url)
    with pytest.raises(StoreMismatchError, match="no enterprise"):
        declare(store, b"one")
    store.close()


def test_a_declared_scope_fixes_the_enterprises_name(url, store):
    renamed = open_store(url, enterprise="乙公司")
    renamed.store.close()
    assert renamed.opened_as.enterprise == "乙公司"
    declare(store, b"one")
    with pytest.raises(StoreMismatchError, match="belongs to '乙公司' and its records say so"):
        open_store(url, enterprise="丙公司")


def test_only_a_new_store_takes_the_first_name_it_is_given(url):
    first = open_store(url, first=Identity("甲公司", "UTC"))
    first.store.close()
    again = open_store(url, first=Identity("乙公司", "Asia/Shanghai"))
    again.store.close()
    assert (first.opened_as, first.is_new) == (Identity("甲公司", "UTC"), True)
    assert (again.opened_as, again.is_new) == (Identity("甲公司", "UTC"), False)


@pytest.fixture
def old(url, monkeypatch):
    """A database as the first migration left it, with an enterprise and a host."""
    monkeypatch.setattr(engine, "HEAD", "0001")
    opened = open_store(url, enterprise="甲公司", now_ms=NOW)
    with opened.store.writing() as connection:
        registry.host_id(connection, "web-1")
    opened.store.close()
    monkeypatch.undo()
    return url


def tables(url):
    with sqlite3.connect(sqlite_path(url)) as connection:
        found = {
            name for (name,) in connection.execute("SELECT name FROM sqlite_master WHERE type = 'table'")
        }
    connection.close()
    return found


@pytest.mark.sqlite_only("a file of before")
def test_an_existing_database_is_migrated_and_keeps_what_it_has(old):
    assert "scope_version" not in tables(old)
    opened = open_store(old)
    assert opened.identity.enterprise == "甲公司"
    assert StoreArchive(opened.store).hosts() == ["web-1"]
    assert StoreArchive(opened.store).scope_versions() == []
    assert declare(opened.store, b"one").version == 1
    opened.store.close()
    assert "scope_version" in tables(old)


@pytest.mark.sqlite_only("a file of before")
def test_reading_a_database_from_before_says_what_brings_it_up_to_date(old):
    before = sqlite_path(old).read_bytes()
    with pytest.raises(
        StoreMismatchError,
        match=rf"schema version 0001, this software reads {engine.HEAD}; bring it up to date: starproof collector serve --db",
    ):
        open_engine_for_reading(old)
    assert sqlite_path(old).read_bytes() == before
    open_store(old).store.close()
    reading = open_engine_for_reading(old)
    assert StoreArchive(reading).scope_versions() == []
    reading.close()
