"""Downtime or missing: what one life leaves behind, and what the next one makes of it."""

import os
import shutil
import signal
import sys
import time
from pathlib import Path

import pytest
from collector_double import CollectorDouble
from machine_double import Machine
from test_run import Desk

from agent import cli
from agent.config import parse
from agent.errors import StateError
from agent.run import machine_goes_down, run
from agent.sealing import LastRow
from agent.shelf import Head
from agent.shutdown import going_down, leave_mark, was_seen
from agent.state import SHUTDOWN, State

END_MS = 1_767_585_600_000
LAST = LastRow("boot-0", END_MS)
HEAD = Head(7, "a" * 64, END_MS, "boot-0")


# Is the machine going down?


def script(folder, text):
    path = folder / "systemctl"
    path.write_text(f"#!/bin/sh\n{text}\n")
    path.chmod(0o755)
    return str(path)


@pytest.mark.parametrize("up", ["initializing", "starting", "running", "degraded", "maintenance"])
def test_what_the_service_manager_says_counts_whatever_the_notice_says(tmp_path, up):
    notice = tmp_path / "nologin"
    assert going_down(run=str(tmp_path), systemctl=script(tmp_path, "echo stopping; exit 1"))
    notice.write_text("System is going down. Unprivileged users are not permitted to log in anymore.\n")
    assert not going_down(run=str(tmp_path), systemctl=script(tmp_path, f"echo {up}; exit 1"))


@pytest.mark.parametrize(
    "silence", ["echo offline; exit 1", "echo unknown; exit 1", "exit 1", "exec sleep 30"]
)
def test_without_a_word_of_the_service_manager_the_notice_decides(tmp_path, silence):
    systemctl, notice = script(tmp_path, silence), tmp_path / "nologin"
    before = time.monotonic()
    assert not going_down(run=str(tmp_path), systemctl=systemctl)
    assert time.monotonic() - before < 10
    for text, down in (
        ("System is going down. Unprivileged users are not permitted to log in anymore.", True),
        ("\nThe system is GOING DOWN for reboot NOW!", True),
        ("System is booting up. Unprivileged users are not permitted to log in yet.", False),
        ("maintenance until 18:00", False),
    ):
        notice.write_text(text)
        assert going_down(run=str(tmp_path), systemctl=str(tmp_path / "none")) is down


def test_the_service_manager_is_asked_whether_the_whole_system_is_up(tmp_path):
    asked = tmp_path / "asked"
    going_down(systemctl=script(tmp_path, f'echo "$@ $SYSTEMD_IGNORE_CHROOT" > {asked}; echo running'))
    assert asked.read_text() == "is-system-running 1\n"


def test_other_systems_are_not_asked(tmp_path):
    assert not going_down(systemctl=script(tmp_path, "echo stopping"), platform="win32")


def test_this_machine_is_up():
    assert machine_goes_down() is False


# The mark


@pytest.fixture
def state(tmp_path):
    state = State(str(tmp_path / "state"))
    state.create()
    return state


def after_reboot(number=1):
    machine = Machine()
    machine.boot_id = f"boot-{number}"
    return machine


def marked(state):
    leave_mark(state, HEAD)
    return state


def test_a_mark_is_believed_in_the_next_boot_again_and_again_until_it_is_removed(state):
    marked(state)
    for _ in range(3):
        assert was_seen(state, LAST, after_reboot())
    state.remove(SHUTDOWN)
    assert not was_seen(state, LAST, after_reboot())


@pytest.mark.parametrize(
    "last",
    [None, LastRow("boot-0", END_MS + 1), LastRow("boot-0", END_MS - 1), LastRow("boot-9", END_MS)],
)
def test_a_mark_that_does_not_name_the_last_chunk_is_removed(state, last):
    assert not was_seen(marked(state), last, after_reboot())
    assert not was_seen(state, LAST, after_reboot())


def test_a_shutdown_that_was_called_off_does_not_excuse_a_later_power_cut(state):
    assert not was_seen(marked(state), LAST, after_reboot(0))
    assert not was_seen(state, LAST, after_reboot())


def test_a_boot_that_ended_before_its_first_chunk_leaves_the_mark_to_no_later_boot(state):
    assert was_seen(marked(state), LAST, after_reboot(1))
    assert not was_seen(state, LAST, after_reboot(2))
    assert not was_seen(state, LAST, after_reboot(1))


def test_without_a_boot_id_nothing_is_known(state):
    machine = after_reboot()
    machine.broken = "/proc/stat is empty"
    assert not was_seen(marked(state), LAST, machine)
    assert state.read(SHUTDOWN) is None


@pytest.mark.parametrize(
    "damage", [b"", b"{", b"[1]", b"{}", b'{"boot": "boot-0", "end_ms": "x", "used_by": ""}', b"\xff"]
)
def test_a_damaged_mark_is_removed(state, damage):
    state.write(SHUTDOWN, damage)
    assert not was_seen(state, LAST, after_reboot())
    assert state.read(SHUTDOWN) is None


def test_a_mark_whose_use_cannot_be_written_down_is_not_used(state, monkeypatch):
    marked(state)

    def full(*_):
        raise StateError("no space left")

    monkeypatch.setattr(state, "write", full)
    assert not was_seen(state, LAST, after_reboot())
    assert state.read(SHUTDOWN) is None


# The reading thread's part


def test_the_last_chunk_ends_with_a_last_reading(tmp_path):
    desk = Desk(tmp_path)
    desk.steps(3)
    desk.writer.machine.tick(7_000)
    head = desk.runner.finish_now()
    chunk = desk.writer.chunks()[-1]
    assert (chunk.header.rows, chunk.header.end_ms) == (4, desk.writer.machine.wall_ms)
    assert (head.seq, head.boot, head.end_ms) == (0, "boot-0", chunk.header.end_ms)


def test_without_a_last_reading_on_the_disk_nobody_knows_when_the_machine_stopped(tmp_path, monkeypatch):
    desk = Desk(tmp_path)
    desk.writer.machine.broken = "/proc/stat is empty"
    assert desk.runner.finish_now() is None
    desk.writer.machine.broken = ""
    desk.steps(3)
    desk.writer.machine.broken = "/proc/stat is empty"
    assert desk.runner.finish_now() is None
    assert [chunk.header.rows for chunk in desk.writer.chunks()] == [3]
    desk.writer.machine.broken = ""

    def full(*_):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(desk.writer.spool._files, "write", full)
    desk.writer.machine.tick()
    assert desk.runner.finish_now() is None


def test_what_waits_for_the_first_chunk_is_done_once_and_again_only_if_it_failed(tmp_path):
    desk, outcomes = Desk(tmp_path), [OSError(30, "Read-only file system"), None]

    def settle():
        outcome = outcomes.pop(0)
        if outcome:
            raise outcome

    desk.runner._once_sealed = settle
    desk.steps(5)
    assert len(outcomes) == 2
    desk.steps(60)
    assert outcomes == []
    assert desk.log.getvalue().count("mark_not_removed") == 1
    assert len(desk.writer.chunks()) > 2


# Whole lives


class Live(Machine):
    """A machine with this host's wall clock whose agent gets a signal during a reading."""

    def __init__(
        self, boot=0, *, ends_at=2, ends_with=signal.SIGTERM, booted_ms=None, before_end=lambda: None
    ):
        super().__init__(interval_ms=1_000)
        self.boot_id = f"boot-{boot}"
        self._booted_ms = now_ms() - 3_600_000 if booted_ms is None else booted_ms
        self._ends_at, self._ends_with, self._before_end = ends_at, ends_with, before_end
        self._reads = 0

    def read(self):
        self.wall_ms = now_ms()
        self.boot_ms = self.mono_ms = self.wall_ms - self._booted_ms
        self._reads += 1
        if self._reads == self._ends_at:
            self._before_end()
            os.kill(os.getpid(), self._ends_with)
        return super().read()


def now_ms():
    return time.time_ns() // 1_000_000


def rebooted(boot=1, **options):
    time.sleep(0.02)
    booted_ms = now_ms()
    time.sleep(0.02)
    return Live(boot, booted_ms=booted_ms, **options)


@pytest.fixture
def collector():
    double = CollectorDouble(wall_ms=now_ms)
    double.tokens = {"token-1": ""}
    yield double
    double.close()


@pytest.fixture
def place(collector, tmp_path):
    folder = tmp_path / "agent"
    assert (
        cli.main(["enroll", "--collector", collector.url, "--token", "token-1", "--state", str(folder)]) == 0
    )
    return folder


def live(place, machine, *, down=False):
    settings = parse("interval_s = 1\nseal_s = 1", where="", state=str(place))
    assert run(settings, lambda: machine, environment={}, goes_down=lambda: down) == 0


def firsts(collector):
    return [chunk.header.first for chunk in collector.stored()]


def mark(place):
    return State(str(place)).read(SHUTDOWN)


def test_a_shutdown_that_the_agent_saw_is_marked_and_the_mark_used_once(collector, place, capsys):
    live(place, Live(), down=True)
    last = collector.stored()[-1].header
    assert f'"end_ms": {last.end_ms}'.encode() in mark(place)
    assert "event=shutdown_seen" in capsys.readouterr().err
    live(place, rebooted())
    boots = [chunk.header for chunk in collector.stored() if chunk.header.first not in ("reading", "repeat")]
    assert [(boot.first, boot.prev_end_ms) for boot in boots] == [("boot_after_shutdown", last.end_ms)]
    assert mark(place) is None
    live(place, rebooted(2))
    assert [first for first in firsts(collector) if "boot" in first] == ["boot_after_shutdown", "boot"]


@pytest.mark.parametrize(("ends_with", "down"), [(signal.SIGTERM, False), (signal.SIGINT, True)])
def test_an_agent_that_is_only_stopped_leaves_no_mark(collector, place, ends_with, down):
    live(place, Live(ends_with=ends_with), down=down)
    assert mark(place) is None
    live(place, rebooted())
    assert [first for first in firsts(collector) if "boot" in first] == ["boot"]


def test_after_a_power_cut_the_time_before_the_boot_is_missing(collector, place):
    kept = place.with_name("kept")
    live(place, Live(ends_at=4, before_end=lambda: shutil.copytree(place, kept)), down=True)
    assert mark(place) is not None
    assert mark(kept) is None
    collector.chunks.clear()  # what was sealed after the cut never was
    live(kept, rebooted())
    assert [first for first in firsts(collector) if "boot" in first] == ["boot"]


def test_a_shutdown_that_is_called_off_goes_on_with_a_repeated_reading(collector, place):
    machine = Live()
    live(place, machine, down=True)
    machine._reads = 0
    live(place, machine)
    assert mark(place) is None
    assert firsts(collector)[-1] == "repeat"
    assert [first for first in firsts(collector) if "boot" in first] == []


def test_a_mark_that_cannot_be_written_is_reported_and_stops_nothing(collector, place, capsys):
    (place / f"{SHUTDOWN}.tmp").mkdir()
    live(place, Live(), down=True)
    assert "event=shutdown_not_marked" in capsys.readouterr().err
    assert mark(place) is None


def test_a_last_reading_that_fails_leaves_no_mark(collector, place):
    machine = Live()
    machine._before_end = lambda: setattr(machine, "broken", "/proc/stat is empty")
    live(place, machine, down=True)
    assert mark(place) is None


def test_nothing_is_imported_for_it_in_a_normal_life():
    import subprocess

    code = "import agent.run, sys; sys.exit('agent.shutdown' in sys.modules or 'subprocess' in sys.modules)"
    root = Path(__file__).parents[2]
    done = subprocess.run([sys.executable, "-c", code], cwd=root, timeout=60, check=False)
    assert done.returncode == 0
