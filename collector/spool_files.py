"""Taking in what a host without a route has exported, with the same admission as over the wire.

1. The enrolment in the file is finished first, if it is not pinned already (``collector.enrolling``).
2. Frames are taken in batches (``collector.ingest``): each batch is committed before the next is read. The
   same file again, or one that overlaps, changes nothing.
3. For each batch the receipt holds what the answer over the wire would: verdicts, and the proofs of the log.
   The host believes the proofs, not the file.
4. A file that was cut off or damaged: whole chunks before that place are taken, and it is said.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any, BinaryIO

from collector import enrolling, ingest
from collector.errors import ImportFileError, RequestError
from collector.http.chunk_answers import STORED_BEFORE_OR_NOW, answer_to_chunks
from collector.ingest import Clock, Taken
from collector.log.receipts import Receipts, give
from collector.opening import OpenStore
from collector.store import registry
from evidence.chunk import MAGIC, MAX_FRAME_BYTES, Frame, take_frame
from evidence.errors import EvidenceError, MalformedError
from evidence.spool_file import (
    MAX_LINE_BYTES,
    SPOOL_MAGIC,
    UNKNOWN_SIZE,
    ReceiptHead,
    SpoolHead,
    line_of,
    read_head,
    read_tail,
    write_receipt_head,
)

BATCH_FRAMES = 128
BATCH_BYTES = 4 * 1024 * 1024


@dataclass
class SpoolImport:
    """What became of a file: chunks by status, refused ones by code, and whether it was whole."""

    host: str
    source: str
    enrolled: bool = False
    chunks: Counter[str] = field(default_factory=Counter)
    refused: Counter[str] = field(default_factory=Counter)
    problem: str = ""

    @property
    def is_good(self) -> bool:
        """Whether everything in the file is stored now."""
        return not self.problem and not self.refused


def import_spool(
    opened: OpenStore, file: BinaryIO, receipt: BinaryIO, *, clock: Clock, late: bool = False
) -> SpoolImport:
    """Take in a spool file and write the receipt.

    Args:
        opened: the store.
        file: the spool file.
        receipt: takes the receipt; the caller gives it its name.
        clock: wall clock in ms since 1970.
        late: accept the enrolment's token although it has expired.

    Raises:
        ImportFileError: it is no spool file, or its enrolment is refused; nothing was taken.
        StoreError: the store failed; what was committed stays, the file can be imported again.
    """
    reader = _Reader(file)
    head = reader.head()
    enrolled = _enrol(opened, head, now_ms=clock(), late=late)
    done = SpoolImport(head.host, head.source, enrolled)
    receipt.write(
        write_receipt_head(ReceiptHead(head.enterprise, head.host, head.source, head.key, head.enrolment))
    )
    known = head.log_size
    for batch in reader.batches():
        for taken in _take(opened, batch, clock=clock):
            _count(done, taken)
            known = _write_answer(opened, receipt, taken, known_size=known)
    done.problem = reader.problem
    with opened.store.writing() as connection:
        detail = f"{head.host} {head.source}: " + ", ".join(
            f"{count} {name}" for name, count in done.chunks.items()
        )
        registry.note(
            connection, now_ms=clock(), actor="operator", action="SPOOL_IMPORTED", detail=detail[:500]
        )
    return done


def _enrol(opened: OpenStore, head: SpoolHead, *, now_ms: int, late: bool) -> bool:
    """Return whether the enrolment was new."""
    if head.request is None:
        return False
    try:
        parts = [
            base64.b64decode(head.request[name], validate=True)
            for name in ("record", "signature", "previous_signature")
        ]
        request = enrolling.Request(head.request["token"], *parts)
        return not enrolling.enrol(opened.store, request, now_ms=now_ms, late=late).again
    except binascii.Error:
        raise ImportFileError("the enrolment in the file is damaged; export it again") from None
    except RequestError as error:
        hint = "; --late accepts it all the same" if error.reason == "TOKEN_EXPIRED" else ""
        raise ImportFileError(
            f"the enrolment in the file is refused: {error.reason}: {error}{hint}"
        ) from None


def _take(opened: OpenStore, batch: list[Frame], *, clock: Clock) -> Iterator[Taken]:
    """Yield what became of a batch, halved as long as it holds too much at once."""
    try:
        taken = ingest.take(opened.store, batch, clock=clock)
    except RequestError:
        if len(batch) == 1:
            raise
        middle = len(batch) // 2
        yield from _take(opened, batch[:middle], clock=clock)
        yield from _take(opened, batch[middle:], clock=clock)
    else:
        yield taken


def _count(done: SpoolImport, taken: Taken) -> None:
    for result in taken.results:
        done.chunks[result.verdict.status] += 1
        if result.verdict.code:
            done.refused[result.verdict.code] += 1


def _write_answer(opened: OpenStore, receipt: BinaryIO, taken: Taken, *, known_size: int) -> int:
    """Write the line of one batch; return the log's size that it proves."""
    hashes = [result.hash for result in taken.results if result.verdict.status in STORED_BEFORE_OR_NOW]
    given: Receipts = give(
        opened.store,
        hashes,
        key=opened.keyring.log_key(),
        known_size=None if known_size == UNKNOWN_SIZE else known_size,
    )
    document: dict[str, Any] = {**answer_to_chunks(taken.results, given), "known_size": known_size}
    receipt.write(line_of(document))
    return int(given.checkpoint.split(b"\n")[1])


class _Reader:
    """Reads a spool file piece by piece; memory holds a batch and the piece after it."""

    def __init__(self, file: BinaryIO) -> None:
        self._file = file
        self._digest = hashlib.sha256()
        self._frames = 0
        self.problem = ""

    def head(self) -> SpoolHead:
        magic = self._file.read(len(SPOOL_MAGIC))
        if magic != SPOOL_MAGIC:
            raise ImportFileError(
                "this is no spool file of this version; make it with: starproof-agent export --out FILE"
            )
        line = self._file.readline(MAX_LINE_BYTES)
        self._digest.update(magic + line)
        try:
            return read_head(line)
        except EvidenceError as error:
            raise ImportFileError(f"the head of the file is damaged: {error}; export it again") from None

    def batches(self) -> Iterator[list[Frame]]:
        batch: list[Frame] = []
        size = 0
        for frame, length in self._each():
            batch.append(frame)
            size += length
            if len(batch) >= BATCH_FRAMES or size >= BATCH_BYTES:
                yield batch
                batch, size = [], 0
        if batch:
            yield batch

    def _each(self) -> Iterator[tuple[Frame, int]]:
        """Yield the frames; what follows the last one is the end of the file, or a problem."""
        buffer, offset, is_all = b"", 0, False
        while True:
            if not is_all and len(buffer) - offset < MAX_FRAME_BYTES:
                more = self._file.read(MAX_FRAME_BYTES)
                buffer, offset, is_all = buffer[offset:] + more, 0, len(more) < MAX_FRAME_BYTES
            if not buffer.startswith(MAGIC, offset):
                break
            try:
                frame, end = take_frame(buffer, offset)
            except MalformedError:
                break
            self._frames += 1
            self._digest.update(buffer[offset:end])
            yield frame, end - offset
            offset = end
        self._end(buffer[offset : offset + MAX_LINE_BYTES])

    def _end(self, line: bytes) -> None:
        try:
            chunks, sha256 = read_tail(line)
        except EvidenceError:
            self.problem = f"the file is cut off or damaged after {self._frames} chunks; copy it again"
            return
        if (chunks, sha256) != (self._frames, self._digest.hexdigest()):
            self.problem = f"the file holds {self._frames} of {chunks} chunks, or was changed; copy it again"
