"""The commands in this process, against a double of the collector."""

import json
import os
import signal
import socket
import threading
import time
import urllib.request
from datetime import datetime, timedelta, timezone

import pytest
from collector_double import CollectorDouble
from login_logs import KEY, chunk_rows, hashed

from agent import cli
from agent.files import RealFiles
from agent.logins import worker as workers
from agent.logins.batch import Piece, load
from agent.logins.config import load as load_config
from agent.logins.run import run


def now_ms():
    return time.time_ns() // 1_000_000


def line(user):
    stamp = datetime.now(timezone.utc).strftime("%d/%b/%Y:%H:%M:%S +0000")
    return f'10.0.0.1 - {user} [{stamp}] "GET / HTTP/1.1" 200 1 "-" "-"\n'


@pytest.fixture
def double():
    found = CollectorDouble(wall_ms=now_ms)
    found.tokens["t"] = found.tokens["u"] = ""
    yield found
    found.close()


@pytest.fixture
def config(tmp_path):
    key = tmp_path / "account.key"
    key.write_text(KEY.hex())
    key.chmod(0o600)
    (tmp_path / "access.log").write_text("")
    since = (datetime.now(timezone.utc) - timedelta(days=2)).date()
    path = tmp_path / "logins.toml"
    path.write_text(
        f'state = "{tmp_path / "state"}"\naccount_key = "{key}"\ntimezone = "UTC"\nsince = "{since}"\n'
        'poll_s = 1\nseal_s = 1\nlag_s = 0\n[[logs]]\nname = "web"\nformat = "combined"\n'
        f'definition = "authenticated-request/1"\npaths = ["{tmp_path / "access.log"}"]\n'
    )
    return path


def logins(name, config, *more):
    return cli.main(["logins", name, "--config", str(config), *more])


def enrol(double, config, token="t"):
    assert logins("enroll", config, "--collector", double.url, "--token", token, "--name", "web-1") == 0


def lives(config, seconds):
    def end():
        until = time.monotonic() + 20
        while signal.getsignal(signal.SIGTERM) == before and time.monotonic() < until:
            time.sleep(0.02)  # a slow start must not end the tests
        os.kill(os.getpid(), signal.SIGTERM)

    before = signal.getsignal(signal.SIGTERM)
    timer = threading.Timer(seconds, end)
    timer.start()
    try:
        return run(load_config(str(config)), environment={})
    finally:
        timer.join()


def counted(chunks):
    found = {}
    for chunk in chunks:
        for _, digest, count in chunk_rows(chunk):
            found[digest] = found.get(digest, 0) + count
    return found


def test_a_life_from_enrolment_to_the_last_chunk(double, config, tmp_path, capsys):
    log = tmp_path / "access.log"
    log.write_text(line("ann") * 2 + "what is this, ann\n")
    assert logins("check", config) == 0
    assert "计入 counted 2" in capsys.readouterr().out
    enrol(double, config)
    assert "login-log" in capsys.readouterr().out
    assert lives(config, 1.5) == 0
    with open(log, "a") as file:
        file.write(line("ben"))
    assert lives(config, 1.5) == 0
    assert counted(double.stored()) == hashed({"ann": 2, "ben": 1})
    facts = double.stored()[0].manifest.host
    assert (facts["definition"], facts["timezone"], facts["log"]) == (
        "authenticated-request/1",
        "UTC",
        "web (combined)",
    )
    assert logins("show", config, "--json") == 0
    shown = json.loads(capsys.readouterr().out)
    assert shown["logs"]["web"]["lines"]["not_understood"] == 1
    assert shown["logs"]["web"]["files"][0]["position"] == log.stat().st_size
    assert logins("show", config) == 0
    told = capsys.readouterr()
    assert "无法识别 not understood 1" in told.out
    assert "ann" not in told.out + told.err


def test_chunks_name_the_newest_anchor_that_the_collector_told(double, config, tmp_path):
    double.anchor = "7" * 64
    enrol(double, config)
    assert lives(config, 1.5) == 0
    before = len(double.stored())
    assert before
    (tmp_path / "access.log").write_text(line("ann"))
    assert lives(config, 1.5) == 0
    assert double.stored()[0].header.anchor == ""
    assert {chunk.header.anchor for chunk in double.stored()[before:]} == {double.anchor}


def test_check_says_what_is_wrong_and_ends_with_1(config, tmp_path, capsys):
    (tmp_path / "access.log").write_text("x\n")
    assert logins("check", config) == 0
    assert "more than 1 %" in capsys.readouterr().out
    (tmp_path / "access.log").unlink()
    assert logins("check", config, "--json") == 1
    assert "no file is found" in json.loads(capsys.readouterr().out)["problems"][0]


def test_the_agents_own_enrolment_is_not_taken(double, config, tmp_path, capsys):
    state = str(tmp_path / "state")
    assert (
        cli.main(["enroll", "--collector", double.url, "--token", "t", "--name", "h", "--state", state]) == 0
    )
    assert logins("run", config) == 1
    assert "directory of its own" in capsys.readouterr().err


def test_without_an_enrolment_or_a_collector_it_says_so(config, capsys):
    assert logins("run", config) == 1
    assert "not enrolled" in capsys.readouterr().err
    assert logins("enroll", config, "--token", "t") == 2
    assert "--collector" in capsys.readouterr().err


def test_a_batch_that_was_cut_and_not_sealed_is_sealed_by_the_next_life(
    double, config, tmp_path, monkeypatch
):
    (tmp_path / "access.log").write_text(line("ann"))
    enrol(double, config)
    with monkeypatch.context() as patch:
        patch.setattr(workers.Worker, "_seal", lambda self: not self.batch.pieces)
        lives(config, 1.5)
    assert double.stored() == []
    assert load(RealFiles(), str(tmp_path / "state")).pieces
    lives(config, 1.5)
    assert counted(double.stored()) == hashed({"ann": 1})


def test_a_new_key_takes_over_what_the_old_chain_does_not_have(double, config, tmp_path, monkeypatch):
    (tmp_path / "access.log").write_text(line("ann"))
    enrol(double, config)
    lives(config, 1.5)
    sealed = load(RealFiles(), str(tmp_path / "state"))
    sealed.pieces.append(Piece("authenticated-request/1", now_ms(), now_ms(), {}))
    sealed.save(RealFiles(), str(tmp_path / "state"))
    before = len(double.stored())
    enrol(double, config, "u")
    lives(config, 1.5)
    assert counted(double.stored()) == hashed({"ann": 1})
    assert len(double.stored()) > before


def test_a_disk_that_is_full_for_a_while_costs_nothing(double, config, tmp_path, monkeypatch, capsys):
    (tmp_path / "access.log").write_text(line("ann"))
    enrol(double, config)
    lives(config, 1.5)
    with open(tmp_path / "access.log", "a") as file:
        file.write(line("ben"))
    with monkeypatch.context() as patch:

        def full(*_):
            raise OSError(28, "No space left on device")

        patch.setattr("agent.logins.batch.replace", full)
        lives(config, 1.5)
    assert "batch_not_written" in capsys.readouterr().err
    lives(config, 1.5)
    assert counted(double.stored()) == hashed({"ann": 1, "ben": 1})


def test_metrics_tell_what_became_of_the_lines():
    from agent.logins.metrics import serve
    from agent.logins.tally import Lines

    figures = {
        "logs": {"web": vars(Lines(read=5, counted=3, not_understood=1))},
        "problems": ["x"],
        "chunks_pending": 2,
        "complete_until_ms": 1_795_402_800_000,
        **dict.fromkeys(
            (
                "chunks_sealed_total",
                "seal_failures_total",
                "reading_failures_total",
                "chunks_delivered_total",
                "deliveries_failed_total",
            ),
            4,
        ),
    }
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    stop = serve("127.0.0.1", port, lambda: figures)
    try:
        text = urllib.request.urlopen(f"http://127.0.0.1:{port}/metrics", timeout=5).read().decode()
    finally:
        stop()
    assert 'starproof_logins_lines_not_understood_total{log="web"} 1.0' in text
    assert "starproof_logins_problems 1.0" in text
    assert "starproof_logins_chunks_sealed_total 4.0" in text


def test_a_full_spool_lets_reading_wait_and_go_on(double, config, tmp_path, monkeypatch, capsys):
    (tmp_path / "access.log").write_text(line("ann"))
    enrol(double, config)
    with monkeypatch.context() as patch:
        patch.setattr("agent.logins.run._MIB", 0)
        lives(config, 1.5)
    assert "seal_failed" in capsys.readouterr().err
    assert double.stored() == []
    lives(config, 1.2)
    assert counted(double.stored()) == hashed({"ann": 1})


def test_a_piece_that_makes_no_chunk_is_given_up_and_the_rest_follows(double, config, tmp_path, capsys):
    (tmp_path / "access.log").write_text(line("ann"))
    enrol(double, config)
    lives(config, 1.5)
    state = str(tmp_path / "state")
    batch = load(RealFiles(), state)
    batch.first_seq += len(batch.pieces)
    batch.pieces = [
        Piece("no definition", 5, 5, {}),
        Piece("authenticated-request/1", now_ms(), now_ms(), {}),
    ]
    batch.save(RealFiles(), state)
    before = len(double.stored())
    lives(config, 1.5)
    assert "rows_lost" in capsys.readouterr().err
    assert len(double.stored()) > before
