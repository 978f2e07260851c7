"""A Linux host: one reading from the kernel's own files."""

from __future__ import annotations

import os
import sys as interpreter
from typing import Optional, Union

from agent.config import DEFAULT_UNITS
from agent.inventory import (
    DISK_WITNESS_COLUMNS,
    NET_COLUMNS,
    SESSION_COLUMNS,
    Absent,
    Inventory,
    printable,
    take_stock,
)
from agent.linux import disks, files, network, processor, view
from agent.linux.clock import Clocks, LinuxClocks
from agent.linux.sessions import Sessions, SessionSource, Users, psutil_users
from agent.linux.units import ControlGroups
from agent.reading import Reading, ReadingError, Slot
from agent.selection import EVERYTHING, Selection
from agent.units import Units
from evidence import __version__
from evidence.manifest import CPU_STATES, UNIT_CPU

StrPath = Union[str, "os.PathLike[str]"]
KIB = 1024
CPU_SLOTS: tuple[Slot, ...] = tuple((f"cpu.{state}", "") for state in CPU_STATES)


class LinuxHost:
    """Reads this host, or a recorded one when the roots are given.

    Facts that cannot change without a restart of the agent or of the host are taken once, here.
    Everything else is looked at in every reading, but the manifest is made anew only when
    something it shows has changed.
    """

    def __init__(
        self,
        *,
        interval_ms: int,
        nic_selection: Selection = EVERYTHING,
        disk_selection: Selection = EVERYTHING,
        units: int = DEFAULT_UNITS,
        proc: StrPath = "/proc",
        sys: StrPath = "/sys",
        run: StrPath = "/run",
        root: StrPath = "/",
        clocks: Optional[Clocks] = None,
        ticks_per_s: Optional[int] = None,
        users: Users = psutil_users,
    ) -> None:
        self._interval_ms = interval_ms
        self._nic_selection = nic_selection
        self._disk_selection = disk_selection
        self._proc = os.fspath(proc)
        self._clocks = clocks or LinuxClocks()
        self._ticks_per_s = ticks_per_s or os.sysconf("SC_CLK_TCK")
        self._network = network.Network(os.fspath(sys), selection=nic_selection)
        self._disks = disks.Disks(os.fspath(sys), selection=disk_selection)
        self._sessions = SessionSource(os.fspath(run), users=users)
        self._units = Units(ControlGroups(os.fspath(sys)), count=units)
        self._last_wall_ms: Optional[int] = None
        seen = view.look(proc=self._proc, sys=os.fspath(sys), run=os.fspath(run), root=os.fspath(root))
        self._facts = {**_machine(self._proc), **seen.facts()}
        self._state: object = None
        self._inventory: Optional[Inventory] = None

    def read(self) -> Reading:
        """Take one reading now.

        Raises:
            ReadingError: /proc/stat or the boot id cannot be read.
        """
        # Looking for new devices comes first, so that clocks and counters stay close together.
        nics, blocks = self._network.scan(), self._disks.scan()
        sessions = self._sessions.read()
        units = self._units.chosen(self._last_wall_ms)
        instant, ticks = processor.read(self._proc, self._clocks)
        self._last_wall_ms = instant.wall_ms
        state = (nics, blocks, ticks.cpus, sessions.source, units)
        if self._inventory is None or state != self._state:
            self._inventory = self._take_stock(nics, blocks, ticks.cpus, sessions)
            self._state = state
        return Reading(
            wall_ms=instant.wall_ms,
            boot_ms=instant.boot_ms,
            mono_ms=instant.mono_ms,
            boot_id=self._boot_id(),
            clock_state=self._clocks.state(),
            manifest=self._inventory.manifest,
            values=self._values(self._inventory, ticks, sessions),
        )

    def _values(
        self, inventory: Inventory, ticks: processor.Processor, sessions: Sessions
    ) -> dict[Slot, int]:
        values = dict(zip(CPU_SLOTS, ticks.ticks))
        for device, native in inventory.nics:
            for column, value in zip(NET_COLUMNS, self._network.counters(native)):
                values[column, device.name] = value
        for device, native in inventory.disks:
            for column, value in zip(DISK_WITNESS_COLUMNS, self._disks.counters(native)):
                values[column, device.name] = value
        if inventory.sessions:
            for column, value in zip(SESSION_COLUMNS, (sessions.count, sessions.users)):
                values[column, ""] = value
        for name, used_us in self._units.values().items():
            values[UNIT_CPU, name] = used_us
        return values

    def _take_stock(
        self, nics: network.Scan, blocks: Optional[disks.Scan], cpus: int, sessions: Sessions
    ) -> Inventory:
        found_nics, absent_nics = self._network.describe(nics)
        found_disks, absent_disks = self._disks.describe(blocks)
        nic_names = [state.facts.name for state in nics or ()]
        disk_names = [facts.name for facts in (blocks.disks if blocks else ())]
        absent: list[Absent] = [
            *absent_nics,
            *absent_disks,
            *self._nic_selection.unmatched(nic_names, kind="nic"),
            *self._disk_selection.unmatched(disk_names, kind="disk"),
        ]
        if sessions.source == "none":
            absent += [(column, sessions.reason) for column in SESSION_COLUMNS]
        units = self._units.devices()
        if not units:
            absent.append((UNIT_CPU, self._units.reason))
        return take_stock(
            interval_ms=self._interval_ms,
            facts={
                **self._facts,
                "cpus": cpus,
                "ticks_per_s": self._ticks_per_s,
                "sessions_source": sessions.source,
                "units_source": self._units.kind,
            },
            nics=found_nics,
            disks=found_disks,
            disk_columns=DISK_WITNESS_COLUMNS,
            cpu=True,
            sessions=sessions.source != "none",
            absent=absent,
            units=units,
            before=self._inventory,
        )

    def _boot_id(self) -> str:
        path = f"{self._proc}/sys/kernel/random/boot_id"
        boot_id = files.value(path)
        if not boot_id:
            raise ReadingError(f"{path} cannot be read; without it a restart cannot be told from a reset")
        return boot_id


def _machine(proc: str) -> dict[str, Union[str, int]]:
    """Return facts about machine and agent that stay as they are until one of the two restarts."""
    kernel = f"{proc}/sys/kernel"
    facts: dict[str, Union[str, int]] = {
        "system": "Linux",
        "kernel": printable(files.value(f"{kernel}/osrelease") or "unknown"),
        "hostname": printable(files.value(f"{kernel}/hostname") or "unknown"),
        "machine": os.uname().machine,
        "python": ".".join(map(str, interpreter.version_info[:3])),
        "agent": __version__,
    }
    for line in (files.value(f"{proc}/meminfo") or "").splitlines():
        if line.startswith("MemTotal:"):
            facts["memory_bytes"] = int(line.split()[1]) * KIB
    return facts
