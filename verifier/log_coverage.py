"""Step 5 of the check, second half: what the pack rests on was logged, in time and without a day left out.

6. Every chunk, enrolment and scope record of the pack has its leaf, and so has the ledger. A declared scope's
   edition has one too, else the pack is incomplete (before there were such leaves, none had).
7. No chunk ends later than it arrived (but for ten minutes that clocks may differ); chunks that came more
   than ``LATE_MS`` after their end are listed.
8. Every day of the window that was over when the pack was made has its mark, and a checkpoint between it
   and the next mark; marks of later than a day are listed.
9. The month was closed after the last chunk of the pack came.
14. No leaf of the packed stretch arrived after the pack was made (but for the ten minutes of rule 7).

What the log holds beside that is asked by ``verifier.log_accounts``, of declared scopes by ``verifier.log_scopes``. Of 8 and 9 a pack that lacks them is incomplete: nothing contradicts, but less is proved.
"""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import date

from evidence.calendar import LocalCalendar
from evidence.enrolment import SignedEnrolment
from evidence.errors import EvidenceError
from evidence.log_entry import DOCUMENT, EDITION, ENROLMENT, SCOPE
from evidence.log_records import DayMark, MonthClose
from verifier import layout, slots
from verifier.contents import Contents
from verifier.declaration import read_scopes
from verifier.derivation import Declared
from verifier.errors import VerifierError
from verifier.finding import Finding
from verifier.ledger import decode, logged_sha256
from verifier.log_accounts import Asked, account
from verifier.log_reading import Marked, PackedLog
from verifier.log_scopes import scope_findings
from verifier.seen import SeenChunk
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
    slot: str
    count: int = 0


@dataclass
class Coverage:
    """Takes the chunks of a pack one by one, then says what the log lacks."""

    log: PackedLog
    findings: list[Finding]
    missing: dict[ChainName, _Missing] = field(default_factory=dict)
    late: dict[tuple[str, str], list[int]] = field(default_factory=dict)
    totals: Counter[ChainName] = field(default_factory=Counter)
    last_leaf: int = -1
    packed: bytearray = field(init=False)
    """Of every leaf of the stretch, whether it is that of a chunk that was taken."""

    def __post_init__(self) -> None:
        """Begin with none."""
        self.packed = bytearray(len(self.log.leaves))

    def take(self, header: SeenChunk) -> None:
        """Rules 6 and 7 for one verified chunk."""
        name = (header.host, header.source, header.epoch)
        self.totals[name] += 1
        found = self.log.chunk(header.hash)
        where = header.place
        if found is None:
            self.missing.setdefault(name, _Missing(where, slots.hour(header.start_ms))).count += 1
            return
        self.last_leaf = max(self.last_leaf, found.leaf)
        self.packed[found.leaf - self.log.base] = True
        if header.end_ms > found.arrival_ms + AHEAD_MS:
            self._report(
                "LOG_ARRIVAL",
                where,
                header.host,
                expected=f"an end before {found.arrival_ms} ms",
                got=f"{header.end_ms} ms",
                slot=slots.hour(header.start_ms),
            )
        elif found.arrival_ms - header.end_ms > LATE_MS:
            late = self.late.setdefault((header.host, header.source), [0, 0])
            late[0] += 1
            late[1] = max(late[1], found.arrival_ms - header.end_ms)

    def chunks_done(self) -> None:
        """Report what the chunks showed."""
        for name, missing in sorted(self.missing.items()):
            got = f"{missing.count} of {self.totals[name]} chunks have no leaf"
            self._report("LOG_LEAF_MISSING", missing.first, name[0], got=got, slot=missing.slot)
        for (host, source), (count, worst_ms) in sorted(self.late.items()):
            got = f"{count} chunks, up to {worst_ms // MS_PER_DAY} days after their end"
            self._report("CHUNK_LATE", source, host, got=got)

    def records(self, enrolments: Sequence[SignedEnrolment], scope_records: Sequence[bytes]) -> None:
        """Rule 6 for enrolments and scope records."""
        for signed in enrolments:
            if self.log.find(ENROLMENT, signed.hash) is None:
                self._report("LOG_LEAF_MISSING", layout.ENROLMENTS, signed.enrolment.host, got=signed.hash)
        for number, record in enumerate(scope_records, 1):
            hash_ = hashlib.sha256(record).hexdigest()
            if self.log.find(SCOPE, hash_) is None:
                self._report("LOG_LEAF_MISSING", f"{layout.SCOPES} version {number}", got=hash_)

    def ledger(self, data: bytes) -> None:
        """Rule 6 for the ledger; one that cannot be read is reported by step 2."""
        try:
            entries = decode(data)
        except VerifierError:
            return
        if entries.entries and self.log.find(DOCUMENT, logged_sha256(entries)) is None:
            self._report("LOG_LEAF_MISSING", layout.LEDGER, got=logged_sha256(entries))

    def edition(self, declared: Declared) -> None:
        """Rule 6 for the edition of a declared scope; without one there is nothing that could have named it."""
        used = declared.edition
        if declared.scope is not None and declared.scopes and self.log.find(EDITION, used.sha256) is None:
            self._report(
                "EDITION_NOT_LOGGED", layout.EDITION, expected=f"a leaf of {used.sha256}", got="none"
            )

    def scopes(self, declared: Declared, scope_records: Sequence[bytes], window: Window) -> None:
        """Say which other scope the day marks name (``verifier.log_scopes``)."""
        self.findings += scope_findings(self.log, declared, scope_records, window)

    def window(self, statement: Statement, window: Window) -> None:
        """Rules 8, 9 and 14."""
        self._made(statement)
        self._days(statement, window)
        self._close(statement)

    def account(self, left_out: bytes, asked: Asked) -> None:
        """Say what of the log the pack does not account for (``verifier.log_accounts``)."""
        self.findings += account(self.log, self.packed, left_out, asked)

    def _made(self, statement: Statement) -> None:
        after = self.log.leaves.after(statement.made_ms + AHEAD_MS)
        if after:
            last_ms = self.log.leaves.arrival_ms(after[-1])
            self._report(
                "LOG_ARRIVAL",
                f"{layout.LOG_LEAVES}[{self.log.base + after[0]}]",
                expected=f"arrived before the pack was made, {statement.made_ms} ms",
                got=f"{len(after)} leaves later, the last at {last_ms} ms",
            )

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
                    "LOG_ARRIVAL",
                    f"{layout.LOG_DAY_MARKS} {_iso(day)}",
                    expected=f"{over_ms} ms",
                    got=got,
                    slot=_iso(day),
                )
            elif marked.arrival_ms - over_ms > LATE_MS:
                days = (marked.arrival_ms - over_ms) // MS_PER_DAY
                self._report(
                    "LOG_DAY_LATE",
                    f"{layout.LOG_DAY_MARKS} {_iso(day)}",
                    got=f"{days} days late",
                    slot=_iso(day),
                )
        for what, bad in (("no mark", absent), ("no checkpoint after the mark", bare)):
            if bad:
                shown = ", ".join(_iso(day) for day in bad[:SHOWN_DAYS]) + (" …" if bad[SHOWN_DAYS:] else "")
                self._report(
                    "LOG_DAY_MISSING",
                    layout.LOG_DAY_MARKS,
                    got=f"{len(bad)} days have {what}: {shown}",
                    slot=slots.days(bad[0], bad[-1]),
                )

    def _close(self, statement: Statement) -> None:
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

    def _report(
        self, code: str, where: str, host: str = "", *, expected: str = "", got: str = "", slot: str = ""
    ) -> None:
        self.findings.append(Finding(code, where, host, expected, got, slot))


def declared_records(contents: Contents) -> list[bytes]:
    """Return the records of the declared scopes in a pack; what cannot be read is reported by step 2."""
    if not contents.has(layout.SCOPES):
        return []
    try:
        return [record for record, _ in read_scopes(contents.read(layout.SCOPES))]
    except (EvidenceError, VerifierError):
        return []


def _iso(day: int) -> str:
    return date.fromordinal(day).isoformat()
