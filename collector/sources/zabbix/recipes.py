"""Which items of a host make a metric, and how: a recipe, or the reason why there is none.

Only enabled items are looked at; whether their values can be used says ``fitness``. An item that is not
supported at the moment still has a past, so it is used: the time without values is missing.

A sum over devices needs all of them: a missing one is not zero.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from functools import partial

from collector.sources.interface import CPU, DISK_READS, DISK_WRITES, NET_RX, NET_TX
from collector.sources.zabbix.fitness import Term, UnusableError, counted_bytes, operations, plain, rest
from collector.sources.zabbix.items import ACTIVE, AGENT, DEPENDENT, Item
from collector.sources.zabbix.keys import Key, KeyPattern

MAX_ITEMS_A_HOST = 64
"""For one metric; a host with more devices needs patterns that say which count."""
VIRTUAL_NICS = re.compile(
    r"lo\d*|(?:veth|docker|virbr|vnet|tun|tap|cali|flannel|cni|kube|dummy|ifb|sit|gre|erspan|ip6|tunl|vxlan"
    r"|geneve|wg|br|bond|team|lxc|lxd|fwbr|fwpr|fwln|ovs|nodelocal|zt)[\w.:@-]*|[\w-]+[.:@]\w+"
    r"|(?i:.*(?:loopback|teredo|isatap|6to4|pseudo).*)"
)
"""Not counted unless the user names devices: what carries the traffic of another one once more."""
PARTS_OF_DISKS = re.compile(
    r"_Total|(?:dm-|md|loop|ram|zram|sr|fd|nbd)\d+\w*|(?:sd|hd|vd|xvd)[a-z]+\d+|(?:nvme\d+n|mmcblk)\d+p\d+"
)
"""The same for disks: partitions, and devices made of others."""

_WINDOWS_KEYS = ("perf_counter", "perf_counter_en", "wmi.get", "wmi.getall")
_PHYSICAL = re.compile(r"\\PhysicalDisk\((.+)\)\\Disk (Reads|Writes)/sec", re.IGNORECASE)
_AGENTS = (AGENT, ACTIVE, DEPENDENT)

BEGINNINGS: Mapping[str, Sequence[str]] = {
    CPU: ("system.cpu.util", "perf_counter", "wmi.get"),
    NET_RX: ("net.if.in[",),
    NET_TX: ("net.if.out[",),
    DISK_READS: ("vfs.dev.read", "perf_counter"),
    DISK_WRITES: ("vfs.dev.write", "perf_counter"),
}


@dataclass(frozen=True)
class Mapped:
    """Items that the user names for a metric, instead of ours. ``unit`` "": the item's own."""

    patterns: tuple[KeyPattern, ...]
    unit: str = ""
    interval_s: int | None = None


@dataclass(frozen=True)
class Choice:
    """What the user decided: devices that count (patterns of whole names) and items of his own."""

    nics: re.Pattern[str] | None = None
    disks: re.Pattern[str] | None = None
    mapped: Mapping[str, Mapped] = field(default_factory=dict)


@dataclass(frozen=True)
class Recipe:
    """value = ``constant`` + Σ ``factor`` × value of the item."""

    terms: tuple[Term, ...]
    constant: Decimal = Decimal(0)

    @property
    def interval_s(self) -> int:
        """The longest time between two values, in seconds."""
        return max(term.interval_s for term in self.terms)


@dataclass(frozen=True)
class Unusable:
    """Why a host has no data of a metric."""

    reason: str


def beginnings(metric: str, choice: Choice) -> Sequence[str]:
    """Return what the keys begin with that ``recipe`` needs to see."""
    mapped = choice.mapped.get(metric)
    if mapped is not None:
        return sorted({pattern.beginning for pattern in mapped.patterns})
    return BEGINNINGS[metric]


def recipe(metric: str, items: Sequence[Item], choice: Choice) -> Recipe | Unusable:
    """Return how a host's items make the metric, or why they do not."""
    try:
        mapped = choice.mapped.get(metric)
        if mapped is not None:
            return _of_mapped(metric, items, mapped)
        if metric == CPU:
            return _cpu(items)
        if metric in (NET_RX, NET_TX):
            return _sum(_network(metric, items, choice.nics))
        return _sum(_disks(metric, items, choice.disks))
    except UnusableError as unusable:
        return Unusable(str(unusable))


def _of_mapped(metric: str, items: Sequence[Item], mapped: Mapped) -> Recipe:
    found = [
        item
        for item in items
        if item.enabled and any(pattern.fits(item.written_key) for pattern in mapped.patterns)
    ]
    if not found:
        raise UnusableError("no enabled item fits the keys that the settings name")
    if metric == CPU and len(found) > 1:
        raise UnusableError(f"{len(found)} items fit; a utilization is one item, it is not added up")
    return _sum([plain(metric, item, unit=mapped.unit, interval_s=mapped.interval_s) for item in found])


def _sum(terms: Sequence[Term]) -> Recipe:
    if len(terms) > MAX_ITEMS_A_HOST:
        raise UnusableError(f"more than {MAX_ITEMS_A_HOST} devices; name those that count")
    return Recipe(tuple(terms))


def _cpu(items: Sequence[Item]) -> Recipe:
    """Return the first way that works; if none does, the first says why."""
    reasons: list[str] = []
    for way in _ways_to_cpu(items):
        try:
            return way()
        except UnusableError as unusable:
            reasons.append(str(unusable))
    raise UnusableError(
        reasons[0] if reasons else "no enabled item system.cpu.util or system.cpu.util[,idle]"
    )


def _ways_to_cpu(items: Sequence[Item]) -> Iterator[Callable[[], Recipe]]:
    """Yield the ways to what is neither idle nor waiting for disks, then to what is not idle."""
    enabled = [item for item in items if item.enabled and item.key.name == "system.cpu.util"]
    idle, waiting = (_state(enabled, name) for name in ("idle", "iowait"))
    if idle is not None and waiting is not None:
        yield partial(_what_is_left, idle, waiting)
    windows = any(item.key.name in _WINDOWS_KEYS for item in items)
    for item in enabled:
        if not any(item.key.parameters):
            yield partial(_whole_cpu, item, windows=windows)
    if idle is not None:
        yield partial(_what_is_left, idle)


def _what_is_left(*items: Item) -> Recipe:
    return Recipe(tuple(rest(item) for item in items), constant=Decimal(100))


def _whole_cpu(item: Item, *, windows: bool) -> Recipe:
    # From the agent itself the bare key means all work on Windows, but only user time on Linux.
    if item.type in (AGENT, ACTIVE) and not windows:
        raise UnusableError(
            "system.cpu.util is user time only if this is Linux; add system.cpu.util[,idle], or map it"
        )
    return Recipe((plain(CPU, item),))


def _state(items: Sequence[Item], name: str) -> Item | None:
    for item in items:
        cpu, state, mode = (item.key.parameter(place) for place in range(3))
        if state == name and cpu in ("", "all") and mode in ("", "avg1") and item.type in _AGENTS:
            return item
    return None


def _network(metric: str, items: Sequence[Item], chosen: re.Pattern[str] | None) -> list[Term]:
    name = "net.if.in" if metric == NET_RX else "net.if.out"
    found = [
        item
        for item in items
        if item.enabled and item.key.name == name and item.type in _AGENTS
        and item.key.parameter(1) in ("", "bytes")
    ]  # fmt: skip
    devices = _devices(found, lambda key: key.parameter(0), chosen, VIRTUAL_NICS, f"{name}[…]")
    return [counted_bytes(metric, item) for item in devices]


def _disks(metric: str, items: Sequence[Item], chosen: re.Pattern[str] | None) -> list[Term]:
    verb = "read" if metric == DISK_READS else "write"
    enabled = [item for item in items if item.enabled and item.type in _AGENTS]
    families: list[tuple[list[Item], Callable[[Key], str]]] = [
        ([item for item in enabled if item.key.name == f"vfs.dev.{verb}.rate"], _block_device),
        ([item for item in enabled if _is_operations(item, f"vfs.dev.{verb}")], _block_device),
        *(
            (
                [item for item in enabled if item.key.name == name and _physical(item.key, verb)],
                _physical_disk,
            )
            for name in ("perf_counter_en", "perf_counter")
        ),
    ]
    for family, device in families:
        if family:
            counted = _devices(family, device, chosen, PARTS_OF_DISKS, f"disk {verb}s")
            return [operations(metric, item) for item in counted]
    raise UnusableError(
        f"there is no enabled item vfs.dev.{verb}.rate[…] or \\PhysicalDisk(…)\\Disk {verb}s/sec"
    )


def _is_operations(item: Item, name: str) -> bool:
    key = item.key
    if key.name != name or key.parameter(0) in ("", "all"):
        return False  # "all" counts partitions and what is made of them once more
    return key.parameter(1) == "operations" or (
        key.parameter(1) == "ops" and key.parameter(2) in ("", "avg1")
    )


def _block_device(key: Key) -> str:
    return key.parameter(0).removeprefix("/dev/")


def _physical(key: Key, verb: str) -> bool:
    match = _PHYSICAL.fullmatch(key.parameter(0))
    return match is not None and match[2].lower() == f"{verb}s"


def _physical_disk(key: Key) -> str:
    match = _PHYSICAL.fullmatch(key.parameter(0))
    return match[1] if match else ""


def _devices(
    items: Sequence[Item],
    device: Callable[[Key], str],
    chosen: re.Pattern[str] | None,
    others: re.Pattern[str],
    what: str,
) -> list[Item]:
    """Return one item for each device that counts; of two for one device that with the smaller id."""
    counted: dict[str, Item] = {}
    for item in items:
        name = device(item.key)
        if chosen.fullmatch(name) if chosen is not None else name and not others.fullmatch(name):
            counted.setdefault(name, item)
    if not counted:
        names = ", ".join(sorted(device(item.key) for item in items)[:8])
        raise UnusableError(
            f"no enabled item of {what} is of a device that counts; there are: {names or '-'}"
        )
    return list(counted.values())
