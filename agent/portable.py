"""Windows and other systems, through psutil. What psutil is known to get wrong is put right here.

* Processor: by attribute name (psutil 8 reorders the fields). On Windows the kernel time already
  contains interrupt and DPC time, which psutil also lists apart; adding them would count them twice,
  so only user, system and idle are taken. With more than one processor group psutil sees one group
  only: then there are no processor columns, and the manifest says so.
* Devices: ``nowrap=False``, so that what travels is the system's own counter. psutil does not say
  what has hardware behind it; known virtual kinds are told by name, and devices that share a MAC
  address count once.
* Sessions: on Windows only (WTS). Elsewhere psutil's empty list can mean "no source".
"""

from __future__ import annotations

import ctypes
import os
import sys
import time
from collections.abc import Callable, Mapping
from fnmatch import fnmatchcase
from typing import Any, NamedTuple, Optional, Union

from agent.config import DEFAULT_UNITS
from agent.inventory import (
    DISK_COLUMNS,
    NET_COLUMNS,
    SESSION_COLUMNS,
    Absent,
    Found,
    Inventory,
    printable,
    take_stock,
)
from agent.reading import Reading, ReadingError, Slot
from agent.selection import EVERYTHING, Selection
from agent.services import Services
from agent.units import NoUnits, Units
from evidence import __version__
from evidence.columns import MISSING
from evidence.manifest import CPU_STATES, UNIT_CPU, Device

WINDOWS = "win32"
WINDOWS_TICKS_PER_S = 10_000_000
"""A FILETIME unit is 100 ns. psutil turns it into seconds as a float; rounding to the nearest unit takes
that back, exactly up to some three processor-years in one state, within a few units beyond."""
WINDOWS_STATES = ("user", "system", "idle")
BPS_PER_MBIT = 1_000_000
NS_PER_MS = 1_000_000
UNKNOWN_SPEEDS = frozenset({0, -1, 4_294, 65_535, 4_294_967_295})
"""In Mbit/s. 4294 is the 32-bit bit/s counter at its stop: anything from 4.3 Gbit/s up."""
MOST_WINDOWS_DISKS = 33
"""psutil asks for PhysicalDrive0 to 32 and no further."""
INT64 = 2**63

VIRTUAL_NICS = (
    ("lo", "loopback: never leaves the host"),
    ("lo[0-9]*", "loopback: never leaves the host"),
    ("*loopback*", "loopback: never leaves the host"),
    ("vethernet*", "a port of a virtual switch: the card below it counts"),
    ("*teredo*", "a tunnel: its packets pass a card that counts"),
    ("isatap*", "a tunnel: its packets pass a card that counts"),
    ("6to4*", "a tunnel: its packets pass a card that counts"),
    ("*wi-fi direct*", "a second interface of the wireless card, which counts"),
    ("local area connection[*] *", "a second interface of the wireless card, which counts"),
    ("本地连接[*] *", "a second interface of the wireless card, which counts"),
    ("*vmware network adapter*", "a virtual machine manager's own network"),
    ("*virtualbox*", "a virtual machine manager's own network"),
    ("*bluetooth*", "not a network line of a server"),
    ("*蓝牙*", "not a network line of a server"),
    ("*openvpn*", "a tunnel: its packets pass a card that counts"),
    ("*wireguard*", "a tunnel: its packets pass a card that counts"),
    ("tap*", "a tunnel: its packets pass a card that counts"),
    ("utun[0-9]*", "a tunnel: its packets pass a card that counts"),
    ("tun[0-9]*", "a tunnel: its packets pass a card that counts"),
    ("wg[0-9]*", "a tunnel: its packets pass a card that counts"),
    ("g[ir]f[0-9]*", "a tunnel: its packets pass a card that counts"),
    ("stf[0-9]*", "a tunnel: its packets pass a card that counts"),
    ("bridge[0-9]*", "a bridge: its ports' cards count"),
    ("awdl[0-9]*", "a second interface of the wireless card, which counts"),
    ("llw[0-9]*", "a second interface of the wireless card, which counts"),
    ("ap[0-9]*", "a second interface of the wireless card, which counts"),
    ("lagg[0-9]*", "a bond: its members count"),
    ("bond[0-9]*", "a bond: its members count"),
    ("vlan[0-9]*", "a VLAN on another device, which counts"),
    ("epair*", "a cable end of a container"),
    ("veth*", "a cable end of a container"),
    ("docker*", "a bridge: its ports' cards count"),
)
"""(shell pattern of the name in lower case, reason)."""
VIRTUAL_DISKS = (
    ("cd[0-9]*", "an optical drive: not storage of this host"),
    ("pass[0-9]*", "another door to a disk that counts"),
    ("md[0-9]*", "memory or a file shown as a disk"),
    ("loop*", "a file shown as a disk"),
    ("dm-*", "a device-mapper layer: the disks below it count"),
    ("ram*", "memory"),
    ("zram*", "compressed memory"),
)
DISKPERF = "unavailable: the system gives no disk counters; run `diskperf -y` as administrator and restart"
NO_UNITS = "this system has no units whose processor time could be asked for"
CONTAINED = "this system does not count it apart: it is contained in another state, the column holds 0"


class SystemClocks(NamedTuple):
    """Functions that return ns: since 1970, since boot, since boot without suspension."""

    wall_ns: Callable[[], int]
    boot_ns: Callable[[], int]
    mono_ns: Callable[[], int]


def system_clocks(platform: str = sys.platform) -> SystemClocks:
    """Return the clocks of this system.

    Python's monotonic clock counts through suspension on Windows (GetTickCount64 and its
    successor); QueryUnbiasedInterruptTime does not. Elsewhere CLOCK_MONOTONIC and, where there is
    one, a clock of uptime are taken. A system without the second clock shows no suspension.
    """
    if platform == WINDOWS:
        return SystemClocks(time.time_ns, time.monotonic_ns, _unbiased_ns)
    uptime = next((getattr(time, n) for n in ("CLOCK_UPTIME_RAW", "CLOCK_UPTIME") if hasattr(time, n)), None)
    boot = getattr(time, "CLOCK_BOOTTIME", time.CLOCK_MONOTONIC)
    mono = time.CLOCK_MONOTONIC if uptime is None else uptime
    return SystemClocks(
        time.time_ns, lambda: time.clock_gettime_ns(boot), lambda: time.clock_gettime_ns(mono)
    )


def processor_groups(platform: str = sys.platform) -> int:
    """Return the number of processor groups (Windows; 1 elsewhere)."""
    if platform != WINDOWS:
        return 1
    return int(_kernel32().GetActiveProcessorGroupCount())


def boot_id(psutil: Any, platform: str = sys.platform) -> str:
    """Return what stays the same from boot to boot: the creation stamp of the first process.

    psutil's boot_time() follows the wall clock and moves when that is set; a stamp that the kernel
    wrote once does not. On Windows psutil answers boot_time() for the system process, so the
    session manager is asked, the first process that the kernel starts.

    Raises:
        ReadingError: there is no such process.
    """
    if platform == WINDOWS:
        stamps = [p.create_time() for p in psutil.process_iter(["name"]) if p.info["name"] == "smss.exe"]
    else:
        stamps = [psutil.Process(1).create_time()]
    if not stamps:
        raise ReadingError("the session manager (smss.exe) is not visible; run the agent as a service")
    return f"first-process-{round(min(stamps) * 1_000)}"


class PortableHost:
    """Reads this host through psutil, or a stand-in with psutil's functions."""

    def __init__(
        self,
        *,
        interval_ms: int,
        psutil: Any,
        nic_selection: Selection = EVERYTHING,
        disk_selection: Selection = EVERYTHING,
        units: int = DEFAULT_UNITS,
        platform: str = sys.platform,
        clocks: Optional[SystemClocks] = None,
        ticks_per_s: Optional[int] = None,
        boot: Optional[str] = None,
        groups: Optional[int] = None,
    ) -> None:
        self._interval_ms = interval_ms
        self._psutil = psutil
        self._nic_selection = nic_selection
        self._disk_selection = disk_selection
        self._platform = platform
        self._clocks = clocks or system_clocks(platform)
        self._ticks_per_s = ticks_per_s or _ticks_per_s(platform)
        self._boot = boot or boot_id(psutil, platform)
        self._groups = groups or processor_groups(platform)
        self._facts = _machine(psutil, platform)
        self._units = Units(Services(psutil) if platform == WINDOWS else NoUnits(NO_UNITS), count=units)
        self._last_wall_ms: Optional[int] = None
        self._state: object = None
        self._inventory: Optional[Inventory] = None

    def read(self) -> Reading:
        """Take one reading now.

        Raises:
            ReadingError: the system gives no processor times.
        """
        units = self._units.chosen(self._last_wall_ms)
        # The monotonic clock first, so that it is never ahead of the boot clock.
        mono, boot, wall = (clock() // NS_PER_MS for clock in reversed(self._clocks))
        self._last_wall_ms = wall
        values = self._processor()
        nic_counters = self._psutil.net_io_counters(pernic=True, nowrap=False) or {}
        disk_counters = self._psutil.disk_io_counters(perdisk=True, nowrap=False) or {}
        users = [user.name for user in self._psutil.users()] if self._platform == WINDOWS else None
        state = (
            tuple(sorted(nic_counters)),
            tuple(sorted(disk_counters)),
            tuple(sorted(self._psutil.net_if_stats().items())),
            self._addresses(),
            self._psutil.cpu_count(logical=True),
            units,
        )
        if self._inventory is None or state != self._state:
            self._inventory = self._take_stock(sorted(nic_counters), sorted(disk_counters))
            self._state = state
        inventory = self._inventory
        _put(values, inventory.nics, NET_COLUMNS, nic_counters, ("bytes_recv", "bytes_sent"))
        _put(values, inventory.disks, DISK_COLUMNS, disk_counters, ("read_count", "write_count"))
        if users is not None:
            values.update({(SESSION_COLUMNS[0], ""): len(users), (SESSION_COLUMNS[1], ""): len(set(users))})
        values.update({(UNIT_CPU, name): used_us for name, used_us in self._units.values().items()})
        return Reading(
            wall_ms=wall,
            boot_ms=boot,
            mono_ms=mono,
            boot_id=self._boot,
            clock_state="unknown",
            manifest=inventory.manifest,
            values=values,
        )

    def _processor(self) -> dict[Slot, int]:
        if self._groups > 1:
            return {}
        times = self._psutil.cpu_times()
        states = WINDOWS_STATES if self._platform == WINDOWS else CPU_STATES
        seconds = {state: getattr(times, state, None) for state in states}
        if seconds["user"] is None or seconds["idle"] is None:
            raise ReadingError("psutil gives no processor times on this system")
        # A state the system does not know holds no time: what happens there is in another state.
        return {
            (f"cpu.{state}", ""): round((seconds.get(state) or 0) * self._ticks_per_s) for state in CPU_STATES
        }

    def _addresses(self) -> tuple[tuple[str, str], ...]:
        """Return (interface, MAC address) of every interface that has one."""
        link = self._psutil.AF_LINK
        return tuple(
            (name, address.address)
            for name, addresses in sorted(self._psutil.net_if_addrs().items())
            for address in addresses
            if address.family == link
        )

    def _take_stock(self, nic_names: list[str], disk_names: list[str]) -> Inventory:
        nics, absent = self._nics(nic_names)
        disks = [self._disk(name) for name in disk_names]
        absent += self._nic_selection.unmatched(nic_names, kind="nic")
        absent += self._disk_selection.unmatched(disk_names, kind="disk")
        absent += _absent_columns(nics, NET_COLUMNS, "no network device of this host counts")
        windows = self._platform == WINDOWS
        absent += _absent_columns(disks, DISK_COLUMNS, DISKPERF if windows else "no disk of this host counts")
        if windows and len(disks) >= MOST_WINDOWS_DISKS:
            absent.append(
                ("disk", f"only the first {MOST_WINDOWS_DISKS} disks can be asked for their counters")
            )
        if self._groups > 1:
            absent.append(
                ("cpu", f"{self._groups} processor groups: the system's totals are of one group only")
            )
        elif windows:
            absent += [(f"cpu.{s}", CONTAINED) for s in CPU_STATES if s not in WINDOWS_STATES]
        if not windows:
            reason = "session lists of this system cannot be told from an empty answer"
            absent += [(column, reason) for column in SESSION_COLUMNS]
        units = self._units.devices()
        if not units:
            absent.append((UNIT_CPU, self._units.reason))
        return take_stock(
            interval_ms=self._interval_ms,
            facts={
                **self._facts,
                "cpus": self._psutil.cpu_count(logical=True),
                "ticks_per_s": self._ticks_per_s,
                "sessions_source": "wts" if windows else "none",
                "units_source": self._units.kind,
            },
            nics=nics,
            disks=disks,
            cpu=self._groups == 1,
            sessions=windows,
            absent=absent,
            units=units,
            before=self._inventory,
        )

    def _nics(self, names: list[str]) -> tuple[list[Found], list[Absent]]:
        stats = self._psutil.net_if_stats()
        addresses = dict(self._addresses())
        found: list[Found] = []
        absent: list[Absent] = []
        holders: dict[str, str] = {}
        for name in names:
            address = addresses.get(name, "")
            reason = _matching(VIRTUAL_NICS, name)
            if not reason and address and address in holders:
                reason = f"it has the MAC address of {holders[address]}, whose traffic it would count again"
            counts = not reason
            if counts and address:
                holders[address] = name
            speed, why = _speed(stats.get(name))
            device = self._nic_selection.apply(
                Device(
                    kind="nic",
                    name=printable(name),
                    identity=printable(address),
                    counts=counts,
                    reason=reason or "a network interface that is of no known virtual kind",
                    speed_bps=speed,
                )
            )
            if device.counts and speed is None:
                absent.append((f"net.capacity:{device.name}", why))
            found.append(Found(device, name))
        return found, absent

    def _disk(self, name: str) -> Found:
        reason = _matching(VIRTUAL_DISKS, name)
        device = Device(
            kind="disk",
            name=printable(name),
            identity=printable(name),
            counts=not reason,
            reason=reason or "a disk that is of no known virtual kind",
        )
        return Found(self._disk_selection.apply(device), name)


def _put(
    values: dict[Slot, int],
    found: tuple[Found, ...],
    columns: tuple[str, str],
    counters: Mapping[str, Any],
    attributes: tuple[str, str],
) -> None:
    for device, native in found:
        for column, attribute in zip(columns, attributes):
            value = getattr(counters.get(native), attribute, MISSING)
            values[column, device.name] = value if 0 <= value < INT64 else MISSING


def _absent_columns(found: list[Found], columns: tuple[str, ...], reason: str) -> list[Absent]:
    return [] if any(f.device.counts for f in found) else [(column, reason) for column in columns]


def _matching(patterns: tuple[tuple[str, str], ...], name: str) -> str:
    return next((reason for pattern, reason in patterns if fnmatchcase(name.lower(), pattern)), "")


def _speed(stats: Any) -> tuple[Optional[int], str]:
    if stats is None:
        return None, "the system does not know this interface's state"
    if not stats.isup:
        return 0, ""
    if stats.speed in UNKNOWN_SPEEDS or stats.speed < 0:
        return None, f"the link speed {stats.speed} means unknown"
    return int(stats.speed) * BPS_PER_MBIT, ""


def _machine(psutil: Any, platform: str) -> dict[str, Union[str, int]]:
    import platform as machine  # noqa: PLC0415 - a heavy module that Linux hosts need not load

    return {
        "system": machine.system() or platform,
        "kernel": machine.version() if platform == WINDOWS else machine.release(),
        "hostname": machine.node(),
        "machine": machine.machine(),
        "python": machine.python_version(),
        "agent": __version__,
        "memory_bytes": int(psutil.virtual_memory().total),
        "view": "host",
        "view_reason": "this system has no containers' view of its counters",
        "cgroup": "none",
    }


def _ticks_per_s(platform: str) -> int:
    """Return the unit of the system's processor times; elsewhere psutil divides by this constant."""
    return WINDOWS_TICKS_PER_S if platform == WINDOWS else os.sysconf("SC_CLK_TCK")


def _kernel32() -> Any:
    return getattr(ctypes, "windll").kernel32  # noqa: B009 - the attribute exists on Windows only


def _unbiased_ns() -> int:
    interrupt_time = ctypes.c_ulonglong()
    if not _kernel32().QueryUnbiasedInterruptTime(ctypes.byref(interrupt_time)):
        raise ReadingError("QueryUnbiasedInterruptTime failed; the agent needs Windows 7 or later")
    return interrupt_time.value * 100
