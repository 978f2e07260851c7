"""Taking in a batch of frames: split, examine, judge, store, all in one transaction.

The answer to a batch is given after its commit; the commit has reached the disk (``Store``). A
batch that fails half way leaves nothing behind.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass

from sqlalchemy import Connection

from collector import admission
from collector.admission import Result, Verdict
from collector.errors import RequestError, SumLimitError
from collector.store import activity, chunks, day_sums, findings, registry
from collector.store.engine import Store
from collector.store.findings import Finding
from collector.store.registry import PinnedKey
from evidence.activity import require_zone
from evidence.calendar import LocalCalendar
from evidence.chunk import Chunk, Frame, Header, take_frame, write_frame
from evidence.columns import VALUE_BYTES
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


def take(store: Store, frames: list[Frame], *, clock: Clock) -> Taken:
    """Judge agents' frames and store those that are admitted; return after the commit.

    A frame that stands in the batch more than once is opened once. Frames are opened one after
    another, so memory holds the values of one chunk at a time.

    Raises:
        RequestError: the frames hold too much for one batch; nothing was opened or stored.
        StoreError: nothing was stored.
    """
    with store.reading() as connection:
        names = {frame.key for frame in frames}
        keys = {name: registry.pinned(connection, name, sources=SIGNED_BY_HOSTS) for name in names}
    heads = {frame: _head(frame, keys[frame.key]) for frame in dict.fromkeys(frames)}
    _require_affordable(heads)
    verdicts = {frame: head for frame, head in heads.items() if isinstance(head, Verdict)}
    signed = [
        (frame, key) for frame in heads if frame not in verdicts and (key := keys[frame.key]) is not None
    ]
    if signed:
        with store.writing() as connection:
            now_ms = clock()
            calendar = registry.identity(connection).calendar
            for frame, key in signed:
                verdicts[frame] = _judged(connection, frame, key, calendar=calendar, now_ms=now_ms)
    values = sum(
        head.rows * head.columns
        for frame, head in heads.items()
        if isinstance(head, Header) and verdicts[frame].status == admission.STORED
    )
    return Taken(tuple(_results(frames, verdicts)), values)


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
    connection: Connection, frame: Frame, key: PinnedKey, *, calendar: LocalCalendar, now_ms: int
) -> Verdict:
    """Open one frame whose header is signed, and store it if it is admitted."""
    examined = admission.examine(frame, key)
    if isinstance(examined, Verdict):
        return examined
    return admit(connection, examined, key, calendar=calendar, now_ms=now_ms)


def _results(frames: Iterable[Frame], verdicts: Mapping[Frame, Verdict]) -> Iterator[Result]:
    """Yield the results in the order sent; what the same batch stored before is known."""
    seen: set[Frame] = set()
    for frame in frames:
        verdict = verdicts[frame]
        again = frame in seen and verdict.status == admission.STORED
        seen.add(frame)
        yield admission.result(frame, Verdict(admission.KNOWN) if again else verdict)


def admit(
    connection: Connection, chunk: Chunk, key: PinnedKey, *, calendar: LocalCalendar, now_ms: int
) -> Verdict:
    """Judge one examined chunk and, if it is admitted, store it with its day sums.

    Must run inside the transaction that is committed before anybody is told.
    """
    around = chunks.around(connection, key.enrolment_id, chunk.header.seq)
    verdict = admission.judge(chunk, key, around, now_ms=now_ms)
    if verdict.status == admission.STORED:
        try:
            require_zone(chunk, calendar)
            with connection.begin_nested():
                chunks.add(connection, key, chunk, write_frame(chunk.frame), now_ms=now_ms)
                day_sums.credit(connection, key, chunk, calendar)
                activity.credit(connection, key, chunk, calendar)
        except MalformedError as error:
            verdict = admission.refuse("MALFORMED", str(error))
        except SumLimitError as error:
            verdict = admission.refuse("LIMIT_EXCEEDED", str(error), finding=True)
    if verdict.finding:
        findings.record(
            connection,
            Finding(now_ms, verdict.code, key.host, key.source, key.epoch, chunk.header.seq, verdict.message),
        )
    return verdict
