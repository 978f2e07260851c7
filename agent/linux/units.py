"""Processor time of systemd units, from the control groups that systemd makes for them.

Version 2 (``cgroup.controllers`` lies in the root): ``cpu.stat`` of every group says ``usage_usec``,
with or without the cpu controller. Version 1: ``cpuacct.usage`` in ns, where systemd has made groups
in that hierarchy (``DefaultCPUAccounting=yes``); where it has not, the unified hierarchy beside it, if
there is one, is looked at. See cgroups(7) and systemd-system.conf(5).

A parent's time contains that of its children, also of those that are gone. Which groups are units:

1. ``user.slice`` is one unit: who is logged in is nobody's business.
2. A slice below ``system.slice`` whose name begins with ``system-`` holds the instances of one
   template and is one unit: names of instances may hold users and addresses.
3. Other slices are looked into. Every other group is a unit (services, scopes, a container manager's).
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from typing import NamedTuple

from agent.inventory import printable
from agent.linux import files
from agent.units import Listing, Unit
from evidence.columns import MISSING

MAX_DEPTH = 6
MAX_GROUPS = 2_048
"""Groups that are looked at; a host with more is not one whose units have names."""
MAX_NAME = 100
NS_PER_US = 1_000
SLICE = ".slice"
USERS = "user.slice"
INSTANCES = "system-"
MANY = f"there are more than {MAX_GROUPS} control groups"
NO_GROUPS = "no control group has processor accounting; set DefaultCPUAccounting=yes in systemd's system.conf"


class Version(NamedTuple):
    """A version of control groups: its name, and the file that says the processor time."""

    kind: str
    file: str


V1 = Version("cgroup1", "cpuacct.usage")
V2 = Version("cgroup2", "cpu.stat")


class ControlGroups:
    """The control groups below one ``/sys`` root."""

    def __init__(self, sys: str) -> None:
        """Look which version there is; this cannot change while the system runs."""
        self._root, self._version = _hierarchy(f"{sys}/fs/cgroup")
        self.kind = self._version.kind
        self.whole = self._root if self._used(self._root) != MISSING else ""

    def listing(self) -> Listing:
        """Return all units with their processor time."""
        if not self._root:
            return Listing({}, NO_GROUPS)
        found: dict[Unit, int] = {}
        for number, (path, inode) in enumerate(_units(self._root, 0)):
            if number >= MAX_GROUPS:
                return Listing({}, MANY)
            used = self._used(path)
            if used != MISSING:
                found[Unit(_name(path, inode), str(inode), path)] = used
        return Listing(found, "" if found else NO_GROUPS)

    def used_us(self, native: str, identity: str) -> int:
        """Return the processor time of the group at this path, if it is still the same group."""
        if identity and str(files.inode(native)) != identity:
            return MISSING
        return self._used(native)

    def _used(self, path: str) -> int:
        text = files.value(f"{path}/{self._version.file}")
        if text is None:
            return MISSING
        if self._version is V1:
            used = files.counter(text)
            return used if used == MISSING else used // NS_PER_US
        for line in text.splitlines():
            name, _, number = line.partition(" ")
            if name == "usage_usec":
                return files.counter(number)
        return MISSING


def _hierarchy(top: str) -> tuple[str, Version]:
    """Return the root of the hierarchy that holds units' processor time, empty if none does."""
    if files.exists(f"{top}/cgroup.controllers"):
        return top, V2
    for name in ("cpuacct", "cpu,cpuacct"):
        root = f"{top}/{name}"
        if any(True for _ in _units(root, 0)):
            return root, V1
    unified = f"{top}/unified"
    if files.exists(f"{unified}/cpu.stat") and any(True for _ in _units(unified, 0)):
        return unified, V2
    return "", V1


def _units(path: str, depth: int) -> Iterator[tuple[str, int]]:
    """Yield path and inode of every unit below a group: rules 1 to 3. What goes away meanwhile is skipped."""
    try:
        with os.scandir(path) as entries:
            groups = sorted((e.name, e.inode()) for e in entries if e.is_dir(follow_symlinks=False))
    except OSError:
        return
    for name, inode in groups:
        below = f"{path}/{name}"
        if not name.endswith(SLICE) or name == USERS or name.startswith(INSTANCES) or depth >= MAX_DEPTH:
            yield below, inode
        else:
            yield from _units(below, depth + 1)


def _name(path: str, inode: int) -> str:
    """Return the name of a unit; of an instance outside its own slice only that of the template."""
    name = files.last_part(path)
    template, at, _ = name.partition("@")
    if at:
        name = f"{template}@#{inode}"
    return printable(name)[:MAX_NAME]
