"""Network devices of ``/sys/class/net``: which of them count, how fast they are, their bytes.

A packet can pass many devices on its way (container, bridge, bond, card) and must count once: at
the card. A device counts iff it has hardware, or what a virtual machine takes for hardware, behind
it (a ``device`` link), unless the same bytes are also in another counted device:

1. monitor interfaces, switch ports behind a conduit and representors are second views of a card;
2. a device whose master has hardware itself (Azure's accelerated networking, virtio failover): the
   master's counters hold the traffic of both;
3. before that link is made, a virtual function with the MAC address of a Hyper-V device.

Members of a bond or team count, the bond does not. Sources: netdevice(7), the kernel's
Documentation/ABI/testing/sysfs-class-net, drivers/net/hyperv and net_failover.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import NamedTuple, Optional

from agent.inventory import Absent, Found, printable
from agent.linux import files
from agent.selection import Selection
from evidence.manifest import Device

BPS_PER_MBIT = 1_000_000
UNKNOWN_SPEEDS = frozenset({0, -1, 65_535, 4_294_967_295})
"""What drivers write for "unknown": 0, and -1 as a signed, 16-bit or 32-bit number."""
DOWN = frozenset({"down", "notpresent", "lowerlayerdown"})
"""States of operstate (RFC 2863) in which nothing can be carried."""
HYPERV = "hv_netvsc"

LOOPBACK = "772"
MONITORS = frozenset({"801", "802", "803"})
"""ARPHRD_IEEE80211 and its two forms with radio headers: listeners on a wireless card."""
REPRESENTOR = re.compile(r"(c\d+)?pf\d+(vf|sf)\d+\Z")
"""phys_port_name of the switch side of a virtual function."""

STACKED = {
    "bond": "a bond: its members count",
    "team": "a team: its members count",
    "bridge": "a bridge: its ports' cards count",
    "vlan": "a VLAN on another device, which counts",
    "macvlan": "a second address on another device, which counts",
    "ipvlan": "a second address on another device, which counts",
    "vxlan": "a tunnel: its packets pass a device that counts",
    "geneve": "a tunnel: its packets pass a device that counts",
    "gre": "a tunnel: its packets pass a device that counts",
    "wireguard": "a tunnel: its packets pass a device that counts",
    "ppp": "a line over another device, which counts",
}
"""Reasons by DEVTYPE of the uevent file."""
CABLES = (
    "veth",
    "cali",
    "lxc",
    "tap",
    "vnet",
    "eni",
    "gke",
    "vif",
    "fwpr",
    "fwln",
    "qvo",
    "qvb",
    "ve-",
    "vb-",
)
"""Names that container and machine managers give to the cable ends they make. They come and go with every
container; one entry stands for all of a kind, because each change of the manifest begins a new chunk."""


class NicFacts(NamedTuple):
    """What does not change while the device lives. ``second`` says whose second view it is."""

    name: str
    inode: int
    hardware: bool
    second: str
    what: str
    driver: str
    ifindex: str
    address: str
    parent_nics: tuple[str, ...]


class NicState(NamedTuple):
    """A device now: its facts, and what may change under it."""

    facts: NicFacts
    address: str
    operstate: str
    speed: Optional[str]
    master: str


Scan = Optional[tuple[NicState, ...]]
"""All devices, sorted by name; ``None`` when they cannot be listed."""


class Network:
    """The network devices below one sysfs root."""

    def __init__(self, sys: str, *, selection: Selection) -> None:
        self._root = f"{sys}/class/net"
        self._selection = selection
        self._facts: dict[tuple[str, int], NicFacts] = {}

    def scan(self) -> Scan:
        """Return all devices; equal to the last scan iff nothing changed that the manifest shows."""
        names = files.names(self._root)
        if names is None:
            return None
        known, self._facts = self._facts, {}
        states = []
        for name in names:
            key = (name, files.inode(f"{self._root}/{name}"))
            facts = known.get(key) or self._look(name, key[1])
            if facts is not None:
                self._facts[key] = facts
                states.append(self._state(facts))
        return tuple(states)

    def describe(self, scan: Scan) -> tuple[list[Found], list[Absent]]:
        """Return the devices of ``scan`` with their reasons, and what cannot be measured."""
        if scan is None:
            reason = f"{self._root} cannot be listed"
            return [], [("net.rx", reason), ("net.tx", reason)]
        by_name = {state.facts.name: state for state in scan}
        found: list[Found] = []
        absent: list[Absent] = []
        cables: set[str] = set()
        for state in scan:
            cable = _cable(state.facts)
            if cable and not self._selection.names(printable(state.facts.name)):
                cables.add(cable)
                continue
            counts, reason = _judge(state, by_name)
            speed, why = _speed(state, by_name)
            device = self._selection.apply(
                Device(
                    kind="nic",
                    name=printable(state.facts.name),
                    identity=printable(f"{state.facts.ifindex} {state.address}".strip()),
                    counts=counts,
                    reason=reason,
                    speed_bps=speed,
                )
            )
            if device.counts and device.speed_bps is None:
                absent.append((f"net.capacity:{device.name}", why))
            found.append(Found(device, state.facts.name))
        found += [_cables(prefix) for prefix in sorted(cables)]
        if not any(entry.device.counts for entry in found):
            reason = "no network device of this host counts"
            absent += [("net.rx", reason), ("net.tx", reason)]
        return found, absent

    def counters(self, name: str) -> tuple[int, int]:
        """Return (received, sent) bytes of a device, each ``MISSING`` when it cannot be read."""
        statistics = f"{self._root}/{name}/statistics"
        return (
            files.counter(files.value(f"{statistics}/rx_bytes")),
            files.counter(files.value(f"{statistics}/tx_bytes")),
        )

    def _look(self, name: str, inode: int) -> Optional[NicFacts]:
        """Return the facts of one entry, ``None`` if it is no device (bonding_masters is a file)."""
        path = f"{self._root}/{name}"
        ifindex = files.value(f"{path}/ifindex")
        if ifindex is None:
            return None
        uevent = files.value(f"{path}/uevent") or ""
        devtype = dict(line.partition("=")[::2] for line in uevent.splitlines()).get("DEVTYPE", "")
        kind = files.value(f"{path}/type") or ""
        hardware = files.exists(f"{path}/device")
        return NicFacts(
            name=name,
            inode=inode,
            hardware=hardware,
            second=_second_view(path, devtype, kind) if hardware else "",
            what=_what(path, name, devtype, kind),
            driver=files.last_part(files.link(f"{path}/device/driver")),
            ifindex=ifindex,
            address=files.value(f"{path}/address") or "",
            parent_nics=tuple(files.names(f"{path}/device/physfn/net") or ()),
        )

    def _state(self, facts: NicFacts) -> NicState:
        if not facts.hardware:
            return NicState(facts, facts.address, "", None, "")
        path = f"{self._root}/{facts.name}"
        return NicState(
            facts,
            address=files.value(f"{path}/address") or "",
            operstate=files.value(f"{path}/operstate") or "",
            speed=files.value(f"{path}/speed"),
            master=files.last_part(files.link(f"{path}/master")),
        )


def _second_view(path: str, devtype: str, kind: str) -> str:
    if devtype in STACKED:
        return STACKED[devtype]
    if kind in MONITORS:
        return "a monitor interface: the wireless card itself counts"
    if devtype == "dsa":
        return "a port of a switch chip: its traffic passes the conduit device, which counts"
    if REPRESENTOR.match(files.value(f"{path}/phys_port_name") or ""):
        return "the switch side of a virtual function: outside traffic passes the uplink, which counts"
    return ""


def _what(path: str, name: str, devtype: str, kind: str) -> str:
    """Return what a device without hardware is, as far as it tells."""
    linked = files.value(f"{path}/iflink") not in (None, files.value(f"{path}/ifindex"))
    signs = (
        (kind == LOOPBACK, "loopback: never leaves the host"),
        (devtype in STACKED, STACKED.get(devtype, "")),
        (files.is_directory(f"{path}/bonding"), STACKED["bond"]),
        (files.is_directory(f"{path}/bridge"), STACKED["bridge"]),
        (files.exists(f"{path}/tun_flags"), "a tunnel or tap of a program, not a line"),
        (name.startswith(("ifb", "dummy")), "a kernel device without a line"),
        (linked, "no hardware behind it (one end of a veth pair, or a link to another device)"),
    )
    return next((reason for sign, reason in signs if sign), "no hardware behind it")


def _judge(state: NicState, by_name: dict[str, NicState]) -> tuple[bool, str]:
    facts = state.facts
    if not facts.hardware:
        return False, facts.what
    if facts.second:
        return False, facts.second
    master = by_name.get(state.master)
    if master is not None and master.facts.hardware:
        return False, f"its traffic is in the counters of {state.master}, the device above it"
    twin = None if state.master else _synthetic_twin(state, by_name.values())
    if twin is not None:
        return False, f"a virtual function with the MAC address of {twin}, whose counters hold its traffic"
    reason = f"a network card or a virtual machine's own (driver {facts.driver or 'unknown'})"
    if _shares_port(state, by_name):
        reason += f"; a virtual function of {', '.join(facts.parent_nics)}, which has the port's capacity"
    if state.master:
        reason += f"; {state.master} above it does not count"
    return True, reason


def _synthetic_twin(state: NicState, others: Iterable[NicState]) -> Optional[str]:
    if state.facts.driver == HYPERV or not state.address:
        return None
    for other in others:
        if other.facts.driver == HYPERV and other.address == state.address:
            return other.facts.name
    return None


def _shares_port(state: NicState, by_name: dict[str, NicState]) -> bool:
    return any(parent in by_name for parent in state.facts.parent_nics)


def _speed(state: NicState, by_name: dict[str, NicState]) -> tuple[Optional[int], str]:
    """Return (bit/s, "") or (``None``, why it is not known)."""
    if not state.facts.hardware:
        return None, "a device without hardware has no speed of its own"
    if state.operstate in DOWN or _shares_port(state, by_name):
        return 0, ""
    if state.speed is None:
        return None, "the driver gives no link speed"
    try:
        mbit = int(state.speed)
    except ValueError:
        return None, f"the link speed {state.speed!r} is no number"
    if mbit in UNKNOWN_SPEEDS or mbit < 0:
        return None, f"the link speed {mbit} means unknown"
    return mbit * BPS_PER_MBIT, ""


def _cable(facts: NicFacts) -> str:
    if facts.hardware:
        return ""
    return next((prefix for prefix in CABLES if facts.name.startswith(prefix)), "")


def _cables(prefix: str) -> Found:
    reason = (
        "cable ends of containers or virtual machines: traffic to the outside passes a device that counts"
    )
    name = f"{prefix}*"
    return Found(Device(kind="nic", name=name, identity="", counts=False, reason=reason), name)
