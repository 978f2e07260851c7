"""Opening the chunks of a host in batches; what does not fit into one is opened alone."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from evidence.chunk import Chunk
from evidence.columns import inflate
from evidence.errors import EvidenceError
from evidence.manifest import COUNTERS, Manifest
from evidence.manifest import parse as parse_manifest
from evidence.sources import carried_kind
from verifier.batch import MOST_VALUES, decode, sound
from verifier.batched import BatchedChunk, LookedAt
from verifier.packed_chunks import Claim, PackedChunks

LEAST_ROWS = 2
"""A chunk of one row has no interval."""


class Batches:
    """Opens proved claims in order."""

    def __init__(self, chunks: PackedChunks) -> None:
        """Read frames through ``chunks``."""
        self._chunks = chunks
        self._manifest: tuple[bytes, int, Manifest | None] = (b"", 0, None)

    def open_all(self, claims: Sequence[Claim]) -> Iterator[tuple[Claim, Chunk | EvidenceError]]:
        """Yield every claim with its chunk, or with what is wrong with it."""
        run: list[Claim] = []
        for claim in claims:
            header = claim.header
            shape = (header.manifest, header.rows, header.columns)
            if run:
                first = run[0].header
                full = (len(run) + 1) * header.rows * header.columns > MOST_VALUES
                if full or shape != (first.manifest, first.rows, first.columns):
                    yield from self._open(run)
                    run = []
            run.append(claim)
        if run:
            yield from self._open(run)

    def _open(self, run: Sequence[Claim]) -> Iterator[tuple[Claim, Chunk | EvidenceError]]:
        header = run[0].header
        if header.rows < LEAST_ROWS or carried_kind(header.source) != COUNTERS or len(run) == 1:
            yield from self._chunks.open_each(run)
            return
        try:
            frames = [self._chunks.frame(claim) for claim in run]
        except EvidenceError:
            yield from self._chunks.open_each(run)
            return
        manifests = [self._parsed(frame.manifest, frame.manifest_bytes) for frame in frames]
        manifest = manifests[0]
        if manifest is None or not _fits(manifest, run[0]):
            yield from self._chunks.open_each(run)
            return
        headers = [claim.header for claim in run]
        values, good = decode(frames, headers)
        good &= sound(values, headers)
        batch = LookedAt(manifest, headers, values)
        for at, claim in enumerate(run):
            if good[at] and manifests[at] is manifest:
                yield claim, BatchedChunk(frames[at], batch, at)
            else:
                yield claim, self._chunks.open_one(claim)

    def _parsed(self, deflated: bytes, length: int) -> Manifest | None:
        """Return the manifest; the one before, if the bytes are the same."""
        if self._manifest[:2] != (deflated, length):
            try:
                manifest = parse_manifest(inflate(deflated, length=length))
            except EvidenceError:
                return None
            self._manifest = (deflated, length, manifest)
        return self._manifest[2]


def _fits(manifest: Manifest, claim: Claim) -> bool:
    header = claim.header
    return (
        manifest.kind == COUNTERS
        and manifest.hash == header.manifest
        and len(manifest.columns) == header.columns
    )
