"""Writes this machine as a tree file to standard output: the attributes that the agent looks at."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path

ROOT = Path("/")
SINGLE = (
    "proc/sys/kernel/random/boot_id",
    "proc/sys/kernel/osrelease",
    "proc/sys/kernel/hostname",
    "proc/self/cgroup",
    "proc/1/cgroup",
    "run/systemd/container",
    "run/.containerenv",
    ".dockerenv",
    "sys/fs/cgroup/cpu.max",
    "sys/fs/cgroup/cpu/cpu.cfs_quota_us",
    "sys/fs/cgroup/cpu/cpu.cfs_period_us",
)
NIC = (
    *("ifindex", "iflink", "address", "type", "operstate", "uevent", "speed", "phys_port_name", "tun_flags"),
    *("bonding/mode", "bridge/stp_state", "statistics/rx_bytes", "statistics/tx_bytes"),
)
DISK = ("dev", "removable", "hidden", "wwid", "serial", "device/wwid", "device/serial", "device/type", "stat")


def attribute(path: str) -> Iterator[str]:
    """Yield the lines of one attribute, none if it does not exist."""
    try:
        lines = (ROOT / path).read_text(encoding="utf-8", errors="backslashreplace").splitlines()
    except FileNotFoundError:
        return
    except OSError:
        yield f"{path} !"
        return
    for line in lines or [""]:
        yield f"{path} = {line}".replace("\0", "\\0").rstrip()


def link(path: str) -> Iterator[str]:
    """Yield one symbolic link, nothing if it is none."""
    if (ROOT / path).is_symlink():
        yield f"{path} -> {(ROOT / path).readlink()}"


def devices(folder: str, attributes: tuple[str, ...], links: tuple[str, ...]) -> Iterator[str]:
    """Yield every device of a folder where it really lies, with the link that leads there."""
    for entry in sorted((ROOT / folder).iterdir()):
        place = str(entry.resolve())[1:]
        yield ""
        yield from link(f"{folder}/{entry.name}")
        for name in attributes:
            yield from attribute(f"{place}/{name}")
        for name in links:
            yield from link(f"{place}/{name}")
        parent = str((ROOT / place / "device").resolve())[1:]
        yield from link(f"{parent}/driver")
        slaves = ROOT / place / "slaves"
        if slaves.is_dir():
            yield f"{place}/slaves/"
            yield from (f"{place}/slaves/{below.name}/" for below in sorted(slaves.iterdir()))


def tree() -> Iterator[str]:
    """Yield the whole tree."""
    for line in Path("/proc/stat").read_text(encoding="ascii").splitlines():
        if line.startswith(("cpu", "intr")):
            yield f"proc/stat = {line[:200]}"
    yield f"proc/meminfo = {Path('/proc/meminfo').read_text(encoding='ascii').splitlines()[0]}"
    yield from link("proc/self/ns/pid")
    for line in Path("/proc/self/mountinfo").read_text(encoding="utf-8").splitlines():
        if line.split()[4] == "/" or "lxcfs" in line:
            yield f"proc/self/mountinfo = {line}"
    for path in SINGLE:
        yield from attribute(path)
    for folder in ("run/systemd/system", "run/systemd/sessions", "run/systemd/seats"):
        if (ROOT / folder).is_dir():
            yield f"{folder}/"
            if folder != "run/systemd/system":
                for entry in sorted((ROOT / folder).iterdir()):
                    yield from attribute(f"{folder}/{entry.name}")
    yield from devices("sys/class/net", NIC, ("device", "master"))
    yield from devices("sys/block", DISK, ("device",))


if __name__ == "__main__":
    sys.stdout.writelines(f"{line}\n" for line in tree())
