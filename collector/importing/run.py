"""Importing one file: check, sort, seal, store. All of it or nothing.

The file is read and sorted outside the store. Then one transaction holds everything: the record of
the run, enrolments, chunks, day sums. A crash at any moment leaves the store as it was, and the
file can be imported again; a file that was imported is known by its SHA-256 and does nothing.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from zoneinfo import ZoneInfoNotFoundError

from sqlalchemy import Connection, select

from collector import admission, ingest
from collector.errors import ImportFileError
from collector.importing import sealing
from collector.importing.earlier import Earlier, Lowered
from collector.importing.metrics import COLUMNS
from collector.importing.rows import Progress, Reader, Row, file_sha256
from collector.importing.samples import Sample, Tally, samples
from collector.importing.staging import Staging, staging
from collector.names import shown
from collector.opening import OpenStore
from collector.own_chunks import Place
from collector.store import chunks, findings, registry, schema
from collector.store.chunks import Line
from collector.store.findings import Finding
from collector.store.registry import IMPORT, PinnedKey
from evidence.chunk import open_chunk, read_frame
from evidence.day_sum import Interval
from evidence.enrolment import SignedEnrolment
from evidence.keys import PrivateKey

_MAX_FILE_NAME = 255


@dataclass(frozen=True)
class Imported:
    """What became of a file. ``already``: it was imported before, ``tally`` is from then."""

    name: str
    sha256: str
    already: bool
    tally: Tally


@dataclass(frozen=True)
class Order:
    """What to import and how to read it."""

    path: Path
    zone: str
    period_ms: int | None


@dataclass(frozen=True)
class CheckedFile:
    """A file whose rows are read, found right and sorted; what stays to do is to store them."""

    name: str
    sha256: str
    staged: Staging
    tally: Tally


def import_file(
    opened: OpenStore, order: Order, *, now_ms: int, reading: Progress = int, storing: Progress = int
) -> Imported:
    """Import a CSV file.

    Args:
        opened: the store, with the collector's keys.
        order: the file.
        now_ms: wall clock; samples do not reach beyond it.
        reading: told of bytes read.
        storing: told of rows stored.

    Raises:
        ImportFileError: the file is wrong; nothing was imported.
        StoreError: the store cannot be used; nothing was imported.
    """
    sha256 = file_sha256(order.path)
    with opened.store.reading() as connection:
        before = _earlier_run(connection, sha256)
    if before is not None:
        return Imported(_name(order.path), sha256, True, before)
    with checked_file(order, now_ms=now_ms, reading=reading) as file:
        return store_file(opened, file, now_ms=now_ms, storing=storing)


@contextmanager
def checked_file(order: Order, *, now_ms: int, reading: Progress = int) -> Iterator[CheckedFile]:
    """Give the file's rows, all read and checked before any store is touched.

    Raises:
        ImportFileError: the file is wrong.
    """
    sha256 = file_sha256(order.path)
    with staging() as staged:
        tally = _stage(staged, order, sha256=sha256, now_ms=now_ms, progress=reading)
        yield CheckedFile(_name(order.path), sha256, staged, tally)


def store_file(opened: OpenStore, file: CheckedFile, *, now_ms: int, storing: Progress = int) -> Imported:
    """Store a checked file, unless it was imported before. Raises as ``import_file``."""
    with opened.store.writing() as connection:
        before = _earlier_run(connection, file.sha256)
        if before is not None:
            return Imported(file.name, file.sha256, True, before)
        run = _Run(connection, opened, name=file.name, sha256=file.sha256, tally=file.tally, now_ms=now_ms)
        run.store(_counted(file.staged.in_order(), storing))
    return Imported(file.name, file.sha256, False, file.tally)


def _name(path: Path) -> str:
    return shown(path.name.encode("utf-8", "replace").decode("utf-8"))[:_MAX_FILE_NAME]


def _stage(staged: Staging, order: Order, *, sha256: str, now_ms: int, progress: Progress) -> Tally:
    try:
        reader = Reader(
            order.path, zone=order.zone, period_ms=order.period_ms, now_ms=now_ms, progress=progress
        )
    except (ZoneInfoNotFoundError, ValueError, OSError):
        raise ImportFileError(
            f"time zone {order.zone!r} is not in the time zone database; write for example Asia/Shanghai"
        ) from None
    rows = staged.add(reader.rows())
    if reader.sha256 != sha256:
        raise ImportFileError(f"{order.path} changed while it was read; nothing was imported")
    if rows == 0:
        raise ImportFileError(f"{order.path} has a header but no rows; nothing was imported")
    return Tally(rows=rows, unsure_times=reader.unsure)


def _counted(rows: Iterable[Row], progress: Progress) -> Iterator[Row]:
    for row in rows:
        progress(1)
        yield row


def _earlier_run(connection: Connection, sha256: str) -> Tally | None:
    counts = connection.scalar(select(schema.import_run.c.counts).where(schema.import_run.c.sha256 == sha256))
    return None if counts is None else Tally(**json.loads(counts))


class _Run:
    """One import inside its transaction."""

    def __init__(
        self,
        connection: Connection,
        opened: OpenStore,
        *,
        name: str,
        sha256: str,
        tally: Tally,
        now_ms: int,
    ) -> None:
        self._connection = connection
        self._identity = registry.identity(connection)
        self._calendar = self._identity.calendar
        self._key: PrivateKey = opened.keyring.import_key()
        self._name = name
        self._sha256 = sha256
        self._tally = tally
        self._now_ms = now_ms
        self._host = ""
        self._signed: SignedEnrolment | None = None
        self._pinned: PinnedKey | None = None
        self._place = Place(0, "", 0)
        self._lowered = Lowered()

    def store(self, rows: Iterable[Row]) -> None:
        for host, metric, group in samples(rows, self._tally, now_ms=self._now_ms):
            if host != self._host:
                self._host, self._signed, self._pinned = host, None, None
            for batch in sealing.batches(group, self._calendar):
                new = list(self._new(metric, batch))
                for part in sealing.batches(new, self._calendar):  # a trimmed one may begin a month later
                    self._store_batch(metric, part)
        if self._lowered.count:  # found out only at the end, to tell how many; this undoes everything
            raise ImportFileError(self._lowered.message(self._name))
        self._record()

    def _earlier(self, metric: str, batch: list[Sample]) -> Earlier:
        """What earlier imports hold of the time of a batch."""
        line = Line(registry.host_id(self._connection, self._host), IMPORT, COLUMNS[metric])
        start_ms, end_ms = batch[0].start_ms, batch[-1].start_ms + batch[-1].length_ms
        if not chunks.overlapping(self._connection, line, start_ms, end_ms):
            return Earlier()
        newer = None if self._pinned is None else (self._pinned.epoch, 0)
        return Earlier(chunks.opened(self._connection, line, start_ms, end_ms, before=newer))

    def _new(self, metric: str, batch: list[Sample]) -> Iterator[Sample]:
        """What a batch adds to what is stored (the rules of ``earlier``)."""
        earlier = self._earlier(metric, batch)
        for sample in batch:
            values = earlier.value_at(sample)
            if values is None:
                yield from self._free_part(metric, sample, earlier.free(sample))
            elif values[1] < values[0]:
                self._lowered.add(self._host, metric, sample, stored=values[0], new=values[1])
            elif values[1] == values[0]:
                self._tally.duplicates += 1
            else:
                self._tally.conflict(
                    f"{self._host} {metric}: line {sample.line} has a higher value than an earlier import "
                    "stored; the lower counts"
                )

    def _free_part(self, metric: str, sample: Sample, parts: list[Interval]) -> Iterator[Sample]:
        if not parts:
            self._tally.conflict(
                f"{self._host} {metric}: line {sample.line} overlaps what an earlier import stored; that stays"
            )
            return
        start_ms, end_ms = parts[0]
        if end_ms - start_ms < sample.length_ms:
            self._tally.trimmed += 1
            self._tally.parts_lost += len(parts) - 1
        yield sample._replace(start_ms=start_ms, length_ms=end_ms - start_ms)

    def _store_batch(self, metric: str, batch: list[Sample]) -> None:
        signed, pinned = self._enrolment()
        frame = read_frame(
            sealing.seal_batch(batch, metric=metric, record=signed, place=self._place, key=self._key)
        )
        chunk = open_chunk(frame, self._key.public)
        verdict = ingest.admit(self._connection, chunk, pinned, calendar=self._calendar, now_ms=self._now_ms)
        if verdict.status != admission.STORED:
            raise ImportFileError(
                f"host {self._host!r}, {metric}: {verdict.message}; nothing was imported, correct the values"
            )
        self._place = Place(self._place.seq + 1, chunk.hash, chunk.header.end_ms)
        for sample in batch:
            self._tally.keep(sample.start_ms, sample.start_ms + sample.length_ms)

    def _enrolment(self) -> tuple[SignedEnrolment, PinnedKey]:
        """The host's record of this run, made with its first sample."""
        if self._signed is None or self._pinned is None:
            earlier = registry.enrolments_of(self._connection, self._host, IMPORT)
            self._signed = sealing.enrol(
                enterprise=self._identity.enterprise,
                host=self._host,
                epoch=earlier[-1].epoch + 1 if earlier else 0,
                file_name=self._name,
                sha256=self._sha256,
                now_ms=self._now_ms,
                key=self._key,
            )
            self._pinned = registry.pin(self._connection, self._signed, now_ms=self._now_ms)
            self._place = Place(0, self._signed.hash, 0)
            self._tally.hosts += 1
        return self._signed, self._pinned

    def _record(self) -> None:
        tally = self._tally
        self._connection.execute(
            schema.import_run.insert().values(
                sha256=self._sha256,
                name=self._name,
                time_ms=self._now_ms,
                counts=json.dumps(asdict(tally), ensure_ascii=False),
            )
        )
        detail = f"{self._name} sha256 {self._sha256}: {tally.samples} of {tally.rows} rows kept"
        registry.note(self._connection, now_ms=self._now_ms, actor="operator", action="IMPORT", detail=detail)
        if tally.conflicts:
            words = f"{self._name} sha256 {self._sha256}: {tally.conflicts} conflicts; {'; '.join(tally.examples)}"
            place = ("", IMPORT, schema.NO_PLACE, schema.NO_PLACE)
            findings.record(self._connection, Finding(self._now_ms, findings.IMPORT_CONFLICT, *place, words))
