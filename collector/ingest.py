"""Taking in batches of frames: split, examine, judge, store, all in one transaction.

Batches that wait for the writer share one (``collector.http.writer``): its one wait for the disk and
its one turn at the log's head serve all of them. The answer to a batch is given after its commit; the commit has reached the disk (``Store``). A
batch that fails half way leaves nothing behind.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from sqlalchemy import Connection

from collector import admission
from collector.admission import Result, Verdict
from collector.errors import DroppedMonthError, RequestError, SumLimitError
from collector.store import activity, chunks, day_sums, dropped, findings, log, months, partitions, registry
from collector.store.chunks import ChunkAt, Line
from collector.store.engine import Store
from collector.store.findings import Finding
from collector.store.registry import PinnedKey
from evidence import log_entry
from evidence.activity import require_zone
from evidence.calendar import LocalCalendar
from evidence.chunk import Chunk, Frame, Header, take_frame, write_frame
from evidence.columns import VALUE_BYTES
from evidence.day_sum import Interval, span
from evidence.errors import EvidenceError, MalformedError
from evidence.sources import SIGNED_BY_HOSTS

MAX_FRAMES = 256
"""Frames in one request (docs/wire.md)."""
MAX_BATCH_VALUES = 8 * 1024 * 1024
"""Integers in the columns of one request, with its manifests' bytes counted as integers (8 bytes
each): few compressed bytes may stand for very many of them."""

Clock = Callable[[], int]
"""Returns the wall clock in ms since 1970."""


@dataclass(frozen=True)
class Taken:
    """What became of a batch: a result per frame in order, and how many values were stored."""

    results: tuple[Result, ...]
    values: int


@dataclass(frozen=True)
class Batch:
    """An agent's frames in the order sent, with their pinned keys and their signed headers or refusals."""

    frames: tuple[Frame, ...]
    keys: Mapping[str, PinnedKey | None]
    heads: Mapping[Frame, Header | Verdict]

    @property
    def has_signed(self) -> bool:
        """Whether a pinned key signed any of them; only then can something be stored."""
        return not all(isinstance(head, Verdict) for head in self.heads.values())


@dataclass(frozen=True)
class Signed:
    """A frame whose header a pinned key has signed."""

    frame: Frame
    key: PinnedKey
    header: Header


def split(body: bytes) -> list[Frame]:
    """Return the frames that ``body`` is made of.

    Raises:
        RequestError: it holds none, too many, or something that is not a frame.
    """
    frames: list[Frame] = []
    offset = 0
    while offset < len(body):
        if len(frames) == MAX_FRAMES:
            raise RequestError(413, "TOO_LARGE", f"more than {MAX_FRAMES} frames; send fewer at once")
        try:
            frame, offset = take_frame(body, offset)
        except EvidenceError as error:
            raise RequestError(400, "MALFORMED", f"frame {len(frames)}: {error}") from None
        frames.append(frame)
    if not frames:
        raise RequestError(400, "BAD_REQUEST", "the body is empty; send chunk frames")
    return frames


def prepare(store: Store, frames: Sequence[Frame]) -> Batch:
    """Return the batch of an agent's frames, each with what its signed header announces.

    Nothing is inflated; of a frame that stands in the batch more than once there is one head.

    Raises:
        RequestError: the frames hold too much for one batch.
        StoreError: the store cannot be read.
    """
    with store.reading() as connection:
        names = {frame.key for frame in frames}
        keys = {name: registry.pinned(connection, name, sources=SIGNED_BY_HOSTS) for name in names}
    heads = {frame: _head(frame, keys[frame.key]) for frame in dict.fromkeys(frames)}
    _require_affordable(heads)
    return Batch(tuple(frames), keys, heads)


def take(store: Store, frames: Sequence[Frame], *, clock: Clock) -> Taken:
    """Judge agents' frames and store those that are admitted; return after the commit.

    Raises:
        RequestError: the frames hold too much for one batch; nothing was opened or stored.
        StoreError: nothing was stored.
    """
    return take_together(store, [prepare(store, frames)], clock=clock)[0]


def refused(batch: Batch) -> Taken:
    """Return what becomes of a batch of which no frame is signed by a pinned key."""
    verdicts = {frame: head for frame, head in batch.heads.items() if isinstance(head, Verdict)}
    return _taken(batch, verdicts, set())


def take_together(store: Store, batches: Sequence[Batch], *, clock: Clock) -> list[Taken]:
    """Take several batches in one transaction; return what became of each after the one commit.

    Frames are opened one after another, so memory holds the values of one chunk at a time. The log is
    appended to last and once: on PostgreSQL its head is the one row that all collectors wait for.

    Raises:
        StoreError: nothing was stored, of no batch.
    """
    heads = {frame: head for batch in batches for frame, head in batch.heads.items()}
    keys = {name: key for batch in batches for name, key in batch.keys.items()}
    verdicts = {frame: head for frame, head in heads.items() if isinstance(head, Verdict)}
    signed = [
        Signed(frame, key, head)
        for frame, head in heads.items()
        if isinstance(head, Header) and (key := keys[frame.key]) is not None
    ]
    if signed:
        spans = [span(head) for head in heads.values() if isinstance(head, Header)]
        lacking = _write(store, signed, spans, verdicts, clock=clock)
        if lacking:  # once a month, and seldom: they are made ahead
            partitions.make(store, lacking)
            _write(store, signed, spans, verdicts, clock=clock)
    seen: set[Frame] = set()
    return [_taken(batch, verdicts, seen) for batch in batches]


def _write(
    store: Store,
    signed: Sequence[Signed],
    spans: Iterable[Interval],
    verdicts: dict[Frame, Verdict],
    *,
    clock: Clock,
) -> frozenset[int]:
    """Judge and store signed frames, unless partitions lack for the time that they claim: return these months."""
    with store.writing_beside() as connection:
        calendar = registry.identity(connection).calendar
        gone = dropped.numbers(connection)
        if store.is_postgresql:
            needed = frozenset[int]().union(*(months.between(calendar, *one) for one in spans))
            lacking = partitions.missing(connection, needed - gone)
            if lacking:
                return lacking
        registry.lock_hosts(connection, (one.key.host_id for one in signed))
        now_ms = clock()
        for one in signed:
            verdicts[one.frame] = _judged(connection, one, calendar=calendar, now_ms=now_ms, gone=gone)
        stored = [one.frame.hash for one in signed if verdicts[one.frame].status == admission.STORED]
        _log(connection, stored, now_ms=now_ms)
    return frozenset()


def _taken(batch: Batch, verdicts: Mapping[Frame, Verdict], seen: set[Frame]) -> Taken:
    """Return what the sender of a batch is told; ``seen`` are the frames of the batches before."""
    values = sum(
        head.rows * head.columns
        for frame, head in batch.heads.items()
        if isinstance(head, Header) and frame not in seen and verdicts[frame].status == admission.STORED
    )
    return Taken(tuple(_results(batch, verdicts, seen)), values)


def _head(frame: Frame, key: PinnedKey | None) -> Header | Verdict:
    return admission.unknown(frame) if key is None else admission.head(frame, key)


def _require_affordable(heads: Mapping[Frame, Header | Verdict]) -> None:
    """Refuse a batch by what its signed headers announce, before anything is inflated.

    One chunk alone may have everything that the format allows.
    """
    sizes = [
        head.rows * head.columns + frame.manifest_bytes // VALUE_BYTES
        for frame, head in heads.items()
        if isinstance(head, Header)
    ]
    if len(sizes) > 1 and sum(sizes) > MAX_BATCH_VALUES:
        raise RequestError(
            413,
            "TOO_LARGE",
            f"{sum(sizes)} values in one batch, the limit is {MAX_BATCH_VALUES}; send fewer frames at once",
        )


def _judged(
    connection: Connection,
    signed: Signed,
    *,
    calendar: LocalCalendar,
    now_ms: int,
    gone: frozenset[int],
) -> Verdict:
    """Open one frame whose header is signed, and store it if it is admitted."""
    examined = admission.examine_rest(signed.frame, signed.key, signed.header)
    if isinstance(examined, Verdict):
        return examined
    return _placed(connection, examined, signed.key, calendar=calendar, now_ms=now_ms, gone=gone)


def _results(batch: Batch, verdicts: Mapping[Frame, Verdict], seen: set[Frame]) -> Iterator[Result]:
    """Yield the results in the order sent; what the same transaction stored before is known."""
    for frame in batch.frames:
        verdict = verdicts[frame]
        again = frame in seen and verdict.status == admission.STORED
        seen.add(frame)
        head = batch.heads[frame]
        header = head if isinstance(head, Header) else None
        yield admission.result(frame, Verdict(admission.KNOWN) if again else verdict, header)


def admit(
    connection: Connection, chunk: Chunk, key: PinnedKey, *, calendar: LocalCalendar, now_ms: int
) -> Verdict:
    """Judge one examined chunk and, if it is admitted, store it with its day sums and log it.

    Must run inside the transaction that is committed before anybody is told, of a writer alone.
    """
    gone = dropped.numbers(connection)
    partitions.require_for(connection, calendar, *chunks.span(chunk))
    verdict = _placed(connection, chunk, key, calendar=calendar, now_ms=now_ms, gone=gone)
    if verdict.status == admission.STORED:
        _log(connection, [chunk.hash], now_ms=now_ms)
    return verdict


def _log(connection: Connection, hashes: Sequence[str], *, now_ms: int) -> None:
    if hashes:
        log.append(connection, [(log_entry.CHUNK, hash_) for hash_ in hashes], now_ms=now_ms)


def _placed(
    connection: Connection,
    chunk: Chunk,
    key: PinnedKey,
    *,
    calendar: LocalCalendar,
    now_ms: int,
    gone: frozenset[int],
) -> Verdict:
    """Judge one examined chunk and, if it is admitted, store it with its day sums.

    ``gone`` are the months whose chunks were dropped: nothing new is taken for them.
    """
    try:
        around = chunks.around(connection, key.enrolment_id, chunk.header.seq)
    except DroppedMonthError as error:
        verdict = admission.refuse(error.code, str(error), finding=True)
    else:
        verdict = admission.judge(chunk, key, around, now_ms=now_ms)
        later = admission.next_after(chunk.header.seq, around)
        if verdict.code == "CLOCK_WRONG" and later is not None and not _arrived_in_order(connection, later):
            # Our own clock was the wrong one then: what is refused now would be lost for good.
            verdict = admission.judge(chunk, key, around, now_ms=now_ms, disproves=False)
    if verdict.status == admission.STORED:
        try:
            require_zone(chunk, calendar)
            if gone:
                _require_held(connection, chunk, key, calendar, gone)
            with connection.begin_nested():
                frame = write_frame(chunk.frame)
                chunks.add(connection, key, chunk, frame, calendar=calendar, now_ms=now_ms)
                day_sums.credit(connection, key, chunk, calendar, dropped=gone)
                activity.credit(connection, key, chunk, calendar, dropped=gone)
        except MalformedError as error:
            verdict = admission.refuse("MALFORMED", str(error))
        except SumLimitError as error:
            verdict = admission.refuse("LIMIT_EXCEEDED", str(error), finding=True)
        except DroppedMonthError as error:
            verdict = admission.refuse(error.code, str(error), finding=True)
    if verdict.finding:
        findings.record(
            connection,
            Finding(now_ms, verdict.code, key.host, key.source, key.epoch, chunk.header.seq, verdict.message),
        )
    return verdict


def _arrived_in_order(connection: Connection, stored: ChunkAt) -> bool:
    return log.is_in_order(connection, log_entry.CHUNK, stored.hash, stamped_ms=stored.received_ms)


def _require_held(
    connection: Connection, chunk: Chunk, key: PinnedKey, calendar: LocalCalendar, gone: frozenset[int]
) -> None:
    """Refuse a chunk that would have had to be in the pack of a month that was dropped.

    One that only began in that month (the agent was off over its end) is taken; its sums are those of the
    days after it.

    Raises:
        DroppedMonthError: it is of such a month, or overlaps a chunk of one.
    """
    start, end = chunks.span(chunk)
    line = Line(key.host_id, key.source, chunks.metric(chunk))
    month = months.of_instant(calendar, end)
    if month in gone:
        dropped.refuse(connection, month)
    if chunks.meets_dropped(connection, line, start, end):
        dropped.refuse(connection, months.of_instant(calendar, start))
        raise DroppedMonthError("the chunk overlaps one that was dropped with its month; its pack is closed")
