"""From found devices to the manifest: columns, the list of devices, and what is absent."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import NamedTuple, Optional, Union

from evidence.manifest import (
    COUNTERS,
    COUNTERS_CLOCKS,
    CPU_STATES,
    READ_SECTORS,
    UNIT_CPU,
    Column,
    Device,
    Manifest,
    build,
)

MAX_COUNTED = 600
MAX_UNCOUNTED = 300
"""Together with the two clips below, the manifest stays under ``evidence.manifest.MAX_MANIFEST_BYTES``."""
MAX_ABSENT = 200
MAX_IDENTITY = 120
MAX_REASON = 240

NET_COLUMNS = ("net.rx", "net.tx")
DISK_COLUMNS = ("disk.reads", "disk.writes")
DISK_WITNESS_COLUMNS = (*DISK_COLUMNS, READ_SECTORS)
"""On systems whose kernel says how many sectors were moved."""
SESSION_COLUMNS = ("sessions.count", "sessions.users")

Absent = tuple[str, str]
"""(name of what is not measured, reason)."""


class Found(NamedTuple):
    """A device as the manifest shows it, and the name under which the system keeps it."""

    device: Device
    native: str


@dataclass(frozen=True)
class Inventory:
    """A manifest and the devices to read for it, in the order of its columns."""

    manifest: Manifest
    nics: tuple[Found, ...]
    disks: tuple[Found, ...]
    cpu: bool
    sessions: bool


def take_stock(
    *,
    interval_ms: int,
    facts: Mapping[str, Union[str, int]],
    nics: Sequence[Found],
    disks: Sequence[Found],
    cpu: bool,
    sessions: bool,
    absent: Sequence[Absent],
    units: Sequence[Device] = (),
    disk_columns: Sequence[str] = DISK_COLUMNS,
    before: Optional[Inventory] = None,
) -> Inventory:
    """Return the inventory of what was found, ``before`` itself if its manifest would say the same.

    Devices beyond the limits of this module are left out and named in ``absent``: a manifest that
    cannot be sealed would stop all measuring.

    Raises:
        EvidenceError: the facts have no canonical form.
    """
    counted, beyond = _limit([found for found in (*nics, *disks) if found.device.counts], MAX_COUNTED)
    uncounted, unlisted = _limit(
        [found for found in (*nics, *disks) if not found.device.counts], MAX_UNCOUNTED
    )
    missing = list(absent)
    if beyond:
        missing.insert(
            0, ("devices", f"{len(beyond)} devices beyond the first {MAX_COUNTED} are not measured")
        )
    if unlisted:
        missing.insert(0, ("devices.list", f"{len(unlisted)} devices that do not count are not listed"))
    nics_read = tuple(found for found in counted if found.device.kind == "nic")
    disks_read = tuple(found for found in counted if found.device.kind == "disk")
    names = [*COUNTERS_CLOCKS, *([f"cpu.{state}" for state in CPU_STATES] if cpu else [])]
    columns = [Column(name) for name in names]
    for group, read in ((NET_COLUMNS, nics_read), (disk_columns, disks_read)):
        columns += [Column(name, device=found.device.name) for found in read for name in group]
    columns += [Column(name) for name in SESSION_COLUMNS if sessions]
    columns += [Column(UNIT_CPU, device=unit.name) for unit in units]
    manifest = build(
        kind=COUNTERS,
        interval_ms=interval_ms,
        columns=tuple(columns),
        host=facts,
        devices=(*(_clipped(found.device) for found in (*counted, *uncounted)), *units),
        absent=_clip_absent(missing),
    )
    # What comes and goes unlisted (cable ends, loop devices) must not look like a new manifest.
    if before is not None and before.manifest.raw == manifest.raw:
        return before
    return Inventory(manifest, nics_read, disks_read, cpu, sessions)


def printable(text: str) -> str:
    """Return ``text`` with everything that canonical JSON refuses written as an escape.

    Different texts stay different: names of devices must.
    """
    safe = text.encode("utf-8", "backslashreplace").decode("utf-8")
    return "".join(c if c >= " " else f"\\x{ord(c):02x}" for c in safe)


def _limit(found: list[Found], most: int) -> tuple[list[Found], list[Found]]:
    return found[:most], found[most:]


def _clipped(device: Device) -> Device:
    return replace(
        device,
        identity=device.identity[:MAX_IDENTITY],
        reason=printable(device.reason)[:MAX_REASON],
        speed_bps=device.speed_bps if device.counts else None,
    )


def _clip_absent(absent: list[Absent]) -> tuple[Absent, ...]:
    kept = [
        (printable(name)[:MAX_REASON], printable(reason)[:MAX_REASON]) for name, reason in absent[:MAX_ABSENT]
    ]
    if len(absent) > MAX_ABSENT:
        kept.append(("absent", f"{len(absent) - MAX_ABSENT} more entries are not listed"))
    return tuple(kept)
