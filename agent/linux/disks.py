"""Block devices of ``/sys/block``: which of them count, and their completed operations.

One write to a file can pass a logical volume, an encryption layer, an array and two disks. It is
counted at the bottom: a device counts iff it is a physical leaf.

1. Partitions are not in ``/sys/block``.
2. Devices below ``/sys/devices/virtual`` (loop, ram, zram, dm-*, md*, ...) and devices made of others
   (``slaves``) do not count: their work reaches leaves or stays in memory. Paths of a device-mapper
   multipath are leaves and count; each request goes down exactly one path.
3. NVMe over fabrics lies below ``virtual`` although nothing of this host is underneath: it counts.
4. NVMe's native multipath shows a *head* (nvme0n1, below ``virtual/nvme-subsystem``) and one *hidden*
   device for each path (nvme0c1n1). The head counts and the hidden paths do not, because the head
   stays when a path goes. Kernels before 6.3 keep the head's counters at zero, however: when paths
   have moved and the head has not, the paths count and the head does not. Never both.
5. Optical and floppy drives do not count.

"Operations" are completed requests after merging; discards and flushes are fields of their own and
are not taken. Source: the kernel's Documentation/admin-guide/iostats.rst.
"""

from __future__ import annotations

import re
from typing import NamedTuple, Optional

from agent.inventory import Absent, Found, printable
from agent.linux import files
from agent.selection import Selection
from evidence.columns import MISSING
from evidence.manifest import Device

READS_FIELD = 0
READ_SECTORS_FIELD = 2
WRITES_FIELD = 4
FEWEST_FIELDS = 11
"""Of ``stat``, since 2.6: four of reads, four of writes, three of the queue."""

SCSI_ROM = "5"
FLOPPY = re.compile(r"fd\d+\Z")
OPTICAL = re.compile(r"(sr|scd|pcd|cdrom)\d+\Z")
HIDDEN_PATH = re.compile(r"(nvme\d+)c\d+(n\d+)\Z")
LEAVES_BELOW_VIRTUAL = ("/virtual/nvme-subsystem/", "/virtual/nvme-fabrics/")
HEAD_BELOW = "/virtual/nvme-subsystem/"

FAMILIES = (
    ("loop", "a file shown as a disk: its blocks lie on a disk that counts"),
    ("zram", "compressed memory"),
    ("ram", "memory"),
    ("dm-", "a device-mapper layer: the disks below it count"),
    ("md", "an array: its member disks count"),
    ("nbd", "a disk of another machine, reached over the network"),
    ("drbd", "a replicated volume: the disk below it counts"),
    ("zd", "a volume of a pool: the pool's disks count"),
    ("bcache", "a cached volume: the disks below it count"),
)
POOLS = ("loop", "ram", "nbd", "zd")
"""Numbered nodes that programs take and give back all the time. One entry stands for all of a kind,
because each change of the manifest begins a new chunk."""

SERIALS = ("wwid", "device/wwid", "serial", "device/serial", "device/cid")
"""Where drivers keep what tells one disk from another: nvme, scsi, virtio, nvme before 4.8, mmc."""


class DiskFacts(NamedTuple):
    """What does not change while the device lives. ``head`` names the head of a hidden path."""

    name: str
    inode: int
    leaf: bool
    reason: str
    identity: str
    is_head: bool
    head: str


class Scan(NamedTuple):
    """All block devices, and the multipath heads whose counters the kernel does not keep."""

    disks: tuple[DiskFacts, ...]
    silent_heads: frozenset[str]


class Disks:
    """The block devices below one sysfs root."""

    def __init__(self, sys: str, *, selection: Selection) -> None:
        self._sys = sys
        self._root = f"{sys}/block"
        self._selection = selection
        self._facts: dict[tuple[str, int], DiskFacts] = {}

    def scan(self) -> Optional[Scan]:
        """Return all devices, ``None`` when they cannot be listed."""
        names = files.names(self._root)
        if names is None:
            return None
        known, self._facts = self._facts, {}
        for name in names:
            key = (name, files.inode(f"{self._root}/{name}"))
            self._facts[key] = known.get(key) or self._look(name, key[1])
        disks = tuple(self._facts.values())
        return Scan(disks, self._silent_heads(disks))

    def describe(self, scan: Optional[Scan]) -> tuple[list[Found], list[Absent]]:
        """Return the devices of ``scan`` with their reasons, and what cannot be measured."""
        if scan is None:
            reason = f"{self._root} cannot be listed"
            return [], [("disk.reads", reason), ("disk.writes", reason)]
        heads = {facts.name for facts in scan.disks if facts.is_head}
        found: list[Found] = []
        pools: set[str] = set()
        for facts in scan.disks:
            pool = next((p for p in POOLS if _is_numbered(facts.name, p)), "")
            if pool and not facts.leaf and not self._selection.names(printable(facts.name)):
                pools.add(pool)
                continue
            counts, reason = _judge(facts, scan, heads)
            device = Device(
                kind="disk",
                name=printable(facts.name),
                identity=facts.identity,
                counts=counts,
                reason=reason,
            )
            found.append(Found(self._selection.apply(device), facts.name))
        found += [_pool(name) for name in sorted(pools)]
        absent: list[Absent] = []
        if not any(entry.device.counts for entry in found):
            reason = "no block device of this host counts"
            absent = [("disk.reads", reason), ("disk.writes", reason)]
        return found, absent

    def counters(self, name: str) -> tuple[int, int, int]:
        """Return completed (reads, writes) of a device and the sectors read, each ``MISSING`` when it cannot be read."""
        fields = (files.value(f"{self._root}/{name}/stat") or "").split()
        if len(fields) < FEWEST_FIELDS:
            return MISSING, MISSING, MISSING
        reads, writes, sectors = (
            files.counter(fields[field]) for field in (READS_FIELD, WRITES_FIELD, READ_SECTORS_FIELD)
        )
        return reads, writes, sectors

    def _silent_heads(self, disks: tuple[DiskFacts, ...]) -> frozenset[str]:
        """Rule 4: heads that stand at zero although one of their paths has worked."""
        paths: dict[str, list[str]] = {}
        for facts in disks:
            if facts.head:
                paths.setdefault(facts.head, []).append(facts.name)
        return frozenset(
            facts.name
            for facts in disks
            if facts.is_head
            and self.counters(facts.name)[:2] == (0, 0)
            and any(value > 0 for path in paths.get(facts.name, ()) for value in self.counters(path)[:2])
        )

    def _look(self, name: str, inode: int) -> DiskFacts:
        path = f"{self._root}/{name}"
        place = files.link(path) or self._place_without_link(name)
        hidden = files.value(f"{path}/hidden") == "1"
        barred = self._barred(path, name, place)
        match = HIDDEN_PATH.match(name) if hidden else None
        reason = "hidden by the kernel: a part of another device" if hidden else barred
        return DiskFacts(
            name=name,
            inode=inode,
            leaf=not hidden and not barred,
            reason=reason or "a disk, or what a virtual machine takes for one, with nothing below it",
            identity=_identity(path),
            is_head=not hidden and HEAD_BELOW in place,
            head="".join(match.groups()) if match else "",
        )

    def _place_without_link(self, name: str) -> str:
        """Where a device lies on kernels whose /sys/block holds directories, not links."""
        virtual = f"{self._sys}/devices/virtual/block/{name}"
        return virtual if files.exists(virtual) else ""

    def _barred(self, path: str, name: str, place: str) -> str:
        """Return why a device is no physical leaf, empty if it is one."""
        below = files.names(f"{path}/slaves") or []
        if "/virtual/" in place and not any(leaves in place for leaves in LEAVES_BELOW_VIRTUAL):
            reason = next(
                (text for prefix, text in FAMILIES if name.startswith(prefix)), "no hardware behind it"
            )
            return f"{reason} ({', '.join(below)})" if below else reason
        if below:
            return f"made of {', '.join(below)}, which count where they are disks"
        if OPTICAL.match(name) or files.value(f"{path}/device/type") == SCSI_ROM:
            return "an optical drive: a medium that is put in, not storage of this host"
        if FLOPPY.match(name):
            return "a floppy drive: a medium that is put in, not storage of this host"
        return ""


def _judge(facts: DiskFacts, scan: Scan, heads: set[str]) -> tuple[bool, str]:
    if facts.name in scan.silent_heads:
        return False, "a multipath head whose counters this kernel leaves at zero: its hidden paths count"
    if facts.is_head and facts.leaf:
        return True, "an NVMe namespace over native multipath: the head counts, its hidden paths do not"
    if facts.head in scan.silent_heads:
        return True, f"a hidden path of {facts.head}, whose own counters this kernel leaves at zero"
    if facts.head:
        where = "which counts" if facts.head in heads else "which is not here"
        return False, f"a hidden path of {facts.head}, {where}"
    return facts.leaf, facts.reason


def _identity(path: str) -> str:
    number = files.value(f"{path}/dev") or ""
    serial = next((text for text in (files.value(f"{path}/{name}") for name in SERIALS) if text), "")
    return printable(f"{number} {' '.join(serial.split())}".strip())


def _is_numbered(name: str, prefix: str) -> bool:
    return name.startswith(prefix) and name[len(prefix) :].isdigit()


def _pool(prefix: str) -> Found:
    name = f"{prefix}*"
    reason = next(text for start, text in FAMILIES if start == prefix)
    return Found(Device(kind="disk", name=name, identity="", counts=False, reason=reason), name)
