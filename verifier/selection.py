"""Which chunks decide about a stretch of time."""

from __future__ import annotations

from collections.abc import Iterable

from evidence.chunk import parse_header, read_frame
from evidence.crediting import reach
from evidence.day_sum import Interval, span
from evidence.errors import EvidenceError
from evidence.sources import carries_averages
from evidence.stored import StoredChunk
from verifier.errors import ArchiveError
from verifier.ports import Archive


def deciding_chunks(archive: Archive, host: str, start_ms: int, end_ms: int) -> list[StoredChunk]:
    """Return every chunk of ``host`` that decides about [start_ms, end_ms), sorted by source, epoch, seq.

    These are the chunks that claim time in it, the earlier claims that may withhold time from them
    (``evidence.crediting.reach``), and of a chain of anything but averages everything in between, so that the
    chain can be followed without a hole.
    """
    inside = list(archive.chunks(host, start_ms, end_ms))
    if not inside:
        return []
    found = {_place(chunk): chunk for chunk in inside}
    spans = [span_of(chunk) for chunk in inside]
    for chunk in archive.chunks(host, *reach(spans)):
        found[_place(chunk)] = chunk
    for source, epoch, first, last in _runs(found.values()):
        if not carries_averages(source):
            for chunk in archive.chain(host, source, epoch, first, last):
                found[_place(chunk)] = chunk
    return [found[place] for place in sorted(found)]


def span_of(chunk: StoredChunk) -> Interval:
    """Return the stretch that holds the claims of a chunk at rest (its header is not verified here).

    Raises:
        ArchiveError: the chunk at rest is damaged.
    """
    try:
        return span(parse_header(read_frame(chunk.frame).header))
    except EvidenceError as cause:
        where = f"{chunk.host} {chunk.source} {chunk.epoch}/{chunk.seq}"
        raise ArchiveError(f"chunk {where}: {cause}; run starproof audit") from cause


def _place(chunk: StoredChunk) -> tuple[str, int, int]:
    return chunk.source, chunk.epoch, chunk.seq


def _runs(chunks: Iterable[StoredChunk]) -> list[tuple[str, int, int, int]]:
    runs: dict[tuple[str, int], tuple[int, int]] = {}
    for chunk in chunks:
        key = (chunk.source, chunk.epoch)
        low, high = runs.get(key, (chunk.seq, chunk.seq))
        runs[key] = (min(low, chunk.seq), max(high, chunk.seq))
    return [(source, epoch, low, high) for (source, epoch), (low, high) in runs.items()]
