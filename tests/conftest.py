"""Stores for all tests: an SQLite file, or a database on a real PostgreSQL server started once.

A test marked ``both_stores`` runs on both; ``url`` is the store's and fixtures build on it.
``sqlite_only("why")`` takes one out.
"""

from __future__ import annotations

import asyncio
import gc
import os
import sqlite3
import threading
from collections import defaultdict
from contextlib import contextmanager
from pathlib import Path

import pytest

KINDS = ("sqlite", "postgresql")
COUNTING = "COVERAGE_PROCESS_CONFIG"
"""By this a new process learns from coverage.py that its lines are to be counted."""


@pytest.hookimpl(wrapper=True)
def pytest_collection():
    """Thousands of tests are collected without looking, again and again, for garbage among them: half the time."""
    gc.disable()
    try:
        return (yield)
    finally:
        gc.enable()
        gc.freeze()


@pytest.hookimpl(trylast=True)
def pytest_collection_modifyitems(items):
    """What takes longest begins first, shared among the workers: none is left alone with it at the end.

    A worker begins with one of as many parts of equal length as there are workers, and takes from another's end.
    """
    longest, others = defaultdict(list), []
    for item in items:
        takes_long = item.get_closest_marker("slow") and item.get_closest_marker("no_cover")
        (longest[item.path] if takes_long else others).append(item)
    workers = int(os.environ.get("PYTEST_XDIST_WORKER_COUNT", "1"))
    parts = [[] for _ in range(workers)]
    for number, module in enumerate(longest.values()):
        parts[number % workers] += module
    ordered = []
    for number, part in enumerate(parts):
        room = (len(items) - len(ordered)) // (workers - number) - len(part)
        ordered += part + others[: max(0, room)]
        del others[: max(0, room)]
    items[:] = ordered + others


@pytest.hookimpl(wrapper=True)
def pytest_runtest_protocol(item):
    """Processes of a test marked ``no_cover`` are not counted either: those that are killed tell nothing anyway."""
    counting = os.environ.pop(COUNTING, None) if item.get_closest_marker("no_cover") else None
    try:
        return (yield)
    finally:
        if counting is not None:
            os.environ[COUNTING] = counting


def pytest_generate_tests(metafunc):
    marked = metafunc.definition.get_closest_marker
    if "store_kind" in metafunc.fixturenames and marked("both_stores") and not marked("sqlite_only"):
        metafunc.parametrize("store_kind", KINDS, indirect=True)


@pytest.fixture(autouse=True)
def no_loop_of_another_test(request):
    """A browser that an earlier test opened keeps a loop running in this thread, where none could run beside it."""
    if "chromium" in request.fixturenames:
        yield
        return
    others = asyncio._get_running_loop()
    asyncio._set_running_loop(None)
    yield
    asyncio._set_running_loop(others)


@pytest.fixture(scope="session", autouse=True)
def schema_made_once():
    """The first new SQLite store of this process is migrated, the others are copies of what that gave.

    A file that is not empty is migrated as ever, so is a store on PostgreSQL, so is every one of another process.
    """
    try:
        from collector.store import engine
    except ImportError:  # agent and evidence are tested where there is no database
        yield
        return
    migrate, newest, turn = engine._migrate, engine.HEAD, threading.Lock()
    made = sqlite3.connect(":memory:", check_same_thread=False)

    @contextmanager
    def connected(store):
        with store.engine.connect() as connection:
            yield connection.connection.driver_connection

    def copied_or_migrated(store):
        url = store.engine.url
        if store.is_postgresql or newest != engine.HEAD or Path(url.database).stat().st_size:
            migrate(store)
            return
        with turn:
            if made.execute("SELECT count(*) FROM sqlite_schema").fetchone()[0]:
                with connected(store) as connection:
                    made.backup(connection)
            else:
                migrate(store)
                with connected(store) as connection:
                    connection.backup(made)

    engine._migrate = copied_or_migrated
    yield
    engine._migrate = migrate
    made.close()


@pytest.fixture(scope="session")
def postgres_server():
    import stores  # agent and evidence are tested where there is no database

    with stores.postgres() as server:
        yield server


@pytest.fixture(scope="session")
def postgres_store(postgres_server):
    """A database with the newest schema, emptied for each test: making one takes a hundred times as long."""
    from collector.store.engine import open_engine

    with postgres_server.database() as found:
        open_engine(found).close()
        yield found


@pytest.fixture
def store_kind(request):
    return getattr(request, "param", "sqlite")


@pytest.fixture
def url(store_kind, tmp_path, request, monkeypatch):
    """The URL of a store that is still to be set up."""
    if store_kind == "sqlite":
        yield f"sqlite:///{tmp_path / 'state' / 'starproof.db'}"
        return
    monkeypatch.setenv("STARPROOF_STATE", str(tmp_path / "state"))
    found = request.getfixturevalue("postgres_store")
    yield found
    import stores

    stores.empty(found)
