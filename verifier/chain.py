"""Steps 4 and 7 of the check: the chunks of every host, verified and followed link by link."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime

from evidence.activity import ActivityRow
from evidence.calendar import MS_PER_S, LocalCalendar
from evidence.chunk import LATEST_MS, Chunk, parse_header, read_frame, take_frame
from evidence.day_sum import DaySum, span
from evidence.enrolment import SignedEnrolment
from evidence.errors import EvidenceError
from evidence.sources import carries_averages
from evidence.stored import DaySumRow, StoredChunk
from verifier import layout
from verifier.contradictions.watch import Contradictions
from verifier.enrolled import Enrolled
from verifier.facts import SourceFacts
from verifier.finding import Finding
from verifier.hearing import hear
from verifier.hours import HostHours
from verifier.links import Links
from verifier.recompute import Opened, host_hour_sums, open_stored, place, place_text
from verifier.window import Window

ALL_DAYS = (1, 3_652_059)
"""``date.min`` to ``date.max`` as ordinals: the window is applied to the sums."""


@dataclass(frozen=True)
class Chain:
    """All verified chunks of one host and source, as the day sums they give.

    ``facts`` are what they say beside their counters (none if no chunk verified). ``begins`` has of every epoch the place of the first packed chunk and where the one before it
    ended (ms). ``first_ms`` and ``last_ms`` are the earliest start and the latest end of all chunks,
    ``boots`` the boot ids, ``activity`` the sets of accounts.
    """

    host: str
    source: str
    count: int
    rows: tuple[DaySumRow, ...]
    facts: tuple[SourceFacts, ...]
    begins: tuple[tuple[str, int], ...]
    first_ms: int
    last_ms: int
    boots: frozenset[str]
    activity: tuple[ActivityRow, ...] = ()


def read_chains(
    names: Iterable[str],
    read: Callable[[str], bytes],
    *,
    places: Mapping[str, str],
    enrolled: Enrolled,
    calendar: LocalCalendar,
    findings: list[Finding],
    watch: Callable[[StoredChunk, Chunk], None] = lambda _stored, _chunk: None,
) -> list[Chain]:
    """Return the chain of every host and source; report what does not hold.

    One chunk is open at a time, so memory is bounded by the largest chunk and the frames of a host.

    Args:
        names: the pack's chunk entries.
        read: returns an entry's bytes.
        places: host by place.
        enrolled: the keys that may sign.
        calendar: the zone of the day sums.
        findings: where findings go.
        watch: is shown every chunk that verifies.
    """
    reader = _Reader(read, enrolled, findings)
    chains: list[Chain] = []
    for (host, source), entries in sorted(_groups(names, places).items()):
        links = Links(reader.pins, from_first=False)
        seen = _Seen(watch)
        followed = links.followed(seen.watching(reader.opened(host, entries)))
        contradictions = Contradictions(host)
        said = list(hear(host, contradictions.watching(followed), calendar, ALL_DAYS))
        findings.extend(links.findings)
        findings.extend(contradictions.findings())
        # averages are packed without the other months and metrics in between
        if not carries_averages(source):
            findings.extend(_holes(host, links))
        chains.append(
            Chain(
                host=host,
                source=source,
                count=seen.count,
                rows=tuple(row for part in said for row in part.rows),
                facts=tuple(part.facts for part in said),
                begins=tuple(seen.begins.values()),
                first_ms=seen.first_ms,
                last_ms=seen.last_ms,
                boots=frozenset(seen.boots),
                activity=tuple(row for part in said for row in part.activity),
            )
        )
    return chains


def hour_reader(
    names: Iterable[str],
    read: Callable[[str], bytes],
    *,
    places: Mapping[str, str],
    enrolled: Enrolled,
    calendar: LocalCalendar,
    window: Window,
) -> Callable[[str], HostHours]:
    """Return a function that gives a host's hour sums over the window, from its chunks, opened once more.

    ``read_chains`` is called before the scope and the edition are known, so it knows neither the window
    nor whether hours are asked for; and this way memory holds the hours of one host at a time. The
    chunks are those that it took: what does not verify or follow is left out here too, and was
    reported there.
    """
    reader = _Reader(read, enrolled, findings=[])
    groups = _groups(names, places)
    sources = sorted({source for _, source in groups})

    def hours(host: str) -> HostHours:
        found: dict[tuple[str, str], Mapping[int, DaySum]] = {}
        for source in sources:
            entries = groups.get((host, source), [])
            followed = Links(reader.pins, from_first=False).followed(reader.opened(host, entries))
            found.update(host_hour_sums(followed, calendar, window))
        return found

    return hours


def _groups(names: Iterable[str], places: Mapping[str, str]) -> dict[tuple[str, str], list[str]]:
    """Return the chunk entries by (host, source)."""
    groups: dict[tuple[str, str], list[str]] = {}
    for name in names:
        found = layout.chunks_place(name)
        if found and found[0] in places:
            groups.setdefault((places[found[0]], found[1]), []).append(name)
    return groups


class _Seen:
    """What later steps ask about the chunks that went by."""

    def __init__(self, watch: Callable[[StoredChunk, Chunk], None]) -> None:
        self._watch = watch
        self.count = 0
        self.begins: dict[int, tuple[str, int]] = {}
        self.first_ms = LATEST_MS
        self.last_ms = 0
        self.boots: set[str] = set()

    def watching(self, chunks: Iterator[Opened]) -> Iterator[Opened]:
        for stored, chunk in chunks:
            header = chunk.header
            self.count += 1
            self.begins.setdefault(stored.epoch, (place_text(place(stored)), header.prev_end_ms))
            self.first_ms = min(self.first_ms, header.start_ms)
            self.last_ms = max(self.last_ms, header.end_ms)
            self.boots.add(header.boot)
            self._watch(stored, chunk)
            yield stored, chunk


class _Reader:
    """Opens the chunks of a pack's entries."""

    def __init__(self, read: Callable[[str], bytes], enrolled: Enrolled, findings: list[Finding]) -> None:
        self._read = read
        self._enrolled = enrolled
        self._findings = findings
        self.pins = {signed.hash: signed for signed in enrolled.accepted}

    def opened(self, host: str, names: Iterable[str]) -> Iterator[Opened]:
        """Yield every chunk of these entries that verifies and stands where it belongs, in order."""
        found: list[tuple[int, int, str, int, bytes]] = []
        for name in names:
            _, source, epoch, _ = layout.chunks_place(name) or ("", "", 0, "")
            if self._enrolled.find(host, source, epoch) is None:
                self._report("CHUNK", name, host, got="no valid enrolment for these chunks")
                continue
            for number, frame in enumerate(self._frames(name, host)):
                found.append((epoch, self._claimed_seq(frame), name, number, frame))
        for epoch, _, name, number, frame in sorted(found):
            _, source, _, day = layout.chunks_place(name) or ("", "", 0, "")
            signed = self._enrolled.find(host, source, epoch)
            pair = self._open(frame, signed, where=f"{name}[{number}]") if signed else None
            if pair is None:
                continue
            begins = _utc_day(span(pair[1].header)[0])
            if begins == day:
                yield pair
            else:
                self._report("CHUNK_MISPLACED", f"{name}[{number}]", host, expected=begins, got=day)

    @staticmethod
    def _claimed_seq(frame: bytes) -> int:
        """Only for sorting; what cannot be read comes first and is reported when it is opened."""
        try:
            return parse_header(read_frame(frame).header).seq
        except EvidenceError:
            return -1

    def _open(self, frame: bytes, signed: SignedEnrolment, *, where: str) -> tuple[StoredChunk, Chunk] | None:
        about = signed.enrolment
        try:
            # The number is only claimed here; `open_stored` compares it once the signature holds.
            seq = parse_header(read_frame(frame).header).seq
            stored = StoredChunk(about.host, about.source, about.epoch, seq, signed.hash, 0, frame)
            return stored, open_stored(stored, self.pins, about.enterprise)
        except EvidenceError as error:
            self._report("CHUNK", where, about.host, got=str(error))
            return None

    def _frames(self, name: str, host: str) -> Iterator[bytes]:
        data, offset = self._read(name), 0
        while offset < len(data):
            try:
                _, end = take_frame(data, offset)
            except EvidenceError as error:
                self._report("CHUNK", f"{name}, byte {offset}", host, got=str(error))
                return
            yield data[offset:end]
            offset = end

    def _report(self, code: str, where: str, host: str, *, expected: str = "", got: str = "") -> None:
        self._findings.append(Finding(code, where, host, expected, got))


def _holes(host: str, links: Links) -> Iterator[Finding]:
    for source, epoch, first, last in links.holes:
        where = place_text((source, epoch, first))
        yield Finding("SEQ_MISSING", where, host, f"{first} to {last}", f"{last + 1 - first} missing")


def _utc_day(instant_ms: int) -> str:
    return datetime.fromtimestamp(instant_ms // MS_PER_S, UTC).date().isoformat()
