"""Months of simulated hosts in a store, made fast: real keys, chains, log and day sums, values by numpy.

    fill(url, hosts=10, days=30)      # a reading each 60 s, a chunk each hour, 17 columns

The hosts' load is that of ``bench/check_pack.py --load random``: what each counter grows changes at random every
minute. Frames are those that ``evidence.chunk.seal`` would make of the same values, byte for byte (the first of
every host is compared); they are written past ingest, which bench/log_writers.py measures.
"""

from __future__ import annotations

import hashlib
import sys
import zlib
from dataclasses import replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

ROOT = Path(__file__).resolve().parent.parent
sys.path[:0] = [str(ROOT / "tests"), str(ROOT)]

from drafts import counters_manifest  # noqa: E402 - the tests' modules are on the path only now
from fleet import Enrolled, instant  # noqa: E402 - the same

from collector.opening import open_store  # noqa: E402 - the same
from collector.store import day_sums, log, months, partitions, registry, schema  # noqa: E402 - the same
from collector.store.chunks import Line  # noqa: E402 - the same
from collector.store.engine import Store  # noqa: E402 - the same
from evidence import chunk, columns, log_entry  # noqa: E402 - the same
from evidence.calendar import LocalCalendar  # noqa: E402 - the same
from evidence.chunk import Frame, Header  # noqa: E402 - the same
from evidence.dsse import CHUNK_TYPE, pae_hash  # noqa: E402 - the same
from evidence.manifest import Manifest  # noqa: E402 - the same
from verifier.batched import BatchedChunk, LookedAt  # noqa: E402 - the same

ENTERPRISE = "示例企业"
ZONE = "Asia/Shanghai"
START_MS = instant("2026-11-01")
NOW_MS = instant("2027-03-01")
HZ = 100
CPUS = 2
GROWS = {"net.rx": 200_000, "net.tx": 80_000, "disk.reads": 20, "disk.writes": 60}
"""A second, on average; between half and twice that."""

Values = NDArray[np.int64]


def fill(url: str, *, hosts: int, days: int, interval_s: int = 60, seal_s: int = 3_600) -> int:
    """Make a store at ``url`` and return how many values it holds."""
    opened = open_store(url, enterprise=ENTERPRISE, timezone=ZONE, now_ms=NOW_MS)
    calendar = LocalCalendar(ZONE)
    wanted = months.between(calendar, START_MS, START_MS + days * 86_400_000)
    partitions.make(opened.store, wanted)
    made = 0
    for number in range(hosts):
        made += _host(opened.store, f"host-{number + 1:05}", number, (days, interval_s, seal_s), calendar)
    opened.store.close()
    return made


def _host(store: Store, name: str, seed: int, shape: tuple[int, int, int], calendar: LocalCalendar) -> int:
    days, interval_s, seal_s = shape
    manifest = counters_manifest(interval_ms=interval_s * 1_000, cpus=CPUS)
    each = seal_s // interval_s
    month = readings(manifest, seed, days * 86_400 // interval_s + 1, interval_s)
    enrolled = Enrolled(ENTERPRISE, name, "agent")
    signed, key = enrolled.record(), enrolled.key
    deflated = zlib.compress(manifest.raw, columns.DEFLATE_LEVEL)
    headers, frames, hashes = [], [], []
    prev, prev_end = signed.hash, 0
    for seq in range((month.shape[1] - 1) // each):
        values = np.ascontiguousarray(month[:, seq * each : (seq + 1) * each + 1])
        raw = values.astype("<i8").tobytes()
        header = Header(
            enterprise=ENTERPRISE, source="agent", host=name, key=key.public.id, seq=seq, prev=prev,
            boot=f"{name}-boot-1", first="repeat" if seq else "reading",
            start_ms=int(values[0, 0]), end_ms=int(values[0, -1]), prev_end_ms=prev_end, anchor="",
            rows=each + 1, columns=len(values), digest=hashlib.sha256(raw).hexdigest(), manifest=manifest.hash,
            agent="0.1.0", clock_state="synchronized", clock_offset_ms=seed % 7 - 3, clock_rtt_ms=4,
        )  # fmt: skip
        body = header.encode()
        frame = Frame(
            key.public.id, key.sign(CHUNK_TYPE, body), body, deflated, len(manifest.raw), packed(values)
        )
        data = chunk.write_frame(frame)
        if not seq:
            lists = values.tolist()
            assert chunk.seal(replace(header, digest=""), manifest=manifest, values=lists, key=key) == data
        prev, prev_end = pae_hash(CHUNK_TYPE, body), header.end_ms
        headers.append(header)
        frames.append((frame, data))
        hashes.append(prev)
    with store.writing() as connection:
        pinned = registry.pin(connection, signed, now_ms=NOW_MS)
        first = connection.execute(schema.chunk.select().order_by(schema.chunk.c.id.desc()).limit(1)).first()
        begin = 1 if first is None else first.id + 1
        month_of = [months.of_instant(calendar, header.end_ms) for header in headers]
        connection.execute(schema.chunk.insert(), [
            {"id": begin + at, "host_id": pinned.host_id, "source": "agent", "enrolment_id": pinned.enrolment_id,
             "epoch": 0, "seq": header.seq, "hash": hashes[at], "metric": "", "start_ms": header.start_ms,
             "end_ms": header.end_ms, "received_ms": header.end_ms + 1_000, "month": month_of[at]}
            for at, header in enumerate(headers)
        ])  # fmt: skip
        connection.execute(schema.chunk_frame.insert(), [
            {"month": month_of[at], "chunk_id": begin + at, "frame": data} for at, (_, data) in enumerate(frames)
        ])  # fmt: skip
        log.append(connection, [(log_entry.CHUNK, hash_) for hash_ in hashes], now_ms=NOW_MS)
        blocks = np.stack([month[:, seq * each : (seq + 1) * each + 1] for seq in range(len(headers))])
        batch = LookedAt(manifest, headers, blocks)
        chunks = [BatchedChunk(frame, batch, at) for at, (frame, _) in enumerate(frames)]
        sums = chunks[0].day_sums(chunks, calendar)
        day_sums.add(connection, Line(pinned.host_id, "agent"), sums)
    return len(headers) * (each + 1) * len(month)


def readings(manifest: Manifest, seed: int, rows: int, interval_s: int) -> Values:
    """Return the columns of a host that counted without a break."""
    chance = np.random.default_rng(seed)
    clock = 1_000 * interval_s * np.arange(rows, dtype=np.int64)
    share = np.clip(25 + np.cumsum(chance.integers(-3, 4, rows)), 2, 95)
    ticks = np.full(rows, HZ * CPUS * interval_s, np.int64)
    user = ticks * share // 100
    steps = {"cpu.user": user, "cpu.idle": ticks - user}
    for name, rate in GROWS.items():
        steps[name] = chance.integers(rate // 2, rate * 2, rows) * interval_s
    found = np.zeros((len(manifest.columns), rows), np.int64)
    for at, column in enumerate(manifest.columns):
        if column.name == "time.wall_ms":
            found[at] = START_MS + clock
        elif column.name.startswith("time."):
            found[at] = 86_400_000 + clock
        elif column.name in steps:
            found[at, 1:] = np.cumsum(steps[column.name][1:])
    return found


def packed(values: Values) -> bytes:
    """Return the travelling form of columns (``evidence.columns``)."""
    steps = np.diff(values, axis=1, prepend=np.int64(0))
    zigzag = ((steps << 1) ^ (steps >> 63)).astype("<u8").reshape(-1)
    planes = zigzag.view(np.uint8).reshape(-1, 8).T
    return zlib.compress(np.ascontiguousarray(planes).tobytes(), columns.DEFLATE_LEVEL)
