"""The clocks of a Linux host, and whether its wall clock is disciplined."""

from __future__ import annotations

import ctypes
import time
from collections.abc import Callable
from typing import NamedTuple, Optional, Protocol

NS_PER_MS = 1_000_000

SYNCHRONIZED = "synchronized"
UNSYNCHRONIZED = "unsynchronized"
UNKNOWN = "unknown"

STA_UNSYNC = 0x0040
"""adjtimex(2): the clock is not synchronized; the kernel starts with this bit set."""
TIME_ERROR = 5
"""adjtimex(2): the same, as the call's result."""

TimexStatus = Callable[[], tuple[int, int]]
"""Returns (result of adjtimex, its status bits). Raises OSError when it may not be called."""


READS = 5
CLOSE_NS = 1_000_000


class Instant(NamedTuple):
    """Three clocks at one instant, ms: since 1970, since boot, since boot without suspension."""

    wall_ms: int
    boot_ms: int
    mono_ms: int


class Clocks(Protocol):
    """Where instants come from."""

    def now(self) -> Instant:
        """Return the three clocks, read one right after the other."""
        ...

    def state(self) -> str:
        """Return one of ``evidence.chunk.CLOCK_STATES``."""
        ...


class _Timex(ctypes.Structure):
    """struct timex up to ``status``; the rest is room that the kernel may write."""

    _fields_ = (
        ("modes", ctypes.c_uint),
        ("offset", ctypes.c_long),
        ("freq", ctypes.c_long),
        ("maxerror", ctypes.c_long),
        ("esterror", ctypes.c_long),
        ("status", ctypes.c_int),
        ("rest", ctypes.c_byte * 512),
    )


def kernel_timex(library: Optional[ctypes.CDLL] = None) -> TimexStatus:
    """Return a function that asks the kernel for its clock discipline and changes nothing."""
    call = getattr(library or ctypes.CDLL(None, use_errno=True), "adjtimex", None)

    def ask() -> tuple[int, int]:
        if call is None:
            raise OSError("the C library has no adjtimex")
        timex = _Timex()  # modes 0: read only
        result = call(ctypes.byref(timex))
        if result < 0:
            raise OSError(ctypes.get_errno(), "adjtimex")
        return result, timex.status

    return ask


class LinuxClocks:
    """The kernel's clocks. ``timex`` asks for the state of the clock, by default adjtimex(2)."""

    def __init__(self, timex: Optional[TimexStatus] = None) -> None:
        self._timex = timex or kernel_timex()

    def now(self) -> Instant:
        """Return CLOCK_REALTIME, CLOCK_BOOTTIME and CLOCK_MONOTONIC in ms.

        The monotonic clock is read first, so that it is never ahead of the boot clock, and once more
        behind the others: if the scheduler took the processor away in between, all are read again.
        """
        for _ in range(READS):
            mono = time.clock_gettime_ns(time.CLOCK_MONOTONIC)
            boot = time.clock_gettime_ns(time.CLOCK_BOOTTIME)
            wall = time.clock_gettime_ns(time.CLOCK_REALTIME)
            if time.clock_gettime_ns(time.CLOCK_MONOTONIC) - mono <= CLOSE_NS:
                break
        return Instant(wall // NS_PER_MS, boot // NS_PER_MS, mono // NS_PER_MS)

    def state(self) -> str:
        """Return whether a time service disciplines the wall clock, ``unknown`` if nobody says."""
        try:
            result, status = self._timex()
        except OSError:
            return UNKNOWN
        return UNSYNCHRONIZED if result == TIME_ERROR or status & STA_UNSYNC else SYNCHRONIZED
