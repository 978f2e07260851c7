"""Step 5 of the check: the chunks of every host, verified and followed link by link."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime, timezone

from evidence.calendar import MS_PER_S, LocalCalendar
from evidence.chunk import Chunk, Frame, open_chunk, take_frame
from evidence.crediting import credited
from evidence.day_sum import DaySums, span
from evidence.enrolment import SignedEnrolment
from evidence.errors import EvidenceError
from verifier import layout
from verifier.enrolled import Enrolled
from verifier.finding import Finding

AGENT = "agent"


@dataclass(frozen=True)
class Chain:
    """All verified chunks of one host and source, as the day sums they give."""

    host: str
    source: str
    count: int
    sums: DaySums


def read_chains(
    names: list[str],
    read: Callable[[str], bytes],
    places: Mapping[str, str],
    enrolled: Enrolled,
    calendar: LocalCalendar,
    findings: list[Finding],
) -> list[Chain]:
    """Return the chain of every host and source; report what does not hold.

    Args:
        names: the pack's chunk entries.
        read: returns an entry's bytes.
        places: host by place.
        enrolled: the keys that may sign.
        calendar: the zone of the day sums.
        findings: where findings go.
    """
    groups: dict[tuple[str, str], dict[int, list[str]]] = {}
    for name in names:
        place = layout.chunks_place(name)
        if place and place[0] in places:
            groups.setdefault((places[place[0]], place[1]), {}).setdefault(place[2], []).append(name)
    chains = []
    for (host, source), epochs in sorted(groups.items()):
        reader = _Reader(host, source, read, findings)
        sums = credited(reader.chunks(epochs, enrolled), calendar)
        chains.append(Chain(host, source, reader.count, sums))
    return chains


class _Reader:
    """Walks over the chunks of one host and source in order."""

    def __init__(self, host: str, source: str, read: Callable[[str], bytes], findings: list[Finding]) -> None:
        self._host = host
        self._source = source
        self._read = read
        self._findings = findings
        self.count = 0

    def chunks(self, epochs: Mapping[int, list[str]], enrolled: Enrolled) -> Iterator[Chunk]:
        """Yield every chunk that can be verified, sorted by (epoch, seq)."""
        for epoch in sorted(epochs):
            signed = enrolled.find(self._host, self._source, epoch)
            if signed is None:
                self._report("CHUNK", epochs[epoch][0], got="no enrolment for these chunks")
                continue
            opened = [found for name in epochs[epoch] for found in self._open(name, signed)]
            yield from self._follow(sorted(opened, key=lambda found: found[1].header.seq), signed)

    def _open(self, name: str, signed: SignedEnrolment) -> Iterator[tuple[str, Chunk]]:
        """Yield the chunks of one entry with their places."""
        for number, frame in enumerate(self._frames(name)):
            place = f"{name}[{number}]"
            try:
                chunk = open_chunk(frame, signed.public)
            except EvidenceError as error:
                self._report("CHUNK", place, got=str(error))
                continue
            header, about = chunk.header, signed.enrolment
            expected = (about.enterprise, about.host, about.source)
            if (header.enterprise, header.host, header.source) != expected:
                self._report("CHUNK", place, expected=str(expected), got=f"{header.host}, {header.source}")
            elif _utc_day(span(header)[0]) != (layout.chunks_place(name) or ("", "", 0, ""))[3]:
                self._report("CHUNK_MISPLACED", place, expected=_utc_day(span(header)[0]))
            else:
                yield place, chunk

    def _frames(self, name: str) -> Iterator[Frame]:
        data, offset = self._read(name), 0
        while offset < len(data):
            try:
                frame, offset = take_frame(data, offset)
            except EvidenceError as error:
                self._report("CHUNK", f"{name}, byte {offset}", got=str(error))
                return
            yield frame

    def _follow(self, opened: list[tuple[str, Chunk]], signed: SignedEnrolment) -> Iterator[Chunk]:
        """Check each chunk against the one before; averages are packed without what lies between."""
        before: Chunk | None = None
        for place, chunk in opened:
            header = chunk.header
            if before is None or header.seq != before.header.seq:
                self._link(place, chunk, before, signed)
                self.count += 1
                before = chunk
                yield chunk
            else:
                self._report("CHUNK_TWICE", place, got=f"seq {header.seq}")

    def _link(self, place: str, chunk: Chunk, before: Chunk | None, signed: SignedEnrolment) -> None:
        header = chunk.header
        if header.seq == 0:
            if (header.prev, header.prev_end_ms) != (signed.hash, 0):
                self._report("CHAIN", place, expected=signed.hash, got=header.prev)
        elif before is not None and before.header.seq == header.seq - 1:
            if header.prev != before.hash:
                self._report("CHAIN", place, expected=before.hash, got=header.prev)
            if header.prev_end_ms != before.header.end_ms:
                self._report(
                    "CHAIN",
                    place,
                    expected=f"after {before.header.end_ms} ms",
                    got=f"{header.prev_end_ms} ms",
                )
            if header.start_ms < before.header.end_ms:
                self._report(
                    "CLOCK_BACK", place, expected=f"{before.header.end_ms} ms", got=f"{header.start_ms} ms"
                )
        elif before is not None and self._source == AGENT:
            self._report(
                "SEQ_MISSING", place, expected=f"seq {before.header.seq + 1}", got=f"seq {header.seq}"
            )

    def _report(self, code: str, place: str, *, expected: str = "", got: str = "") -> None:
        self._findings.append(Finding(code, place, self._host, expected, got))


def _utc_day(instant_ms: int) -> str:
    return datetime.fromtimestamp(instant_ms // MS_PER_S, timezone.utc).date().isoformat()
