"""A month of some hosts as exporters would have counted it, and the truth behind it.

Everything is an integer: processor seconds, bytes, operations. Hosts work through the hours in
patterns of their own, so that an hour taken for another one is noticed. Samples are 120 s apart,
on the grid of the clock except for one host.

    steady     thirty days, never off, with devices that must not count
    off        thirty days, busy for 30 % of the time that it runs, off for five days (5 to 10)
    rebooted   nine days, off on the third from 12:25 to 12:34; counters begin anew
    blinked    nine days, rebooted on the third at 07:05 within two samples: counters begin anew
    unseen     nine days, runs on for five of them (2 to 7, 00:22) while nobody scrapes it
    shifted    nine days, samples 47 s after the grid
    windows    nine days, other names
    pushed     nine days, percentages, another label
"""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction

START_S = 1_709_251_200  # 2024-03-01 00:00 UTC
SAMPLE_S = 120
HOUR_S = 3600
DAY_S = 86_400
LONG_DAYS = 30
SHORT_DAYS = 9
END_S = START_S + LONG_DAYS * DAY_S
SHORT_END_S = START_S + SHORT_DAYS * DAY_S
CPUS = 2

STEADY = "10.0.0.1:9100"
REBOOTED = "10.0.0.2:9100"
BLINKED = "10.0.0.3:9100"
OFF = "10.0.0.4:9100"
UNSEEN = "10.0.0.5:9100"
SHIFTED = "10.0.0.6:9100"
WINDOWS = "win-7:9182"
PUSHED = 'web+1 "旧"'


@dataclass(frozen=True)
class Story:
    """When a host is off and when nobody looks, in seconds since the start."""

    seed: int
    days: int = SHORT_DAYS
    off: tuple[int, int] | None = None
    unseen: tuple[int, int] | None = None
    shift_s: int = 0


STORIES = {
    STEADY: Story(1, days=LONG_DAYS),
    REBOOTED: Story(2, off=(2 * DAY_S + 12 * HOUR_S + 25 * 60, 2 * DAY_S + 12 * HOUR_S + 34 * 60)),
    BLINKED: Story(3, off=(2 * DAY_S + 7 * HOUR_S + 5 * 60, 2 * DAY_S + 7 * HOUR_S + 5 * 60)),
    OFF: Story(4, days=LONG_DAYS, off=(5 * DAY_S, 10 * DAY_S)),
    UNSEEN: Story(5, unseen=(2 * DAY_S, 7 * DAY_S + 22 * 60)),
    SHIFTED: Story(6, shift_s=47),
    WINDOWS: Story(7),
    PUSHED: Story(8),
}


def busy_s(host, hour):
    """Seconds of each 120 that a processor is busy in an hour."""
    return 36 if host == OFF else 6 + (hour * 37 + STORIES[host].seed * 11) % 60


def rate(host, hour, kind):
    """Bytes or operations a second in an hour."""
    return {"rx": 70_000, "tx": 90_000, "reads": 13, "writes": 29}[kind] + (
        (hour * 7919 + STORIES[host].seed * 104_729) % 1013
    )


def truth(host, metric, hour):
    """The average of an hour, exactly: percent, or bytes or operations a second."""
    if metric == "cpu.utilization":
        return Fraction(100 * busy_s(host, hour), SAMPLE_S)
    kinds = {
        "net.rx.rate": "rx",
        "net.tx.rate": "tx",
        "disk.reads.rate": "reads",
        "disk.writes.rate": "writes",
    }
    return Fraction(rate(host, hour, kinds[metric]))


def samples(host):
    """Yield (time, counters) for every sample that was taken; counters are since the last boot."""
    story = STORIES[host]
    # The machine ran before: its counters do not begin at 0.
    counters = {"busy": 5_000, "idle": 70_000, "iowait": 900}
    counters |= {"rx": 10**9, "tx": 10**10, "reads": 10**6, "writes": 10**7}
    for at_s in range(0, story.days * DAY_S + 1, SAMPLE_S):
        if story.off and story.off[0] < at_s <= max(story.off[1], story.off[0] + SAMPLE_S):
            counters = dict.fromkeys(counters, 0)
            if at_s <= story.off[1]:
                continue
        if at_s:
            _work(counters, host, (at_s - 1) // HOUR_S)
        if not (story.unseen and story.unseen[0] < at_s < story.unseen[1]):
            yield START_S + at_s + story.shift_s, dict(counters)


def _work(counters, host, hour):
    work = busy_s(host, hour)
    counters["busy"] += work
    counters["iowait"] += 3
    counters["idle"] += SAMPLE_S - work - 3
    for kind in ("rx", "tx", "reads", "writes"):
        counters[kind] += rate(host, hour, kind) * SAMPLE_S


def lines(unit):
    """Yield the month as lines of the exposition format; ``unit`` is a second's worth of its times."""
    for host in STORIES:
        write = {WINDOWS: _windows, PUSHED: _pushed}.get(host, _node)
        for at_s, counters in samples(host):
            for name, labels, value in write(host, at_s, counters):
                yield f"{name}{{{labels}}} {value} {at_s * unit}\n"


def _node(name, _at_s, c):
    host = f'instance="{name}",job="node"'
    decoys = name == STEADY
    for cpu in range(CPUS):
        for mode, value in (("idle", c["idle"]), ("iowait", c["iowait"]), ("user", c["busy"])):
            yield "node_cpu_seconds_total", f'cpu="{cpu}",mode="{mode}",{host}', value
    # eth0 and eth1 share the traffic; the decoys repeat it and do not count.
    for way, kind in (("receive", "rx"), ("transmit", "tx")):
        parts = {"eth0": c[kind] - c[kind] // 4, "eth1": c[kind] // 4}
        if decoys:
            parts |= dict.fromkeys(("lo", "bond0", "eth0.100", "veth1a2b", "docker0", "br-5e6f"), c[kind])
        for device, value in parts.items():
            yield f"node_network_{way}_bytes_total", f'device="{device}",{host}', value
    for kind in ("reads", "writes"):
        parts = {"vda": c[kind] - c[kind] // 3, "nvme0n1": c[kind] // 3}
        if decoys:
            parts |= dict.fromkeys(("dm-0", "md127", "sda1", "nvme0n1p2"), c[kind])
        for device, value in parts.items():
            yield f"node_disk_{kind}_completed_total", f'device="{device}",{host}', value
    yield "node_uname_info", f'nodename="node-{name[7]}",release="6.1",{host}', 1
    yield "up", host, 1


def _windows(host, _at_s, c):
    host = f'instance="{host}",job="windows"'
    for core in ("0,0", "0,1"):
        modes = {
            "idle": c["idle"] + c["iowait"],
            "user": c["busy"] - c["busy"] // 3,
            "privileged": c["busy"] // 3,
        }
        modes |= {"dpc": c["busy"] // 5, "interrupt": c["busy"] // 7}  # parts of privileged
        for mode, value in modes.items():
            yield "windows_cpu_time_total", f'core="{core}",mode="{mode}",{host}', value
    for way, kind in (("received", "rx"), ("sent", "tx")):
        for nic in ("Intel[R] 82574L Gigabit", "vEthernet [Default Switch]", "isatap.{0D1F}"):
            yield f"windows_net_bytes_{way}_total", f'nic="{nic}",{host}', c[kind]
    for kind in ("reads", "writes"):
        yield f"windows_physical_disk_{kind}_total", f'disk="0 C:",{host}', c[kind]
    yield "windows_cs_hostname", f'hostname="WIN-7",{host}', 1
    yield "up", host, 0


def _pushed(host, at_s, c):
    escaped = host.replace('"', '\\"')
    host = f'ident="{escaped}"'
    hour = max(at_s - START_S - 1, 0) // HOUR_S
    work = busy_s(PUSHED, hour)
    for name, value in (("idle", SAMPLE_S - work - 3), ("iowait", 3)):
        yield f"cpu_usage_{name}", f'cpu="cpu-total",{host}', repr(value * 100 / SAMPLE_S)
        yield f"cpu_usage_{name}", f'cpu="cpu0",{host}', 1
    for name, kind in (("recv", "rx"), ("sent", "tx")):
        yield f"net_bytes_{name}", f'interface="eth0",{host}', c[kind]
        yield f"net_bytes_{name}", f'interface="docker0",{host}', c[kind]
    for kind in ("reads", "writes"):
        yield f"diskio_{kind}", f'name="vda",{host}', c[kind]
    yield "system_uptime", host, at_s - START_S
