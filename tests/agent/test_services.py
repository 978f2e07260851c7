"""Windows services, with a stand-in that has psutil's functions and values as a server showed them."""

from __future__ import annotations

from types import SimpleNamespace

import psutil

from agent.services import NO_SERVICES, Services
from evidence.columns import MISSING


class Service:
    def __init__(self, name, pid):
        self._name, self._pid = name, pid

    def name(self):
        return self._name

    def pid(self):
        if self._pid == "gone":
            raise psutil.NoSuchProcess(0)
        return self._pid


class Windows:
    """win_service_iter and Process of psutil."""

    Error = psutil.Error

    def __init__(self):
        self.services = [
            Service("W3SVC", 2104), Service("WAS", 2104), Service("AppHostSvc", 2104),
            Service("MSSQLSERVER", 3388), Service("Spooler", None), Service("Removed", "gone"),
            Service("Forbidden", 4),
        ]  # fmt: skip
        self.processes = {
            2104: (1_780.4375, 96.59375, 1_790_000_000.25),
            3388: (90_210.015625, 3_001.5, 1_790_000_100.0),
        }

    def win_service_iter(self):
        return iter(self.services)

    def Process(self, number):  # noqa: N802 - psutil's name
        if number not in self.processes:
            raise psutil.AccessDenied(number)
        user, system, created = self.processes[number]
        times = SimpleNamespace(user=user, system=system, children_user=0.0, children_system=0.0)
        return SimpleNamespace(cpu_times=lambda: times, create_time=lambda: created)


def test_a_service_has_the_processor_time_of_its_process():
    found = {unit.name: used for unit, used in Services(Windows()).listing().used_us.items()}
    assert found == {"AppHostSvc +2": 1_877_031_250, "MSSQLSERVER": 93_211_515_625}


def test_services_that_are_stopped_removed_or_forbidden_are_no_units():
    names = [unit.name for unit in Services(Windows()).listing().used_us]
    assert not {"Spooler", "Removed", "Forbidden"} & set(names)


def test_a_process_that_was_started_anew_is_another_one():
    windows = Windows()
    services = Services(windows)
    unit = next(u for u in services.listing().used_us if u.name == "MSSQLSERVER")
    assert services.used_us(unit.native, unit.identity) == 93_211_515_625
    windows.processes[3388] = (1.0, 1.0, 1_790_005_000.0)
    assert services.used_us(unit.native, unit.identity) == MISSING
    del windows.processes[3388]
    assert services.used_us(unit.native, unit.identity) == MISSING


def test_two_processes_of_one_name_count_once():
    windows = Windows()
    windows.services = [Service("Twin", 2104), Service("Twin", 3388)]
    assert len(Services(windows).listing().used_us) == 1


def test_a_host_that_shows_no_service_says_why():
    windows = Windows()
    windows.services = []
    assert Services(windows).listing().reason == NO_SERVICES
