"""Processor ticks of ``/proc/stat``, exactly as the kernel writes them."""

from __future__ import annotations

import os
from typing import NamedTuple

from agent.linux.clock import Clocks, Instant
from agent.linux.files import PIECE_BYTES, counter
from agent.reading import ReadingError
from evidence.manifest import CPU_STATES

FEWEST_STATES = 7
"""user nice system idle iowait irq softirq: every kernel since 2.6.0. Linux 2.6.11 added steal,
2.6.24 guest, 2.6.33 guest_nice. A kernel that does not write one of these three cannot spend time
in it under another name (it has no accounting of stolen or of guest time), so there 0 is the
measured truth; a line shorter than seven is damaged and is refused."""
HEAD_END = b"\nintr"
"""The line behind the processors' own, in every kernel."""
MAX_BYTES = 8 * 1024 * 1024


class Processor(NamedTuple):
    """Cumulative ticks in the order of ``CPU_STATES`` (guest is within user), and online processors."""

    ticks: tuple[int, ...]
    cpus: int


def parse(text: str) -> Processor:
    """Return what the ``cpu`` lines at the head of /proc/stat say. See proc_stat(5).

    Fields behind the tenth are of kernels to come; whether they are part of another state nobody
    can know, so they are not read.

    Raises:
        ReadingError: no whole ``cpu`` line, or no processor's own line.
    """
    ticks: tuple[int, ...] = ()
    cpus = 0
    for line in text.splitlines():
        if not line.startswith("cpu"):
            break
        label, *fields = line.split()
        if label == "cpu":
            ticks = tuple(counter(field) for field in fields[: len(CPU_STATES)])
        else:
            cpus += 1
    if len(ticks) < FEWEST_STATES or not cpus:
        raise ReadingError("/proc/stat has no processor lines; is the proc file system mounted?")
    return Processor(ticks + (0,) * (len(CPU_STATES) - len(ticks)), cpus)


def read(proc: str, clocks: Clocks) -> tuple[Instant, Processor]:
    """Return the clocks and the ticks of one instant.

    The file is opened first, the clocks are read, and the next system call lets the kernel add up
    its counters. Only the head of the file is taken: the interrupt counts behind it are long.

    Raises:
        ReadingError: the file cannot be read or holds no processor lines.
    """
    path = f"{proc}/stat"
    try:
        descriptor = os.open(path, os.O_RDONLY)
        try:
            instant = clocks.now()
            data = os.read(descriptor, PIECE_BYTES)
            while data and HEAD_END not in data and len(data) < MAX_BYTES:
                piece = os.read(descriptor, PIECE_BYTES)
                if not piece:
                    break
                data += piece
        finally:
            os.close(descriptor)
    except OSError as error:
        raise ReadingError(f"{path} cannot be read: {error.strerror}") from None
    return instant, parse(data.decode("ascii", "replace"))
