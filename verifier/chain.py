"""Steps 4 and 7 of the check: the chunks of every host, verified and followed link by link.

Every host and source is a task of its own, which a worker process may do as well as this one; the results
are taken in the order of hosts and sources, so they do not depend on who did what.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from evidence.activity import ActivityRow
from evidence.calendar import LocalCalendar
from evidence.chunk import LATEST_MS, Chunk
from evidence.day_sum import DaySum
from evidence.enrolment import SignedEnrolment
from evidence.sources import carries_averages
from evidence.stored import DaySumRow
from verifier import layout
from verifier.batches import Batches
from verifier.bridging import long_intervals
from verifier.contradictions.watch import Contradictions
from verifier.difference import MAX_SHOWN
from verifier.enrolled import Enrolled
from verifier.facts import SourceFacts
from verifier.finding import Finding
from verifier.hearing import hear
from verifier.hours import HostHours
from verifier.links import Links
from verifier.packed_chunks import PackedChunks
from verifier.prepared import Prepared
from verifier.recompute import Opened, host_hour_sums, place, place_text
from verifier.seen import SeenChunk
from verifier.window import Window

ALL_DAYS = (1, 3_652_059)
"""``date.min`` to ``date.max`` as ordinals: the window is applied to the sums."""


@dataclass(frozen=True)
class Chain:
    """All verified chunks of one host and source, as the day sums they give.

    ``facts`` are what they say beside their counters (none if no chunk verified). ``begins`` has of every epoch the place of the first packed chunk, where the one before it
    ended and where it begins (ms). ``first_ms`` and ``last_ms`` are the earliest start and the latest end of all chunks,
    ``boots`` the boot ids, ``activity`` the sets of accounts.
    """

    host: str
    source: str
    count: int
    rows: tuple[DaySumRow, ...]
    facts: tuple[SourceFacts, ...]
    begins: tuple[tuple[str, int, int], ...]
    first_ms: int
    last_ms: int
    boots: frozenset[str]
    activity: tuple[ActivityRow, ...] = ()


@dataclass(frozen=True)
class Task:
    """What a chain is read from: ``names`` are its entries, ``enrolments`` those of host and source."""

    host: str
    source: str
    names: tuple[str, ...]
    enrolments: tuple[SignedEnrolment, ...]
    enterprise: str
    zone: str
    every_signature: bool = False


@dataclass(frozen=True)
class Result:
    """What a task gave: the chain (``None`` if it broke off), the findings, and every chunk that was seen."""

    chain: Chain | None
    findings: tuple[Finding, ...]
    seen: tuple[SeenChunk, ...]


Run = Callable[[Sequence[Task]], Iterable[Result]]
"""Does tasks, wherever, and gives their results in their order."""


def tasks(
    names: Iterable[str],
    *,
    places: Mapping[str, str],
    enrolled: Enrolled,
    enterprise: str,
    zone: str,
    every_signature: bool,
) -> list[Task]:
    """Return a task for every host and source, in their order.

    Args:
        names: the pack's chunk entries.
        places: host by place.
        enrolled: the keys that may sign.
        enterprise: of the pack.
        zone: of the day sums.
        every_signature: whether signatures are verified that the chain makes superfluous.
    """
    groups: dict[tuple[str, str], list[str]] = {}
    for name in names:
        found = layout.chunks_place(name)
        if found and found[0] in places:
            groups.setdefault((places[found[0]], found[1]), []).append(name)
    pins: dict[tuple[str, str], list[SignedEnrolment]] = {}
    for signed in enrolled.accepted:
        pins.setdefault((signed.enrolment.host, signed.enrolment.source), []).append(signed)
    return [
        Task(*key, tuple(entries), tuple(pins.get(key, ())), enterprise, zone, every_signature)
        for key, entries in sorted(groups.items())
    ]


def read_chain(task: Task, read: Callable[[str], bytes]) -> Result:
    """Return the chain of one host and source, and what does not hold of it.

    Memory is bounded by the largest entry, a batch, and the headers of the chain.
    """
    findings: list[Finding] = []
    chunks, links = _links(task, read, findings)
    seen = _Seen()
    followed = links.followed(seen.watching(chunks))
    contradictions = Contradictions(task.host)
    calendar = LocalCalendar(task.zone)
    said = list(hear(task.host, contradictions.watching(followed), calendar, ALL_DAYS))
    findings.extend(links.findings)
    findings.extend(contradictions.findings())
    # averages are packed without the other months and metrics in between
    if not carries_averages(task.source):
        findings.extend(_holes(task.host, links))
    chain = Chain(
        host=task.host,
        source=task.source,
        count=len(seen.chunks),
        rows=tuple(row for part in said for row in part.rows),
        facts=tuple(part.facts for part in said),
        begins=tuple(seen.begins.values()),
        first_ms=seen.first_ms,
        last_ms=seen.last_ms,
        boots=frozenset(seen.boots),
        activity=tuple(row for part in said for row in part.activity),
    )
    return Result(chain, tuple(findings), tuple(seen.chunks))


def attempt(task: Task, read: Callable[[str], bytes]) -> Result:
    """Return what ``read_chain`` returns; if it breaks off, that is the finding."""
    try:
        return read_chain(task, read)
    except Exception as error:  # noqa: BLE001 - fails closed: one chain that breaks off must not hide the others
        got = f"{task.source}: {type(error).__name__}: {error}"[:MAX_SHOWN]
        return Result(None, (Finding("INTERNAL", "step 4", task.host, "the step ends", got),), ())


def read_here(read: Callable[[str], bytes]) -> Run:
    """Return what does tasks in this process, one after another."""

    def run(todo: Sequence[Task]) -> Iterator[Result]:
        for task in todo:
            yield attempt(task, read)

    return run


def hour_reader(
    todo: Sequence[Task], read: Callable[[str], bytes], calendar: LocalCalendar, window: Window
) -> Callable[[str], HostHours]:
    """Return a function that gives a host's hour sums over the window, from its chunks, opened once more.

    Chains are read before the scope and the edition are known, so neither the window is known then
    nor whether hours are asked for; and this way memory holds the hours of one host at a time. The
    chunks are those that were taken: what does not verify or follow is left out here too, and was
    reported there.
    """

    def hours(host: str) -> HostHours:
        found: dict[tuple[str, str], Mapping[int, DaySum]] = {}
        for task in todo:
            if task.host == host:
                chunks, links = _links(task, read, [])
                found.update(host_hour_sums(links.followed(chunks), calendar, window))
        return found

    return hours


def _links(
    task: Task, read: Callable[[str], bytes], findings: list[Finding]
) -> tuple[Iterator[Opened], Links]:
    packed = PackedChunks(
        read,
        {signed.enrolment.epoch: signed for signed in task.enrolments},
        task.enterprise,
        findings=findings,
        every_signature=task.every_signature,
    )
    links = Links({signed.hash: signed for signed in task.enrolments}, from_first=False)
    return packed.opened(task.host, task.names, Batches(packed).open_all), links


@dataclass
class _Seen:
    """What later steps ask about the chunks that went by."""

    chunks: list[SeenChunk] = field(default_factory=list)
    begins: dict[int, tuple[str, int, int]] = field(default_factory=dict)
    first_ms: int = LATEST_MS
    last_ms: int = 0
    boots: set[str] = field(default_factory=set)

    def watching(self, chunks: Iterator[Opened]) -> Iterator[Opened]:
        for stored, chunk in chunks:
            header = chunk.header
            begin = (place_text(place(stored)), header.prev_end_ms, header.start_ms)
            self.begins.setdefault(stored.epoch, begin)
            self.first_ms = min(self.first_ms, header.start_ms)
            self.last_ms = max(self.last_ms, header.end_ms)
            self.boots.add(header.boot)
            self.chunks.append(
                SeenChunk(
                    stored.host, stored.source, stored.epoch, header.seq, chunk.hash,
                    header.start_ms, header.end_ms, header.anchor,
                    _read_ms(chunk), long_intervals(chunk),
                )
            )  # fmt: skip
            yield stored, chunk


def _read_ms(chunk: Chunk) -> int:
    """Return the time of a chunk's first new reading (``verifier.seen``)."""
    if isinstance(chunk, Prepared):
        return chunk.read_ms()
    return chunk.values[0][1] if chunk.header.rows > 1 else chunk.header.end_ms


def _holes(host: str, links: Links) -> Iterator[Finding]:
    for hole in links.holes:
        source, epoch, first, last = hole
        where = place_text((source, epoch, first))
        slot = links.slots.get(hole, "")
        yield Finding("SEQ_MISSING", where, host, f"{first} to {last}", f"{last + 1 - first} missing", slot)
