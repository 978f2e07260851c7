"""Small, valid chunks that tests bend out of shape."""

from __future__ import annotations

from dataclasses import dataclass, field, replace

from evidence import chunk, manifest
from evidence.keys import PrivateKey

START_MS = 1_780_000_020_000
"""2026-05-28 20:27 UTC, 2026-05-29 04:27 in Shanghai, a whole minute."""
DAY_MS = 1_779_984_000_000
"""The midnight before START_MS in Shanghai."""
HOURS_24 = 86_400_000
KEY = PrivateKey.from_seed(bytes(range(32)))
CPU = tuple(manifest.Column(f"cpu.{state}") for state in manifest.CPU_STATES)
CLOCKS = tuple(manifest.Column(name) for name in manifest.COUNTERS_CLOCKS)
NIC = manifest.Device("nic", "eth0", "2/52:54:00:00:00:01", True, "has a hardware device", 10**9)
DISK = manifest.Device("disk", "vda", "254:0", True, "a physical disk")


def counters_manifest(
    *, interval_ms: int = 60_000, cpus: int = 2, devices: tuple[manifest.Device, ...] = (NIC, DISK)
) -> manifest.Manifest:
    columns = [*CLOCKS, *CPU]
    for device in devices:
        names = ("net.rx", "net.tx") if device.kind == "nic" else ("disk.reads", "disk.writes")
        columns += [manifest.Column(name, device=device.name) for name in names if device.counts]
    return manifest.build(
        kind=manifest.COUNTERS,
        interval_ms=interval_ms,
        columns=tuple(columns),
        host={"cpus": cpus, "ticks_per_s": 100, "system": "linux"},
        devices=devices,
        absent=(("sessions", "no logind"),),
    )


def averages_manifest(name: str = "cpu.utilization", scale: int = 9, **facts: str) -> manifest.Manifest:
    return manifest.build(
        kind=manifest.AVERAGES,
        interval_ms=300_000,
        columns=(
            *(manifest.Column(clock) for clock in manifest.AVERAGES_CLOCKS),
            manifest.Column(name, scale=scale, statistic="average"),
        ),
        host={"attested": "no", **facts},
    )


def activity_manifest(**facts: str) -> manifest.Manifest:
    """The zone of START_MS is Shanghai; the day begins at ``DAY_MS``."""
    return manifest.build(
        kind=manifest.ACTIVITY,
        interval_ms=3_600_000,
        columns=tuple(manifest.Column(name) for name in manifest.ACTIVITY_COLUMNS),
        host={
            "timezone": "Asia/Shanghai",
            "account_key": "0123456789abcdef",
            "definition": "success/1",
            "excluded": "",
            **facts,
        },
    )


def activity(
    rows: list[tuple[int, int, int, int, int]],
    *,
    start_ms: int = START_MS,
    end_ms: int = START_MS + 3_600_000,
) -> Draft:
    """``rows``: (start of the day, its length, high half, low half, count)."""
    values = [list(column) for column in zip(*rows)] or [[] for _ in manifest.ACTIVITY_COLUMNS]
    draft = Draft(manifest=activity_manifest(), values=values)
    return draft.with_header(source="login-log", start_ms=start_ms, end_ms=end_ms)


@dataclass
class Draft:
    """A chunk before sealing. ``rows`` are (wall, boot, mono, busy, idle, rx, tx, reads, writes)."""

    manifest: manifest.Manifest = field(default_factory=counters_manifest)
    values: list[list[int]] = field(default_factory=list)
    header: chunk.Header = field(
        default_factory=lambda: chunk.Header(
            enterprise="示例企业", source="agent", host="web-1", key="0" * 64, seq=0, prev="0" * 64,
            boot="7b1d", first="reading", start_ms=START_MS, end_ms=START_MS, prev_end_ms=0, anchor="",
            rows=0, columns=0, digest="", manifest="", agent="0.1.0", clock_state="synchronized",
            clock_offset_ms=0, clock_rtt_ms=-1,
        )
    )  # fmt: skip

    def with_header(self, **changes: object) -> Draft:
        self.header = replace(self.header, **changes)
        return self

    def seal(self, key: PrivateKey = KEY) -> bytes:
        clocks = self.values
        if self.manifest.kind == manifest.COUNTERS:
            ends = (clocks[0][0], clocks[0][-1])
        elif self.manifest.kind == manifest.ACTIVITY:
            ends = (self.header.start_ms, self.header.end_ms)
        else:
            ends = (clocks[0][0], clocks[0][-1] + clocks[1][-1])
        self.header = replace(self.header, start_ms=ends[0], end_ms=ends[1])
        return chunk.seal(self.header, manifest=self.manifest, values=self.values, key=key)

    def open(self) -> chunk.Chunk:
        return chunk.open_chunk(chunk.read_frame(self.seal()), KEY.public)


def counters(
    rows: list[tuple[int, ...]], *, man: manifest.Manifest | None = None, start_ms: int = START_MS
) -> Draft:
    """``rows``: (seconds since start, busy ticks, idle ticks, rx, tx, reads, writes), cumulative."""
    made = man or counters_manifest()
    wall = [start_ms + row[0] * 1000 for row in rows]
    up = [5_000_000 + row[0] * 1000 for row in rows]
    zeros = [0] * len(rows)
    user, idle = [row[1] for row in rows], [row[2] for row in rows]
    states = {"user": user, "idle": idle}
    values = [wall, list(up), list(up)]
    values += [list(states.get(state, zeros)) for state in manifest.CPU_STATES]
    values += [[row[place] for row in rows] for place in range(3, len(made.columns) - 10)]
    return Draft(manifest=made, values=values)


def steady(count: int = 11, *, step_s: int = 60, busy: int = 3000, start_ms: int = START_MS) -> Draft:
    """Readings of a host that is 25 % busy: 2 processors x 100 ticks/s."""
    ticks = 2 * 100 * step_s
    busy = busy * step_s // 60
    return counters(
        [
            (i * step_s, 10_000 + i * busy, 50_000 + i * (ticks - busy), i * 6_000, i * 600, i * 60, i * 30)
            for i in range(count)
        ],
        start_ms=start_ms,
    )
