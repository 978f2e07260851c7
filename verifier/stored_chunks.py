"""Chunks at rest, opened many at a time: what an audit reads.

1. A chunk must be of the enrolment, host, source, enterprise and place under which it is stored.
2. A chunk is *proved* if the chunk after it is proved, of the same UTC day, and names it by ``prev``; else its
   own signature must hold. With ``every_signature`` all must hold. So one signature a day and chain is enough,
   for a header names the one before it by SHA-256: rule 3 of ``verifier.packed_chunks``.
3. Manifest and columns are those that the proved header names.

The chunks of one day are proved together; where they have more than ``DAY_BYTES``, in parts, each with a
signature of its own. Chunks of one shape are decoded together (``verifier.travelled``); what does not fit into a
batch is opened alone. Whether a chunk is found good never depends on the batch that it came in.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from evidence.chunk import Chunk, Frame, Header, open_chunk, read_chunk, read_frame
from evidence.columns import inflate
from evidence.day_sum import span
from evidence.dsse import CHUNK_TYPE
from evidence.enrolment import SignedEnrolment
from evidence.errors import EvidenceError, MismatchError
from evidence.keys import PublicKey
from evidence.manifest import COUNTERS, Manifest
from evidence.manifest import parse as parse_manifest
from evidence.sources import carried_kind
from evidence.stored import StoredChunk
from verifier.batch import MOST_VALUES, sound
from verifier.batched import BatchedChunk, LookedAt
from verifier.headers import read_header
from verifier.recompute import require_place
from verifier.travelled import decode
from verifier.whole_frames import whole_frame

DAY_BYTES = 16 * 1024 * 1024
"""Of frames that wait for the end of their day."""
LEAST_ROWS = 2
"""A chunk of one row has no interval."""
MS_PER_DAY = 86_400_000


@dataclass(slots=True)
class Claim:
    """A stored chunk by what its header says, and whether that is proved; without a header it is not.

    ``frame`` is ``None`` if the bytes are no whole frame, ``key`` if no enrolment of the host is named.
    """

    stored: StoredChunk
    frame: Frame | None
    key: PublicKey | None
    header: Header | None = None
    utc_day: int = -1
    proved: bool = False


Found = tuple[Claim, "Chunk | EvidenceError"]
"""A claim, and the chunk or what is wrong with it."""


class StoredChunks:
    """Opens what a store hands out.

    Args:
        pins: the enrolments by the hash of their record.
        enterprise: whose store it is.
        every_signature: rule 2.
    """

    def __init__(
        self, pins: Mapping[str, SignedEnrolment], enterprise: str, *, every_signature: bool
    ) -> None:
        self._pins = pins
        self._enterprise = enterprise
        self._every = every_signature
        # made once: a key is looked at when it is made
        self._keys: dict[str, PublicKey] = {}
        self._ids: dict[str, str] = {}
        self._manifest: tuple[bytes, int, Manifest | None] = (b"", 0, None)

    def proved(self, chunks: Iterable[StoredChunk]) -> Iterator[Claim]:
        """Yield the claim of every chunk, in order, proved where it can be (rules 1 and 2)."""
        day: list[Claim] = []
        about, size = ("", "", -1, -1), 0
        for stored in chunks:
            claim = self._claim(stored)
            mine = (stored.host, stored.source, stored.epoch, claim.utc_day)
            if mine != about or size >= DAY_BYTES:
                yield from self._prove(day)
                day, about, size = [], mine, 0
            day.append(claim)
            size += len(stored.frame)
        yield from self._prove(day)

    def opened(self, claims: Iterable[Claim]) -> Iterator[Found]:
        """Yield every claim, in order, with its chunk or with what is wrong with it (rule 3)."""
        run: list[Claim] = []
        for claim in claims:
            if run and not _joins(claim, run):
                yield from self._open(run)
                run = []
            run.append(claim)
        if run:
            yield from self._open(run)

    def _claim(self, stored: StoredChunk) -> Claim:
        try:
            frame = whole_frame(stored.frame)
        except EvidenceError:
            return Claim(stored, None, self._key(stored.enrolment))
        claim = Claim(stored, frame, self._key(stored.enrolment))
        if claim.key is None:
            return claim
        try:
            header = read_header(frame.header)
            require_place(header, stored, self._pins[stored.enrolment], self._enterprise)
        except EvidenceError:
            return claim
        if header.key == frame.key == self._ids[stored.enrolment]:
            claim.header, claim.utc_day = header, span(header)[0] // MS_PER_DAY
        return claim

    def _key(self, enrolment: str) -> PublicKey | None:
        if enrolment not in self._keys and enrolment in self._pins:
            self._keys[enrolment] = self._pins[enrolment].public
            self._ids[enrolment] = self._keys[enrolment].id
        return self._keys.get(enrolment)

    def _prove(self, claims: Sequence[Claim]) -> Sequence[Claim]:
        """Rule 2 for the chunks of a day, from the last one back."""
        named = ("", "")
        for claim in reversed(claims):
            if claim.header is None or claim.frame is None or claim.key is None:
                named = ("", "")
                continue
            claim.proved = named == (claim.stored.enrolment, claim.frame.hash)
            if not claim.proved or self._every:
                claim.proved = _signed(claim.key, claim.frame)
            named = (claim.stored.enrolment, claim.header.prev) if claim.proved else ("", "")
        return claims

    def _open(self, run: Sequence[Claim]) -> Iterator[Found]:
        manifest = self._shape(run)
        if manifest is None:
            yield from map(self._alone, run)
            return
        frames = [claim.frame for claim in run if claim.frame is not None]
        headers = [claim.header for claim in run if claim.header is not None]
        values, good = decode(frames, headers)
        good &= sound(values, headers)
        batch = LookedAt(manifest, headers, values)
        same = (frames[0].manifest, frames[0].manifest_bytes)
        for at, (claim, frame, fits) in enumerate(zip(run, frames, good.tolist(), strict=True)):
            if fits and (frame.manifest, frame.manifest_bytes) == same:
                yield claim, BatchedChunk(frame, batch, at)
            else:
                yield self._alone(claim)

    def _shape(self, run: Sequence[Claim]) -> Manifest | None:
        """Return the manifest of chunks that are decoded together, ``None``: open them one by one."""
        header, frame = run[0].header, run[0].frame
        if len(run) == 1 or header is None or frame is None or header.rows < LEAST_ROWS:
            return None
        if carried_kind(header.source) != COUNTERS:
            return None
        manifest = self._parsed(frame.manifest, frame.manifest_bytes)
        if manifest is None or manifest.kind != COUNTERS or manifest.hash != header.manifest:
            return None
        return manifest if len(manifest.columns) == header.columns else None

    def _parsed(self, deflated: bytes, length: int) -> Manifest | None:
        """Return the manifest; the one before, if the bytes are the same."""
        if self._manifest[:2] != (deflated, length):
            try:
                manifest = parse_manifest(inflate(deflated, length=length))
            except EvidenceError:
                manifest = None
            self._manifest = (deflated, length, manifest)
        return self._manifest[2]

    def _alone(self, claim: Claim) -> Found:
        try:
            return claim, self._open_one(claim)
        except EvidenceError as error:
            return claim, error

    def _open_one(self, claim: Claim) -> Chunk:
        """Return the chunk.

        Raises:
            EvidenceError: in the order of rules 1 to 3, what does not hold.
        """
        frame = claim.frame or read_frame(claim.stored.frame)
        if claim.key is None:
            header = read_header(frame.header)
            if (header.enterprise, header.host) != (self._enterprise, claim.stored.host):
                raise MismatchError("the chunk belongs to another enterprise, host, source or place")
            raise MismatchError(
                "no enrolment is kept for this chunk, or it is signed with the key of another host"
            )
        chunk = read_chunk(frame, claim.key) if claim.proved else open_chunk(frame, claim.key)
        require_place(chunk.header, claim.stored, self._pins[claim.stored.enrolment], self._enterprise)
        return chunk


def _joins(claim: Claim, run: Sequence[Claim]) -> bool:
    """Return whether a chunk may be decoded together with those before it: proved, and of one shape."""
    header, first = claim.header, run[0].header
    if header is None or first is None or not claim.proved or not run[0].proved:
        return False
    shape = (header.manifest, header.rows, header.columns)
    return shape == (first.manifest, first.rows, first.columns) and (
        (len(run) + 1) * header.rows * header.columns <= MOST_VALUES
    )


def _signed(key: PublicKey, frame: Frame) -> bool:
    try:
        key.verify(CHUNK_TYPE, frame.header, frame.signature)
    except EvidenceError:
        return False
    return True
