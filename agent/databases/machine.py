"""The machine that the reader runs on: its clocks, which stand beside every answer, and who it is."""

from __future__ import annotations

import os
import platform
import socket
import sys
from collections.abc import Mapping
from typing import NamedTuple, Protocol, Union

from agent.inventory import printable
from agent.reading import ReadingError
from evidence import __version__

TICKS_PER_S = 100
"""Stands in the manifest of all counters; no processor is counted here."""


class Moment(NamedTuple):
    """Three clocks at one instant, ms: since 1970, since boot, since boot without suspension."""

    wall_ms: int
    boot_ms: int
    mono_ms: int


class Machine(Protocol):
    """Where moments come from."""

    def now(self) -> Moment:
        """Return the clocks, read one right after the other."""
        ...

    def clock_state(self) -> str:
        """Return one of ``evidence.chunk.CLOCK_STATES``."""
        ...

    def boot_id(self) -> str:
        """Return what is another one after every boot.

        Raises:
            ReadingError: the system does not say.
        """
        ...


class LinuxMachine:
    """The kernel's clocks and boot id."""

    def __init__(self) -> None:
        from agent.linux.clock import LinuxClocks  # noqa: PLC0415 - its system calls exist on Linux only

        self._clocks = LinuxClocks()

    def now(self) -> Moment:
        """Return the clocks."""
        return Moment(*self._clocks.now())

    def clock_state(self) -> str:
        """Return whether the wall clock is disciplined."""
        return self._clocks.state()

    def boot_id(self) -> str:
        """Return the kernel's boot id."""
        from agent.linux.files import value  # noqa: PLC0415 - as above

        found = value("/proc/sys/kernel/random/boot_id")
        if not found:
            raise ReadingError("the boot id cannot be read; without it clocks of two boots look like one")
        return found


class OtherMachine:
    """Clocks and first process of any other system, as ``agent.portable`` reads them."""

    def __init__(self) -> None:
        import psutil  # noqa: PLC0415 - Linux hosts do not load it here

        from agent import portable  # noqa: PLC0415 - the same

        self._clocks = portable.system_clocks()
        self._boot = portable.boot_id(psutil)

    def now(self) -> Moment:
        """Return the clocks, the monotonic one first, so that it is never ahead."""
        mono, boot, wall = (clock() // 1_000_000 for clock in reversed(self._clocks))
        return Moment(wall, boot, mono)

    def clock_state(self) -> str:
        """Return that nobody says."""
        return "unknown"

    def boot_id(self) -> str:
        """Return the stamp of the first process."""
        return self._boot


def this_machine(system: str = sys.platform) -> Machine:
    """Return the machine that this program runs on."""
    return LinuxMachine() if system.startswith("linux") else OtherMachine()


def facts() -> Mapping[str, Union[str, int]]:
    """Return facts about machine and reader that stay as they are until one of the two restarts."""
    return {
        "system": platform.system(),
        "kernel": printable(platform.release()),
        "hostname": printable(socket.gethostname()),
        "machine": platform.machine(),
        "python": ".".join(map(str, sys.version_info[:3])),
        "agent": __version__,
        "cpus": os.cpu_count() or 1,
        "ticks_per_s": TICKS_PER_S,
    }
