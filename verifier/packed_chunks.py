"""The chunks of one host and source of a pack, opened in order: rules of step 4.

1. The order is (epoch, number, entry, place in the entry).
2. A header is strict, under the key of its enrolment, and of the host, source and enterprise it stands under.
3. A chunk is *proved* if the chunk after it is proved, of the same UTC day, and names it by ``prev``; else
   its own signature must hold. With ``every_signature`` all that the pack holds must hold. A chunk that is not
   proved is left out (``CHUNK_SIGNATURE``).
4. Manifest and columns are those that the proved header names, and it stands in the entry of its day.

Only headers are held for all chunks of the host; frames are read again where they are many.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from datetime import date
from typing import NamedTuple

from evidence.chunk import Chunk, Frame, Header, read_chunk, take_header
from evidence.day_sum import span
from evidence.dsse import CHUNK_TYPE
from evidence.enrolment import SignedEnrolment
from evidence.errors import EvidenceError, MismatchError
from evidence.stored import StoredChunk
from verifier import chunk_entry, layout, slots
from verifier.damage import EPOCH_DAY, MS_PER_DAY, Damage
from verifier.finding import Finding
from verifier.headers import read_header
from verifier.recompute import Opened, require_place

KEPT_BYTES = 16 * 1024 * 1024
"""Frames of a host up to this size stay in memory between reading headers and columns."""
Open = Callable[[Sequence["Claim"]], Iterator[tuple["Claim", Chunk | EvidenceError]]]
"""Opens the frames of proved claims, in order."""


class Claim(NamedTuple):
    """A chunk by what its header says, and where it stands."""

    epoch: int
    seq: int
    name: str
    number: int
    at: chunk_entry.Spot
    header: Header
    hash: str
    signature: bytes
    body: bytes
    stored: StoredChunk
    frame: Frame | None
    utc_day: int

    @property
    def where(self) -> str:
        """Entry and place in it, as findings name it."""
        return f"{self.name}[{self.number}]"


class PackedChunks:
    """Opens the chunks of one host and source.

    Args:
        read: returns an entry's bytes.
        enrolments: those of the host and source, by epoch.
        enterprise: of the pack.
        findings: where findings go.
        every_signature: rule 3.
    """

    def __init__(
        self,
        read: Callable[[str], bytes],
        enrolments: Mapping[int, SignedEnrolment],
        enterprise: str,
        *,
        findings: list[Finding],
        every_signature: bool,
    ) -> None:
        self._read = read
        self._enrolments = enrolments
        # made once: a key is looked at when it is made
        self._keys = {epoch: signed.public for epoch, signed in enrolments.items()}
        self._key_ids = {epoch: key.id for epoch, key in self._keys.items()}
        self._enterprise = enterprise
        self._findings = findings
        self._every = every_signature
        self._kept = 0
        self._last = ("", b"")
        self._frames: tuple[tuple[str, int], Sequence[Frame]] = (("", 0), ())

    def opened(self, host: str, names: Iterable[str], open_all: Open | None = None) -> Iterator[Opened]:
        """Yield every chunk of these entries that is proved and stands where it belongs, in order."""
        claims = sorted(self._claims(host, names), key=lambda c: (c.epoch, c.seq, c.name, c.number))
        proved = [claim for claim in self._proved(host, claims) if self._in_place(host, claim)]
        for claim, found in (open_all or self.open_each)(proved):
            if isinstance(found, EvidenceError):
                self._report("CHUNK", claim.where, host, got=str(found), slot=_slot(claim))
            else:
                yield claim.stored, found

    def open_each(self, claims: Sequence[Claim]) -> Iterator[tuple[Claim, Chunk | EvidenceError]]:
        """Open claims one by one."""
        for claim in claims:
            yield claim, self.open_one(claim)

    def open_one(self, claim: Claim) -> Chunk | EvidenceError:
        """Return the chunk of a proved claim (rule 4), or why it is none."""
        try:
            return read_chunk(self.frame(claim), self._keys[claim.epoch])
        except EvidenceError as error:
            return error

    def frame(self, claim: Claim) -> Frame:
        """Return the frame of a claim, read again if it was not kept."""
        if claim.frame is not None:
            return claim.frame
        if self._last[0] != claim.name:
            self._last = (claim.name, self._read(claim.name))
        wanted = (claim.name, claim.at.offset)
        if self._frames[0] != wanted:
            self._frames = (wanted, chunk_entry.frames_at(self._last[1], claim.at))
        frames = self._frames[1]
        if claim.at.place < len(frames) and frames[claim.at.place].header == claim.body:
            return frames[claim.at.place]
        raise MismatchError("the file was changed while it was checked; check it again")

    def _claims(self, host: str, names: Iterable[str]) -> Iterator[Claim]:
        """Rule 2. Damage is reported with the hours that it can be about (``verifier.damage``)."""
        damage = Damage(lambda place, got, slot: self._report("CHUNK", place, host, got=got, slot=slot))
        for name in names:
            _, source, epoch, day = layout.chunks_place(name) or ("", "", 0, "")
            signed = self._enrolments.get(epoch)
            if signed is None:
                got = "no valid enrolment for these chunks"
                self._report("CHUNK", name, host, got=got, slot=day)
                continue
            empty = StoredChunk(host, source, epoch, 0, signed.hash, 0, b"")
            damage.enter(source, epoch, day)
            data = self._read(name)
            for item in chunk_entry.items(data):
                claim = self._claim(item, name, signed, empty)
                if isinstance(claim, Claim):
                    damage.passed(claim.header)
                    yield claim
                else:
                    header = self._proved_header(data, item, signed, empty)
                    damage.found(f"{name}[{item.number}]", claim, header)
        damage.end()

    def _claim(
        self, item: chunk_entry.Item, name: str, signed: SignedEnrolment, empty: StoredChunk
    ) -> Claim | str:
        """Return the claim of an item, or what is wrong with it."""
        frame = item.frame
        if frame is None:
            return item.error
        try:
            header = read_header(frame.header)
            stored = StoredChunk(empty.host, empty.source, empty.epoch, header.seq, empty.enrolment, 0, b"")
            require_place(header, stored, signed, self._enterprise)
        except EvidenceError as error:
            return str(error)
        if not header.key == frame.key == self._key_ids[empty.epoch]:
            return "the header names another key than that of the enrolment"
        self._kept += item.size
        kept = frame if self._kept <= KEPT_BYTES else None
        return Claim(
            empty.epoch, header.seq, name, item.number, item.at, header, frame.hash, frame.signature, frame.header,
            stored, kept, span(header)[0] // MS_PER_DAY,
        )  # fmt: skip

    def _proved_header(
        self, data: bytes, item: chunk_entry.Item, signed: SignedEnrolment, empty: StoredChunk
    ) -> Header | None:
        """Return the header of a damaged frame if its signature holds."""
        try:
            if item.frame is None:
                signature, body = take_header(data, item.at.offset)
            else:
                signature, body = item.frame.signature, item.frame.header
            header = read_header(body)
            require_place(header, replace(empty, seq=header.seq), signed, self._enterprise)
            self._keys[empty.epoch].verify(CHUNK_TYPE, body, signature)
        except EvidenceError:
            return None
        return header

    def _proved(self, host: str, claims: Sequence[Claim]) -> list[Claim]:
        """Rule 3, from the last chunk back."""
        proved: list[Claim] = []
        after: Claim | None = None
        for claim in reversed(claims):
            linked = (
                after is not None
                and after.epoch == claim.epoch
                and after.header.prev == claim.hash
                and after.utc_day == claim.utc_day
            )
            if not linked or (self._every and claim.signature):
                try:
                    self._keys[claim.epoch].verify(CHUNK_TYPE, claim.body, claim.signature)
                except EvidenceError as error:
                    slot = _slot(claim)
                    self._report("CHUNK_SIGNATURE", claim.where, host, got=str(error), slot=slot)
                    if not linked:
                        after = None
                        continue
            proved.append(claim)
            after = claim
        return proved[::-1]

    def _in_place(self, host: str, claim: Claim) -> bool:
        belongs = date.fromordinal(EPOCH_DAY + claim.utc_day).isoformat()
        if f"/{belongs}." in claim.name:
            return True
        got = (layout.chunks_place(claim.name) or ("", "", 0, ""))[3]
        self._report("CHUNK_MISPLACED", claim.where, host, expected=belongs, got=got, slot=_slot(claim))
        return False

    def _report(
        self, code: str, where: str, host: str, *, expected: str = "", got: str = "", slot: str = ""
    ) -> None:
        self._findings.append(Finding(code, where, host, expected, got, slot))


def _slot(claim: Claim) -> str:
    return slots.hour(claim.header.start_ms)
