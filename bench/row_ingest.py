"""Ingest: values a second of one processor, durable, and bytes a value on the disk, beside the peers.

The same readings, time by time, to all: an hour of 20 hosts x 16 series a request (60 values a series). Ours come
sealed, as from a relay, and are answered after the commit is on the disk; peers answer before. Processor time is
that of the server alone (/proc/PID/stat). Values are those of the 60 new readings; what a chunk repeats of the
reading before is not counted, nor is the column of the wall clock, which is the peers' time stamp.
"""

from __future__ import annotations

import hashlib
import json
import sqlite3
import sys
import time
import urllib.request
from argparse import Namespace
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import load
import measuring
import peers
from peers import Peer
from results_table import Row

HOSTS, AT_ONCE, READINGS = 200, 20, 60
HOURS, HOURS_FULL = 8, 24
SERIES = load.COLUMNS - 1
SETTINGS = """
[limits]
requests_per_minute = 100000
connections = 512
"""
CHUNKS_TYPE = "application/vnd.starproof.chunks"
SMALL_READINGS = 10
AIM_PER_S = 5_000_000
AIM_BYTES = 1.5


@dataclass(frozen=True)
class Fed:
    """What it took to take in all values."""

    name: str
    values: int
    processor_s: float
    wall_s: float
    stored_bytes: int
    memory_mb: float

    @property
    def per_s(self) -> float:
        """Values a second of processor time."""
        return self.values / self.processor_s


def measure(options: Namespace) -> list[Row]:
    """Return the lines."""
    hours = HOURS_FULL if options.full else HOURS
    with measuring.temporary() as folder:
        ours = _ours(folder, hours)
        small_bytes, small_values = _at_rest(folder, SMALL_READINGS)
        fed = []
        for start in (peers.victoria_metrics, peers.prometheus):
            with start(folder) as peer:
                fed.append(None if peer is None else _peer(peer, hours))
    limits = [_sha256_s() * load.COLUMNS / SERIES, _codec_s()]
    bound = f"SHA-256 of 8 bytes a value {1 / limits[0] / 1e6:.0f} M/s, inflate {1 / limits[1] / 1e6:.0f} M/s"
    rows = []
    for name, other in zip(("VictoriaMetrics", "Prometheus"), fed, strict=True):
        note = "" if other else f"{name} is not installed"
        rows.append(
            Row(
                "ingest", f"values/s a core, {READINGS} values a series", ours.per_s, "1/s",
                other.name if other else name, other.per_s if other else None, "more", bound, AIM_PER_S,
                note or f"wall {ours.wall_s:.1f} s against {other.wall_s:.1f} s; memory {ours.memory_mb:.0f} MB "
                f"against {other.memory_mb:.0f} MB" if other else note,
            )
        )  # fmt: skip
    for name, other in zip(("VictoriaMetrics", "Prometheus"), fed, strict=True):
        rows.append(
            Row(
                "disk", f"bytes a value, all in, {READINGS} readings a chunk", ours.stored_bytes / ours.values, "byte",
                other.name if other else name, other.stored_bytes / other.values if other else None,
                limit=f"entropy: deflated columns {_column_bytes():.2f}", aim=AIM_BYTES,
            )
        )  # fmt: skip
    rows.append(
        Row("disk", f"bytes a value, all in, {SMALL_READINGS} readings a chunk (the agent's own habit)",
            small_bytes / small_values, "byte", aim=AIM_BYTES, note="signature, header and manifest weigh six times as much")
    )  # fmt: skip
    return rows


def _ours(folder: Path, hours: int) -> Fed:
    """Feed a real collector over HTTP."""
    settings, log = folder / "collector.toml", folder / "collector.log"
    settings.write_text(SETTINGS)
    sealing, fleet = load.Sealing(), load.hosts(HOSTS)
    opened = load.new_store(folder)
    sealing.enrol(opened, [host.name for host in fleet])
    opened.store.close()
    key = sealing.of(fleet[0].name).key.public.id
    bodies = [
        b"".join(sealing.frame(host.name, host.block(READINGS)) for host in fleet[at : at + AT_ONCE])
        for _ in range(hours)
        for at in range(0, HOSTS, AT_ONCE)
    ]
    values = HOSTS * SERIES * READINGS * hours
    command = [
        sys.executable, "-m", "starproof", "collector", "serve", "--config", str(settings),
        "--db", f"sqlite:///{folder / 'starproof.db'}", "--listen", "127.0.0.1:0",
    ]  # fmt: skip
    with measuring.running(command, log) as process:
        url = listening(log)
        before, begun = measuring.processor_s(process.pid), time.perf_counter()
        for body in bodies:
            request = urllib.request.Request(
                f"{url}/v1/chunks", body, {"Content-Type": CHUNKS_TYPE, "X-StarProof-Key": key}
            )
            with urllib.request.urlopen(request, timeout=120) as answer:
                results = json.loads(answer.read())["results"]
            if any(result["status"] != "stored" for result in results):
                raise SystemExit(f"not stored: {results[0]}")
        used, wall = measuring.processor_s(process.pid) - before, time.perf_counter() - begun
        memory = measuring.resident_mb(process.pid, "VmHWM")
    return Fed("starproof", values, used, wall, store_bytes(folder / "starproof.db"), memory)


def _peer(peer: Peer, hours: int) -> Fed:
    """Feed a peer by remote write."""
    manifest, fleet = load.Sealing().manifest, load.hosts(HOSTS)
    bodies = [
        peers.remote_write(
            sample for host in fleet[at : at + AT_ONCE] for sample in load.samples(host.block(READINGS), host.name, manifest)
        )
        for _ in range(hours)
        for at in range(0, HOSTS, AT_ONCE)
    ]  # fmt: skip
    values = HOSTS * SERIES * READINGS * hours
    before, begun = measuring.processor_s(peer.process.pid), time.perf_counter()
    for body in bodies:
        peers.write(peer, body)
    used, wall = measuring.processor_s(peer.process.pid) - before, time.perf_counter() - begun
    memory = measuring.resident_mb(peer.process.pid, "VmHWM")
    return Fed(f"{peer.name} {peer.version}", values, used, wall, _flushed(peer), memory)


def _flushed(peer: Peer) -> int:
    """Return the bytes of a peer's data once it has settled."""
    if peer.name == "Prometheus":
        with urllib.request.urlopen(
            urllib.request.Request(f"{peer.url}/api/v1/admin/tsdb/snapshot", b"", method="POST"), timeout=60
        ) as answer:
            snapshot = json.loads(answer.read())["data"]["name"]
        return measuring.folder_bytes(peer.folder / "snapshots" / snapshot)
    for path in ("/internal/force_flush", "/internal/force_merge"):
        with urllib.request.urlopen(f"{peer.url}{path}", timeout=60) as answer:
            answer.read()
    time.sleep(3)  # merging goes on in the background
    return measuring.folder_bytes(peer.folder)


def _at_rest(folder: Path, readings: int) -> tuple[int, int]:
    """Return the bytes and values of a store that took chunks of so many readings."""
    from collector import ingest  # noqa: PLC0415 - only this line needs it
    from evidence.chunk import read_frame  # noqa: PLC0415 - the same

    sealing, fleet, hours = load.Sealing(), load.hosts(20), 8
    opened = load.new_store(folder, "small.db")
    sealing.enrol(opened, [host.name for host in fleet])
    for _ in range(hours * 60 // readings):
        frames = [read_frame(sealing.frame(host.name, host.block(readings))) for host in fleet]
        ingest.take(opened.store, frames, clock=lambda: load.START_MS + 86_400_000)
    opened.store.close()
    return store_bytes(folder / "small.db"), len(fleet) * SERIES * hours * 60


def store_bytes(path: Path) -> int:
    """Return what an SQLite store weighs after its write-ahead log is put in."""
    with sqlite3.connect(path) as connection:
        connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    return path.stat().st_size


def listening(log: Path) -> str:
    """Return the URL at which a collector has begun to listen."""
    for _ in range(300):
        for line in log.read_text(errors="replace").splitlines():
            if '"listening"' in line:
                return str(json.loads(line)["url"])
        time.sleep(0.1)
    raise SystemExit(f"the collector did not start: {log.read_text(errors='replace')[-2000:]}")


def _each(work: Callable[[], object], count: int) -> float:
    return measuring.processor_median_s(lambda: [work() for _ in range(100)], 5) / 100 / count


def _sha256_s() -> float:
    """Seconds of SHA-256 a value."""
    raw = bytes(8 * load.COLUMNS * READINGS)
    return _each(lambda: hashlib.sha256(raw).digest(), load.COLUMNS * READINGS)


def _codec_s() -> float:
    """Seconds of inflating a value."""
    import zlib  # noqa: PLC0415 - beside its only use

    data = load.packed(load.hosts(1)[0].block(READINGS))
    return _each(lambda: zlib.decompress(data), SERIES * READINGS)


def _column_bytes() -> float:
    """Bytes a value of the deflated columns alone."""
    return len(load.packed(load.hosts(1)[0].block(READINGS))) / (SERIES * READINGS)


if __name__ == "__main__":
    raise SystemExit(measuring.row(measure, __doc__))
