"""The links between one host's chunks, per source and epoch (a new epoch begins with each enrolment).

``seq`` counts up from ``FIRST_SEQ`` without holes; ``prev`` is the hash of the chunk before, of the
enrolment record for the first; ``prev_end_ms`` is the end of the chunk before, 0 for the first. One
sequence number has one chunk.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping

from evidence.chunk import Chunk
from evidence.enrolment import SignedEnrolment
from evidence.manifest import COUNTERS
from evidence.stored import StoredChunk
from verifier import slots
from verifier.finding import Finding
from verifier.recompute import Opened, place, place_text

FIRST_SEQ = 0
"""Sequence number of the first chunk under an enrolment."""

Hole = tuple[str, int, int, int]
"""Source, epoch, first and last sequence number that were not handed over."""


class Links:
    """Follows the verified chunks of one host in order and gathers what does not fit.

    ``findings`` and ``holes`` are complete once ``followed`` is used up. A hole may be a chunk that
    was damaged, or lies outside the span of interest; the caller knows. ``slots`` has the hours of holes.

    Args:
        pins: the enrolments by hash.
        from_first: the chunks begin with the first of every epoch, so what is absent there is a hole.
    """

    def __init__(self, pins: Mapping[str, SignedEnrolment], *, from_first: bool) -> None:
        self.findings: list[Finding] = []
        self.holes: list[Hole] = []
        self.slots: dict[Hole, str] = {}
        self._pins = pins
        self._from_first = from_first

    def followed(self, chunks: Iterable[Opened]) -> Iterator[Opened]:
        """Yield the chunks (sorted by source, epoch, seq), the first of those that share a place."""
        before: Opened | None = None
        for stored, chunk in chunks:
            if before is not None and place(before[0]) == place(stored):
                self._note("CONFLICT", stored, chunk, expected=before[1].hash, got=chunk.hash)
                continue
            if before is None or place(before[0])[:2] != place(stored)[:2]:
                self._first(stored, chunk)
            else:
                self._next(before, stored, chunk)
            before = (stored, chunk)
            yield stored, chunk

    def _first(self, stored: StoredChunk, chunk: Chunk) -> None:
        if stored.seq == FIRST_SEQ:
            self._follows(stored, chunk, prev=self._pins[stored.enrolment].hash, prev_end_ms=0)
        elif self._from_first:
            self.holes.append((stored.source, stored.epoch, FIRST_SEQ, stored.seq - 1))

    def _next(self, before: Opened, stored: StoredChunk, chunk: Chunk) -> None:
        ended, begins = before[1].header.end_ms, chunk.header.start_ms
        if begins < ended and chunk.manifest.kind == COUNTERS:
            self._note("CLOCK_BACK", stored, chunk, expected=f"from {ended} ms on", got=f"{begins} ms")
        if stored.seq == before[0].seq + 1:
            self._follows(stored, chunk, prev=before[1].hash, prev_end_ms=before[1].header.end_ms)
        else:
            hole = (stored.source, stored.epoch, before[0].seq + 1, stored.seq - 1)
            self.holes.append(hole)
            self.slots[hole] = slots.hours(ended, max(ended, begins - 1))

    def _follows(self, stored: StoredChunk, chunk: Chunk, *, prev: str, prev_end_ms: int) -> None:
        if (chunk.header.prev, chunk.header.prev_end_ms) != (prev, prev_end_ms):
            got = f"{chunk.header.prev} {chunk.header.prev_end_ms}"
            self._note("CHAIN", stored, chunk, expected=f"{prev} {prev_end_ms}", got=got)

    def _note(self, code: str, stored: StoredChunk, chunk: Chunk, *, expected: str, got: str) -> None:
        where, slot = place_text(place(stored)), slots.hour(chunk.header.start_ms)
        self.findings.append(Finding(code, where, stored.host, expected, got, slot))
