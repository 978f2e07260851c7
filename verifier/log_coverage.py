"""Step 5a of the check, second half: what the pack rests on was logged, in time and without a day left out.

6. Every chunk, enrolment and scope record of the pack has its leaf, and so has the ledger. A declared scope's
   edition has one too, else the pack is incomplete (before there were such leaves, none had).
7. No chunk ends later than it arrived (but for ten minutes that clocks may differ); chunks that came more
   than ``LATE_MS`` after their end are listed.
8. Every day of the window that was over when the pack was made has its mark, and a checkpoint between it
   and the next mark; marks of later than a day are listed.
9. The month was closed after the last chunk of the pack came, and the pack holds every chain to its end
   as the close names it.

Of 8 and 9 a pack that lacks them is incomplete: nothing contradicts, but less is proved.
"""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Collection, Sequence
from dataclasses import dataclass, field
from datetime import date

from evidence.calendar import LocalCalendar
from evidence.chunk import Chunk
from evidence.enrolment import SignedEnrolment
from evidence.errors import EvidenceError
from evidence.log_entry import DOCUMENT, EDITION, ENROLMENT, SCOPE
from evidence.log_records import DayMark, MonthClose
from evidence.sources import carries_averages
from evidence.stored import StoredChunk
from verifier import layout
from verifier.contents import Contents
from verifier.declaration import read_scopes
from verifier.derivation import Declared
from verifier.errors import VerifierError
from verifier.finding import Finding
from verifier.ledger import decode, logged_sha256
from verifier.log_reading import Marked, PackedLog
from verifier.recompute import place, place_text
from verifier.statement import Statement
from verifier.window import Window

MS_PER_DAY = 86_400_000
LATE_MS = MS_PER_DAY
"""The next day's checkpoint covers what comes within a day."""
AHEAD_MS = 600_000
"""Hosts' clocks may be ahead of the collector's by ten minutes (docs/wire.md)."""
MARK_GRACE_MS = 3_600_000
"""A day that ended less than an hour before the pack was made may still wait for its mark."""
SHOWN_DAYS = 5

ChainName = tuple[str, str, int]
"""Host, source, epoch."""


@dataclass
class _Missing:
    first: str
    count: int = 0


@dataclass
class Coverage:
    """Takes the chunks of a pack one by one, then says what the log lacks."""

    log: PackedLog
    findings: list[Finding]
    missing: dict[ChainName, _Missing] = field(default_factory=dict)
    late: dict[tuple[str, str], list[int]] = field(default_factory=dict)
    last_seq: dict[ChainName, int] = field(default_factory=dict)
    totals: Counter[ChainName] = field(default_factory=Counter)
    last_leaf: int = -1

    def take(self, stored: StoredChunk, chunk: Chunk) -> None:
        """Steps 6 and 7 for one verified chunk."""
        header = chunk.header
        name = (header.host, header.source, stored.epoch)
        self.totals[name] += 1
        self.last_seq[name] = max(self.last_seq.get(name, -1), header.seq)
        found = self.log.chunk(chunk.hash)
        where = place_text(place(stored))
        if found is None:
            self.missing.setdefault(name, _Missing(where)).count += 1
            return
        self.last_leaf = max(self.last_leaf, found.leaf)
        if header.end_ms > found.arrival_ms + AHEAD_MS:
            self._report(
                "LOG_ARRIVAL",
                where,
                header.host,
                expected=f"an end before {found.arrival_ms} ms",
                got=f"{header.end_ms} ms",
            )
        elif found.arrival_ms - header.end_ms > LATE_MS:
            late = self.late.setdefault((header.host, header.source), [0, 0])
            late[0] += 1
            late[1] = max(late[1], found.arrival_ms - header.end_ms)

    def chunks_done(self) -> None:
        """Report what the chunks showed."""
        for name, missing in sorted(self.missing.items()):
            got = f"{missing.count} of {self.totals[name]} chunks have no leaf"
            self._report("LOG_LEAF_MISSING", missing.first, name[0], got=got)
        for (host, source), (count, worst_ms) in sorted(self.late.items()):
            got = f"{count} chunks, up to {worst_ms // MS_PER_DAY} days after their end"
            self._report("CHUNK_LATE", source, host, got=got)

    def records(self, enrolments: Sequence[SignedEnrolment], scope_records: Sequence[bytes]) -> None:
        """Step 6 for enrolments and scope records."""
        for signed in enrolments:
            if self.log.find(ENROLMENT, signed.hash) is None:
                self._report("LOG_LEAF_MISSING", layout.ENROLMENTS, signed.enrolment.host, got=signed.hash)
        for number, record in enumerate(scope_records, 1):
            hash_ = hashlib.sha256(record).hexdigest()
            if self.log.find(SCOPE, hash_) is None:
                self._report("LOG_LEAF_MISSING", f"{layout.SCOPES} version {number}", got=hash_)

    def ledger(self, data: bytes) -> None:
        """Step 6 for the ledger; one that cannot be read is reported by step 7."""
        try:
            entries = decode(data)
        except VerifierError:
            return
        if entries.entries and self.log.find(DOCUMENT, logged_sha256(entries)) is None:
            self._report("LOG_LEAF_MISSING", layout.LEDGER, got=logged_sha256(entries))

    def edition(self, declared: Declared) -> None:
        """Step 6 for the edition of a declared scope; without one there is nothing that could have named it."""
        used = declared.edition
        if declared.scope is not None and declared.scopes and self.log.find(EDITION, used.sha256) is None:
            self._report(
                "EDITION_NOT_LOGGED", layout.EDITION, expected=f"a leaf of {used.sha256}", got="none"
            )

    def window(self, statement: Statement, window: Window, hosts: Collection[str] | None) -> None:
        """Steps 8 and 9; ``hosts`` are those that were declared, ``None`` if all of the store are."""
        self._days(statement, window)
        self._close(statement, window, hosts)

    def _days(self, statement: Statement, window: Window) -> None:
        marks: dict[int, tuple[Marked, int]] = {}
        calendar = LocalCalendar(statement.timezone)
        for number, (marked, mark) in enumerate(self.log.day_marks, 1):
            after = self.log.day_marks[number : number + 1]
            next_leaf = after[0][0].leaf if after else self.log.size
            if not self._same(layout.LOG_DAY_MARKS, statement, mark):
                return
            calendar = LocalCalendar(mark.timezone)
            if marks and mark.day <= max(marks):
                self._report(
                    "LOG_RECORD", layout.LOG_DAY_MARKS, got=f"{mark.date} comes after {_iso(max(marks))}"
                )
            marks.setdefault(mark.day, (marked, next_leaf))
        sizes = [signed.checkpoint.size for signed in self.log.checkpoints]
        absent: list[int] = []
        bare: list[int] = []
        for day in range(calendar.day_of(window.start_ms), calendar.day_of(window.end_ms - 1) + 1):
            over_ms = calendar.day_start(day + 1)
            if over_ms > statement.made_ms - MARK_GRACE_MS:
                break
            if day not in marks:
                absent.append(day)
                continue
            marked, next_leaf = marks[day]
            if not any(marked.leaf < size <= next_leaf for size in sizes):
                bare.append(day)
            if marked.arrival_ms < over_ms:
                got = f"{marked.arrival_ms} ms"
                self._report(
                    "LOG_ARRIVAL", f"{layout.LOG_DAY_MARKS} {_iso(day)}", expected=f"{over_ms} ms", got=got
                )
            elif marked.arrival_ms - over_ms > LATE_MS:
                days = (marked.arrival_ms - over_ms) // MS_PER_DAY
                self._report("LOG_DAY_LATE", f"{layout.LOG_DAY_MARKS} {_iso(day)}", got=f"{days} days late")
        for what, bad in (("no mark", absent), ("no checkpoint after the mark", bare)):
            if bad:
                shown = ", ".join(_iso(day) for day in bad[:SHOWN_DAYS]) + (" …" if bad[SHOWN_DAYS:] else "")
                self._report(
                    "LOG_DAY_MISSING", layout.LOG_DAY_MARKS, got=f"{len(bad)} days have {what}: {shown}"
                )

    def _close(self, statement: Statement, window: Window, hosts: Collection[str] | None) -> None:
        mine = [
            (marked, close)
            for marked, close in self.log.closes
            if self._same(layout.LOG_CLOSE, statement, close) and close.month == statement.month
        ]
        calendar = LocalCalendar(mine[-1][1].timezone if mine else statement.timezone)
        month_end_ms = calendar.day_start(calendar.month(statement.month)[1])
        if statement.made_ms < month_end_ms and not mine:
            return  # nobody can close a month that is not over; the figures are provisional
        if not mine:
            self._report(
                "LOG_NOT_CLOSED", layout.LOG_CLOSE, expected=f"starproof log close --month {statement.month}"
            )
            return
        marked, close = mine[-1]
        if close.size != marked.leaf:
            self._report(
                "LOG_RECORD", layout.LOG_CLOSE, expected=f"size {marked.leaf}", got=f"size {close.size}"
            )
        if self.last_leaf > marked.leaf:
            got = f"a chunk at leaf {self.last_leaf}, the close at leaf {marked.leaf}"
            self._report("LOG_AFTER_CLOSE", layout.LOG_CLOSE, got=got)
        if month_end_ms > window.end_ms:
            return  # the window ends before the month: its chunks end earlier too
        expected = None if hosts is None else {*hosts, *(host for host, _, _ in self.last_seq)}
        for chain in close.chains:
            if carries_averages(chain.source) or (expected is not None and chain.host not in expected):
                continue  # averages are packed without what lies around them; other hosts are not declared
            last = self.last_seq.get((chain.host, chain.source, chain.epoch), -1)
            if last < chain.last_seq:
                place_ = place_text((chain.source, chain.epoch, chain.last_seq))
                self._report(
                    "LOG_CUT",
                    place_,
                    chain.host,
                    expected=f"to number {chain.last_seq}",
                    got=f"to number {last}",
                )

    def _same(self, entry: str, statement: Statement, record: DayMark | MonthClose) -> bool:
        """Records are of this enterprise and of a zone that exists."""
        try:
            LocalCalendar(record.timezone)
        except EvidenceError as error:
            self._report("LOG_RECORD", entry, got=str(error))
            return False
        if record.enterprise != statement.enterprise:
            self._report("LOG_RECORD", entry, expected=statement.enterprise, got=record.enterprise)
            return False
        return True

    def _report(self, code: str, where: str, host: str = "", *, expected: str = "", got: str = "") -> None:
        self.findings.append(Finding(code, where, host, expected, got))


def declared_records(contents: Contents) -> list[bytes]:
    """Return the records of the declared scopes in a pack; what cannot be read is reported by step 7."""
    if not contents.has(layout.SCOPES):
        return []
    try:
        return [record for record, _ in read_scopes(contents.read(layout.SCOPES))]
    except (EvidenceError, VerifierError):
        return []


def ignore(_stored: StoredChunk, _chunk: Chunk) -> None:
    """Take a chunk of a pack without a log: nothing is asked of it."""


def _iso(day: int) -> str:
    return date.fromordinal(day).isoformat()
