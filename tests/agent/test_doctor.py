"""The agent's doctor: each fault is found and named with what to do, and nothing is changed by looking."""

import hashlib
import json
import os
import shutil
import sys
import time
from pathlib import Path

import pytest

from agent import cli
from agent.doctor import folder, run, way
from agent.doctor.record import BAD, GOOD, STATES, TOPICS, Check, document, is_bad, text
from agent.offer import OFFLINE
from agent.state import State
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
    from agent.config import load

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


@pytest.mark.parametrize(("language", "words"), [("zh", ("好", "→ 做")), ("en", ("good", "→ do"))])
def test_states_are_words_and_never_only_colours(language, words):
    checks = [Check(topic, state, "甲", "a", "做", "do") for topic, state in zip(TOPICS, STATES)]
    shown = text(document(checks, role="agent"), language)
    assert all(word in shown for word in words)
    assert "\x1b" not in shown
    assert not is_bad(document(checks[:1], role="agent"))
