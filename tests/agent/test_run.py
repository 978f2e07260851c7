"""The running agent inside this process: the reading thread's work, and everything together."""

import contextlib
import io
import json
import os
import signal
import socket
import sys
import threading
import time
import types
import urllib.request
from pathlib import Path

import pytest
from collector_double import CollectorDouble
from machine_double import IDENTITY, Machine, make_key
from test_spool import Writer

from agent import cli, lean, sealing
from agent.board import Board
from agent.config import parse
from agent.courier import chance
from agent.delivery import Delivery, Surroundings
from agent.errors import ConfigError, SpoolError
from agent.events import Events
from agent.metrics import serve
from agent.notify import Notifier
from agent.options import TOKEN_VARIABLE
from agent.run import run
from agent.runner import Loop, Runner
from agent.schedule import Schedule


def now_ms():
    return time.time_ns() // 1_000_000


class Live(Machine):
    """A machine with this host's clocks."""

    def read(self):
        self.wall_ms = now_ms()
        self.boot_ms = self.mono_ms = time.clock_gettime_ns(time.CLOCK_BOOTTIME) // 1_000_000
        return super().read()


class Desk:
    """A runner with a spool, whose machine's clock is moved by hand."""

    def __init__(self, folder):
        self.writer = Writer(folder / "spool")
        self.log = io.StringIO()
        self.board = Board(lambda: self.writer.machine.wall_ms, interval_ms=60_000)
        events = Events(self.log, lambda: self.writer.machine.wall_ms, level="debug")
        events.debug("begins", text="two\nlines")
        self.delivery = Delivery(
            spool=self.writer.spool,
            key=make_key(),
            transport=None,
            around=Surroundings(mono_s=lambda: 0.0, random=chance),
            board=self.board,
            events=events,
        )
        self.status = folder / "status.json"
        self.runner = Runner(
            host=self.writer.machine,
            sealer=self.writer.sealer,
            spool=self.writer.spool,
            delivery=self.delivery,
            schedule=Schedule(60_000, 600_000),
            board=self.board,
            events=events,
            status_path=str(self.status),
        )

    def steps(self, count):
        for _ in range(count):
            self.writer.machine.tick()
            self.runner.step()


@pytest.fixture
def desk(tmp_path):
    return Desk(tmp_path)


def test_chunks_end_at_the_reading_on_the_multiple(desk):
    desk.steps(31)
    assert [chunk.header.end_ms % 600_000 for chunk in desk.writer.chunks()] == [0, 0, 0]
    assert [chunk.header.rows for chunk in desk.writer.chunks()] == [10, 11, 11]
    figures = json.loads(desk.status.read_text())
    assert (figures["readings_total"], figures["chunks_sealed_total"], figures["waiting_rows"]) == (31, 3, 2)
    assert figures["chunks_pending"] == 3
    assert figures["last_reading_ms"] == desk.writer.machine.wall_ms


def test_a_reading_that_fails_is_logged_and_counted_and_reading_goes_on(desk):
    desk.steps(2)
    desk.writer.machine.broken = "/proc/stat is empty"
    desk.steps(2)
    desk.writer.machine.broken = ""
    desk.steps(6)
    assert 'event=reading_failed reason="/proc/stat is empty"' in desk.log.getvalue()
    assert desk.board.snapshot()["reading_failures_total"] == 2
    assert [chunk.header.rows for chunk in desk.writer.chunks()] == [8]


def test_a_disk_that_is_full_for_a_while_costs_no_time(desk, monkeypatch):
    desk.steps(5)

    def full(*_):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(desk.writer.spool._files, "write", full)
    desk.steps(30)
    assert desk.writer.chunks() == []
    assert desk.board.snapshot()["seal_failures_total"] == 3
    assert "No space left" in desk.log.getvalue()
    monkeypatch.undo()
    desk.steps(6)
    assert [chunk.header.rows for chunk in desk.writer.chunks()] == [40]


def test_rows_that_must_be_given_up_are_counted(desk, monkeypatch):
    monkeypatch.setattr(sealing, "MAX_WAITING_VALUES", 100)
    monkeypatch.setattr(desk.writer.spool, "seal", lambda _: (_ for _ in ()).throw(SpoolError("full")))
    for _ in range(6):
        desk.writer.machine.wall_ms += 7_200_000
        desk.steps(2)
    assert desk.board.snapshot()["rows_lost_total"] > 0
    assert "rows_lost" in desk.log.getvalue()


def test_rows_that_no_chunk_can_hold_are_given_up_and_the_next_are_sealed(tmp_path, monkeypatch):
    desk = Desk(tmp_path)
    monkeypatch.setattr(desk.writer.sealer, "_identity", type(IDENTITY)("E" * 500, "web-1", "test"))
    desk.steps(10)
    assert desk.board.snapshot()["rows_lost_total"] == 10
    monkeypatch.undo()
    desk.steps(10)
    assert len(desk.writer.chunks()) == 1


def test_a_status_file_that_cannot_be_written_stops_nothing(desk):
    desk.status.mkdir()
    desk.steps(10)
    assert "status_not_written" in desk.log.getvalue()
    assert len(desk.writer.chunks()) == 1


def test_the_first_two_readings_are_sealed_at_once_and_the_next_when_their_time_has_come(desk):
    for _ in range(5):
        desk.steps(1)
        desk.runner.seal_first()
    assert [chunk.header.rows for chunk in desk.writer.chunks()] == [2]
    assert not desk.runner.begins


def test_stopping_seals_what_is_there(desk):
    desk.steps(3)
    desk.runner.finish()
    assert [chunk.header.rows for chunk in desk.writer.chunks()] == [3]


def test_an_event_stays_on_one_line(desk):
    assert desk.log.getvalue().splitlines()[0].endswith('level=debug event=begins text="two\\nlines"')


def test_the_loop_ticks_at_multiples_of_the_clock_it_is_given():
    seconds = iter([0, 999, 1_000, 1_001, 5_500, 5_501])
    loop, ticks = Loop(interval_ms=1_000, clock_ms=lambda: next(seconds), notifier=Notifier({})), []
    loop._stop.wait = lambda _: None
    with contextlib.suppress(StopIteration):
        loop.run(lambda: ticks.append(1))
    assert len(ticks) == 2


# The service manager


def test_without_a_service_manager_nothing_is_sent():
    assert Notifier({}).send(READY="1") is None
    assert Notifier({"WATCHDOG_USEC": "x"}).watchdog_s is None
    assert Notifier({"WATCHDOG_USEC": "1000000", "WATCHDOG_PID": "1"}).watchdog_s is None
    assert Notifier({"WATCHDOG_USEC": "1000000", "WATCHDOG_PID": str(os.getpid())}).watchdog_s == 1.0


@pytest.mark.parametrize("abstract", [False, True])
def test_the_service_manager_gets_one_datagram(tmp_path, abstract):
    address = f"@starproof-{os.getpid()}" if abstract else str(tmp_path / "s")
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as manager:
        manager.bind("\0" + address[1:] if abstract else address)
        Notifier({"NOTIFY_SOCKET": address}).send(READY="1", STATUS="fine")
        assert manager.recv(100) == b"READY=1\nSTATUS=fine"
    Notifier({"NOTIFY_SOCKET": str(tmp_path / "nobody")}).send(READY="1")


# Metrics


def test_figures_that_are_not_known_are_left_out_of_the_metrics(desk):
    desk.steps(1)
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    stop = serve("127.0.0.1", port, desk.runner.snapshot, version="1.2.3")
    try:
        with urllib.request.urlopen(f"http://127.0.0.1:{port}/metrics", timeout=10) as answer:
            text = answer.read().decode()
        with pytest.raises(ConfigError, match="cannot be used"):
            serve("127.0.0.1", port, desk.runner.snapshot, version="1.2.3")
    finally:
        stop()
    assert "starproof_agent_readings_total 1.0" in text
    assert "starproof_agent_rows_lost_total 0.0" in text
    assert 'starproof_agent_build_info{version="1.2.3"} 1.0' in text
    assert "clock_offset_seconds" not in text
    assert "last_ack" not in text


# Everything together


@pytest.fixture
def collector():
    double = CollectorDouble(wall_ms=now_ms)
    double.tokens = {"token-1": ""}
    yield double
    double.close()


@pytest.fixture
def halves(monkeypatch):
    """The measuring half, stood in for."""
    this_host = types.ModuleType("agent.this_host")
    this_host.this_host = lambda *, interval_ms, **lists: Live(interval_ms=interval_ms)
    sample = types.ModuleType("agent.sample")
    sample.sample_document = lambda host: {"boot": host.read().boot_id}
    sample.sample_text = lambda document: f"{document}\n"
    monkeypatch.setitem(sys.modules, "agent.this_host", this_host)
    monkeypatch.setitem(sys.modules, "agent.sample", sample)
    monkeypatch.setattr(lean, "hashes", lambda: None)
    monkeypatch.setattr(lean, "http", lambda: None)
    return this_host


def test_the_commands_work_one_after_another(collector, halves, tmp_path, capsys, monkeypatch):
    state = str(tmp_path / "state")
    assert cli.main(["status", "--state", state]) == 0
    assert "未注册" in capsys.readouterr().out
    assert cli.main(["run", "--state", state]) == 1
    monkeypatch.setattr(sys, "stdin", io.StringIO("token-1\n"))
    enroll = ["enroll", "--collector", collector.url, "--token-file", "-", "--state", state]
    assert cli.main(enroll) == 0
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    config = tmp_path / "agent.toml"
    config.write_text(f'interval_s = 1\nseal_s = 1\n[metrics]\nlisten = "127.0.0.1:{port}"\n')
    stopper = threading.Timer(3.5, os.kill, (os.getpid(), signal.SIGTERM))
    before = signal.getsignal(signal.SIGTERM)
    stopper.start()
    assert cli.main(["run", "--state", state, "--config", str(config)]) == 0
    stopper.join()
    assert signal.getsignal(signal.SIGTERM) is before
    assert collector.seqs()
    assert not list(Path(state, "spool").glob("*.chunk"))
    capsys.readouterr()
    assert cli.main(["status", "--state", state, "--json"]) == 0
    document = json.loads(capsys.readouterr().out)
    assert document["last_delivery"] == "OK"
    assert document["attention"] == ["采集代理未运行 | the agent is not running"]
    assert cli.main(["status", "--state", state]) == 0
    assert "时钟偏差" in capsys.readouterr().out


def test_sample_reads_this_host_once(halves, capsys):
    assert cli.main(["sample", "--json"]) == 0
    assert json.loads(capsys.readouterr().out) == {"boot": "boot-0"}
    assert cli.main(["sample"]) == 0
    assert "boot-0" in capsys.readouterr().out

    def broken(**_):
        from agent.reading import ReadingError

        raise ReadingError("no processor\ncounters")

    halves.this_host = broken
    assert cli.main(["sample"]) == 1
    assert capsys.readouterr().err == "starproof-agent: no processor counters\n"


def test_the_token_may_come_from_several_places(collector, tmp_path, capsys, monkeypatch):
    state = ["--state", str(tmp_path / "state")]
    monkeypatch.delenv(TOKEN_VARIABLE, raising=False)
    assert cli.main(["enroll", "--collector", collector.url, *state]) == 2
    assert "no token is given" in capsys.readouterr().err
    assert cli.main(["enroll", "--collector", collector.url, "--token-file", "/none", *state]) == 1
    assert "token file" in capsys.readouterr().err
    assert cli.main(["enroll", "--token", "x", *state]) == 2
    assert "--collector" in capsys.readouterr().err
    monkeypatch.setenv(TOKEN_VARIABLE, "token-1")
    assert cli.main(["enroll", "--collector", collector.url, "--name", "db-1", *state]) == 0
    assert "db-1" in capsys.readouterr().out


def test_an_interrupted_command_is_an_error(halves, capsys):
    def interrupted(**_):
        raise KeyboardInterrupt

    halves.this_host = interrupted
    assert cli.main(["sample"]) == 1
    assert "interrupted" in capsys.readouterr().err


def test_running_outside_the_main_thread_leaves_the_signals_alone(collector, halves, tmp_path):
    state = str(tmp_path / "state")
    assert cli.main(["enroll", "--collector", collector.url, "--token", "token-1", "--state", state]) == 0
    settings = parse("interval_s = 1\nseal_s = 1", where="", state=state)
    codes = []
    loops = []
    original = Loop.__init__

    def remember(self, **options):
        original(self, **options)
        loops.append(self)

    Loop.__init__ = remember
    try:
        thread = threading.Thread(target=lambda: codes.append(run(settings, Live, environment={})))
        thread.start()
        while not loops:
            time.sleep(0.01)
        loops[0].stop()
        thread.join(20)
    finally:
        Loop.__init__ = original
    assert codes == [0]


def test_an_agent_whose_delivery_has_died_seals_and_ends_with_an_error(
    collector, halves, tmp_path, capsys, monkeypatch
):
    state = str(tmp_path / "state")
    assert cli.main(["enroll", "--collector", collector.url, "--token", "token-1", "--state", state]) == 0
    monkeypatch.setattr(Delivery, "run", lambda self: None)
    capsys.readouterr()
    assert cli.main(["run", "--state", state, "--interval", "1", "--seal", "60"]) == 1
    assert "delivery ended unexpectedly" in capsys.readouterr().err.splitlines()[-1]
    assert len(list(Path(state, "spool").glob("*.chunk"))) == 1
