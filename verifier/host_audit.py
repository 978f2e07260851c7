"""Audit of some hosts: what one process, or one machine, does at a time.

Hosts are independent of one another, so a piece of an audit is a list of hosts; what is found of a host
never depends on the others of its piece. Rules 1 to 3 of ``verifier.audit``.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import date

from evidence.accounts import HASH_BYTES
from evidence.activity import ActivityKey
from evidence.calendar import LocalCalendar
from evidence.chunk import EARLIEST_MS, LATEST_MS
from evidence.crediting import reach
from evidence.day_sum import DaySum
from evidence.day_sum import span as claimed
from evidence.enrolment import SignedEnrolment
from evidence.errors import EvidenceError
from verifier import recompute
from verifier.activity import Uniting
from verifier.finding import Finding
from verifier.links import Hole, Links
from verifier.ports import Archive, Dropped
from verifier.recompute import Opened, place, place_text
from verifier.stored_chunks import Claim, StoredChunks

SumKey = tuple[str, str, int]
"""Source, metric and local day."""
ActivityPlace = tuple[str, ActivityKey]
"""Source, and what a set of accounts is about."""
SHOWN_DIGITS = 12


@dataclass(frozen=True)
class Piece:
    """What is audited at once.

    ``hosts`` are sorted; ``None`` stands for all, with those that only day sums name. ``month`` ``None``
    stands for everything. ``hashes`` asks for the hashes of the chunks (``HostsAudited.hashes``).
    """

    hosts: tuple[str, ...] | None = None
    month: str | None = None
    every_signature: bool = False
    hashes: bool = False


@dataclass(frozen=True)
class HostsAudited:
    """What came of a piece: findings (sorted), counts, and by host the hashes of its chunks, 32 bytes each.

    Hashes are of all whole frames, in the order of source, epoch and seq.
    """

    findings: tuple[Finding, ...] = ()
    hosts: int = 0
    chunks: int = 0
    values: int = 0
    day_sums: int = 0
    hashes: tuple[tuple[str, bytes], ...] = ()


def days_of(calendar: LocalCalendar, month: str | None) -> tuple[int, int]:
    """Return the first day that is audited and the one after the last.

    Raises:
        MalformedError: not a month.
    """
    return calendar.month(month) if month else (calendar.day_of(EARLIEST_MS), calendar.day_of(LATEST_MS) + 1)


def audit_hosts(archive: Archive, piece: Piece, dropped: Dropped | None = None) -> HostsAudited:
    """Return what is wrong with the hosts of a piece.

    Args:
        archive: the evidence; its day sums and sets of accounts may be those of the piece alone.
        piece: the hosts.
        dropped: what the store knows of chunks whose bytes it dropped; ``None``: it dropped none.

    Raises:
        MalformedError: not a month.
    """
    calendar = LocalCalendar(archive.timezone)
    days = days_of(calendar, piece.month)
    gone = _Gone(dropped)
    findings: list[Finding] = []
    stored: dict[str, dict[SumKey, DaySum]] = {}
    for row in archive.day_sums(*days):
        if row.day in gone.days:
            continue
        kept = stored.setdefault(row.host, {})
        key = (row.source, row.metric, row.day)
        if key in kept:
            findings.append(_sum_finding("DAY_SUM_EXTRA", row.host, key, got=row.sums))
        kept.setdefault(key, row.sums)
    people: dict[str, dict[ActivityPlace, bytes]] = {}
    for active in archive.activity(*days):
        if active.key.day not in gone.days:
            people.setdefault(active.host, {})[active.source, active.key] = active.hashes
    pins: dict[str, dict[str, SignedEnrolment]] = {}
    for signed in archive.enrolments():
        pins.setdefault(signed.enrolment.host, {})[signed.hash] = signed
    hosts = piece.hosts if piece.hosts is not None else sorted({*archive.hosts(), *stored, *people})
    run = _Run(archive, calendar, days, gone, piece)
    for host in hosts:
        run.host(host, pins.pop(host, {}), stored.pop(host, {}), people.pop(host, {}))
    return HostsAudited(
        tuple(sorted((*findings, *run.findings), key=order)),
        len(hosts),
        run.chunks,
        run.values,
        run.day_sums,
        tuple(run.hashes),
    )


def order(finding: Finding) -> tuple[str, ...]:
    """Return what findings of an audit are sorted by."""
    return finding.host, finding.place, finding.code, finding.expected, finding.got


class _Gone:
    """The days of months whose chunks were dropped, and what is known of these chunks."""

    def __init__(self, dropped: Dropped | None) -> None:
        self._dropped = dropped
        every = [] if dropped is None else dropped.dropped_months()
        self.days = frozenset(day for one in every for day in range(*one.days))

    def seqs(self, host: str, source: str, epoch: int) -> set[int]:
        """Return the numbers of the dropped chunks of a chain."""
        if self._dropped is None or not self.days:
            return set()
        found = self._dropped.dropped_chunks(host)
        return {chunk.seq for chunk in found if (chunk.source, chunk.epoch) == (source, epoch)}


class _Run:
    """Counts and findings of one piece."""

    def __init__(
        self, archive: Archive, calendar: LocalCalendar, days: tuple[int, int], gone: _Gone, piece: Piece
    ) -> None:
        self._archive = archive
        self._calendar = calendar
        self._days = days
        self._gone = gone
        self._piece = piece
        self._mine: list[bytes] = []
        self.findings: list[Finding] = []
        self.hashes: list[tuple[str, bytes]] = []
        self.chunks = self.values = self.day_sums = 0

    def host(
        self,
        host: str,
        pins: Mapping[str, SignedEnrolment],
        stored: Mapping[SumKey, DaySum],
        people: Mapping[ActivityPlace, bytes],
    ) -> None:
        whole, calendar = self._piece.month is None, self._calendar
        reader = StoredChunks(pins, self._archive.enterprise, every_signature=self._piece.every_signature)
        span = (calendar.day_start(self._days[0]), calendar.day_start(self._days[1]))
        if whole:
            claims = reader.proved(self._archive.chunks(host, *span))
        else:
            claims = iter(self._touching(reader, host, span))
        chunks = self._opened(reader, claims)
        links = Links(pins, from_first=whole)
        uniting = Uniting(host, calendar, self._days)
        watched = uniting.watching(links.followed(chunks))
        rows = recompute.host_day_sums(host, watched, calendar, self._days)
        gone = self._gone.days
        found = {(row.source, row.metric, row.day): row.sums for row in rows if row.day not in gone}
        self.findings.extend(links.findings)
        if links.holes:
            self.findings.extend(self._missing(host, links.holes))
        self.day_sums += len(found.keys() | stored.keys())
        self.findings.extend(_compare(host, found, stored))
        united = {(row.source, row.key): row.hashes for row in uniting.rows() if row.key.day not in gone}
        self.findings.extend(_compare_people(host, united, people))
        if self._piece.hashes:
            self.hashes.append((host, b"".join(self._mine)))
            self._mine.clear()

    def _touching(self, reader: StoredChunks, host: str, span: tuple[int, int]) -> list[Claim]:
        """Return the chunks that touch the span, and the neighbours whose claims decide what they are credited.

        As ``recompute.opened_chunks``; what lies before and after is asked for apart, so that nothing is read twice.
        """
        found = list(reader.proved(self._archive.chunks(host, *span)))
        reached = [claimed(claim.header) for claim in found if claim.proved and claim.header is not None]
        if not reached:
            return found
        first, last = reach(reached)
        for start, end in ((first, span[0]), (span[1], last)):
            if start < end:
                seen = {place(claim.stored) for claim in found}
                near = (one for one in self._archive.chunks(host, start, end) if place(one) not in seen)
                found += reader.proved(near)
        return sorted(found, key=lambda claim: place(claim.stored))

    def _opened(self, reader: StoredChunks, claims: Iterable[Claim]) -> Iterator[Opened]:
        """Yield what verifies; note what does not."""
        for claim, found in reader.opened(claims):
            stored = claim.stored
            self.chunks += 1
            if self._piece.hashes and claim.frame is not None:
                self._mine.append(bytes.fromhex(claim.frame.hash))
            if isinstance(found, EvidenceError):
                got = f"{found.code}: {found}"
                self.findings.append(Finding("CHUNK", place_text(place(stored)), stored.host, got=got))
                continue
            self.values += found.header.rows * found.header.columns
            yield stored, found

    def _missing(self, host: str, holes: Sequence[Hole]) -> Iterator[Finding]:
        """Yield the holes that no stored chunk fills: one outside the month, or one that is damaged."""
        for source, epoch, first, last in holes:
            filled = {stored.seq for stored in self._archive.chain(host, source, epoch, first, last)}
            filled |= {seq for seq in self._gone.seqs(host, source, epoch) if first <= seq <= last}
            absent = last + 1 - first - len(filled)
            if absent:
                begin = next(seq for seq in range(first, last + 1) if seq not in filled)
                yield Finding(
                    "SEQ_MISSING",
                    place_text((source, epoch, begin)),
                    host,
                    expected=f"{first} to {last}",
                    got=f"{absent} of {last + 1 - first} missing",
                )


def _compare(host: str, found: Mapping[SumKey, DaySum], stored: Mapping[SumKey, DaySum]) -> Iterator[Finding]:
    for key in found.keys() | stored.keys():
        if key not in stored:
            yield _sum_finding("DAY_SUM_MISSING", host, key, expected=found[key])
        elif key not in found:
            yield _sum_finding("DAY_SUM_EXTRA", host, key, got=stored[key])
        elif found[key] != stored[key]:
            yield _sum_finding("DAY_SUM_DIFFERS", host, key, expected=found[key], got=stored[key])


def _compare_people(
    host: str, found: Mapping[ActivityPlace, bytes], stored: Mapping[ActivityPlace, bytes]
) -> Iterator[Finding]:
    for where in found.keys() | stored.keys():
        mine, theirs = found.get(where), stored.get(where)
        if mine != theirs:
            code = (
                "ACTIVITY_MISSING"
                if theirs is None
                else "ACTIVITY_EXTRA"
                if mine is None
                else "ACTIVITY_DIFFERS"
            )
            source, key = where
            yield Finding(
                code,
                f"{source}/{key.definition}/{date.fromordinal(key.day)}",
                host,
                expected="" if mine is None else _accounts(mine),
                got="" if theirs is None else _accounts(theirs),
            )


def _accounts(blob: bytes) -> str:
    return f"{len(blob) // HASH_BYTES} accounts, SHA-256 {hashlib.sha256(blob).hexdigest()[:SHOWN_DIGITS]}"


def _sum_finding(
    code: str, host: str, key: SumKey, *, expected: DaySum | None = None, got: DaySum | None = None
) -> Finding:
    """Show of two sums the fields that differ, of one all that are not zero."""
    source, metric, day = key
    left, right = asdict(expected or DaySum()), asdict(got or DaySum())
    differing = [name for name in left if left[name] != right[name]]
    return Finding(
        code,
        f"{source}/{metric}/{date.fromordinal(day)}",
        host,
        expected=" ".join(f"{name}={left[name]}" for name in differing) if expected else "",
        got=" ".join(f"{name}={right[name]}" for name in differing) if got else "",
    )
