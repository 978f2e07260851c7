"""A host introduces its key, and changes it."""

import json
import os
import stat
import time

import pytest
from collector_double import CollectorDouble

from agent import state as states
from agent.enrol import Request, enrol, facts
from agent.errors import EnrolError, LockedError, NotEnrolledError, StateError, TransportError
from agent.state import State, default_state
from agent.transport import HttpTransport
from evidence.keys import PrivateKey

NOW_MS = 1_767_600_000_000


@pytest.fixture
def collector():
    double = CollectorDouble(wall_ms=lambda: NOW_MS)
    double.tokens = {"token-1": "", "token-2": "", "token-3": ""}
    yield double
    double.close()


@pytest.fixture
def state(tmp_path):
    state = State(str(tmp_path / "state"))
    state.create()
    return state


def ask(state, collector, token="token-1", host="web-1", **more):
    request = Request(host=host, token=token, collector=collector.url, time_ms=NOW_MS, facts=facts(), **more)
    return enrol(state, request, HttpTransport(collector.url, wall_ms=lambda: NOW_MS, mono_s=time.monotonic))


def test_a_host_enrols_with_a_key_that_it_made_itself(state, collector):
    enrolled = ask(state, collector)
    assert enrolled.signed.enrolment.host == "web-1"
    assert enrolled.signed.enrolment.epoch == 0
    assert enrolled.collector == collector.url
    assert collector.pinned["web-1"][0] == (enrolled.key.public, enrolled.signed.hash)
    assert state.require_enrolled() == enrolled
    assert sorted(os.listdir(state.folder)) == ["enrolment.json", "key"]
    assert stat.S_IMODE(os.stat(state.path("key")).st_mode) == 0o600
    assert stat.S_IMODE(os.stat(state.folder).st_mode) == 0o700
    assert state.read("key") == enrolled.key.seed.hex().encode() + b"\n"


def test_a_reader_of_logs_enrols_under_its_own_source(state, collector):
    assert ask(state, collector, source="login-log").signed.enrolment.source == "login-log"


def test_an_answer_that_is_lost_is_asked_for_again_with_the_same_request(state, collector):
    collector.lose_answer = False
    collector.fault = lambda path, body: None
    real, collector.answer = collector.answer, None

    def lose_second(path, body):
        result = real(path, body)
        collector.lose_answer = path == "/v1/enrolments"
        return result

    collector.answer = lose_second
    with pytest.raises(TransportError):
        ask(state, collector)
    assert state.enrolled() is None
    collector.answer, collector.lose_answer = real, False
    enrolled = ask(state, collector)
    assert collector.pinned["web-1"] == [(enrolled.key.public, enrolled.signed.hash)]
    assert [path for path, _ in collector.requests] == [
        "/v1/enrolments/offer",
        "/v1/enrolments",
        "/v1/enrolments",
    ]


def test_a_lost_enrolment_and_a_new_token_make_a_new_key_and_a_visible_break(state, collector):
    real = collector.answer

    def lose_second(path, body):
        result = real(path, body)
        collector.lose_answer = path == "/v1/enrolments"
        return result

    collector.answer = lose_second
    with pytest.raises(TransportError):
        ask(state, collector)
    collector.answer, collector.lose_answer = real, False
    enrolled = ask(state, collector, "token-2")
    assert enrolled.signed.enrolment.epoch == 1
    assert enrolled.signed.enrolment.previous == ""
    assert collector.pinned["web-1"][0][0] != enrolled.key.public


def test_a_key_that_was_never_enrolled_is_used_again(state, collector):
    key = state.make_key()
    assert ask(state, collector).key == key


def test_a_damaged_pending_request_is_made_anew(state, collector):
    state.make_key()
    state.write("pending.json", b"{")
    assert ask(state, collector).signed.enrolment.epoch == 0


def test_a_rotation_is_signed_by_both_keys(state, collector):
    old = ask(state, collector)
    new = ask(state, collector, "token-2")
    assert new.signed.enrolment.epoch == 1
    assert new.signed.enrolment.previous == old.key.public.id
    assert new.signed.previous_signature
    assert new.key.public != old.key.public
    assert state.require_enrolled() == new


def test_a_rotation_waits_for_pending_chunks(state, collector):
    ask(state, collector)
    os.makedirs(state.path("spool"))
    with open(state.path("spool/000000000004.chunk"), "wb"):
        pass
    with pytest.raises(EnrolError, match="1 chunks are not delivered"):
        ask(state, collector, "token-2")
    os.replace(state.path("spool/000000000004.chunk"), state.path("spool/000000000004.sent"))
    assert ask(state, collector, "token-2").signed.enrolment.epoch == 1


@pytest.mark.parametrize("token", ["wrong", "", "x" * 600])
def test_a_wrong_token_is_told_and_nothing_is_enrolled(state, collector, token):
    with pytest.raises(EnrolError, match=r"TOKEN_UNKNOWN|empty or too long"):
        ask(state, collector, token)
    assert state.enrolled() is None


@pytest.mark.parametrize(
    "fault",
    [
        (200, {"enterprise": "E", "host": "h"}, {}),
        (200, {"enterprise": 5, "host": "h", "epoch": 0, "previous": ""}, {}),
        (200, {"enterprise": "E", "host": "h", "epoch": "x", "previous": ""}, {}),
        (200, b"<html>", {}),
        (404, b"", {}),
    ],
)
def test_an_offer_that_makes_no_sense_is_refused(state, collector, fault):
    collector.fault = lambda *_: fault
    with pytest.raises(EnrolError):
        ask(state, collector)
    assert state.enrolled() is None


def test_a_confirmation_of_something_else_is_refused(state, collector):
    collector.fault = lambda path, _: (201, {"enrolment": "0" * 64}, {}) if path == "/v1/enrolments" else None
    with pytest.raises(EnrolError, match="another enrolment"):
        ask(state, collector)
    assert state.enrolled() is None


def test_a_crash_between_enrolment_and_key_is_finished_at_the_next_start(state, collector):
    enrolled = ask(state, collector)
    os.replace(state.path("key"), state.path("key.next"))
    assert state.require_enrolled() == enrolled
    assert os.path.exists(state.path("key"))


# The state directory


def test_a_host_that_is_not_enrolled_is_told_what_to_run(state):
    with pytest.raises(NotEnrolledError, match="agent enroll"):
        state.require_enrolled()


def test_two_agents_never_share_a_state_directory(state, tmp_path):
    with state.lock():
        assert states.is_locked(state.path("lock"))
        with pytest.raises(LockedError, match="another agent"), State(state.folder).lock():
            pass
    assert not states.is_locked(state.path("lock"))
    assert not states.is_locked(str(tmp_path / "none"))
    with state.lock():
        pass


def test_a_key_file_that_others_can_read_is_refused(state):
    state.make_key()
    os.chmod(state.path("key.next"), 0o644)
    with pytest.raises(StateError, match="chmod 600"):
        state.key("key.next")


@pytest.mark.parametrize("content", ["", "zz", "ab" * 31, "ab" * 33, "é"])
def test_a_key_file_that_holds_no_key_is_refused(state, content):
    state.write("key", content.encode())
    with pytest.raises(StateError, match="not a key file"):
        state.key()


def test_links_and_foreign_files_are_refused(state, tmp_path):
    (tmp_path / "elsewhere").write_text("x")
    os.symlink(tmp_path / "elsewhere", state.path("key"))
    for action in (state.key, lambda: state.write("key", b"")):
        with pytest.raises(StateError, match="link"):
            action()
    stranger = State(state.folder, owner=os.geteuid() + 1)
    with pytest.raises(StateError, match="belongs to user"):
        stranger.create()
    os.symlink(state.folder, tmp_path / "link")
    assert State(str(tmp_path / "link")).folder == state.folder  # as systemd's DynamicUser lays one
    (tmp_path / "file").write_text("x")
    with pytest.raises(StateError):
        State(str(tmp_path / "file")).create()


def test_a_state_directory_that_cannot_be_made_is_a_clear_error(tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(StateError, match="cannot be used"):
        State(str(tmp_path / "file" / "state")).create()


def test_the_administrator_may_look_into_everybodys_state(state, tmp_path, monkeypatch):
    monkeypatch.setattr(os, "geteuid", lambda: 0)
    assert State.of_any_owner(state.folder).read("none") is None
    assert State.of_any_owner(str(tmp_path / "none")).folder.endswith("none")


@pytest.mark.parametrize("content", [b"", b"[]", b"{}", b'{"record": "!"}'])
def test_a_damaged_enrolment_is_a_clear_error(state, content):
    state.write("enrolment.json", content)
    with pytest.raises(StateError, match="enrol this host anew"):
        state.enrolled()


def test_an_enrolment_whose_key_is_gone_is_a_clear_error(state, collector):
    ask(state, collector)
    state.remove("key")
    state.remove("key")
    with pytest.raises(StateError, match="key of the enrolment"):
        state.enrolled()


def test_a_file_that_is_too_long_is_not_read(state):
    state.write("status.json", bytes(states.MAX_FILE_BYTES + 1))
    with pytest.raises(StateError, match="not a file of the agent"):
        state.read("status.json")


def test_the_default_place_depends_on_who_runs_it(monkeypatch):
    monkeypatch.setattr(os, "geteuid", lambda: 0)
    assert default_state() == "/var/lib/starproof/agent"
    monkeypatch.setattr(os, "geteuid", lambda: 1000)
    monkeypatch.setenv("XDG_STATE_HOME", "/home/a/.state")
    assert default_state() == "/home/a/.state/starproof/agent"
    monkeypatch.delenv("XDG_STATE_HOME")
    monkeypatch.setenv("HOME", "/home/a")
    assert default_state() == "/home/a/.local/state/starproof/agent"


def test_no_secret_is_in_what_is_stored_beside_the_key(state, collector):
    enrolled = ask(state, collector)
    text = state.read("enrolment.json")
    assert enrolled.key.seed.hex().encode() not in text
    assert b"token-1" not in text
    assert json.loads(text)["hash"] == enrolled.signed.hash
    assert enrolled.key.seed.hex() not in repr(enrolled)
    assert isinstance(enrolled.key, PrivateKey)
