"""Which implementation reads the machine that this program runs on."""

from __future__ import annotations

import sys
from collections.abc import Sequence

from agent.reading import Host
from agent.selection import Selection


def this_host(
    *,
    interval_ms: int,
    nics_include: Sequence[str] = (),
    nics_exclude: Sequence[str] = (),
    disks_include: Sequence[str] = (),
    disks_exclude: Sequence[str] = (),
    platform: str = sys.platform,
) -> Host:
    """Return the reader of this machine.

    Args:
        interval_ms: nominal time between readings; it stands in the manifest.
        include: shell patterns of devices that count although the rules say no.
        exclude: shell patterns of devices that do not count, whatever else holds.
        platform: as ``sys.platform``.
    """
    selection = Selection((*nics_include, *disks_include), (*nics_exclude, *disks_exclude))
    if platform.startswith("linux"):
        from agent.linux.host import LinuxHost  # noqa: PLC0415 - its system calls exist on Linux only

        return LinuxHost(interval_ms=interval_ms, selection=selection)
    import psutil  # noqa: PLC0415 - Linux hosts never load it

    from agent.portable import PortableHost  # noqa: PLC0415 - the same

    return PortableHost(interval_ms=interval_ms, psutil=psutil, selection=selection, platform=platform)
