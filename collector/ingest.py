"""Taking in a batch of frames: split, examine, judge, store, all in one transaction.

The answer to a batch is given after its commit; the commit has reached the disk (``Store``). A
batch that fails half way leaves nothing behind.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from sqlalchemy import Connection

from collector import admission
from collector.admission import Result, Verdict
from collector.errors import RequestError
from collector.store import chunks, day_sums, findings, registry
from collector.store.engine import Store
from collector.store.findings import Finding
from collector.store.registry import AGENT, PinnedKey
from evidence.calendar import LocalCalendar
from evidence.chunk import Chunk, Frame, take_frame, write_frame
from evidence.errors import EvidenceError

MAX_FRAMES = 256
"""Frames in one request (docs/wire.md)."""

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

    Raises:
        StoreError: nothing was stored.
    """
    with store.reading() as connection:
        names = {frame.key for frame in frames}
        keys = {name: registry.pinned(connection, name, source=AGENT) for name in names}
    # Opening costs most of the time and needs no lock.
    judged = [_examine(frame, keys[frame.key]) for frame in frames]
    if any(opened for opened, _ in judged):
        with store.writing() as connection:
            now_ms = clock()
            calendar = registry.identity(connection).calendar
            for place, (opened, _) in enumerate(judged):
                if opened is not None:
                    verdict = admit(connection, *opened, calendar=calendar, now_ms=now_ms)
                    judged[place] = (opened, verdict)
    values = sum(
        opened[0].header.rows * opened[0].header.columns
        for opened, verdict in judged
        if opened is not None and verdict.status == admission.STORED
    )
    verdicts = (verdict for _, verdict in judged)
    return Taken(tuple(map(admission.result, frames, verdicts)), values)


def _examine(frame: Frame, key: PinnedKey | None) -> tuple[tuple[Chunk, PinnedKey] | None, Verdict]:
    """Return the opened chunk with its enrolment, or none and the refusal."""
    if key is None:
        return None, admission.unknown(frame)
    examined = admission.examine(frame, key)
    if isinstance(examined, Verdict):
        return None, examined
    return (examined, key), admission.ACCEPTED


def admit(
    connection: Connection, chunk: Chunk, key: PinnedKey, *, calendar: LocalCalendar, now_ms: int
) -> Verdict:
    """Judge one examined chunk and, if it is admitted, store it with its day sums.

    Must run inside the transaction that is committed before anybody is told.
    """
    around = chunks.around(connection, key.enrolment_id, chunk.header.seq)
    verdict = admission.judge(chunk, key, around, now_ms=now_ms)
    if verdict.status == admission.STORED:
        chunks.add(connection, key, chunk, write_frame(chunk.frame), now_ms=now_ms)
        day_sums.credit(connection, key, chunk, calendar)
    elif verdict.finding:
        findings.record(
            connection,
            Finding(now_ms, verdict.code, key.host, key.source, key.epoch, chunk.header.seq, verdict.message),
        )
    return verdict
