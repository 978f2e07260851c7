"""A pack of 5 GB: time and memory of its check. Made cheaply, measured, deleted.

Run: python bench/large_pack.py [--gigabytes 5] [--folder /tmp] [--workers 2]

Hosts read every second and seal every hour, 17 columns whose counters grow at random by up to 2^32, so
nothing of it compresses and it is stored by deflate as it is. Chunks, chains, signatures, log and statement are
those of an honest pack; the derived entries are empty, so the check ends with findings about them, which
costs no less. Needs 1.1 times the size on the disk.
"""

from __future__ import annotations

import argparse
import hashlib
import shutil
import sys
import tempfile
import zlib
from pathlib import Path

import numpy as np

sys.path[:0] = [str(Path(__file__).parents[1] / "tests"), str(Path(__file__).parents[1])]

from check_pack import measure  # noqa: E402 - the path is set only now
from drafts import counters_manifest  # noqa: E402 - the same
from fleet import ENTERPRISE, ZONE, Enrolled, instant  # noqa: E402 - the same
from packs import EDITION, LOG_KEY  # noqa: E402 - the same

from evidence import chunk, log_entry  # noqa: E402 - the same, in order
from evidence.checkpoint import sign  # noqa: E402 - the same
from evidence.dsse import CHUNK_TYPE, STATEMENT_TYPE  # noqa: E402 - the same
from evidence.log_entry import CHUNK, ENROLMENT, LogEntry  # noqa: E402 - the same
from evidence.merkle import Frontier  # noqa: E402 - the same
from verifier import layout, left_out, log_entries  # noqa: E402 - the same
from verifier.container import Writer  # noqa: E402 - the same
from verifier.pack_readme import readme  # noqa: E402 - the same
from verifier.statement import Statement  # noqa: E402 - the same

GB = 1_000_000_000
HOUR_MS = 3_600_000
HOURS = 720
ROWS = 3_601
ROOM = 1.1
MONTH = "2026-11"
STATES = slice(3, 13)


def main() -> None:
    """Make, measure, delete."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--gigabytes", type=float, default=5)
    parser.add_argument("--folder", type=Path, default=Path(tempfile.gettempdir()))
    parser.add_argument("--workers", default="2")
    options = parser.parse_args()
    size = int(options.gigabytes * GB)
    free = shutil.disk_usage(options.folder).free
    if free < size * ROOM:
        sys.exit(f"{free / GB:.1f} GB are free in {options.folder}; {size * ROOM / GB:.1f} GB are needed")
    with tempfile.TemporaryDirectory(dir=options.folder) as folder:
        pack, key = Path(folder) / "pack.zip", Path(folder) / "log.pub"
        key.write_text(LOG_KEY.public.raw.hex() + "\n")
        make(pack, size)
        measure(pack, key, options.workers)


def make(path: Path, size: int) -> None:
    """Write a pack of about this size."""
    manifest = counters_manifest(interval_ms=1_000)
    hours = size // (len(manifest.columns) * ROWS * 8)
    hosts = max(1, round(hours / HOURS))
    with path.open("wb") as stream:
        _Making(stream, manifest).write(hosts)


class _Making:
    def __init__(self, stream, manifest) -> None:  # noqa: ANN001 - a file and a manifest
        self._writer = Writer(stream)
        self._manifest = manifest
        self._hashes: dict[str, str] = {}
        self._logged: list[LogEntry] = []

    def write(self, hosts: int) -> None:
        names = [f"host-{number:03}" for number in range(hosts)]
        sources = [Enrolled(ENTERPRISE, name, "agent") for name in names]
        begin = instant("2026-10-20")
        self._logged = [LogEntry(ENROLMENT, source.record().hash, begin) for source in sources]
        self._add(layout.BAG_INFO, layout.bag_info(ENTERPRISE, MONTH))
        self._add(layout.BAGIT_TXT, layout.BAGIT)
        for number, source in enumerate(sources):
            self._host(f"{number + 1:04}", source)
        leaves = sorted(self._logged, key=lambda entry: entry.arrival_ms)
        frontier = Frontier().extend(entry.leaf for entry in leaves)
        note = sign(frontier.size, frontier.root, key=LOG_KEY)
        entries = {
            layout.DAY_SUMS: b"", layout.FIGURES: b"{}", layout.REPORT: b"{}", layout.VERDICT: b"{}",
            layout.EDITION: EDITION, layout.ENROLMENTS: layout.enrolments_document([s.record() for s in sources]),
            layout.HOSTS: layout.hosts_document({n: f"{i + 1:04}" for i, n in enumerate(names)}),
            layout.LOG_KEY: (LOG_KEY.public.raw.hex() + "\n").encode(), layout.README: readme(ENTERPRISE, MONTH).encode(),
            layout.LOG_BASE: log_entries.base_document(log_entries.Base(Frontier(), ())),
            layout.LOG_CHECKPOINTS: note, layout.LOG_LEAVES: log_entry.encode_all(leaves),
            layout.LOG_LEFT_OUT: left_out.encode(()),
            layout.LOG_CLOSE: log_entries.records_document(log_entries.CLOSES_SCHEMA, ()),
            layout.LOG_DAY_MARKS: log_entries.records_document(log_entries.DAY_MARKS_SCHEMA, ()),
        }  # fmt: skip
        for name in sorted(entries):
            self._add(name, entries[name])
        self._close()

    def _host(self, place: str, source: Enrolled) -> None:
        chance = np.random.default_rng(int(place))
        last = np.zeros(len(self._manifest.columns), np.int64)
        last[:3] = (instant("2026-11-01"), 86_400_000, 86_400_000)
        day, frames = "", []
        for _ in range(HOURS):
            values = _hour(last, chance)
            frame = self._seal(source, values)
            last = values[:, -1]
            begins = layout.chunks_name(place, "agent", 0, 719_163 + int(values[0, 0]) // 86_400_000)
            if begins != day and frames:
                self._add(day, b"".join(frames))
                frames = []
            day = begins
            frames.append(frame)
        self._add(day, b"".join(frames))

    def _seal(self, source: Enrolled, values: np.ndarray) -> bytes:
        start, end = int(values[0, 0]), int(values[0, -1])
        header = chunk.Header(
            enterprise=ENTERPRISE, source="agent", host=source.host, key=source.key.public.id, seq=source.seq,
            prev=source.prev or source.record().hash, boot="boot", first="repeat" if source.seq else "reading",
            start_ms=start, end_ms=end, prev_end_ms=source.prev_end_ms, anchor="", rows=ROWS,
            columns=len(values), digest=hashlib.sha256(values.tobytes()).hexdigest(), manifest=self._manifest.hash,
            agent="0.1.0", clock_state="synchronized", clock_offset_ms=0, clock_rtt_ms=-1,
        )  # fmt: skip
        body = header.encode()
        manifest = zlib.compress(self._manifest.raw)
        frame = chunk.Frame(
            header.key,
            source.key.sign(CHUNK_TYPE, body),
            body,
            manifest,
            len(self._manifest.raw),
            _packed(values),
        )
        source.seq, source.prev_end_ms, source.prev = source.seq + 1, end, frame.hash
        self._logged.append(LogEntry(CHUNK, frame.hash, end + 1_000))
        return chunk.write_frame(frame)

    def _close(self) -> None:
        self._add(layout.MANIFEST, layout.payload_manifest(self._hashes))
        statement = Statement(
            enterprise=ENTERPRISE, month=MONTH, timezone=ZONE, made_ms=instant("2026-12-02"), software="bench",
            log_key=LOG_KEY.public.raw.hex(), manifest=self._hashes[layout.MANIFEST],
            bagit=self._hashes[layout.BAGIT_TXT], bag_info=self._hashes[layout.BAG_INFO],
        )  # fmt: skip
        self._add(layout.STATEMENT, statement.encode())
        self._add(layout.SIGNATURE, LOG_KEY.sign(STATEMENT_TYPE, statement.encode()))
        self._add(layout.TAG_MANIFEST, layout.tag_manifest(self._hashes))
        self._writer.close()

    def _add(self, name: str, data: bytes) -> None:
        self._writer.add(name, data)
        self._hashes[name] = layout.sha256(data)


def _hour(last: np.ndarray, chance: np.random.Generator) -> np.ndarray:
    """Return the columns of an hour of readings, beginning with the last of the hour before."""
    steps = np.zeros((len(last), ROWS), np.int64)
    steps[:, 1:] = chance.integers(0, 2**32, (len(last), ROWS - 1))
    steps[:3, 1:] = 1_000
    busy = chance.integers(0, 200, ROWS - 1)
    steps[STATES, 1:] = 0
    steps[3, 1:], steps[6, 1:] = busy, 200 - busy
    steps[:, 0] = last
    return np.cumsum(steps, axis=1)


def _packed(values: np.ndarray) -> bytes:
    """Return the travelling form (``evidence.columns``), stored."""
    steps = np.diff(values, axis=1, prepend=0).view(np.uint64)
    zigzag = (steps << np.uint64(1)) ^ (np.uint64(0) - (steps >> np.uint64(63)))
    planes = zigzag.reshape(-1).view(np.uint8).reshape(-1, 8).T
    return zlib.compress(planes.tobytes(), 0)


if __name__ == "__main__":
    main()
