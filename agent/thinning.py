"""Thinning: fewer rows, the same totals. For a spool that has reached its limit, or a full disk.

Counters are cumulative, so the difference of two rows does not need the rows between them. Of a run
these rows stay: the first and the last; the first at or after every whole hour (UTC); and both
sides of everything that a day sum must be able to see: a counter that goes back, a value that
begins or ends to be missing, a suspension. What is lost is only the place of the work inside an
hour.

``thinned`` merges neighbouring chunks of one boot and one manifest and seals them anew, with new
sequence numbers. It must never be given a chunk that may have been on the wire.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace

from evidence.chunk import Chunk, read_frame, seal
from evidence.columns import MAX_ROWS, MAX_VALUES, MISSING
from evidence.keys import PrivateKey
from evidence.manifest import UNITS, Manifest

HOUR_MS = 3_600_000
SUSPEND_TOLERANCE_MS = 1_000
"""As in ``evidence.day_sum``."""
_WALL, _BOOT, _MONO = 0, 1, 2

Rows = list[tuple[int, ...]]


def keep_rows(manifest: Manifest, rows: Sequence[Sequence[int]]) -> list[int]:
    """Return the numbers of the rows that stay, in order."""
    counters = [n for n, column in enumerate(manifest.columns) if UNITS[column.name][0] == "counter"]
    keep = {0, len(rows) - 1}
    for number in range(1, len(rows)):
        before, after = rows[number - 1], rows[number]
        if before[_WALL] // HOUR_MS != after[_WALL] // HOUR_MS:
            keep.add(number)
        if _is_edge(before, after, counters):
            keep.update((number - 1, number))
    return sorted(keep)


def thinned(chunks: Iterable[Chunk], key: PrivateKey) -> Iterator[bytes]:
    """Yield the frames of a thinned chain that takes the place of ``chunks``, oldest first.

    The first keeps its sequence number and predecessor, the others follow without gaps. One run of
    rows is held in memory at a time.

    Raises:
        EvidenceError: the parts do not make a chunk.
    """
    seq = -1
    prev, prev_end_ms = "", 0
    for first, last, rows in _merged(chunks):
        header = first.header
        if seq < 0:
            seq, prev, prev_end_ms = header.seq, header.prev, header.prev_end_ms
        frame = seal(
            replace(
                last.header,
                seq=seq,
                prev=prev,
                first=header.first,
                start_ms=header.start_ms,
                prev_end_ms=prev_end_ms,
            ),
            manifest=first.manifest,
            values=list(zip(*rows)),
            key=key,
        )
        yield frame
        seq, prev, prev_end_ms = seq + 1, read_frame(frame).hash, last.header.end_ms


def _is_edge(before: Sequence[int], after: Sequence[int], counters: Sequence[int]) -> bool:
    """Return whether the interval between two rows must stay visible as it is."""
    if after[_BOOT] - before[_BOOT] - (after[_MONO] - before[_MONO]) > SUSPEND_TOLERANCE_MS:
        return True
    for column in counters:
        old, new = before[column], after[column]
        if new < old or (new != old and MISSING in (old, new)):
            return True
    return False


def _merged(chunks: Iterable[Chunk]) -> Iterator[tuple[Chunk, Chunk, Rows]]:
    """Yield (first chunk, last chunk, kept rows) of every run of chunks that repeat one another."""
    first: Chunk | None = None
    last: Chunk | None = None
    rows: Rows = []
    for chunk in chunks:
        fresh: Rows = list(zip(*chunk.values))
        if first is not None and last is not None:
            if _continues(last, chunk) and _fits(rows, fresh):
                # All but the last two kept rows have met both their neighbours and stay.
                rows = rows[:-2] + _kept(chunk.manifest, rows[-2:] + fresh[1:])
                last = chunk
                continue
            yield first, last, rows
        first = last = chunk
        rows = _kept(chunk.manifest, fresh)
    if first is not None and last is not None:
        yield first, last, rows


def _kept(manifest: Manifest, rows: Rows) -> Rows:
    return [rows[number] for number in keep_rows(manifest, rows)]


def _continues(last: Chunk, chunk: Chunk) -> bool:
    return (
        chunk.header.first == "repeat"
        and chunk.header.boot == last.header.boot
        and chunk.header.manifest == last.header.manifest
        and all(old[-1] == new[0] for old, new in zip(last.values, chunk.values))
    )


def _fits(rows: Rows, fresh: Rows) -> bool:
    """Return whether the rows, even if none could be left out, make one chunk."""
    count = len(rows) + len(fresh)
    return count <= MAX_ROWS and count * len(fresh[0]) <= MAX_VALUES
