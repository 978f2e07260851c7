"""The manifest: what the columns of a chunk mean, which devices count and why, what is absent.

A chunk names its manifest by hash; the manifest rarely changes. A new manifest starts a new chunk,
so within one chunk the columns, the devices and their capacities are fixed.

Column names (``kind`` / ``unit``):

* ``time.wall_ms``, ``time.boot_ms``, ``time.mono_ms`` (clock / ms): wall clock, clock since boot
  including suspension, and the same without suspension. First three columns of a counters chunk.
* ``cpu.user`` … ``cpu.guest_nice`` (counter / tick): /proc/stat's ten states, ``user`` and ``nice``
  containing the guest ticks as the kernel writes them.
* ``net.rx``, ``net.tx`` (counter / byte) and ``disk.reads``, ``disk.writes`` (counter / operation),
  one per counted device. ``disk.read_sectors`` (counter / sector of 512 bytes), where the system gives it, is
  what those reads moved: no figure rests on it, the check compares the two.
* ``db.reads``, ``db.writes`` (counter / statement), one or both per database: statements that its
  server carried out. What a product counts as one stands in the device's reason.
* ``unit.cpu`` (counter / us): processor time of a unit (systemd unit, Windows service), one per
  measured unit; the device ``all`` is all units together. Which units are measured may change with
  the manifest.
* ``sessions.count``, ``sessions.users`` (gauge / session, account).
* ``time.start_ms``, ``time.len_ms`` (clock / ms), then one ``average`` column: an averages chunk.
  Where bandwidth was bought, ``net.capacity.committed`` or ``net.capacity.cap`` (average / bit/s) say
  how much over each period.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Optional

from evidence import canonical, fields
from evidence.columns import MAX_COLUMNS
from evidence.errors import MalformedError

SCHEMA = "starproof/manifest/1"
MAX_MANIFEST_BYTES = 512 * 1024
MAX_DEVICES = 4_096
MAX_ABSENT = 256
MAX_SCALE = 9
MAX_INTERVAL_MS = 31 * 86_400_000
MAX_CPUS = 65_536
MAX_TICKS_PER_S = 10_000_000
"""Windows counts processor time in units of 100 ns; Linux in units of 1 to 10 ms."""

COUNTERS = "counters"
AVERAGES = "averages"
ACTIVITY = "activity"

COUNTERS_CLOCKS = ("time.wall_ms", "time.boot_ms", "time.mono_ms")
AVERAGES_CLOCKS = ("time.start_ms", "time.len_ms")
ACTIVITY_COLUMNS = (*AVERAGES_CLOCKS, "account.high", "account.low", "activity.count")
ACTIVITY_FACTS = ("timezone", "account_key", "definition", "excluded")
"""What the host facts of an activity manifest must say; others may stand beside them."""
KEY_ID_DIGITS = 16
CPU_STATES = ("user", "nice", "system", "idle", "iowait", "irq", "softirq", "steal", "guest", "guest_nice")

NET_COMMITTED = "net.capacity.committed"
"""Bandwidth that was bought, as the inventory of a cloud says."""
NET_CAP = "net.capacity.cap"
"""A limit of bandwidth where the traffic is what is paid for: nothing of it was bought."""

UNIT_CPU = "unit.cpu"
UNIT_ALL = "all"
"""The device of ``unit.cpu`` that stands for all units of the host together."""

READ_SECTORS = "disk.read_sectors"

UNITS = {
    **dict.fromkeys((*COUNTERS_CLOCKS, *AVERAGES_CLOCKS), ("clock", "ms")),
    **{f"cpu.{state}": ("counter", "tick") for state in CPU_STATES},
    "net.rx": ("counter", "byte"),
    "net.tx": ("counter", "byte"),
    "disk.reads": ("counter", "operation"),
    "disk.writes": ("counter", "operation"),
    READ_SECTORS: ("counter", "sector"),
    "db.reads": ("counter", "statement"),
    "db.writes": ("counter", "statement"),
    UNIT_CPU: ("counter", "us"),
    "sessions.count": ("gauge", "session"),
    "sessions.users": ("gauge", "account"),
    "cpu.utilization": ("average", "percent"),
    "net.rx.rate": ("average", "byte/s"),
    "net.tx.rate": ("average", "byte/s"),
    NET_COMMITTED: ("average", "bit/s"),
    NET_CAP: ("average", "bit/s"),
    "disk.reads.rate": ("average", "operation/s"),
    "disk.writes.rate": ("average", "operation/s"),
    "account.high": ("hash", "bit64"),
    "account.low": ("hash", "bit64"),
    "activity.count": ("count", "event"),
}
"""Every column name of this schema version with its kind and unit."""

SCOPE_FACT = "scope"
"""The fact of an averages manifest that says which traffic was counted, if its source knows."""
PUBLIC = "public"
ALL_INTERFACES = "all_interfaces"
"""What stands there: traffic of the public line only, or of all interfaces (as an agent counts)."""

DEVICE_KINDS = {"net": "nic", "disk": "disk", "db": "database", "unit": "unit"}
"""What a device is whose columns begin with this word."""
PER_DEVICE = frozenset(
    {"net.rx", "net.tx", "disk.reads", "disk.writes", READ_SECTORS, "db.reads", "db.writes", UNIT_CPU}
)
WITNESSES = frozenset({READ_SECTORS})
"""Columns that only bear witness to others: they have no day sums."""

_CLOCKS = {COUNTERS: COUNTERS_CLOCKS, AVERAGES: AVERAGES_CLOCKS, ACTIVITY: ACTIVITY_COLUMNS}
_CARRIES = {COUNTERS: {"counter", "gauge"}, AVERAGES: {"average"}, ACTIVITY: set[str]()}
_DEFINITION = re.compile(r"[a-z][a-z0-9_.-]{0,31}/[1-9][0-9]{0,3}\Z", re.ASCII)
_KEY_ID = re.compile(rf"[0-9a-f]{{{KEY_ID_DIGITS}}}\Z", re.ASCII)
_KEYS = ("schema", "kind", "interval_ms", "columns", "host", "devices", "absent")


@dataclass(frozen=True)
class Column:
    """One column: its name, the device it belongs to (empty: the host), and its decimal scale.

    ``scale`` s means that the stored integer is the value times 10^s (averages only).
    """

    name: str
    device: str = ""
    scale: int = 0
    statistic: str = ""

    def document(self) -> dict[str, Any]:
        """Return the column as it stands in the manifest."""
        kind, unit = UNITS[self.name]
        entry: dict[str, Any] = {"name": self.name, "kind": kind, "unit": unit}
        if self.device:
            entry["device"] = self.device
        if kind == "average":
            entry["scale"] = self.scale
            entry["statistic"] = self.statistic
        return entry


def device_kind(column: str) -> str:
    """Return the kind of device that a column of this name belongs to."""
    return DEVICE_KINDS[column.partition(".")[0]]


@dataclass(frozen=True)
class Device:
    """One network or block device or unit of the host, or a database, and whether its work counts.

    ``identity`` changes when the device is another one under the same name: of a database, when its
    server has started anew or its counters were reset. ``speed_bps`` is the
    link's speed in bit/s, ``None`` when it is not known, 0 when the link is down.
    """

    kind: str
    name: str
    identity: str
    counts: bool
    reason: str
    speed_bps: Optional[int] = None

    def document(self) -> dict[str, Any]:
        """Return the device as it stands in the manifest."""
        entry: dict[str, Any] = {
            "kind": self.kind,
            "name": self.name,
            "identity": self.identity,
            "counts": "yes" if self.counts else "no",
            "reason": self.reason,
        }
        if self.speed_bps is not None:
            entry["speed_bps"] = self.speed_bps
        return entry


@dataclass(frozen=True)
class Manifest:
    """A checked manifest. ``raw`` are its canonical bytes, ``host`` flat facts about the machine."""

    kind: str
    interval_ms: int
    columns: tuple[Column, ...]
    host: Mapping[str, Any]
    devices: tuple[Device, ...]
    absent: tuple[tuple[str, str], ...]
    raw: bytes

    @property
    def hash(self) -> str:
        """SHA-256 of the canonical bytes, 64 hex digits."""
        return hashlib.sha256(self.raw).hexdigest()

    @property
    def cpus(self) -> int:
        """Number of processors whose ticks are counted (counters manifests)."""
        return int(self.host["cpus"])

    @property
    def ticks_per_s(self) -> int:
        """Ticks a processor counts in one second (counters manifests)."""
        return int(self.host["ticks_per_s"])


def build(
    *,
    kind: str,
    interval_ms: int,
    columns: tuple[Column, ...],
    host: Mapping[str, Any],
    devices: tuple[Device, ...] = (),
    absent: tuple[tuple[str, str], ...] = (),
) -> Manifest:
    """Return a manifest made of these parts.

    Raises:
        EvidenceError: the parts break a rule that ``parse`` would refuse.
    """
    document = {
        "schema": SCHEMA,
        "kind": kind,
        "interval_ms": interval_ms,
        "columns": [column.document() for column in columns],
        "host": dict(host),
        "devices": [device.document() for device in devices],
        "absent": [{"name": name, "reason": reason} for name, reason in absent],
    }
    return parse(canonical.encode(document))


def parse(raw: bytes) -> Manifest:
    """Return the manifest that ``raw`` encodes.

    Raises:
        MalformedError: not canonical, unknown or missing fields, or columns out of order.
    """
    document = canonical.decode(raw, limit=MAX_MANIFEST_BYTES)
    where = "manifest"
    fields.require_keys(document, _KEYS, where=where)
    fields.choice(document, "schema", (SCHEMA,), where=where)
    kind = fields.choice(document, "kind", _CLOCKS, where=where)
    entries = fields.objects(document, "columns", where=where, most=MAX_COLUMNS)
    columns = tuple(_column(entry, number) for number, entry in enumerate(entries))
    devices = tuple(
        _device(entry) for entry in fields.objects(document, "devices", where=where, most=MAX_DEVICES)
    )
    host = fields.facts(document, "host", where=where)
    _require_order(kind, columns, devices)
    if kind == COUNTERS:
        fields.require_keys(host, ("cpus", "ticks_per_s"), host, where="manifest.host")
        fields.integer(host, "cpus", where="manifest.host", least=1, most=MAX_CPUS)
        fields.integer(host, "ticks_per_s", where="manifest.host", least=1, most=MAX_TICKS_PER_S)
    if kind == ACTIVITY:
        _require_activity_facts(host)
    return Manifest(
        kind=kind,
        interval_ms=fields.integer(document, "interval_ms", where=where, least=1, most=MAX_INTERVAL_MS),
        columns=columns,
        host=host,
        devices=devices,
        absent=tuple(
            _absent(entry) for entry in fields.objects(document, "absent", where=where, most=MAX_ABSENT)
        ),
        raw=raw,
    )


def _column(entry: dict[str, Any], number: int) -> Column:
    where = f"manifest.columns[{number}]"
    fields.require_keys(entry, ("name", "kind", "unit"), ("device", "scale", "statistic"), where=where)
    name = fields.choice(entry, "name", UNITS, where=where)
    kind, unit = UNITS[name]
    optional = (["device"] if name in PER_DEVICE else []) + (
        ["scale", "statistic"] if kind == "average" else []
    )
    fields.require_keys(entry, ["name", "kind", "unit", *optional], where=where)
    if (entry["kind"], entry["unit"]) != (kind, unit):
        raise MalformedError(f"{where}: {name} is a {kind} in {unit}")
    if kind != "average":
        return Column(name, device=fields.text(entry, "device", where=where) if optional else "")
    return Column(
        name,
        scale=fields.integer(entry, "scale", where=where, most=MAX_SCALE),
        statistic=fields.choice(entry, "statistic", ("average",), where=where),
    )


def _device(entry: dict[str, Any]) -> Device:
    where = "manifest.devices"
    fields.require_keys(entry, ("kind", "name", "identity", "counts", "reason"), ("speed_bps",), where=where)
    return Device(
        kind=fields.choice(entry, "kind", tuple(DEVICE_KINDS.values()), where=where),
        name=fields.text(entry, "name", where=where),
        identity=fields.text(entry, "identity", where=where),
        counts=fields.choice(entry, "counts", ("yes", "no"), where=where) == "yes",
        reason=fields.text(entry, "reason", where=where),
        speed_bps=fields.integer(entry, "speed_bps", where=where) if "speed_bps" in entry else None,
    )


def _absent(entry: dict[str, Any]) -> tuple[str, str]:
    where = "manifest.absent"
    fields.require_keys(entry, ("name", "reason"), where=where)
    return fields.text(entry, "name", where=where), fields.text(entry, "reason", where=where)


def _require_activity_facts(host: dict[str, Any]) -> None:
    where = "manifest.host"
    fields.require_keys(host, ACTIVITY_FACTS, host, where=where)
    fields.text(host, "timezone", where=where)
    fields.text(host, "excluded", where=where, longest=MAX_MANIFEST_BYTES)
    if not _KEY_ID.match(fields.text(host, "account_key", where=where)):
        raise MalformedError(f"{where}: account_key is not {KEY_ID_DIGITS} lower-case hex digits")
    if not _DEFINITION.match(fields.text(host, "definition", where=where)):
        raise MalformedError(f"{where}: definition is not a name and a version, for example success/1")


def _require_order(kind: str, columns: tuple[Column, ...], devices: tuple[Device, ...]) -> None:
    names = tuple(column.name for column in columns)
    clocks = _CLOCKS[kind]
    if names[: len(clocks)] != clocks:
        raise MalformedError(f"manifest: a {kind} chunk begins with the columns {', '.join(clocks)}")
    kinds = {UNITS[name][0] for name in names[len(clocks) :]}
    if kinds - _CARRIES[kind]:
        raise MalformedError(f"manifest: a {kind} chunk has columns of the kind {', '.join(sorted(kinds))}")
    keys = [(column.name, column.device) for column in columns]
    if len(set(keys)) != len(keys):
        raise MalformedError("manifest: one column stands twice")
    states = {name for name in names if name.startswith("cpu.") and kind == COUNTERS}
    if states and len(states) != len(CPU_STATES):
        raise MalformedError("manifest: the ten processor states come together or not at all")
    counted = {(device_kind(column.name), column.device) for column in columns if column.device}
    if counted != {(device.kind, device.name) for device in devices if device.counts}:
        raise MalformedError("manifest: the counted devices are not those that have columns")
