"""Exactly one process polls an account: files on SQLite, advisory locks on a real PostgreSQL."""

from __future__ import annotations

import contextlib
import os
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from sqlalchemy import text

from collector.errors import StoreError
from collector.opening import open_store
from collector.store.locks import alone, lock_number

ROOT = Path(__file__).resolve().parents[2]
HOLDER = """
import sys, time
from pathlib import Path
from collector.opening import open_store
from collector.store.locks import alone
opened = open_store(sys.argv[1])
with alone(opened.store, "polling-main", directory=Path(sys.argv[2])) as check:
    print("held" if check else "refused", flush=True)
    time.sleep(60)
"""


def holder(url, directory):
    process = subprocess.Popen(
        [sys.executable, "-c", HOLDER, url, str(directory)],
        stdout=subprocess.PIPE,
        text=True,
        cwd=ROOT,
        env={**os.environ, "PYTHONPATH": os.pathsep.join((str(ROOT), os.environ.get("PYTHONPATH", "")))},
    )
    return process, process.stdout.readline().strip()


def reaped(process):
    process.kill()
    process.wait()
    process.stdout.close()


def test_a_second_one_is_refused_and_the_lock_is_free_afterwards(bench):
    def lock(name="polling-main"):
        return alone(bench.opened.store, name, directory=bench.directory)

    with lock() as first:
        assert first is not None
        first()
        with lock() as second, lock("polling-other") as other:
            assert second is None
            assert other is not None
    with lock() as again:
        assert again is not None


def test_a_killed_holder_frees_the_lock_at_once(bench, url):
    process, said = holder(url, bench.directory)
    try:
        assert said == "held"
        with alone(bench.opened.store, "polling-main", directory=bench.directory) as check:
            assert check is None
    finally:
        reaped(process)
    with alone(bench.opened.store, "polling-main", directory=bench.directory) as check:
        assert check is not None


def test_a_directory_that_is_not_there_is_named(bench, tmp_path):
    with (
        pytest.raises(StoreError, match="cannot use the lock file"),
        alone(bench.opened.store, "x", directory=tmp_path / "none"),
    ):
        pass


def test_a_poller_leaves_an_account_to_another_process(bench, url):
    process, said = holder(url, bench.directory)
    try:
        assert said == "held"
        report = bench.poll()
        assert (report.elsewhere, bench.fake.asked) == (True, [])
    finally:
        reaped(process)


def test_two_pollers_at_once_seal_every_point_once(bench):
    bench.fake.pause_s = 0.05
    with ThreadPoolExecutor(2) as pool:
        reports = list(pool.map(lambda _: bench.poll(), range(2)))
    assert sorted(report.elsewhere for report in reports) in ([False, True], [False, False])
    bench.sealed()


@pytest.fixture
def postgres(postgres_server):
    """The URL of an empty database on a real server."""
    with postgres_server.database() as url:
        yield url


def test_on_postgresql_the_lock_ends_with_its_session(postgres, tmp_path, monkeypatch):
    monkeypatch.setenv("STARPROOF_STATE", str(tmp_path))
    opened = open_store(postgres, enterprise="甲公司")
    process = None
    try:
        with alone(opened.store, "polling-main", directory=tmp_path) as check:
            assert check is not None
            check()
            with alone(opened.store, "polling-main", directory=tmp_path) as second:
                assert second is None
        process, said = holder(postgres, tmp_path)
        assert said == "held"
        with alone(opened.store, "polling-main", directory=tmp_path) as check:
            assert check is None
        reaped(process)
        deadline = time.monotonic() + 20
        held = None
        while held is None and time.monotonic() < deadline:
            with alone(opened.store, "polling-main", directory=tmp_path) as held:
                time.sleep(0.05)
        assert held is not None
    finally:
        opened.store.close()


def test_on_postgresql_a_lost_session_ends_the_run(postgres, tmp_path, monkeypatch):
    monkeypatch.setenv("STARPROOF_STATE", str(tmp_path))
    opened = open_store(postgres)
    try:
        with (
            contextlib.suppress(ZeroDivisionError),
            alone(opened.store, "polling-x", directory=tmp_path) as check,
        ):
            with opened.store.writing() as connection:
                connection.execute(
                    text(
                        "SELECT pg_terminate_backend(pid) FROM pg_locks WHERE locktype = 'advisory' AND pid <> pg_backend_pid()"
                    )
                )
            with pytest.raises(StoreError, match="the connection that held the lock is gone"):
                check()
            divmod(1, 0)  # a run ends with an error
        with alone(opened.store, "polling-x", directory=tmp_path) as check:
            assert check is not None
    finally:
        opened.store.close()


def test_polling_on_postgresql_seals_every_point_once(postgres, tmp_path, monkeypatch):
    import sources.fake as fakes
    from polling_bench import bench_of

    monkeypatch.setenv("STARPROOF_STATE", str(tmp_path))
    opened = open_store(postgres, enterprise="甲公司")
    try:
        bench = bench_of(opened, tmp_path)
        bench.fake.keeps = (fakes.Retention(5 * fakes.MINUTE, fakes.DAY),)
        bench.fake.pause_s = 0.2
        with ThreadPoolExecutor(2) as pool:
            reports = list(pool.map(lambda _: bench.poll(), range(2)))
        assert sorted(report.elsewhere for report in reports) == [False, True]
        bench.clock.now_ms += fakes.HOUR
        bench.fake.pause_s = 0
        assert bench.poll().counts.sealed == 24
        bench.sealed()
    finally:
        opened.store.close()


def test_on_postgresql_no_point_is_sealed_twice_even_without_the_lock(postgres, tmp_path, monkeypatch):
    import sources.fake as fakes
    from polling_bench import bench_of

    @contextlib.contextmanager
    def always(_store, _name, *, directory):
        assert directory == tmp_path
        yield lambda: None

    monkeypatch.setenv("STARPROOF_STATE", str(tmp_path))
    monkeypatch.setattr("collector.polling.poller.alone", always)
    opened = open_store(postgres, enterprise="甲公司")
    try:
        bench = bench_of(opened, tmp_path)
        names = [f"twice-{number}" for number in range(12)]
        bench.fake.instances = [fakes.machine(name) for name in names]
        bench.fake.keeps = (fakes.Retention(5 * fakes.MINUTE, fakes.DAY),)
        account = bench.account(alias="twice")
        bench.poll(account)
        bench.clock.now_ms += 5 * fakes.HOUR
        bench.fake.pause_s = 0.5  # an answer takes long enough for the others to ask too
        with ThreadPoolExecutor(3) as pool:
            list(pool.map(lambda _: bench.poll(account, only_due=True), range(3)))
        assert len(bench.fake.asked) > 2, "several have asked for the same"
        assert {name for name, _ in bench.sealed()} >= set(names)
    finally:
        opened.store.close()


def test_a_postgresql_that_is_gone_is_told(tmp_path):
    pytest.importorskip("psycopg", reason="the PostgreSQL driver psycopg is not installed")
    from sqlalchemy import create_engine

    from collector.store.engine import Store

    store = Store(create_engine("postgresql+psycopg://nobody@127.0.0.1:1/none"))
    with pytest.raises(StoreError, match="cannot be asked for a lock"), alone(store, "x", directory=tmp_path):
        pass
    store.close()


def test_lock_numbers_fit_64_bits_and_differ():
    numbers = {lock_number(f"polling-{name}") for name in range(100)}
    assert len(numbers) == 100
    assert all(-(2**63) <= number < 2**63 for number in numbers)
