"""Day sums recomputed from the chunks: what figures in another zone, audit and check rest on.

Every chunk is opened with the key that its enrolment pinned, and must be of the host, source and
enterprise under which it is stored.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from itertools import groupby
from operator import itemgetter

from evidence.calendar import LocalCalendar
from evidence.chunk import Chunk, Header, open_chunk, read_frame
from evidence.crediting import reach
from evidence.day_sum import DaySum
from evidence.day_sum import span as claimed
from evidence.enrolment import SignedEnrolment
from evidence.errors import EvidenceError, MismatchError
from evidence.stored import DaySumRow, StoredChunk
from verifier.errors import ArchiveError
from verifier.hours import HostHours, HourSums
from verifier.ports import Archive
from verifier.summing import Summing
from verifier.window import Window

Place = tuple[str, int, int]
"""Source, epoch, seq: where a chunk of a host belongs."""
Opened = tuple[StoredChunk, Chunk]
Opener = Callable[[StoredChunk], Chunk | None]
"""Returns the verified chunk, or ``None`` to leave it out (the audit has noted why)."""


def pinned(archive: Archive) -> dict[str, SignedEnrolment]:
    """Return the enrolments by the hash of their record."""
    return {enrolment.hash: enrolment for enrolment in archive.enrolments()}


def place(stored: StoredChunk) -> Place:
    """Return where the chunk belongs among those of its host."""
    return stored.source, stored.epoch, stored.seq


def place_text(where: Place) -> str:
    """Return ``source/epoch/seq``, as findings name a chunk."""
    source, epoch, seq = where
    return f"{source}/{epoch}/{seq}"


def open_stored(stored: StoredChunk, pins: Mapping[str, SignedEnrolment], enterprise: str) -> Chunk:
    """Return the verified chunk of a frame at rest.

    Raises:
        MismatchError: no such enrolment, or frame, enrolment and place of storage disagree.
        EvidenceError: the frame is damaged or not signed by the pinned key.
    """
    signed = pins.get(stored.enrolment)
    if signed is None:
        raise MismatchError("no enrolment is kept for this chunk")
    chunk = open_chunk(read_frame(stored.frame), signed.public)
    require_place(chunk.header, stored, signed, enterprise)
    return chunk


def require_place(header: Header, stored: StoredChunk, signed: SignedEnrolment, enterprise: str) -> None:
    """Refuse a chunk that is not of the host, source and enterprise under which it is stored.

    Raises:
        MismatchError: header, enrolment and place of storage disagree.
    """
    enrolment = signed.enrolment
    told = (header.enterprise, header.host, header.source, enrolment.epoch, header.seq)
    if told != (enterprise, stored.host, stored.source, stored.epoch, stored.seq):
        raise MismatchError("the chunk belongs to another enterprise, host, source or place")
    if (enrolment.enterprise, enrolment.host, enrolment.source) != told[:3]:
        raise MismatchError("the chunk is signed with the key of another host or source")


def strict_opener(archive: Archive) -> Opener:
    """Return an opener that raises ``ArchiveError`` for the first chunk that does not verify."""
    pins = pinned(archive)

    def opened(stored: StoredChunk) -> Chunk:
        try:
            return open_stored(stored, pins, archive.enterprise)
        except EvidenceError as cause:
            raise ArchiveError(
                f"chunk {stored.host} {stored.source} {stored.epoch}/{stored.seq}: {cause}; run starproof audit"
            ) from cause

    return opened


def opened_chunks(
    archive: Archive, host: str, span: tuple[int, int], opener: Opener
) -> tuple[list[Opened], list[Opened]]:
    """Return the chunks of one host that touch ``span`` (ms), and the neighbours needed beside them.

    Neighbours touch only the reach of the first ones (``evidence.crediting.reach``): their claims
    decide what is credited inside the span. Both lists are in the order of crediting.
    """
    inside = _opened(archive.chunks(host, *span), opener, skip=frozenset())
    if not inside:
        return [], []
    seen = frozenset(place(stored) for stored, _ in inside)
    return inside, _opened(
        archive.chunks(host, *reach([claimed(chunk.header) for _, chunk in inside])), opener, skip=seen
    )


def _opened(stored: Iterable[StoredChunk], opener: Opener, *, skip: frozenset[Place]) -> list[Opened]:
    found = []
    for entry in stored:
        chunk = None if place(entry) in skip else opener(entry)
        if chunk is not None:
            found.append((entry, chunk))
    return sorted(found, key=lambda pair: place(pair[0]))


def host_day_sums(
    host: str, chunks: Iterable[Opened], calendar: LocalCalendar, days: tuple[int, int]
) -> Iterator[DaySumRow]:
    """Yield the day sums of one host's opened chunks (in order of crediting) for days [first, after)."""
    for source, run in groupby(chunks, key=lambda pair: pair[0].source):
        summing = Summing(calendar)
        for _, chunk in run:
            summing.add(chunk)
        for (metric, day), value in sorted(summing.total().items(), key=itemgetter(0)):
            if days[0] <= day < days[1]:
                yield DaySumRow(host, source, metric, day, value)


def day_sums(
    archive: Archive, calendar: LocalCalendar, days: tuple[int, int], hosts: Iterable[str]
) -> Iterator[DaySumRow]:
    """Yield the day sums of ``hosts`` for days [first, after), recomputed from the chunks.

    Raises:
        ArchiveError: a chunk does not verify.
    """
    opener = strict_opener(archive)
    span = (calendar.day_start(days[0]), calendar.day_start(days[1]))
    for host in hosts:
        inside, beside = opened_chunks(archive, host, span, opener)
        ordered = sorted([*inside, *beside], key=lambda pair: place(pair[0]))
        yield from host_day_sums(host, ordered, calendar, days)


def host_hour_sums(chunks: Iterable[Opened], calendar: LocalCalendar, window: Window) -> HostHours:
    """Return the hour sums of one host's opened chunks (in order of crediting), by (source, metric)."""
    found: dict[tuple[str, str], dict[int, DaySum]] = {}
    for source, run in groupby(chunks, key=lambda pair: pair[0].source):
        sums = HourSums(window, calendar)
        for _, chunk in run:
            sums.add(chunk)
        for metric, hour, value in sums.rows():
            found.setdefault((source, metric), {})[hour] = value
    return found


def hour_reader(archive: Archive, calendar: LocalCalendar, window: Window) -> Callable[[str], HostHours]:
    """Return a function that gives a host's hour sums over the window, from its chunks, opened once more.

    The function raises ``ArchiveError`` if a chunk does not verify.
    """
    opener = strict_opener(archive)

    def hours(host: str) -> HostHours:
        inside, beside = opened_chunks(archive, host, (window.start_ms, window.end_ms), opener)
        ordered = sorted([*inside, *beside], key=lambda pair: place(pair[0]))
        return host_hour_sums(ordered, calendar, window)

    return hours
