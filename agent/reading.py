"""A reading: the raw counters of one host at one instant, and who takes it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Protocol

from evidence.manifest import Manifest

Slot = tuple[str, str]
"""(column name, device name or ""): where a value stands in a chunk."""


@dataclass(frozen=True)
class Reading:
    """Raw counters at one instant.

    ``wall_ms`` is the wall clock, ``boot_ms`` the clock since boot including suspension,
    ``mono_ms`` the same without suspension, all in ms and taken directly beside the counters.
    ``values`` holds cumulative integers under exactly the non-clock columns of ``manifest``; a
    value that could not be read is ``evidence.columns.MISSING``.
    """

    wall_ms: int
    boot_ms: int
    mono_ms: int
    boot_id: str
    clock_state: str
    manifest: Manifest
    values: Mapping[Slot, int]


class Host(Protocol):
    """Something that can be read. Implementations take the file system roots as arguments."""

    def read(self) -> Reading:
        """Take one reading now.

        Raises:
            ReadingError: the host cannot be read at all (no processor counters).
        """
        ...


class ReadingError(Exception):
    """The host's counters cannot be read; the message says what is missing."""
