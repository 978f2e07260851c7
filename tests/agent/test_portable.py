"""Windows and other systems, with a stand-in that has psutil's functions and its known faults."""

from __future__ import annotations

import time
from types import SimpleNamespace
from typing import NamedTuple, Optional

import psutil
import pytest

from agent import portable
from agent.portable import PortableHost, SystemClocks, boot_id, processor_groups, system_clocks
from agent.reading import ReadingError
from agent.selection import Selection
from evidence.columns import MISSING
from evidence.manifest import CPU_STATES


class WindowsTimes(NamedTuple):
    user: float
    system: float
    idle: float
    interrupt: float
    dpc: float


class NewWindowsTimes(NamedTuple):
    idle: float
    irq: float
    dpc: float
    system: float
    user: float


class MacTimes(NamedTuple):
    user: float
    nice: float
    system: float
    idle: float


class Net(NamedTuple):
    bytes_sent: int
    bytes_recv: int
    packets_sent: int
    packets_recv: int


class Disk(NamedTuple):
    read_count: int
    write_count: int
    read_bytes: int
    write_bytes: int


class Stats(NamedTuple):
    isup: int
    duplex: int
    speed: int
    mtu: int


class Address(NamedTuple):
    family: int
    address: str


class User(NamedTuple):
    name: str
    terminal: Optional[str]


AF_LINK = -1
CLOCKS = SystemClocks(lambda: 1_790_000_000_123_456_789, lambda: 5_000_000_000, lambda: 4_000_000_000)


class StandIn:
    """What psutil would answer."""

    AF_LINK = AF_LINK

    def __init__(self, **answers):
        self.times = WindowsTimes(100.015625, 50.0, 849.9843751, 10.0, 5.0)
        self.nics = {"Ethernet": Net(2000, 1000, 2, 1)}
        self.disks = {"PhysicalDrive0": Disk(11, 22, 1, 1)}
        self.stats = {"Ethernet": Stats(True, 2, 1000, 1500)}
        self.macs = {"Ethernet": "00-15-5D-00-00-01"}
        self.people = [User("ops", None), User("ops", None), User("dev", None)]
        self.services = []
        self.__dict__.update(answers)
        self.asked = {}

    def cpu_times(self):
        return self.times

    def win_service_iter(self):
        return iter(self.services)

    def cpu_count(self, *, logical):
        assert logical
        return 4

    def net_io_counters(self, **options):
        self.asked["net"] = options
        return self.nics

    def disk_io_counters(self, **options):
        self.asked["disk"] = options
        return self.disks

    def net_if_stats(self):
        return self.stats

    def net_if_addrs(self):
        return {name: [Address(2, "10.0.0.1"), Address(AF_LINK, mac)] for name, mac in self.macs.items()}

    def users(self):
        return self.people

    def virtual_memory(self):
        return SimpleNamespace(total=8 * 2**30)


def windows(stand_in=None, **options):
    return PortableHost(
        **{
            "interval_ms": 60_000,
            "psutil": stand_in or StandIn(),
            "platform": "win32",
            "clocks": CLOCKS,
            "boot": "boot-1",
            "groups": 1,
            **options,
        }
    )


def devices(reading):
    return {device.name: device for device in reading.manifest.devices}


def nics(names, **options):
    """A stand-in with these interfaces, all up at 1 Gbit/s with MAC addresses of their own."""
    return StandIn(
        **{
            "nics": {name: Net(1, 1, 1, 1) for name in names},
            "stats": {name: Stats(True, 2, 1000, 1500) for name in names},
            "macs": {name: f"00-00-00-00-00-{n:02d}" for n, name in enumerate(names)},
            **options,
        }
    )


@pytest.mark.parametrize(
    "times",
    [
        WindowsTimes(100.015625, 50.0, 849.9843751, 10.0, 5.0),
        NewWindowsTimes(849.9843751, 10.0, 5.0, 50.0, 100.015625),
    ],
    ids=["psutil 7", "psutil 8 order and names"],
)
def test_interrupt_time_of_windows_is_not_added_on_top_of_system_time(times):
    values = windows(StandIn(times=times)).read().values
    ticks = {state: values[f"cpu.{state}", ""] for state in CPU_STATES}
    assert {state: n for state, n in ticks.items() if n} == {
        "user": 1_000_156_250,
        "system": 500_000_000,
        "idle": 8_499_843_751,
    }


def test_the_tick_of_windows_is_the_unit_of_a_filetime_and_comes_back_exactly():
    assert windows().read().manifest.ticks_per_s == 10_000_000
    for units in (1, 156_250, 2**32 - 1, 2**32, 86_400 * 10_000_000 * 365 + 1, 10**15 + 7):
        seconds = (units >> 32) * (1e-7 * 4294967296.0) + (units & 0xFFFFFFFF) * 1e-7
        stand_in = StandIn(times=WindowsTimes(seconds, 0.0, 1.0, 0.0, 0.0))
        assert windows(stand_in).read().values["cpu.user", ""] == units


def test_states_that_windows_does_not_count_are_named_as_absent():
    absent = dict(windows().read().manifest.absent)
    assert {"cpu.iowait", "cpu.steal", "cpu.irq"} <= absent.keys()
    assert "cpu.user" not in absent


def test_several_processor_groups_make_the_processor_absent_not_wrong():
    reading = windows(groups=2).read()
    assert ("cpu.user", "") not in reading.values
    assert "2 processor groups" in dict(reading.manifest.absent)["cpu"]


def test_counters_are_asked_for_without_psutil_filling_decreases():
    stand_in = StandIn()
    windows(stand_in).read()
    assert stand_in.asked == {
        "net": {"pernic": True, "nowrap": False},
        "disk": {"perdisk": True, "nowrap": False},
    }


def test_counters_are_taken_by_attribute_name():
    values = windows().read().values
    assert values["net.rx", "Ethernet"] == 1000
    assert values["net.tx", "Ethernet"] == 2000
    assert values["disk.reads", "PhysicalDrive0"] == 11
    assert values["disk.writes", "PhysicalDrive0"] == 22


def test_clocks_are_whole_milliseconds():
    reading = windows().read()
    assert (reading.wall_ms, reading.boot_ms, reading.mono_ms) == (1_790_000_000_123, 5_000, 4_000)
    assert (reading.boot_id, reading.clock_state) == ("boot-1", "unknown")


@pytest.mark.parametrize("disks", [{}, None])
def test_disk_counters_that_are_switched_off_are_absent_and_not_zero(disks):
    reading = windows(StandIn(disks=disks)).read()
    assert "diskperf" in dict(reading.manifest.absent)["disk.reads"]
    assert not [slot for slot in reading.values if slot[0].startswith("disk.")]


def test_more_disks_than_psutil_asks_for_are_mentioned():
    disks = {f"PhysicalDrive{n}": Disk(1, 1, 1, 1) for n in range(33)}
    assert "first 33" in dict(windows(StandIn(disks=disks)).read().manifest.absent)["disk"]


@pytest.mark.parametrize("nics", [{}, None])
def test_no_interface_is_absent_and_not_zero(nics):
    reading = windows(StandIn(nics=nics)).read()
    assert "net.rx" in dict(reading.manifest.absent)


@pytest.mark.parametrize(
    "name",
    [
        "Loopback Pseudo-Interface 1",
        "vEthernet (Default Switch)",
        "Teredo Tunneling Pseudo-Interface",
        "Local Area Connection* 2",
        "本地连接* 3",
        "VMware Network Adapter VMnet8",
        "VirtualBox Host-Only Network",
        "Bluetooth Network Connection",
        "lo0",
        "utun3",
        "awdl0",
        "bridge0",
        "lagg0",
        "wg0",
    ],
)
def test_virtual_interfaces_do_not_count(name):
    reading = windows(nics([name, "Ethernet"])).read()
    assert not devices(reading)[name].counts
    assert ("net.rx", name) not in reading.values
    assert ("net.rx", "Ethernet") in reading.values


@pytest.mark.parametrize(
    "name", ["Ethernet", "Ethernet 2", "以太网", "本地连接", "Local Area Connection", "Wi-Fi", "en0"]
)
def test_cards_count(name):
    assert devices(windows(nics([name])).read())[name].counts


def test_interfaces_of_one_mac_address_count_once():
    stand_in = nics(["Ethernet", "Ethernet 2", "Team1"])
    stand_in.macs["Team1"] = stand_in.macs["Ethernet"]
    seen = devices(windows(stand_in).read())
    assert [name for name, device in seen.items() if device.counts and device.kind == "nic"] == [
        "Ethernet",
        "Ethernet 2",
    ]
    assert "MAC address of Ethernet" in seen["Team1"].reason


@pytest.mark.parametrize("speed", [0, -1, 4294, 65535, 4294967295])
def test_a_speed_that_means_unknown_is_absent(speed):
    reading = windows(StandIn(stats={"Ethernet": Stats(True, 2, speed, 1500)})).read()
    assert devices(reading)["Ethernet"].speed_bps is None
    assert str(speed) in dict(reading.manifest.absent)["net.capacity:Ethernet"]


def test_an_interface_without_a_state_has_no_known_capacity():
    reading = windows(StandIn(stats={})).read()
    assert "state" in dict(reading.manifest.absent)["net.capacity:Ethernet"]


@pytest.mark.parametrize(("up", "bps"), [(True, 1_000_000_000), (False, 0)])
def test_a_known_speed_is_the_capacity_while_the_line_is_up(up, bps):
    reading = windows(StandIn(stats={"Ethernet": Stats(up, 2, 1000, 1500)})).read()
    assert devices(reading)["Ethernet"].speed_bps == bps


def test_sessions_of_windows_are_counted_with_distinct_accounts():
    reading = windows().read()
    assert reading.values["sessions.count", ""] == 3
    assert reading.values["sessions.users", ""] == 2
    assert reading.manifest.host["sessions_source"] == "wts"


def test_an_empty_session_list_elsewhere_is_absent_and_not_zero():
    stand_in = StandIn(times=MacTimes(1.0, 0.5, 2.0, 3.0), people=[])
    reading = windows(stand_in, platform="darwin", ticks_per_s=100).read()
    assert ("sessions.count", "") not in reading.values
    assert "sessions.count" in dict(reading.manifest.absent)
    assert reading.values["cpu.nice", ""] == 50
    assert reading.manifest.ticks_per_s == 100


def test_no_disk_elsewhere_has_a_reason_without_diskperf():
    stand_in = StandIn(times=MacTimes(1.0, 0.5, 2.0, 3.0), disks={"cd0": Disk(1, 1, 1, 1)})
    reading = windows(stand_in, platform="freebsd14", ticks_per_s=127).read()
    assert "no disk" in dict(reading.manifest.absent)["disk.writes"]
    assert "optical" in devices(reading)["cd0"].reason


def test_processor_times_that_are_not_there_are_an_error():
    with pytest.raises(ReadingError, match="no processor times"):
        windows(StandIn(times=SimpleNamespace(user=None))).read()


def test_a_counter_outside_int64_or_gone_is_missing():
    stand_in = StandIn()
    host = windows(stand_in)
    host.read()
    stand_in.nics = {"Ethernet": Net(2**63, -1, 0, 0)}
    values = host.read().values
    assert values["net.rx", "Ethernet"] == MISSING
    assert values["net.tx", "Ethernet"] == MISSING


def test_the_manifest_stays_while_nothing_changes_and_follows_what_does():
    stand_in = StandIn()
    host = windows(stand_in)
    before = host.read().manifest
    assert host.read().manifest is before
    stand_in.stats = {"Ethernet": Stats(isup=True, duplex=2, speed=1000, mtu=9000)}
    assert host.read().manifest is before
    stand_in.disks = {**stand_in.disks, "PhysicalDrive1": Disk(1, 2, 3, 4)}
    assert ("disk.reads", "PhysicalDrive1") in host.read().values


def test_lists_of_the_configuration_hold_here_too():
    reading = windows(
        nics(["vEthernet (External)"]),
        nic_selection=Selection(include=("vEthernet*", "eth9")),
        disk_selection=Selection(exclude=("PhysicalDrive0",)),
    ).read()
    assert devices(reading)["vEthernet (External)"].counts
    assert not devices(reading)["PhysicalDrive0"].counts
    assert "devices.nics_include:eth9" in dict(reading.manifest.absent)


def process(name, started):
    return SimpleNamespace(info={"name": name}, create_time=lambda: started)


def test_the_boot_id_of_windows_is_the_first_session_manager_not_the_wall_clock():
    processes = [
        process("smss.exe", 1_790_000_009.5),
        process("smss.exe", 1_790_000_001.25),
        process("x.exe", 1.0),
    ]
    stand_in = SimpleNamespace(process_iter=lambda _attributes: processes)
    assert boot_id(stand_in, "win32") == "first-process-1790000001250"


def test_a_hidden_session_manager_is_an_error_that_says_what_to_do():
    with pytest.raises(ReadingError, match="as a service"):
        boot_id(SimpleNamespace(process_iter=lambda _attributes: []), "win32")


def test_the_boot_id_elsewhere_is_the_stamp_of_process_one():
    stand_in = SimpleNamespace(Process=lambda pid: SimpleNamespace(create_time=lambda: 1_000.5 + pid))
    assert boot_id(stand_in, "darwin") == "first-process-1001500"


def test_the_unbiased_clock_of_windows_is_taken_in_units_of_100_ns(monkeypatch):
    class Kernel32:
        answers = 1

        @classmethod
        def QueryUnbiasedInterruptTime(cls, reference):  # noqa: N802 - the name of the Windows function
            reference._obj.value = 12_345
            return cls.answers

        @staticmethod
        def GetActiveProcessorGroupCount():  # noqa: N802 - the same
            return 3

    monkeypatch.setattr(portable.ctypes, "windll", SimpleNamespace(kernel32=Kernel32), raising=False)
    assert system_clocks("win32").mono_ns() == 1_234_500
    assert processor_groups("win32") == 3
    Kernel32.answers = 0
    with pytest.raises(ReadingError, match="QueryUnbiasedInterruptTime"):
        system_clocks("win32").mono_ns()


def test_there_is_one_processor_group_elsewhere():
    assert processor_groups("linux") == 1


def test_the_clocks_of_this_system_go_forward_and_know_suspension():
    clocks = system_clocks("linux")
    assert clocks.wall_ns() > 1_600_000_000 * 10**9
    mono_ns = clocks.mono_ns()
    assert clocks.boot_ns() >= mono_ns > 0


def test_a_clock_of_uptime_is_preferred_where_there_is_one(monkeypatch):
    monkeypatch.setattr(time, "CLOCK_UPTIME_RAW", time.CLOCK_PROCESS_CPUTIME_ID, raising=False)
    assert system_clocks("darwin").mono_ns() < 10**12


def test_the_real_psutil_has_everything_that_is_asked_of_it():
    reading = PortableHost(interval_ms=1_000, psutil=psutil).read()
    assert reading.values["cpu.idle", ""] > 0
    assert set(reading.values) == {
        (c.name, c.device) for c in reading.manifest.columns if not c.name.startswith("time.")
    }
