"""What earlier versions said and kept is taken by this one: their requests, stores, spools and files.

The recordings in the folders beside this file were made by ``record.py`` with the version that names the
folder, and are never made anew.
"""

from __future__ import annotations

import base64
import contextlib
import io
import json
import lzma
import sqlite3
import tarfile
import warnings
from datetime import datetime
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest
from packs import EDITION
from record import ENTERPRISE, HOST, digest_of
from scripted_server import scripted_server
from standalone import checked_alone, disagreement

from agent.board import Board
from agent.config import load
from agent.courier import delivery_of
from agent.events import Events
from agent.receipts import Receipts
from agent.run import _spool
from agent.schedule import Schedule
from agent.state import State
from agent.status import report
from collector import tokens
from collector.file_command import import_file
from collector.http.app import create_app
from collector.log import keeping
from collector.opening import open_store
from collector.store import schema
from collector.store.archive import StoreArchive
from collector.store.engine import HEAD
from evidence.keys import PublicKey
from verifier import layout
from verifier.anchors.interface import NOTHING
from verifier.audit import audit
from verifier.check import check
from verifier.derivation import Declared
from verifier.edition_file import parse_edition
from verifier.pack import Rules, write_pack

with warnings.catch_warnings():
    warnings.simplefilter("ignore")
    from starlette.testclient import TestClient

RECORDINGS = sorted(one for one in Path(__file__).parent.iterdir() if (one / "tables.json").is_file())
HOUR = 3_600_000
LEFT = 5
"""Chunks of the agent that nobody had taken when it was recorded."""


@pytest.fixture(params=RECORDINGS, ids=lambda folder: folder.name)
def recording(request):
    return request.param


@pytest.fixture
def old_store(recording, tmp_path):
    """The place of the recorded store with its keys, as the old version left it."""
    folder = tmp_path / "collector"
    folder.mkdir(mode=0o700)
    path = folder / "starproof.db"
    path.write_bytes(lzma.decompress((recording / "store.db.xz").read_bytes()))
    for name, text in json.loads((recording / "keys.json").read_text("utf-8")).items():
        (folder / name).write_text(text)
        (folder / name).chmod(0o600)
    return path


@pytest.fixture
def migrated(old_store):
    opened = open_store(f"sqlite:///{old_store}")
    yield opened
    opened.store.close()


@pytest.fixture
def state(recording, tmp_path):
    with tarfile.open(recording / "state.tar.xz") as archive:
        archive.extractall(tmp_path, filter="data")
    return State(str(tmp_path / "state"))


def _later(old_store):
    """A clock behind everything that the recording holds."""
    with contextlib.closing(sqlite3.connect(old_store)) as connection:
        (arrival_ms,) = connection.execute("SELECT max(arrival_ms) FROM log_leaf").fetchone()
    return lambda: arrival_ms + HOUR


def _requests(recording):
    return json.loads((recording / "requests.json").read_text("utf-8"))


def test_there_is_a_recording_of_the_last_release():
    assert [one.name for one in RECORDINGS] == ["0.1.0"]


def test_an_old_store_is_brought_up_to_date_with_all_that_it_holds(recording, old_store, migrated):
    before = json.loads((recording / "tables.json").read_text("utf-8"))
    assert before["chunk"]["rows"] > 0
    with contextlib.closing(sqlite3.connect(old_store)) as connection:
        # The bytes of chunks have a table of their own since: seen together as before.
        connection.execute("ALTER TABLE chunk RENAME TO known")
        connection.execute(
            "CREATE TEMP VIEW chunk AS SELECT known.*, frame FROM known JOIN chunk_frame ON chunk_id = id"
        )
        after = {name: digest_of(connection, name, before[name]["columns"]) for name in before}
        (version,) = connection.execute("SELECT version_num FROM alembic_version").fetchone()
        connection.execute("DROP VIEW chunk")
        connection.execute("ALTER TABLE known RENAME TO chunk")
    assert version == HEAD
    for name, content in before.items():
        if name != "alembic_version":
            assert after[name] == (content["rows"], content["digest"]), name
    assert migrated.identity.enterprise == ENTERPRISE
    with migrated.store.reading() as connection:
        for table in schema.metadata.sorted_tables:
            connection.execute(table.select().limit(1)).all()


def test_the_audit_of_a_migrated_store_finds_nothing(migrated):
    public = PublicKey.from_hex((migrated.keyring.directory / "log.pub").read_text().strip())
    archive = StoreArchive(migrated.store)
    assert audit(archive, log=archive.log, log_key=public).findings == ()


def test_a_running_agent_of_the_old_version_enrols_and_delivers_here(recording, old_store, tmp_path):
    clock = _later(old_store)
    opened = open_store(f"sqlite:///{tmp_path / 'new' / 'starproof.db'}", enterprise=ENTERPRISE)
    requests = _requests(recording)
    token = json.loads(base64.b64decode(requests[0]["body"]))["token"]
    with opened.store.writing() as connection:
        connection.execute(
            schema.token.insert().values(
                sha256=tokens.digest(token), host=HOST, created_ms=clock(), expires_ms=clock() + HOUR
            )
        )
    with TestClient(create_app(opened, clock=clock, log=lambda *_, **__: None)) as client:
        for asked in requests:
            body = base64.b64decode(asked["body"])
            answer = client.request(asked["method"], asked["path"], content=body, headers=asked["headers"])
            assert answer.status_code == asked["status"], answer.text
            said, before = answer.json(), asked["answer"]
            assert before.keys() <= said.keys(), "an old agent looks for what it knows"
            if "results" in before:
                told = [(one["seq"], one["status"]) for one in said["results"]]
                assert told == [(one["seq"], one["status"]) for one in before["results"]]
    opened.store.close()


def test_the_spool_of_an_old_agent_is_delivered_by_this_one_to_a_migrated_store(state, old_store, migrated):
    clock = _later(old_store)
    found = report(state, now_ms=clock())
    assert (found["enrolled"], found["host"], found["chunks_pending"]) == (True, HOST, LEFT)
    with TestClient(create_app(migrated, clock=clock, log=lambda *_, **__: None)) as client:

        def answer(asked):
            headers = {
                name: value for name, value in asked.headers.items() if name.startswith(("content-t", "x-"))
            }
            reply = client.request(asked.method, asked.path, content=asked.body, headers=headers)
            return reply.status_code, {}, reply.content

        with scripted_server(answer) as server:
            settings = load(None, collector=server.url)
            enrolled = state.require_enrolled()
            events = Events(io.StringIO(), clock, level="info")
            board = Board(clock, interval_ms=60_000)
            spool = _spool(settings, state, enrolled, events)
            delivery = delivery_of(
                settings,
                Schedule(60_000, 600_000),
                spool,
                enrolled,
                Receipts(state, enrolled.log_key),
                board=board,
                events=events,
                state=state,
            )
            while delivery.cycle() is not None:
                assert board.snapshot()["deliveries_failed_total"] == 0
    figures = board.snapshot()
    assert (spool.count, figures["chunks_delivered_total"], figures["log_problems_total"]) == (0, LEFT, 0)


def test_the_file_of_an_old_agent_is_imported(recording, old_store, migrated, tmp_path):
    done, receipt = import_file(
        migrated, recording / "host.spool", tmp_path / "receipt", clock=_later(old_store), late=False
    )
    assert done.is_good
    assert receipt.stat().st_size > 0
    with migrated.store.reading() as connection:
        seqs = connection.execute(schema.chunk.select()).mappings().all()
    assert sorted(row["seq"] for row in seqs) == list(range(4 + LEFT))


def test_the_log_of_an_old_store_is_marked_closed_packed_and_checked(migrated):
    """Its one mark names no scope; those of now do.

    What the recorder declared is no scope, so no pack can hold it, which both verifiers must say.
    """
    key, store = migrated.keyring.log_key(), migrated.store
    now_ms = int(datetime(2026, 12, 1, 1, tzinfo=ZoneInfo("Asia/Shanghai")).timestamp()) * 1_000
    keeping.keep_days(store, key=key, now_ms=now_ms)
    keeping.close_month(store, "2026-11", key=key, now_ms=now_ms)
    archive, pack = StoreArchive(store), io.BytesIO()
    rules = Rules(Declared(parse_edition(EDITION)), EDITION)
    write_pack(
        pack, archive, month="2026-11", rules=rules, zone=None, log_key=key, made_ms=now_ms, log=archive.log
    )
    trusted = {"jiangsu-2018-trial": layout.sha256(EDITION)}
    report = check(pack, log_key=key.public, editions=trusted)
    alone = checked_alone(pack.getvalue(), key=key.public, editions=trusted, outside=NOTHING)
    assert disagreement(report, alone) == ""
    assert [mark.scope is None for _, mark in report.log.day_marks] == [True, *[False] * 6]
    assert [close.month for _, close in report.log.closes] == ["2026-11"]
    of_log = {one.code for one in report.findings if one.step == 5}
    assert of_log == {
        "MARKS_WITHOUT_SCOPE",
        "LOG_DAY_MISSING",
        "LOG_DAY_LATE",
        "LOG_UNACCOUNTED",
        "SCOPE_OTHER",
    }
