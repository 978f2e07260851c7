"""A host without a route: enrolled, exported, imported and confirmed by files, with the real collector's store."""

import hashlib
import io
import json
import os
import time
from pathlib import Path

import pytest
from machine_double import Machine

from agent import cli as agent_cli
from agent import exporting, held_cli
from agent.board import Board
from agent.courier import delivery_of
from agent.enrol import AGENT
from agent.errors import AgentError, ConfigError
from agent.events import Events
from agent.exporting import EXPORTED, ExportMark, export
from agent.inbox import Inbox
from agent.receipts import Receipts
from agent.schedule import Schedule
from agent.sealing import ClockEstimate, Identity, Sealer
from agent.shelf import THIN
from agent.spool import Spool
from agent.state import INBOX, REQUEST, SPOOL, STATUS, State
from agent.status import AHEAD_MS
from collector import cli as collector_cli
from collector.errors import ImportFileError
from collector.file_command import import_file
from collector.opening import open_store
from evidence.spool_file import SPOOL_MAGIC, read_head

NOBODY = 65_534
NOW_MS = time.time_ns() // 10**6
FAR_MS = 30 * 365 * 86_400_000


class Site:
    """A collector's store, a host's state, and a stick."""

    def __init__(self, folder, name="web-1"):
        self.stick = folder / "stick"
        self.stick.mkdir(exist_ok=True)
        self.db = f"sqlite:///{folder / 'store' / 'starproof.db'}"
        self.name = name
        self.state = State(str(folder / name))
        self.machine = Machine()
        self.log = io.StringIO()
        self.events = Events(self.log, lambda: NOW_MS)

    def collector(self, *arguments, code=0):
        assert collector_cli.main([*map(str, arguments), "--db", self.db]) == code

    def agent(self, *arguments, code=0):
        assert agent_cli.main([*map(str, arguments), "--state", self.state.folder]) == code

    def enrol(self):
        offer = self.stick / "offer.json"
        self.collector("token", "--host", self.name, "--offer-file", offer)
        self.agent("enroll", "--offer", offer)
        return self.open()

    def open(self):
        self.enrolled = self.state.require_enrolled()
        record = self.enrolled.signed.enrolment
        self.spool = Spool(
            self.state.path(SPOOL),
            chain=self.enrolled.signed.hash,
            key=self.enrolled.key.public,
            note=lambda event, fields: self.events.error(event, **fields),
        )
        identity = Identity(enterprise=record.enterprise, host=record.host, agent=AGENT, source="agent")
        self.sealer = Sealer(identity=identity, key=self.enrolled.key, last=None)
        return self

    def seal(self, chunks=1, readings=3):
        for _ in range(chunks):
            for _ in range(readings):
                self.sealer.add(self.machine.tick().read())
            self.sealer.close()
            self.spool.seal(lambda place: self.sealer.draft(place, ClockEstimate()))
            self.sealer.sealed()
        return self

    def export(self, name="web-1.spool", **options):
        out = self.stick / name
        return out, export(self.state, str(out), now_ms=NOW_MS, **options)

    def take_in(self, path, **options):
        opened = open_store(self.db)
        try:
            options = {"late": False, **options}
            return import_file(opened, path, None, clock=lambda: NOW_MS, **options)
        finally:
            opened.store.close()

    def delivery(self):
        class Settings:
            collector = delivery_ca_file = delivery_proxy = None
            delivery_timeout_s, delivery_max_chunks = 5, 64

        self.board = Board(lambda: NOW_MS, interval_ms=60_000)
        return delivery_of(
            Settings(), Schedule(60_000, 600_000), self.spool, self.enrolled,
            Receipts(self.state, self.enrolled.log_key), state=self.state,
            board=self.board, events=self.events,
        )  # fmt: skip

    def inbox(self):
        return Inbox(self.state, self.enrolled, Receipts(self.state, self.enrolled.log_key))

    def confirm(self, receipt):
        inbox = self.inbox()
        inbox.put(str(receipt))
        return inbox.take(self.spool, self.events)


@pytest.fixture
def site(tmp_path):
    return Site(tmp_path)


def test_a_host_without_a_route_is_enrolled_measured_stored_and_confirmed(site, capsys):
    site.enrol().seal(3)
    site.agent("export", "--out", site.stick / "a.spool")
    said = capsys.readouterr().out
    assert "3 块 chunks (0–2)" in said
    assert "令牌" in said
    assert site.spool.pending() == [0, 1, 2]
    site.collector("import-spool", site.stick / "a.spool", "--json")
    first = json.loads(capsys.readouterr().out)
    assert (first["enrolled"], first["chunks"], first["problem"]) == (True, {"stored": 3}, "")
    site.collector("import-spool", site.stick / "a.spool")
    assert "已有 known   3" in capsys.readouterr().out
    site.agent("import-receipt", first["receipt"])
    assert "已确认 confirmed: 3 块 chunks; 待确认 pending: 0" in capsys.readouterr().out
    site.agent("status", "--json")
    assert json.loads(capsys.readouterr().out)["last_ack_ms"] >= NOW_MS
    assert site.state.read(REQUEST) is None
    with pytest.raises(AgentError, match="nothing to export"):
        site.export()
    site.open().seal(2)
    out, done = site.export("b.spool")
    assert (done.chunks, done.first, done.enrolment) == (2, 3, False)
    imported, receipt = site.take_in(out)
    assert imported.chunks == {"stored": 2}
    assert [(taken.let_go, taken.problem) for taken in site.confirm(receipt)] == [(2, "")]
    assert site.spool.pending() == []


def test_the_running_agent_takes_the_receipt_at_its_next_turn(site, capsys):
    site.enrol().seal(2)
    out, _ = site.export()
    _, receipt = site.take_in(out)

    delivery = site.delivery()
    assert delivery.cycle() is None
    assert site.spool.pending() == [0, 1]
    with site.state.lock():
        site.agent("import-receipt", receipt)
        assert "within five minutes" in capsys.readouterr().out
        assert site.spool.pending() == [0, 1]
        delivery.cycle()
    assert site.spool.pending() == []
    assert "event=receipt_taken" in site.log.getvalue()
    assert site.spool.head.seq == 1
    fields = site.board.snapshot()
    assert (fields["last_ack_ms"], fields["chunks_delivered_total"]) == (NOW_MS, 2)


def test_chunks_of_a_time_that_has_not_come_are_listed_and_set_aside(site, capsys):
    site.enrol().seal(1)
    site.machine.wall_ms += FAR_MS
    site.seal(2)
    site.machine.wall_ms -= FAR_MS
    site.seal(1)
    capsys.readouterr()
    site.agent("held", "--json")
    found = json.loads(capsys.readouterr().out)
    assert [one["seq"] for one in found["chunks"]] == [1, 2]
    site.agent("status")
    assert "2 chunks are of a time that has not come" not in capsys.readouterr().out, (
        "an older one waits first"
    )
    status = {"clock_offset_ms": -FAR_MS}
    site.state.write(STATUS, json.dumps(status).encode())
    site.agent("held", "--set-aside", code=1)
    assert "set the clock" in capsys.readouterr().err
    site.state.write(STATUS, b"{}")
    with site.state.lock():
        site.agent("held", "--set-aside", code=1)
    assert site.spool.pending() == [0, 1, 2, 3]
    site.agent("held", "--set-aside")
    said = capsys.readouterr()
    assert "spool/refused" in said.out
    assert said.err.count("event=chunk_set_aside") == 2
    site.agent("held")
    assert "no chunk is of the future" in capsys.readouterr().out
    site.open().seal(1)
    assert site.spool.pending() == [0, 3, 4]
    assert site.spool.refused == 2


def test_a_clock_that_is_behind_sets_no_true_chunk_aside(site, capsys, monkeypatch):
    site.enrol()
    enrolled_ms = site.state.require_enrolled().signed.enrolment.time_ms
    true_ms = site.machine.wall_ms = enrolled_ms + FAR_MS
    site.seal(3)

    def refused(now_ms):
        monkeypatch.setattr(held_cli, "wall_ms", lambda: now_ms)
        site.agent("held", "--set-aside", code=1)
        assert site.open().spool.refused == 0
        return capsys.readouterr().err

    assert "its enrolment was at" in refused(enrolled_ms - 2 * AHEAD_MS)
    assert "the chunk that was sealed last" in refused(enrolled_ms)
    site.state.write(STATUS, json.dumps({"last_ack_ms": true_ms}).encode())
    assert "its last acknowledgement was at" in refused(enrolled_ms)
    assert site.spool.pending() == [0, 1, 2]


def test_receipts_of_two_sticks_may_come_in_any_order(site):
    site.enrol().seal(2)
    one, _ = site.export("one.spool")
    site.seal(2)
    two, _ = site.export("two.spool", only_new=True)
    first, second = site.take_in(one)[1], site.take_in(two)[1]
    assert [(taken.let_go, taken.problem) for taken in site.confirm(second)] == [(2, "")]
    assert site.spool.pending() == [0, 1]
    assert [(taken.let_go, taken.problem) for taken in site.confirm(first)] == [(2, "")]
    assert site.spool.pending() == []


def _flip(lines, number, change):
    document = json.loads(lines[number])
    change(document)
    lines[number] = json.dumps(document).encode() + b"\n"


@pytest.mark.parametrize(
    "forge",
    [
        lambda lines: _flip(lines, 1, lambda answer: answer.pop("checkpoint")),
        lambda lines: _flip(lines, 1, lambda answer: answer["results"][0].update(arrival_ms=1)),
        lambda lines: _flip(lines, 1, lambda answer: answer["results"][1].update(proof=[])),
        lambda lines: _flip(lines, 1, lambda answer: answer.update(checkpoint=answer["checkpoint"][:-9])),
        lambda lines: lines.__setitem__(1, b"[]\n"),
        lambda lines: lines.__setitem__(1, b"x" * 1_100_000),
    ],
)
def test_a_receipt_that_proves_nothing_lets_nothing_go(site, forge):
    site.enrol().seal(2)
    out, _ = site.export()
    _, receipt = site.take_in(out)
    lines = receipt.read_bytes().splitlines(keepends=True)
    forge(lines)
    receipt.write_bytes(b"".join(lines))
    (taken,) = site.confirm(receipt)
    assert taken.let_go == 0
    assert taken.problem
    assert site.spool.pending() == [0, 1]
    assert site.state.read(REQUEST) is not None
    assert list((site.stick.parent / site.name / INBOX).iterdir()) == []


def test_a_receipt_for_another_host_or_no_receipt_is_refused(site, tmp_path):
    site.enrol().seal(1)
    other = Site(tmp_path, "web-2").enrol().seal(1)
    _, receipt = other.take_in(other.export("other.spool")[0])
    with pytest.raises(ConfigError, match="is for web-2"):
        site.inbox().put(str(receipt))
    with pytest.raises(ConfigError, match="this is no starproof/receipt/1"):
        site.inbox().put(str(site.stick / "offer.json"))
    with pytest.raises(ConfigError, match="cannot be read"):
        site.inbox().put(str(site.stick / "none"))


def test_what_was_exported_is_never_thinned_away_under_its_number(site, monkeypatch):
    monkeypatch.setattr(exporting, "LOCK_WAIT_S", 0.1)
    site.enrol().seal(3, readings=5)
    out, _ = site.export()
    site.seal(3, readings=5)
    mark = ExportMark(site.state)
    with mark.held() as got, mark.held() as again:
        assert (got, again) == (True, False)
        with pytest.raises(AgentError, match="being thinned or exported"):
            site.export()
        site.delivery()._thin()
        assert site.spool.tail() == [0, 1, 2, 3, 4, 5]
    assert mark.read() == 2
    site.delivery()._thin()
    assert site.spool.pending() == [0, 1, 2, 3]
    assert site.take_in(out)[0].chunks == {"stored": 3}
    imported, _ = site.take_in(site.export("after.spool")[0])
    assert imported.chunks == {"known": 3, "stored": 1}
    (site.stick.parent / site.name / SPOOL / EXPORTED).write_text("damaged")
    assert mark.read() > 10**9
    (site.stick.parent / site.name / SPOOL / THIN).write_text("")
    with pytest.raises(AgentError, match="being thinned or exported"):
        site.export()


def test_a_file_that_was_cut_off_gives_its_whole_chunks_and_is_said_to_be_cut(site):
    site.enrol().seal(3)
    out, done = site.export()
    data = out.read_bytes()
    out.write_bytes(data[: done.bytes * 2 // 3])
    imported, receipt = site.take_in(out)
    assert 0 < imported.chunks["stored"] < 3
    assert "copy it again" in imported.problem
    assert site.confirm(receipt)[0].let_go == imported.chunks["stored"]
    out.write_bytes(data[: data.rindex(b'{"chunks"')])
    assert "cut off" in site.take_in(out)[0].problem
    out.write_bytes(data.replace(b'"chunks":3', b'"chunks":4'))
    assert "3 of 4 chunks" in site.take_in(out)[0].problem
    out.write_bytes(data)
    assert site.take_in(out)[0].is_good


def test_a_damaged_chunk_is_left_out_and_told(site):
    site.enrol().seal(3)
    path = site.stick.parent / site.name / SPOOL / "000000000001.chunk"
    path.write_bytes(path.read_bytes()[:-20] + b"x" * 20)
    out, done = site.export()
    assert (done.chunks, done.damaged) == (2, 1)
    assert site.take_in(out)[0].chunks == {"stored": 2}


def test_files_that_are_none_are_refused_and_nothing_is_made(site):
    site.enrol().seal(1)
    for data, words in (
        (b"x", "no spool file"),
        (SPOOL_MAGIC + b"{}\n", "head of the file is damaged"),
        (SPOOL_MAGIC + b'{"schema":"starproof/spool/1","made_ms":1,"log_size":-1,"request":{}}\n', "head"),
    ):
        bad = site.stick / "bad"
        bad.write_bytes(data)
        with pytest.raises(ImportFileError, match=words):
            site.take_in(bad)
    with pytest.raises(ImportFileError, match="cannot use"):
        site.take_in(site.stick / "none")
    assert not (site.stick / "bad.receipt").exists()
    with pytest.raises(AgentError, match="cannot be written"):
        export(site.state, str(site.stick / "none" / "x"), now_ms=NOW_MS)
    assert site.spool.pending() == [0]


def test_a_token_that_expired_on_the_way_needs_a_word_at_the_collector(site):
    site.enrol().seal(1)
    out, _ = site.export()
    late_ms = NOW_MS + 40 * 86_400_000
    opened = open_store(site.db)
    with pytest.raises(ImportFileError, match=r"TOKEN_EXPIRED.*--late"):
        import_file(opened, out, None, clock=lambda: late_ms, late=False)
    assert import_file(opened, out, None, clock=lambda: late_ms, late=True)[0].enrolled
    opened.store.close()


def test_the_token_of_an_enrolment_goes_along_only_until_it_is_confirmed_and_is_kept_secret(site):
    site.enrol().seal(1)
    out, _ = site.export()
    head = read_head(out.read_bytes().split(b"\n")[1])
    record = site.enrolled.signed.enrolment
    assert hashlib.sha256(head.request["token"].encode()).hexdigest() == record.token
    assert out.stat().st_mode & 0o777 == 0o600
    assert (site.stick / "offer.json").stat().st_mode & 0o777 == 0o600
    site.state.write(REQUEST, b"{}")
    with pytest.raises(AgentError, match="is damaged"):
        site.export()


def test_an_offer_that_cannot_be_used_is_explained(site, capsys):
    offer = site.stick / "offer.json"
    site.collector("token", "--offer-file", offer, code=1)
    assert "name it with --host" in capsys.readouterr().err
    site.collector("token", "--host", "db-1", "--source", "database", "--offer-file", offer)
    site.agent("enroll", "--offer", offer, code=1)
    assert "is for database, not for agent" in capsys.readouterr().err
    site.agent("enroll", "--offer", offer, "--name", "x", code=2)
    site.agent("enroll", "--offer", site.stick / "none", code=1)
    offer.write_text("{}")
    site.agent("enroll", "--offer", offer, code=1)
    assert "make one with: starproof collector token" in capsys.readouterr().err
    assert site.state.enrolled() is None


def test_a_key_is_rotated_by_file_and_signed_by_both(site):
    site.enrol().seal(1)
    _, receipt = site.take_in(site.export()[0])
    site.confirm(receipt)
    before = site.enrolled.key.public.id
    site.enrol().seal(1)
    record = site.enrolled.signed.enrolment
    assert (record.epoch, record.previous) == (1, before)
    imported, _ = site.take_in(site.export("next.spool")[0])
    assert (imported.enrolled, imported.chunks) == (True, {"stored": 1})


@pytest.mark.skipif(os.geteuid() != 0, reason="only the administrator may act for another user")
def test_what_the_administrator_makes_in_the_agents_directory_belongs_to_the_agent(site, capsys):
    site.enrol().seal(1)
    home = Path(site.state.folder)
    for path in (home, *home.rglob("*")):
        os.chown(path, NOBODY, NOBODY)
    site.agent("export", "--out", site.stick / "a.spool")
    _, receipt = site.take_in(site.stick / "a.spool")
    site.agent("import-receipt", receipt)
    assert "within five minutes" in capsys.readouterr().out
    assert {path.stat().st_uid for path in (home, *home.rglob("*"))} == {NOBODY}
    assert len(list((home / INBOX).iterdir())) == 1
    assert site.spool.pending() == [0]
