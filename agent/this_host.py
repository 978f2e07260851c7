"""Which implementation reads the machine that this program runs on."""

from __future__ import annotations

import sys
from collections.abc import Sequence

from agent.config import DEFAULT_UNITS
from agent.reading import Host
from agent.selection import Selection


def this_host(
    *,
    interval_ms: int,
    nics_include: Sequence[str] = (),
    nics_exclude: Sequence[str] = (),
    disks_include: Sequence[str] = (),
    disks_exclude: Sequence[str] = (),
    units: int = DEFAULT_UNITS,
) -> Host:
    """Return the reader of this machine.

    Args:
        interval_ms: nominal time between readings; it stands in the manifest.
        nics_include: shell patterns of network devices that count although the rules say no.
        nics_exclude: shell patterns of network devices that do not count, whatever else holds.
        disks_include: the same as ``nics_include`` for block devices.
        disks_exclude: the same as ``nics_exclude`` for block devices.
        units: how many units are measured at most.
    """
    nics = Selection(tuple(nics_include), tuple(nics_exclude))
    disks = Selection(tuple(disks_include), tuple(disks_exclude))
    platform: str = sys.platform
    if platform.startswith("linux"):
        from agent.linux.host import LinuxHost  # noqa: PLC0415 - its system calls exist on Linux only

        return LinuxHost(interval_ms=interval_ms, nic_selection=nics, disk_selection=disks, units=units)
    import psutil  # noqa: PLC0415 - Linux hosts never load it

    from agent.portable import PortableHost  # noqa: PLC0415 - the same

    return PortableHost(
        interval_ms=interval_ms,
        psutil=psutil,
        nic_selection=nics,
        disk_selection=disks,
        units=units,
        platform=platform,
    )
