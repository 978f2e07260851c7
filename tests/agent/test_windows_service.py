"""The Windows service with a stand-in for the service manager, and psutil's Windows fields as its source has them."""

import json
import re
import threading
import time
from pathlib import Path

import psutil
import pytest
from collector_double import CollectorDouble
from machine_double import Machine

from agent import cli, this_host, windows_service
from agent.log_file import LogFile
from agent.windows_service import (
    INTERROGATE,
    NOT_IMPLEMENTED,
    PRESHUTDOWN,
    RUNNING,
    SERVICE_SPECIFIC,
    START_PENDING,
    STOP,
    STOP_PENDING,
    STOPPED,
    Service,
)

PAUSE = 0x2


class Manager:
    """Calls the service as the service manager does: main in a thread of its own, controls in another."""

    def __init__(self):
        self.told = []
        self.handler = None
        self.main = None

    def dispatch(self, name, main):
        assert name == "StarProofAgent"
        self.main = threading.Thread(target=main)
        self.main.start()
        self.main.join(60)
        assert not self.main.is_alive()

    def register(self, _name, handler):
        self.handler = handler

    def tell(self, status):
        self.told.append(status)

    @property
    def states(self):
        return [status.state for status in self.told]

    def wait_for(self, state):
        deadline = time.monotonic() + 20
        while state not in self.states:
            assert time.monotonic() < deadline, self.states
            time.sleep(0.01)


class Loop:
    def __init__(self):
        self.signals = []

    def stop(self, number=0):
        self.signals.append(number)


def life(work, controls=()):
    """Run one life; ``work`` gets the manager too. Return what the manager was told, and the reports."""
    manager, reports = Manager(), []
    service = Service(manager, lambda steering, goes_down: work(manager, steering, goes_down), reports.append)
    for control in controls:
        service.handle(control)
    service.main()
    return manager, reports


@pytest.mark.parametrize(("control", "down"), [(STOP, False), (PRESHUTDOWN, True)])
def test_a_control_ends_the_loop_and_a_shutdown_is_told_from_a_stop(control, down):
    seen = []

    def work(manager, steering, goes_down):
        loop = Loop()
        with steering(loop):
            assert manager.states == [START_PENDING, RUNNING]
            assert manager.handler(INTERROGATE) == 0
            assert manager.handler(PAUSE) == NOT_IMPLEMENTED
            assert manager.handler(control) == 0
        seen.append((loop.signals, goes_down()))
        return 0

    manager, reports = life(work)
    assert seen == [([windows_service.signal.SIGTERM], down)]
    assert manager.states == [START_PENDING, RUNNING, RUNNING, STOP_PENDING, STOPPED]
    assert manager.told[1].accepted == 0x105
    assert all(status.accepted == 0 for status in manager.told if status.state != RUNNING)
    assert (manager.told[-1].exit_code, reports) == (0, [])


def test_a_stop_while_starting_is_not_forgotten():
    loop = Loop()

    def work(_manager, steering, _goes_down):
        with steering(loop):
            return 0

    manager, _ = life(work, controls=[STOP])
    assert loop.signals
    assert RUNNING not in manager.states


def test_an_agent_that_cannot_run_is_an_error_of_the_service_with_its_reason():
    def work(_manager, _steering, _goes_down):
        raise ValueError("the spool\nis gone")

    manager, reports = life(work)
    assert reports == ["the spool is gone"]
    assert (manager.told[-1].state, manager.told[-1].exit_code, manager.told[-1].specific) == (
        STOPPED,
        SERVICE_SPECIFIC,
        1,
    )


def test_the_real_agent_runs_under_the_manager_and_stops_with_its_readings_sealed(tmp_path, monkeypatch):
    def machine(*, interval_ms, **_lists):
        class Live(Machine):
            def read(self):
                self.wall_ms = time.time_ns() // 1_000_000
                self.boot_ms = self.mono_ms = time.monotonic_ns() // 1_000_000
                return super().read()

        return Live(interval_ms=interval_ms)

    monkeypatch.setattr(this_host, "this_host", machine)
    collector = CollectorDouble(wall_ms=lambda: time.time_ns() // 1_000_000)
    collector.tokens = {"token-1": ""}
    state, log, settings = tmp_path / "state", tmp_path / "agent.log", tmp_path / "agent.toml"
    settings.write_text("interval_s = 1\nseal_s = 1\n")
    try:
        options = [
            "--collector",
            collector.url,
            "--token",
            "token-1",
            "--name",
            "win-1",
            "--state",
            str(state),
        ]
        assert cli.main(["enroll", *options]) == 0
        manager = Manager()
        ended = []
        service = threading.Thread(
            target=lambda: ended.append(
                windows_service.main([str(settings), str(state), str(log)], manager=manager)
            )
        )
        service.start()
        manager.wait_for(RUNNING)
        deadline = time.monotonic() + 20
        while not collector.chunks:
            assert time.monotonic() < deadline
            time.sleep(0.05)
        manager.handler(STOP)
        service.join(30)
    finally:
        collector.close()
    assert ended == [0]
    assert manager.states[-2:] == [STOP_PENDING, STOPPED]
    assert manager.told[-1].exit_code == 0
    assert "event=stopped" in log.read_text(encoding="utf-8")


def test_a_host_that_is_not_enrolled_says_so_in_the_log(tmp_path, capsys):
    settings, log = tmp_path / "agent.toml", tmp_path / "agent.log"
    settings.write_text("")
    manager = Manager()
    assert windows_service.main([str(settings), str(tmp_path / "state"), str(log)], manager=manager) == 0
    assert manager.told[-1].exit_code == SERVICE_SPECIFIC
    assert "not enrolled" in log.read_text(encoding="utf-8")
    assert windows_service.main([], manager=manager) == 2
    assert "usage" in capsys.readouterr().out


def test_somebody_who_starts_it_by_hand_is_told_how(tmp_path):
    class Nobody(Manager):
        def dispatch(self, _name, _main):
            raise OSError(1063, "The service process could not connect to the service controller")

    log = tmp_path / "agent.log"
    assert windows_service.main(["a", "b", str(log)], manager=Nobody()) == 1
    assert "Start-Service StarProofAgent" in log.read_text(encoding="utf-8")


def test_a_full_log_moves_aside_and_a_disk_that_refuses_stops_nobody(tmp_path):
    log = LogFile(str(tmp_path / "agent.log"), max_bytes=100)
    for number in range(30):
        assert log.write(f"line {number:02d} 行\n") == 10
    log.close()
    kept = (tmp_path / "agent.log.1").read_bytes() + (tmp_path / "agent.log").read_bytes()
    assert kept.decode().splitlines()[-1] == "line 29 行"
    assert all(path.stat().st_size <= 120 for path in tmp_path.iterdir())
    assert sorted(path.name for path in tmp_path.iterdir()) == ["agent.log", "agent.log.1"]
    assert LogFile(str(tmp_path / "nowhere" / "agent.log")).write("x") == 1


def test_psutil_names_the_fields_on_windows_that_the_agent_reads():
    """From the source of the installed psutil, read as it reads itself on Windows."""
    path = Path(psutil.__file__).with_name("_ntuples.py")
    if not path.exists():
        pytest.skip("this psutil defines its fields elsewhere")
    source = re.sub(r"^from \._common import \w+$", "", path.read_text(encoding="utf-8"), flags=re.MULTILINE)
    systems = dict.fromkeys(("AIX", "BSD", "FREEBSD", "NETBSD", "OPENBSD", "LINUX", "MACOS", "SUNOS"), False)
    names = {**systems, "WINDOWS": True, "__name__": "psutil._ntuples", "PROCFS_PATH": ""}
    exec(compile(source, str(path), "exec"), names)
    wanted = {
        "scputimes": {"user", "system", "idle"},
        "snetio": {"bytes_recv", "bytes_sent"},
        "sdiskio": {"read_count", "write_count"},
        "suser": {"name"},
        "snicstats": {"isup", "speed"},
    }
    assert {name: fields - set(names[name]._fields) for name, fields in wanted.items()} == {
        n: set() for n in wanted
    }
    assert json.dumps(names["scputimes"]._fields).count("interrupt") or "irq" in names["scputimes"]._fields
