"""An audit by one process and by several says the same, byte for byte, and of one instant of the store."""

from __future__ import annotations

import json
import os
import signal
from contextlib import closing

import pytest
from sqlalchemy import text

from collector.errors import StoreError, StoreMovedError
from collector.store.engine import open_engine, open_engine_for_reading
from collector.store.instant import Moment, at_moment, at_one_instant
from starproof.auditing import pieces, processes
from starproof.auditing.errors import AuditError
from starproof.commands import audit as command
from starproof.tables import json_text
from verifier.host_audit import HostsAudited, Piece

FOUND = {"DAY_SUM_DIFFERS", "CHUNK", "SEQ_MISSING"}
FOUND_IN_LOG = {"LOG_ROOT", "LOG_RECORD", "LOG_LEAF_MISSING"}


@pytest.fixture(params=["damaged", "damaged_file"])
def store(request):
    return request.getfixturevalue(request.param)


def said(capsys, url, *options, status=1):
    capsys.readouterr()
    assert command.main(["--db", url, "--json", *options]) == status
    return capsys.readouterr().out


@pytest.mark.parametrize("month", [None, "2026-11"])
def test_one_process_says_what_an_audit_without_pieces_says(store, alone, capsys, month):
    expected = alone(store, month)
    document = json.loads(said(capsys, store, "--workers", "1", *(["--month", month] if month else [])))
    document.pop("recorded")
    assert json_text(document) == json_text(expected.document())
    assert {finding.code for finding in expected.findings} == (FOUND if month else FOUND | FOUND_IN_LOG)


def test_several_processes_say_the_same_bytes(store, capsys):
    assert said(capsys, store, "--workers", "2") == said(capsys, store, "--workers", "1")


def test_a_small_store_is_audited_by_one_process(store, capsys, monkeypatch):
    monkeypatch.setattr(command, "by_processes", None)
    assert json.loads(said(capsys, store))["hosts"] == 8


def test_a_large_one_by_one_for_each_processor(damaged_file, capsys, monkeypatch):
    asked = []

    def by_processes(store, _moment, *, url, count):
        asked.append((url, count))
        return lambda work: (pieces.audited(store, piece) for piece in work)

    monkeypatch.setattr(command, "by_processes", by_processes)
    monkeypatch.setattr(command, "SMALL_CHUNKS", 30)
    monkeypatch.setattr(os, "cpu_count", lambda: 3)
    said(capsys, damaged_file)
    assert asked == [(damaged_file, 3)]


@pytest.mark.parametrize("count", ["0", "65", "two"])
def test_a_number_of_processes_that_is_none_is_wrong_usage(count, capsys):
    with pytest.raises(SystemExit):
        command.main(["--workers", count])
    assert "1 to 64" in capsys.readouterr().err


def test_hosts_are_split_for_the_workers_in_order_and_each_once():
    hosts = [f"{number:03}" for number in range(100)]
    for workers in (1, 3, 50):
        parts = pieces.split(hosts, workers)
        assert [host for part in parts for host in part] == hosts
        assert len(parts) >= min(len(hosts), workers)
        assert max(map(len, parts)) <= pieces.MOST_HOSTS
    assert pieces.split([], 2) == []


def grow(url, statement="INSERT INTO dropped_month VALUES (200001, 0, '', '', 0, 0)"):
    with closing(open_engine(url)) as store, store.writing() as connection:
        connection.execute(text(statement))


def test_what_comes_in_meanwhile_is_not_audited_by_processes_either(store):
    """Of SQLite the process finds the store moved, and this one goes on with what it sees."""
    piece = Piece(("web-1", "web-2"))
    with closing(open_engine_for_reading(store)) as found, at_one_instant(found) as (now, moment):
        expected = pieces.audited(now, piece)
        grow(store)
        try:
            with closing(open_engine_for_reading(store)) as other:
                if store.startswith("sqlite"):
                    with (
                        pytest.raises(StoreMovedError, match="written to it meanwhile"),
                        at_moment(other, moment),
                    ):
                        pass
                else:
                    with at_moment(other, moment) as then:
                        assert pieces.audited(then, piece) == expected
            (done,) = processes.by_processes(now, moment, url=store, count=1)([piece])
            assert done == expected
        finally:
            grow(store, "DELETE FROM dropped_month")


def test_a_moment_of_another_database_is_refused(damaged, postgres_server):
    with postgres_server.database() as url, closing(open_engine(url)) as other:
        with (
            closing(open_engine_for_reading(damaged)) as store,
            at_one_instant(store) as (_, moment),
            pytest.raises(StoreError, match="snapshot"),
            at_moment(other, moment),
        ):
            pass
        with (
            pytest.raises(StoreError, match="invalid"),
            at_moment(other, Moment("", "'; DROP TABLE host; --")),
        ):
            pass


def ended(_order, _url) -> HostsAudited:
    os.kill(os.getpid(), signal.SIGKILL)
    raise AssertionError


def test_a_process_that_is_ended_from_outside_is_told_with_what_to_do(damaged_file, monkeypatch):
    monkeypatch.setattr(processes, "_work", ended)
    with closing(open_engine_for_reading(damaged_file)) as store, at_one_instant(store) as (now, moment):
        run = processes.by_processes(now, moment, url=damaged_file, count=1)
        with pytest.raises(AuditError, match="--workers 1"):
            list(run([Piece(("web-1",)), Piece(("web-2",))]))
