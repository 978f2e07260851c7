"""A double of what the agent reads: a machine with a clock of its own. Imports little: it is weighed."""

from __future__ import annotations

from agent.reading import Reading, ReadingError
from agent.sealing import Identity
from evidence.columns import MISSING
from evidence.keys import PrivateKey
from evidence.manifest import COUNTERS, COUNTERS_CLOCKS, CPU_STATES, Column, Device, build

NOON_MS = 1_767_585_600_000
"""2026-01-05T04:00:00Z: noon in Shanghai, a whole hour."""
IDENTITY = Identity(enterprise="Example 示例", host="web-1", agent="test")
CHAIN = "c" * 64
TICKS_PER_S = 100


class Machine:
    """A machine with a clock of its own: deterministic work per ms since boot."""

    def __init__(self, *, wall_ms: int = NOON_MS, boot_ms: int = 3_600_000, interval_ms: int = 60_000):
        self.wall_ms = wall_ms
        self.boot_ms = boot_ms
        self.mono_ms = boot_ms
        self.boot_id = "boot-0"
        self.interval_ms = interval_ms
        self.cpus = 2
        self.nics = {"eth0": "mac-0"}
        self.disks = {"sda": "wwn-0"}
        self.sessions = 3
        self.clock_state = "synchronized"
        self.broken = ""

    def tick(self, ms: int | None = None) -> Machine:
        """Let time pass."""
        ms = self.interval_ms if ms is None else ms
        self.wall_ms += ms
        self.boot_ms += ms
        self.mono_ms += ms
        return self

    def suspend(self, ms: int) -> None:
        self.wall_ms += ms
        self.boot_ms += ms

    def reboot(self, off_ms: int, up_ms: int) -> None:
        self.wall_ms += off_ms + up_ms
        self.boot_ms = self.mono_ms = up_ms
        self.boot_id = f"boot-{int(self.boot_id[5:]) + 1}"

    def manifest(self):
        columns = [Column(name) for name in COUNTERS_CLOCKS]
        columns += [Column(f"cpu.{state}") for state in CPU_STATES]
        columns += [Column(name, nic) for nic in self.nics for name in ("net.rx", "net.tx")]
        columns += [Column(name, disk) for disk in self.disks for name in ("disk.reads", "disk.writes")]
        columns += [Column("sessions.count")]
        devices = [Device("nic", nic, mac, True, "hardware", 10**9) for nic, mac in self.nics.items()]
        devices += [Device("disk", disk, wwn, True, "physical leaf") for disk, wwn in self.disks.items()]
        return build(
            kind=COUNTERS,
            interval_ms=self.interval_ms,
            columns=tuple(columns),
            host={"cpus": self.cpus, "ticks_per_s": TICKS_PER_S},
            devices=tuple(devices),
        )

    def read(self) -> Reading:
        if self.broken:
            raise ReadingError(self.broken)
        manifest = self.manifest()
        ticks = self.cpus * self.mono_ms * TICKS_PER_S // 1000
        values = {}
        for number, column in enumerate(manifest.columns[3:]):
            values[column.name, column.device] = number * 1000 + self.mono_ms * (number + 1)
        for state in CPU_STATES:
            values[f"cpu.{state}", ""] = 0
        values["cpu.user", ""] = ticks // 4
        values["cpu.idle", ""] = ticks - ticks // 4
        values["sessions.count", ""] = self.sessions if self.sessions is not None else MISSING
        return Reading(
            wall_ms=self.wall_ms,
            boot_ms=self.boot_ms,
            mono_ms=self.mono_ms,
            boot_id=self.boot_id,
            clock_state=self.clock_state,
            manifest=manifest,
            values=values,
        )


def make_key(number: int = 1) -> PrivateKey:
    return PrivateKey.from_seed(bytes([number]) * 32)
