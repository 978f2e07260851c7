"""Whether the counters are those of a whole machine or seen from inside a container.

The kernel does not divide ``/proc/stat`` and ``/sys/block`` by container: without LXCFS a container
reads the machine's processors and disks, but only its own network devices. Readers of the evidence
must know, so the view and the facts it rests on stand in the manifest.

Evidence in the order of its weight: a process namespace that is not the machine's first; what the
container's manager has written (``/run/.containerenv``, ``/run/systemd/container``, ``container=``
of process 1, the control group's path, LXCFS below ``/proc``); ``/.dockerenv``, which images of
virtual machines made from container images also carry, so alone it decides only when the root file
system is a container's layers or is not known.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from agent.inventory import printable
from agent.linux import files

HOST = "host"
CONTAINER = "container"
FIRST_PID_NAMESPACE = "pid:[4026531836]"
"""The kernel's fixed number of the first process namespace (PROC_PID_INIT_INO)."""
LAYERS = frozenset({"overlay", "aufs", "overlayfs", "zfs", "btrfs"})
"""File systems that container managers give as a root."""
MANAGERS = re.compile(r"docker|kubepods|libpod|lxc|containerd|crio|machine\.slice/|garden|buildkit")
MOUNT_POINT_FIELD = 4
CGROUP_COLONS = 2
MAX_FACT = 200


@dataclass(frozen=True)
class View:
    """``view`` is ``host`` or ``container``; ``cgroup`` the agent's own group; ``cpu_max`` its limit."""

    view: str
    reason: str
    cgroup: str
    cpu_max: str

    def facts(self) -> dict[str, str]:
        """Return the view as facts of the manifest."""
        facts = {"view": self.view, "view_reason": self.reason, "cgroup": self.cgroup}
        if self.cpu_max:
            facts["cpu_max"] = self.cpu_max
        return facts


def look(*, proc: str, sys: str, run: str, root: str) -> View:
    """Return from where this process sees the machine."""
    mounts = _mounts(proc)
    namespace = files.link(f"{proc}/self/ns/pid")
    view, reason = _decide(proc, run, root, mounts, namespace)
    if view == CONTAINER:
        divided = any(kind.endswith("lxcfs") and point == "/proc/stat" for point, kind in mounts.items())
        whose = "divided by LXCFS" if divided else "those of the whole machine"
        reason += f"; processor counters are {whose}, network devices those of the agent's network namespace"
    return View(view, reason, _own_group(proc), _cpu_max(sys))


def _decide(proc: str, run: str, root: str, mounts: dict[str, str], namespace: str) -> tuple[str, str]:
    sign = _container_sign(proc, run, mounts, namespace)
    if sign:
        return CONTAINER, sign
    top = mounts.get("/", "")
    if files.exists(f"{root}/.dockerenv"):
        if top in LAYERS or not top:
            return CONTAINER, "/.dockerenv exists and the root file system is a container's"
        return HOST, f"/.dockerenv is left from an image: the root file system is {top} on a disk"
    if not namespace:
        return HOST, "no sign of a container; the process namespace cannot be read"
    return HOST, "processes are in the machine's first namespace and there is no sign of a container"


def _container_sign(proc: str, run: str, mounts: dict[str, str], namespace: str) -> str:
    """Return the weightiest sign of a container, empty if there is none."""
    environment = (files.value(f"{proc}/1/environ") or "").split("\0")
    marker = next((entry for entry in environment if entry.startswith("container=")), "")
    manager = files.value(f"{run}/systemd/container") or ""
    group = next((group for group in _groups(proc, "1").values() if MANAGERS.search(group)), "")
    signs = (
        (
            namespace not in ("", FIRST_PID_NAMESPACE),
            "processes are in a namespace that is not the machine's first",
        ),
        (files.exists(f"{run}/.containerenv"), "/run/.containerenv exists"),
        (bool(manager), f"process 1 runs in a container of the kind {manager}"),
        (bool(marker), f"process 1 was started with {marker}"),
        (bool(group), f"process 1 is in the control group {group}"),
        (any(kind.endswith("lxcfs") for kind in mounts.values()), "LXCFS is mounted below /proc"),
    )
    return next((printable(text)[:MAX_FACT] for sign, text in signs if sign), "")


def _mounts(proc: str) -> dict[str, str]:
    """Return {mount point: file system type} of proc_pid_mountinfo(5), the last mount winning.

    For FUSE the type names the program (fuse.lxcfs).
    """
    try:
        text = files.read_text(f"{proc}/self/mountinfo")
    except OSError:
        return {}
    mounts = {}
    for line in text.splitlines():
        left, separator, right = line.partition(" - ")
        fields = left.split()
        if separator and len(fields) > MOUNT_POINT_FIELD and right:
            mounts[fields[MOUNT_POINT_FIELD]] = right.split()[0]
    return mounts


def _groups(proc: str, process: str) -> dict[str, str]:
    """Return {controllers: path} of cgroups(7): a v1 hierarchy each, "" being the unified one."""
    lines = (files.value(f"{proc}/{process}/cgroup") or "").splitlines()
    fields = [line.split(":", 2) for line in lines if line.count(":") >= CGROUP_COLONS]
    return {controllers: path for _, controllers, path in fields}


def _own_group(proc: str) -> str:
    """Return the group that limits the agent's processor time: v1's cpu hierarchy or the unified one."""
    groups = _groups(proc, "self")
    cpu = next((path for controllers, path in groups.items() if "cpu" in controllers.split(",")), None)
    return printable(cpu or groups.get("") or "unknown")[:MAX_FACT]


def _cpu_max(sys: str) -> str:
    """Return the limit that the outermost visible group sets: cpu.max, or quota and period of v1."""
    limit = files.value(f"{sys}/fs/cgroup/cpu.max")
    if limit:
        return printable(limit)[:MAX_FACT]
    quota = files.value(f"{sys}/fs/cgroup/cpu/cpu.cfs_quota_us")
    period = files.value(f"{sys}/fs/cgroup/cpu/cpu.cfs_period_us")
    return f"{quota} {period}" if quota and period and not quota.startswith("-") else ""
