"""What all rows are fed with: hosts that count like real ones, the same numbers for us and for every peer.

``hosts`` gives cumulative integer counters; ``sealed`` seals them as an agent does; ``samples`` gives the same
readings as (metric name, host, instants, values) for stores that know labels. Seeded: every run feeds the same.
"""

from __future__ import annotations

import hashlib
import sys
import zlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

import numpy as np

ROOT = Path(__file__).resolve().parent.parent
sys.path[:0] = [str(ROOT / "tests"), str(ROOT)]

from drafts import DISK, NIC, counters_manifest  # noqa: E402 - the path is set above
from fleet import Enrolled, instant  # noqa: E402 - the same

from collector.opening import OpenStore, open_store  # noqa: E402 - the same, in order
from collector.store import registry  # noqa: E402 - the same
from evidence import chunk, columns  # noqa: E402 - the same
from evidence.dsse import CHUNK_TYPE  # noqa: E402 - the same
from evidence.manifest import Manifest  # noqa: E402 - the same

ENTERPRISE = "基准企业"
ZONE = "Asia/Shanghai"
MONTH = "2026-11"
START_MS = instant("2026-11-01")
MINUTE_MS = 60_000
TICKS_A_MINUTE = 2 * 100 * 60
CLOCKS, STATES, DEVICES = 3, 10, 4
COLUMNS = CLOCKS + STATES + DEVICES
MOST_A_MINUTE = (50_000_000, 20_000_000, 4_000, 9_000)
"""Bytes received and sent, reads and writes."""
UP_MS = 86_400_000


@dataclass
class Host:
    """A host that counts; ``block`` gives the next readings, the last of before first."""

    name: str
    chance: np.random.Generator
    step_ms: int = MINUTE_MS
    last: np.ndarray = field(default_factory=lambda: np.array([START_MS, UP_MS, UP_MS] + [0] * 14, np.int64))

    def block(self, intervals: int) -> np.ndarray:
        """Return columns x (intervals + 1) readings."""
        steps = np.zeros((COLUMNS, intervals + 1), np.int64)
        ticks = TICKS_A_MINUTE * self.step_ms // MINUTE_MS
        steps[:CLOCKS, 1:] = self.step_ms
        system = self.chance.integers(ticks // 100, ticks // 20, intervals)
        user = self.chance.integers(ticks // 100, ticks // 2, intervals)
        waiting = self.chance.integers(0, ticks // 50, intervals)
        steps[3, 1:], steps[5, 1:], steps[7, 1:] = user, system, waiting
        steps[6, 1:] = ticks - user - system - waiting
        for place, most in enumerate(MOST_A_MINUTE):
            steps[CLOCKS + STATES + place, 1:] = self.chance.integers(most // 50, most, intervals)
        steps[:, 0] = self.last
        values = np.cumsum(steps, axis=1)
        self.last = values[:, -1].copy()
        return values


def hosts(count: int, *, step_ms: int = MINUTE_MS) -> list[Host]:
    """Return so many hosts, always the same."""
    return [Host(f"host-{n:06}", np.random.default_rng(n), step_ms) for n in range(count)]


def packed(values: np.ndarray) -> bytes:
    """Return the travelling form (``evidence.columns``) of a matrix, deflated as an agent does."""
    steps = np.diff(values, axis=1, prepend=0).view(np.uint64)
    zigzag = (steps << np.uint64(1)) ^ (np.uint64(0) - (steps >> np.uint64(63)))
    planes = zigzag.reshape(-1).view(np.uint8).reshape(-1, 8).T
    return zlib.compress(planes.tobytes(), columns.DEFLATE_LEVEL)


class Sealing:
    """Seals hosts' readings chunk after chunk, much faster than an agent does and to the same bytes."""

    def __init__(self, *, interval_ms: int = MINUTE_MS) -> None:
        self.manifest: Manifest = counters_manifest(interval_ms=interval_ms)
        self._interval_ms = interval_ms
        self._packed: dict[str, tuple[Manifest, bytes]] = {}
        self._enrolled: dict[str, Enrolled] = {}

    def of(self, name: str) -> Enrolled:
        """Return a host's key and the place of its chain."""
        return self._enrolled.setdefault(name, Enrolled(ENTERPRISE, name, "agent"))

    def _own_manifest(self, name: str) -> tuple[Manifest, bytes]:
        """Return a host's manifest: no two cards have one address."""
        if name not in self._packed:
            address = hashlib.sha256(name.encode()).hexdigest()
            card = replace(NIC, identity=f"2/52:54:00:{address[:2]}:{address[2:4]}:{address[4:6]}")
            manifest = counters_manifest(interval_ms=self._interval_ms, devices=(card, DISK))
            self._packed[name] = manifest, zlib.compress(manifest.raw, columns.DEFLATE_LEVEL)
        return self._packed[name]

    def frame(self, name: str, values: np.ndarray) -> bytes:
        """Return the frame of a host's next chunk."""
        source = self.of(name)
        start, end = int(values[0, 0]), int(values[0, -1])
        manifest, deflated = self._own_manifest(name)
        header = chunk.Header(
            enterprise=ENTERPRISE, source="agent", host=name, key=source.key.public.id, seq=source.seq,
            prev=source.prev or source.record().hash, boot=f"{name}-boot", first="repeat" if source.seq else "reading",
            start_ms=start, end_ms=end, prev_end_ms=source.prev_end_ms, anchor="", rows=values.shape[1],
            columns=len(values), digest=hashlib.sha256(values.astype("<i8").tobytes()).hexdigest(),
            manifest=manifest.hash, agent="0.1.0", clock_state="synchronized", clock_offset_ms=0, clock_rtt_ms=3,
        )  # fmt: skip
        body = header.encode()
        frame = chunk.Frame(
            header.key, source.key.sign(CHUNK_TYPE, body), body, deflated, len(manifest.raw),
            packed(values),
        )  # fmt: skip
        source.seq, source.prev_end_ms, source.prev = source.seq + 1, end, frame.hash
        return chunk.write_frame(frame)

    def enrol(self, opened: OpenStore, names: Sequence[str]) -> None:
        """Pin the keys of hosts in a store."""
        with opened.store.writing() as connection:
            for name in names:
                registry.pin(connection, self.of(name).record(), now_ms=START_MS)


def samples(
    values: np.ndarray, name: str, manifest: Manifest
) -> Iterator[tuple[dict[str, str], list[int], list[int]]]:
    """Yield labels, instants (ms) and values of every column but the wall clock, without the repeated reading."""
    instants = values[0, 1:].tolist()
    for column, numbers in zip(manifest.columns[1:], values[1:], strict=True):
        labels = {"__name__": column.name.replace(".", "_"), "host": name}
        if column.device:
            labels["device"] = column.device
        yield labels, instants, numbers[1:].tolist()


def new_store(folder: Path, name: str = "starproof.db") -> OpenStore:
    """Return a new store in a folder, with the log's key: none is made once hosts are in it."""
    opened = open_store(f"sqlite:///{folder / name}", enterprise=ENTERPRISE, now_ms=START_MS)
    opened.keyring.log_key()
    return opened
