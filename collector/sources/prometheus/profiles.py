"""What the exporters call the things we measure.

``node_exporter``: ``mode`` user contains guest time, and the eight modes add up to all time.
``windows_exporter``: dpc and interrupt time are parts of privileged time, so only idle, privileged
and user are added up. ``categraf`` (Nightingale's agent, the names are Telegraf's): processor time
comes as percentages, averaged over the samples.

Idle and waiting for disks is not busy, as in the definition ``cpu.busy/1``.

Which devices count cannot be told from an exporter for sure. The patterns here leave out what is
certainly counted a second time or never leaves the machine; a pattern given by the user replaces
them. Names such as nvme0n1 and vda are whole disks and count.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from collector.sources.interface import DISK_READS, DISK_WRITES, NET_RX, NET_TX

_LINUX_NICS = (
    r"lo|(bond|br-|cali|cilium|cni|docker|dummy|flannel|gre|ifb|ip6tnl|kube|lxc|nodelocaldns|ovs|sit"
    r"|tailscale|tap|team|tun|tunl|veth|virbr|vmnet|vnet|vxlan|wg|zt)[^.]*|(br|dummy|ifb|tun|tap)[0-9]+|.+[.@].+"
)
_LINUX_DISKS = (
    r"(dm-|drbd|fd|loop|md|nbd|ram|sr|zd|zram).*|[hsv]d[a-z]+[0-9]+|xvd[a-z]+[0-9]+|(nvme[0-9]+n|mmcblk|nvme[0-9]+c[0-9]+n)[0-9]+p[0-9]+"
    r"|nvme[0-9]+c[0-9]+n[0-9]+|mmcblk[0-9]+boot[0-9]+"
)
_WINDOWS_NICS = r"(?i).*(isatap|teredo|6to4|loopback|pseudo|vethernet|hyper-v virtual|virtualbox|wan miniport|kernel debug|multiplexor|tap-windows|wireguard).*"
_WINDOWS_DISKS = r"_Total"


@dataclass(frozen=True)
class BusyCounters:
    """Seconds of processor time by mode, counters."""

    metric: str
    idle: str
    """Matcher of the modes that are not busy."""
    all: str
    """Matcher of the modes that add up to all time, "" for every mode there is."""
    witness: str
    """Matchers of one series of each host, whose samples show when the host was observed."""
    one: str
    """Matcher of one series of each processor, to count them."""


@dataclass(frozen=True)
class BusyGauges:
    """Percentages of processor time, gauges; ``waiting`` may be absent."""

    idle: str
    waiting: str
    witness: str


@dataclass(frozen=True)
class DeviceCounter:
    """A counter of each device; ``label`` holds the device's name."""

    metric: str
    label: str
    excluded: str
    """Pattern of the devices that do not count, matched against the whole name."""


@dataclass(frozen=True)
class HostFacts:
    """A metric whose labels describe the host; ``name`` is the label with its name."""

    metric: str
    name: str


@dataclass(frozen=True)
class Profile:
    """The names that one kind of exporter uses."""

    name: str
    busy: BusyCounters | BusyGauges
    devices: Mapping[str, DeviceCounter]
    facts: tuple[HostFacts, ...]
    """Any of them; exporters renamed theirs over time."""


NODE = Profile(
    name="node_exporter",
    busy=BusyCounters(
        metric="node_cpu_seconds_total",
        idle='mode=~"idle|iowait"',
        all="",
        witness='cpu="0",mode="idle"',
        one='mode="idle"',
    ),
    devices={
        NET_RX: DeviceCounter("node_network_receive_bytes_total", "device", _LINUX_NICS),
        NET_TX: DeviceCounter("node_network_transmit_bytes_total", "device", _LINUX_NICS),
        DISK_READS: DeviceCounter("node_disk_reads_completed_total", "device", _LINUX_DISKS),
        DISK_WRITES: DeviceCounter("node_disk_writes_completed_total", "device", _LINUX_DISKS),
    },
    facts=(HostFacts("node_uname_info", "nodename"),),
)

WINDOWS = Profile(
    name="windows_exporter",
    busy=BusyCounters(
        metric="windows_cpu_time_total",
        idle='mode="idle"',
        all='mode=~"idle|privileged|user"',
        witness='core="0,0",mode="idle"',
        one='mode="idle"',
    ),
    devices={
        NET_RX: DeviceCounter("windows_net_bytes_received_total", "nic", _WINDOWS_NICS),
        NET_TX: DeviceCounter("windows_net_bytes_sent_total", "nic", _WINDOWS_NICS),
        DISK_READS: DeviceCounter("windows_physical_disk_reads_total", "disk", _WINDOWS_DISKS),
        DISK_WRITES: DeviceCounter("windows_physical_disk_writes_total", "disk", _WINDOWS_DISKS),
    },
    facts=(HostFacts("windows_cs_hostname", "hostname"), HostFacts("windows_os_hostname", "hostname")),
)

CATEGRAF = Profile(
    name="categraf",
    busy=BusyGauges(idle="cpu_usage_idle", waiting="cpu_usage_iowait", witness='cpu="cpu-total"'),
    devices={
        NET_RX: DeviceCounter("net_bytes_recv", "interface", _LINUX_NICS),
        NET_TX: DeviceCounter("net_bytes_sent", "interface", _LINUX_NICS),
        DISK_READS: DeviceCounter("diskio_reads", "name", _LINUX_DISKS),
        DISK_WRITES: DeviceCounter("diskio_writes", "name", _LINUX_DISKS),
    },
    facts=(HostFacts("system_uptime", ""),),
)

PROFILES: Mapping[str, Profile] = {profile.name: profile for profile in (NODE, WINDOWS, CATEGRAF)}
