"""The agent's doctor: each fault is found and named with what to do, and nothing is changed by looking."""

import hashlib
import json
import os
import re
import shutil
import sys
import time
from argparse import Namespace
from dataclasses import asdict
from pathlib import Path

import pytest

from agent import cli
from agent.config import load
from agent.doctor import folder, measuring, run, way
from agent.doctor.record import ATTENTION, BAD, GOOD, STATES, TOPICS, Check, document, is_bad, text
from agent.errors import StateError
from agent.offer import OFFLINE
from agent.state import REQUEST, State
from evidence import enrolment as records
from evidence.enrolment import Enrolment

NOW_MS = 1_793_462_400_000
NEEDS_TLS = pytest.mark.skipif(
    sys.version_info < (3, 11), reason="the test makes certificates with the collector"
)


@pytest.fixture
def enrolled(tmp_path):
    """A host that is enrolled at ``url`` and was never run."""

    def make(url):
        state = State(str(tmp_path / "state"))
        state.create()
        key = state.make_key()
        record = Enrolment(
            enterprise="甲公司",
            host="web-1",
            source="agent",
            key=key.public.raw.hex(),
            epoch=0,
            previous="",
            token=hashlib.sha256(b"t").hexdigest(),
            time_ms=NOW_MS,
            agent="test",
            facts={},
        )
        state.enrol(records.sign(record, key), url)
        return state

    return make


@pytest.fixture
def collector():
    """A collector whose certificate is good, over TLS."""
    from cryptography import x509
    from scripted_server import scripted_server

    from collector.tls import authority
    from collector.tls.authority import Authority
    from collector.tls.sources import utc_now

    key = authority.new_key()
    issuer = Authority(x509.load_pem_x509_certificate(authority.authority_pem(key, now=utc_now())), key)

    def start(tmp_path, *, offset_ms=0, status=200):
        pem = tmp_path / "server.pem"
        pem.write_bytes(authority.server_pem(issuer, ["127.0.0.1"], now=utc_now()))

        def answer(_asked):
            body = {"status": "ok", "server_ms": time.time_ns() // 1_000_000 + offset_ms}
            return status, {}, json.dumps(body).encode()

        return scripted_server(answer, certificate=pem), issuer.pem

    return start


def examine(state, **more):
    found = run.examine(
        config=None,
        state=state.folder,
        environment={},
        logins=more.pop("logins", "/nonexistent"),
        wall_ms=lambda: time.time_ns() // 1_000_000,
        **more,
    )
    return {topic: [one for one in found["checks"] if one["topic"] == topic] for topic in TOPICS}


def states(found, topic):
    return [one["state"] for one in found[topic]]


def tree(path):
    return {
        str(one): (one.lstat().st_mode, one.lstat().st_mtime_ns, one.read_bytes() if one.is_file() else b"")
        for one in Path(path).rglob("*")
    }


@NEEDS_TLS
def test_a_host_that_is_well_but_stopped_is_told_so_and_nothing_is_changed(enrolled, collector, tmp_path):
    server, pem = collector(tmp_path)
    with server as script:
        state = enrolled(script.url)
        state.write("ca.pem", pem)
        before = tree(state.folder)
        found = examine(state)
        assert tree(state.folder) == before
        assert [asked.method for asked in script.asked] == ["GET"]
    assert states(found, "running") == [BAD]
    for topic in ("state", "enrolment", "disk", "spool", "route", "clock"):
        assert states(found, topic)[0] == GOOD, found[topic]
    assert states(found, "certificate") == [GOOD, GOOD]
    assert "天到期" in found["certificate"][0]["zh"]
    assert "甲公司 / web-1" in found["enrolment"][0]["en"]


@NEEDS_TLS
@pytest.mark.parametrize(("offset_ms", "state"), [(-10_000, "attention"), (120_000, "bad")])
def test_a_clock_that_differs_is_told_with_its_offset(enrolled, collector, tmp_path, offset_ms, state):
    server, pem = collector(tmp_path, offset_ms=offset_ms)
    with server as script:
        host = enrolled(script.url)
        host.write("ca.pem", pem)
        found = examine(host)
    assert state in states(found, "clock")
    told = next(one for one in found["clock"] if one["state"] == state)
    assert "chronyd" in told["todo_en"]


@NEEDS_TLS
def test_another_ca_a_store_that_is_away_and_a_damaged_pin_are_told_apart(enrolled, collector, tmp_path):
    server, _ = collector(tmp_path, status=503)
    with server as script:
        host = enrolled(script.url)
        assert "not from the CA" in examine(host)["route"][0]["en"]
        host.write("ca.pem", b"-----BEGIN CERTIFICATE-----\nno\n-----END CERTIFICATE-----\n")
        assert states(examine(host), "route") == [BAD]
        found = examine(host)["certificate"]
        assert [one["state"] for one in found] == [BAD]
        assert "enroll --ca FILE" in found[0]["todo_en"]


def test_a_collector_that_does_not_answer_is_bad_and_without_tls_looked_at(enrolled):
    host = enrolled("http://127.0.0.1:9")
    found = examine(host)
    assert states(found, "route") == [BAD]
    assert states(examine(host, offline=True), "route") == []


@pytest.mark.parametrize(
    ("status", "body", "told"),
    [(200, {"server_ms": 0}, "没有报出时间"), (404, {}, "HTTP 404"), (503, {}, "数据库不可用")],
)
def test_without_tls_and_with_odd_answers_the_words_fit(enrolled, status, body, told):
    from scripted_server import scripted_server

    with scripted_server(lambda _asked: (status, {}, json.dumps(body).encode())) as script:
        found = examine(enrolled(script.url))
    assert told in " ".join(one["zh"] for topic in ("route", "clock") for one in found[topic])
    assert states(found, "certificate") == ["attention"]


@pytest.mark.parametrize(("days", "state"), [(100, GOOD), (3, "attention"), (-3, BAD)])
def test_what_ends_soon_is_told_before_it_does(enrolled, monkeypatch, days, state):
    from agent import trust

    host = enrolled("https://127.0.0.1:9")
    host.write("ca.pem", b"x")
    ends = time.strftime("%b %d %H:%M:%S %Y GMT", time.gmtime(NOW_MS // 1000 + days * 86_400 + 60))

    class Context:
        def get_ca_certs(self):
            return [{"notAfter": ends}]

    monkeypatch.setattr(trust, "context_of", lambda **_: Context())
    (pin,) = way._pin(host, load(None), pinned="x", wall_ms=lambda: NOW_MS)
    assert pin.state == state
    served = way._certificate({"notAfter": ends}, NOW_MS)
    assert served.state == (GOOD if days > 14 else "attention")
    assert way._certificate({}, NOW_MS).state == "attention"


def test_a_host_by_file_has_no_route_to_look_at(enrolled):
    found = examine(enrolled(OFFLINE))
    assert states(found, "route") == [GOOD]
    assert states(found, "certificate") == []


def test_permissions_owners_and_links_are_found(enrolled):
    host = enrolled("http://127.0.0.1:9")
    os.chmod(host.folder, 0o755)
    os.chmod(host.path("key"), 0o644)
    os.symlink("/etc", host.path("spool"))
    found = examine(host, offline=True)
    told = " ".join(one["todo_en"] for one in found["state"])
    assert states(found, "state") == [BAD, BAD, BAD]
    assert "chmod 700" in told
    assert "chmod 600" in told
    assert "rm " in told
    assert states(found, "enrolment") == [BAD], "a key that others read is refused"


def test_what_was_never_made_is_told_in_order(tmp_path):
    found = examine(State(str(tmp_path / "none")), offline=True)
    assert states(found, "state") == [BAD]
    assert "enroll" in found["enrolment"][0]["todo_en"]


def test_a_renaming_that_a_crash_left_is_left(enrolled):
    host = enrolled("http://127.0.0.1:9")
    os.rename(host.path("key"), host.path("key.next"))
    assert states(examine(host, offline=True), "enrolment") == [GOOD]
    assert os.path.exists(host.path("key.next"))


def test_the_spool_is_told_with_its_age_and_what_was_set_aside(enrolled):
    host = enrolled("http://127.0.0.1:9")
    for name in ("damaged", "refused"):
        os.makedirs(host.path(f"spool/{name}"))
        Path(host.path(f"spool/{name}/1.chunk")).write_bytes(b"x")
    assert states(examine(host, offline=True), "spool") == [BAD, GOOD]


def test_a_full_disk_is_told(enrolled, monkeypatch):
    host = enrolled("http://127.0.0.1:9")
    monkeypatch.setattr(shutil, "disk_usage", lambda _path: shutil._ntuple_diskusage(100, 99, 1))
    assert folder.disk_check(host).state == BAD


def test_logs_that_cannot_be_read_are_named(enrolled, tmp_path):
    host = enrolled("http://127.0.0.1:9")
    good = tmp_path / "access.log"
    good.write_text("")
    settings = tmp_path / "logins.toml"
    settings.write_text(
        f'[[logs]]\nname = "web"\nformat = "combined"\npaths = ["{good}"]\n'
        f'definition = "authenticated-request/1"\n'
        f'[[logs]]\nname = "ssh"\nformat = "auth"\npaths = ["{tmp_path}/gone.log"]\n'
    )
    found = examine(host, offline=True, logins=str(settings))
    assert states(found, "users") == [GOOD, BAD]
    assert "gone.log" in found["users"][1]["zh"]
    settings.write_text("x = 1")
    assert states(examine(host, offline=True, logins=str(settings)), "users") == [BAD]


def test_the_devices_that_count_are_named_with_their_reason(enrolled):
    found = examine(enrolled("http://127.0.0.1:9"), offline=True)
    assert len(found["devices"]) == 2
    assert all(one["zh"] for one in found["devices"])


def test_wrong_settings_end_the_examination(tmp_path, capsys):
    wrong = tmp_path / "agent.toml"
    wrong.write_text("intervall_s = 1\n")
    assert cli.main(["doctor", "--config", str(wrong)]) == 1
    told = capsys.readouterr().out
    assert "坏" in told
    assert "intervall_s" in told
    assert cli.main(["doctor", "--config", str(wrong), "--lang", "en", "--json"]) == 1
    assert is_bad(json.loads(capsys.readouterr().out))


def test_english_words_are_english(enrolled):
    state = enrolled("http://127.0.0.1:9")
    found = [one for ones in examine(state).values() for one in ones if one["topic"] != "enrolment"]
    found += [
        asdict(one)
        for busy in ({}, {"oldest_pending_ms": 90 * 3_600_000, "chunks_pending": 3, "chunks_ahead": 2})
        for one in (
            folder._running({**LIVING, **busy}, NOW_MS),
            *folder._spool({**LIVING, **busy}, load(None)),
        )
    ]
    assert "3 chunks, 0 bytes, the oldest 90 h 0 min old, over a day" in [one["en"] for one in found]
    assert "starproof agent held" in found[-1]["todo_en"]
    foreign = re.compile("[\u3000-\u303f\u4e00-\u9fff\uff00-\uffef]")
    assert not [one for one in found if foreign.search(one["en"] + one["todo_en"])]


@pytest.mark.parametrize(("language", "words"), [("zh", ("好", "→ 做")), ("en", ("good", "→ do"))])
def test_states_are_words_and_never_only_colours(language, words):
    checks = [Check(topic, state, "甲", "a", "做", "do") for topic, state in zip(TOPICS, STATES)]
    shown = text(document(checks, role="agent"), language)
    assert all(word in shown for word in words)
    assert "\x1b" not in shown
    assert not is_bad(document(checks[:1], role="agent"))


LIVING = {
    "running": True,
    "last_reading_ms": NOW_MS,
    "interval_ms": 60_000,
    "started_ms": NOW_MS,
    "log_problems_total": 0,
    "chunks_damaged": 0,
    "chunks_refused": 0,
    "chunks_pending": 0,
    "spool_bytes": 0,
    "oldest_pending_ms": None,
}


@pytest.mark.parametrize(
    ("change", "expected"),
    [
        ({}, [("running", GOOD), ("spool", GOOD)]),
        ({"last_reading_ms": NOW_MS - 211_000}, [("running", BAD), ("spool", GOOD)]),
        ({"last_reading_ms": None, "started_ms": NOW_MS - 209_000}, [("running", GOOD), ("spool", GOOD)]),
        ({"spool_bytes": 1 << 60}, [("running", GOOD), ("spool", BAD)]),
        ({"oldest_pending_ms": 25 * 3_600_000}, [("running", GOOD), ("spool", ATTENTION)]),
        (
            {"log_problems_total": 2, "last_problem": "not in the log"},
            [("running", GOOD), ("spool", GOOD), ("log", BAD)],
        ),
    ],
)
def test_how_the_agent_lives_is_told(enrolled, monkeypatch, change, expected):
    monkeypatch.setattr(folder, "report", lambda _state, **_now: {**LIVING, **change})
    found = list(folder.life_checks(enrolled("http://127.0.0.1:9"), load(None), now_ms=NOW_MS))
    assert [(one.topic, one.state) for one in found] == expected


def test_what_cannot_be_read_is_told_and_ends_nothing(enrolled, monkeypatch):
    host = enrolled("http://127.0.0.1:9")

    def broken(*_args, **_more):
        raise StateError("damaged")

    monkeypatch.setattr(folder, "report", broken)
    monkeypatch.setattr("agent.this_host.this_host", broken)
    monkeypatch.setattr(shutil, "disk_usage", _no_disk)
    found = examine(host, offline=True)
    assert states(found, "running") == states(found, "devices") == [BAD]
    assert states(found, "disk") == [ATTENTION]


def _no_disk(_path):
    raise OSError(5, "input/output error")


def test_the_disk_of_a_directory_that_is_not_there_is_the_one_it_would_lie_on(tmp_path):
    assert folder.disk_check(State(str(tmp_path / "a" / "b"))).state == GOOD


def test_a_file_of_another_user_and_a_receipt_that_is_missing_are_told(enrolled, monkeypatch):
    host = enrolled(OFFLINE)
    host.write(REQUEST, b"{}")
    assert states(examine(host, offline=True), "enrolment") == [ATTENTION]
    real = os.lstat

    def other(path, **more):
        found = list(real(path, **more))
        if str(path).endswith("/key"):
            found[4] += 1
        return os.stat_result(found)

    monkeypatch.setattr(os, "lstat", other)
    told = [text for _, text, _ in folder._modes(host, os.stat(host.folder))]
    assert len(told) == 1
    assert "belongs to user" in told[0]


def test_no_device_and_a_clock_without_time_are_told_with_what_to_do(monkeypatch):
    class Host:
        def read(self):
            return Namespace(manifest=Namespace(devices=()), clock_state="unsynchronized")

    monkeypatch.setattr("agent.this_host.this_host", lambda **_: Host())
    found = list(measuring.device_checks(load(None)))
    assert [(one.topic, one.state) for one in found] == [
        ("devices", ATTENTION),
        ("devices", ATTENTION),
        ("clock", ATTENTION),
    ]
    assert "chronyd" in found[2].todo_en


def test_a_key_of_accounts_that_is_wrong_is_told(tmp_path):
    log = tmp_path / "auth.log"
    log.write_text("")
    settings = tmp_path / "logins.toml"
    settings.write_text(
        f'account_key = "{tmp_path}/gone.key"\n[[logs]]\nname = "ssh"\nformat = "auth"\npaths = ["{log}"]\n'
    )
    assert [one.state for one in measuring.user_checks(str(settings), {})] == [BAD, GOOD]


def test_without_a_state_of_the_users_own_it_is_the_services(tmp_path, monkeypatch):
    monkeypatch.setattr(run, "SERVICE_STATE", str(tmp_path))
    monkeypatch.setattr(run, "default_state", lambda: str(tmp_path / "own"))
    assert run.usual_state() == str(tmp_path)
    (tmp_path / "own").mkdir()
    assert run.usual_state() == str(tmp_path / "own")
