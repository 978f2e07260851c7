"""The log that an honest collector would have kept of a fleet in memory."""

from __future__ import annotations

import hashlib
from bisect import bisect_left
from collections.abc import Iterator, Mapping, Sequence
from datetime import date
from typing import Any

from fleet import MemoryArchive

from evidence import checkpoint, log_records, merkle
from evidence.calendar import LocalCalendar
from evidence.chunk import parse_header, read_frame
from evidence.errors import EvidenceError
from evidence.keys import PrivateKey
from evidence.log_entry import CHUNK, CLOSE, DAY_MARK, DOCUMENT, EDITION, ENROLMENT, SCOPE, LogEntry
from evidence.log_records import DayMark, MonthClose
from evidence.merkle import Frontier
from verifier.ledger import decode, logged_sha256
from verifier.ports import Log

FAR_MS = (0, 4_000_000_000_000)
DELAY_MS = 1_000


class MemoryLog:
    """``verifier.ports.Log`` in memory; appends as a collector does."""

    def __init__(self, key: PrivateKey, *, names_scopes: bool = True) -> None:
        self.key = key
        self.names_scopes = names_scopes
        self.leaves: list[LogEntry] = []
        self.frontiers = [Frontier()]
        self.nodes: dict[tuple[int, int], bytes] = {}
        self.notes: list[tuple[int, bytes]] = []
        self.marks: list[tuple[int, bytes]] = []
        self.closed: list[tuple[int, bytes]] = []
        self.bodies: dict[str, bytes] = {}

    def append(self, kind: int, hash_: str, arrival_ms: int) -> int:
        last_ms = self.leaves[-1].arrival_ms if self.leaves else 0
        return self.append_as_it_is(LogEntry(kind, hash_, max(arrival_ms, last_ms)))

    def append_as_it_is(self, entry: LogEntry) -> int:
        index = len(self.leaves)
        frontier, completed = self.frontiers[-1].append(entry.leaf)
        self.leaves.append(entry)
        self.frontiers.append(frontier)
        self.nodes.update({(level, index >> level): hash_ for level, hash_ in enumerate(completed)})
        return index

    def sign(self, key: PrivateKey | None = None) -> None:
        if self.notes and self.notes[-1][0] == self.size:
            return
        note = checkpoint.sign(self.size, self.frontiers[-1].root, key=key or self.key)
        self.notes.append((self.size, note))

    def mark(self, enterprise: str, day: int, timezone: str, arrival_ms: int) -> None:
        newest = next((leaf.hash for leaf in reversed(self.leaves) if leaf.kind == SCOPE), "")
        if not self.names_scopes:
            newest = None
        record = DayMark(enterprise, date.fromordinal(day).isoformat(), timezone, scope=newest).encode()
        self.marks.append((self.append(DAY_MARK, log_records.sha256(record), arrival_ms), record))
        self.sign()

    def close(self, archive: MemoryArchive, month: str, arrival_ms: int) -> None:
        record = MonthClose(archive.enterprise, month, archive.timezone, self.size).encode()
        self.closed.append((self.append(CLOSE, log_records.sha256(record), arrival_ms), record))
        self.sign()

    # verifier.ports.Log

    @property
    def size(self) -> int:
        return len(self.leaves)

    def entries(self, first: int, after: int) -> Iterator[LogEntry]:
        yield from self.leaves[first:after]

    def find(self, kind: int, hashes: Sequence[str]) -> Mapping[str, int]:
        wanted, found = set(hashes), {}
        for index, entry in enumerate(self.leaves):
            if entry.kind == kind and entry.hash in wanted:
                found.setdefault(entry.hash, index)
        return found

    def headers(self, hashes: Sequence[str]) -> Mapping[str, bytes]:
        return {hash_: self.bodies[hash_] for hash_ in hashes if hash_ in self.bodies}

    def first_at(self, arrival_ms: int) -> int:
        return bisect_left(self.leaves, arrival_ms, key=lambda entry: entry.arrival_ms)

    def frontier(self, size: int) -> Frontier:
        return self.frontiers[size]

    def proof(self, index: int, size: int) -> Sequence[bytes]:
        return merkle.inclusion_proof(index, size, lambda level, at: self.nodes[level, at])

    def checkpoints(self) -> Sequence[tuple[int, bytes]]:
        return self.notes

    def day_marks(self) -> Sequence[tuple[int, bytes]]:
        return self.marks

    def closes(self) -> Sequence[tuple[int, bytes]]:
        return self.closed


class _Hidden(dict[str, int]):
    def __contains__(self, _hash: object) -> bool:
        return False


class BehindScopes:
    """A log whose packed stretch begins where its owner likes, behind the scope in use if it is old enough."""

    def __init__(self, log: Log) -> None:
        self._log = log

    def __getattr__(self, name: str) -> Any:
        return getattr(self._log, name)

    def find(self, kind: int, hashes: Sequence[str]) -> Mapping[str, int]:
        found = self._log.find(kind, hashes)
        return _Hidden(found) if kind == SCOPE else found


def honest_log(
    archive: MemoryArchive,
    *,
    key: PrivateKey,
    month: str,
    made_ms: int,
    scopes: Sequence[tuple[int, bytes]] = (),
    marked: bool = True,
    closed: bool = True,
    ledger_ms: int | None = None,
    edition: bytes = b"",
    names_scopes: bool = True,
) -> MemoryLog:
    """Everything logged a second after it was there, every day marked, the month closed when it was over.

    ``scopes`` are (declared_ms, record), logged with the bytes of their ``edition``; ``ledger_ms`` is when the ledger came, long before the month if not given. What happened after ``made_ms`` is logged at that time.
    Without ``names_scopes`` the marks are those of before format 1.1.
    """
    log, calendar = MemoryLog(key, names_scopes=names_scopes), LocalCalendar(archive.timezone)
    first, after = calendar.month(month)
    begin_ms = calendar.day_start(first) - 40 * 86_400_000
    events: list[tuple[int, int, int, str]] = [(begin_ms, 0, ENROLMENT, signed.hash) for signed in archive.enrolments()]  # fmt: skip
    events += [(at_ms, 1, SCOPE, hashlib.sha256(record).hexdigest()) for at_ms, record in scopes]
    if scopes and edition:
        events.append((scopes[0][0], 1, EDITION, hashlib.sha256(edition).hexdigest()))
    ledger = decode(archive.ledger_bytes)
    if ledger.entries:
        events.append((ledger_ms or begin_ms, 1, DOCUMENT, logged_sha256(ledger)))
    for host in archive.hosts():
        for stored in archive.chunks(host, *FAR_MS):
            try:
                frame = read_frame(stored.frame)
            except EvidenceError:  # damaged at rest by a test
                continue
            events.append((parse_header(frame.header).end_ms + DELAY_MS, 2, CHUNK, frame.hash))
            log.bodies[frame.hash] = frame.header
    events.sort()
    close_ms = calendar.day_start(after)
    day = calendar.day_of(min([begin_ms, *(event[0] for event in events)]))

    def pass_time(until_ms: int) -> None:
        nonlocal day
        while calendar.day_start(day + 1) <= until_ms:
            if marked:
                log.mark(archive.enterprise, day, archive.timezone, calendar.day_start(day + 1) + DELAY_MS)
            day += 1

    for at_ms, _, kind, hash_ in events:
        pass_time(min(at_ms, made_ms))
        log.append(kind, hash_, min(at_ms, made_ms))
    pass_time(made_ms)
    if closed and made_ms >= close_ms:
        log.close(archive, month, made_ms)
    return log
