"""The check of anchors: which checkpoints were outside the applicant's hands, since when.

Steps; every step reports all that it finds, and only what comes from outside the pack confirms:

(1) receipts: each stands under the size of a checkpoint of this log and holds or stamps its bytes;
(2) time stamps: under roots that the reviewer brings, judged at their own time;
(3) mail: notes that the log's key signed, in messages from the reviewer's mailbox;
(4) codes: what stands in the log book is the code of the checkpoint;
(5) objects: what the reviewer fetched is the checkpoint, taken when the store says;
(6) forks: a note from outside that the log's key signed has the root of this log at its size; none
    from before the pack's last leaf, or from inside the window, is of more leaves than the pack has; and
    none from inside the window is of fewer than its base when the same witness has long had a later one;
(7) times: nothing was outside before the log says that it arrived;
(8) days: every day that has passed is covered by a confirmed anchor, in time, and so are its chunks;
(9) rules: scope, edition and log key were covered before the window began;
(10) sandwich: what chunks name exists and is older than they are, and none that the log names was left out.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace

from evidence.calendar import LocalCalendar
from evidence.errors import EvidenceError
from evidence.short_code import read_code, short_code
from verifier.anchors.days import anchored_days, day_findings
from verifier.anchors.interface import (
    CONFIRMED,
    MAIL,
    NAMED,
    OBJECT,
    PRINT,
    REFUSED,
    TIMESTAMP,
    Anchor,
    AnchorReport,
    LogView,
    NamedAnchor,
    Outside,
    Receipt,
)
from verifier.anchors.mailbox import notes_in, notes_of
from verifier.anchors.objects import ObjectAnswerError, read_about
from verifier.anchors.sandwich import SKEW_MS, named_findings, unpacked_findings
from verifier.anchors.timestamp import (
    MissingReaderError,
    OtherBytesError,
    OtherKindError,
    TimestampError,
    read_roots,
    read_token,
    verify_token,
)
from verifier.finding import Finding
from verifier.window import Window

PLACE_MAIL, PLACE_CODE = "mailbox", "log book"
STRAGGLER_MS = 5 * 24 * 3_600_000
"""What a sender tries again comes within hours after the witness took something newer; a mail server on
the way may hold one message back for four or five days (RFC 5321, 4.5.4.1)."""


@dataclass(frozen=True)
class Asked:
    """What the anchors are asked about.

    ``rules`` are the leaves that must have been fixed before the window, by name: index, or ``None`` where
    the log does not hold them; empty if nothing was declared. ``until_ms`` is when the pack was made.
    ``logged`` are the leaves of the chunks of each day, ``receipts_logged`` the receipts that the log names in the
    window, with their arrivals (ms).
    """

    window: Window
    calendar: LocalCalendar
    rules: Mapping[str, int | None]
    named: Sequence[NamedAnchor]
    until_ms: int
    logged: Mapping[int, Sequence[int]] = field(default_factory=dict)
    receipts_logged: Mapping[str, int] = field(default_factory=dict)


@dataclass
class Judge:
    """Judges the anchors of one pack; ``findings`` is where findings go."""

    log: LogView
    receipts: Sequence[Receipt]
    outside: Outside
    findings: list[Finding]
    _anchors: list[Anchor] = field(default_factory=list)
    _stamped: dict[str, int] = field(default_factory=dict)
    _end_ms: int = 0

    def judge(self, asked: Asked) -> AnchorReport:
        """Return which anchors there are and what they confirm."""
        # (1), (2)
        for receipt in sorted(self.receipts):
            self._receipt(receipt)
        self._end_ms = asked.window.end_ms
        # (3)
        for place, raw in self.outside.mail:
            for found in notes_in(place, raw):
                self._note(found.note, MAIL, found.place, found.received_ms, "no Received field tells when")
        # (4)
        for typed in self.outside.codes:
            after = None if typed.day is None else asked.calendar.day_start(typed.day + 1)
            self._code(typed.size, typed.code, after)
        # (5)
        for fetched in self.outside.objects:
            self._object(fetched.name, fetched.data, fetched.about)
        # (6), once it is known since when each witness had the packed leaves
        self._outdated()
        # (8)
        ended = [d for d in asked.window.starts if asked.calendar.day_start(d + 1) <= asked.until_ms]
        days = tuple(
            anchored_days(
                ended,
                calendar=asked.calendar,
                log=self.log,
                anchors=self._anchors,
                named=asked.named,
                known=self._stamped,
                logged=asked.logged,
            )
        )
        self.findings.extend(day_findings(days, asked.calendar))
        # (9)
        fixed_ms = self._rules_fixed(asked)
        # (10)
        hashes = {receipt.sha256 for receipt in self.receipts}
        self.findings.extend(named_findings(asked.named, receipts=hashes, known=self._stamped))
        self.findings.extend(unpacked_findings(asked.receipts_logged, hashes, asked.calendar))
        return AnchorReport(tuple(self._anchors), days, fixed_ms)

    def _receipt(self, receipt: Receipt) -> None:
        note = self.log.notes.get(receipt.size)
        if note is None:
            self._report("ANCHOR_RECEIPT", receipt.name, "a checkpoint of this size", "none in the pack")
            return
        if receipt.kind == TIMESTAMP:
            self._timestamp(receipt, note)
            return
        held = {
            MAIL: lambda: any(found.note == note for found in notes_in(receipt.name, receipt.data)),
            PRINT: lambda: note in notes_of(receipt.data),
            OBJECT: lambda: hashlib.sha256(note).hexdigest().encode() in receipt.data,
        }[receipt.kind]()
        if held:
            self._add(receipt.size, receipt.kind, NAMED, receipt.name, why=_wanted(receipt.kind))
        else:
            self._report("ANCHOR_RECEIPT", receipt.name, "the checkpoint of its size", "other bytes")

    def _timestamp(self, receipt: Receipt, note: bytes) -> None:
        try:
            if not self.outside.tsa_roots:
                stamp = read_token(receipt.data, note)
                why = f"says {stamp.claimed_ms} ms; give the authority's root certificate: --tsa-root"
                self._add(receipt.size, TIMESTAMP, NAMED, receipt.name, why=why)
                return
            roots = [root for data in self.outside.tsa_roots for root in read_roots(data)]
            time_ms = verify_token(receipt.data, note, roots)
        except OtherBytesError as error:
            self._report("ANCHOR_RECEIPT", receipt.name, "the checkpoint of its size", str(error))
        except (MissingReaderError, OtherKindError) as error:  # nothing speaks against it, and nothing for it
            why = f"not judged here: {error}"
            self._add(receipt.size, TIMESTAMP, NAMED, receipt.name, why=why)
            self._report("ANCHOR_NOT_JUDGED", receipt.name, "a time stamp that can be read here", str(error))
        except TimestampError as error:
            self._add(receipt.size, TIMESTAMP, REFUSED, receipt.name, why=str(error))
            self._report("ANCHOR_REFUSED", receipt.name, "a time stamp under your roots", str(error))
        else:
            self._stamped[receipt.sha256] = time_ms
            self._confirm(receipt.size, TIMESTAMP, receipt.name, time_ms)

    def _note(self, note: bytes, kind: str, place: str, time_ms: int | None, timeless: str) -> None:
        """Steps 3, 5 and 6: a note from outside."""
        found = self.log.read_note(note)
        if found is None:
            return  # another log's, or nobody's
        root = self.log.root(found.size)
        last_ms = (self.log.arrival_ms(self.log.size) or 0) - SKEW_MS
        if found.size > self.log.size and time_ms is not None and time_ms < max(self._end_ms, last_ms):
            self._add(found.size, kind, REFUSED, place, time_ms, "the pack leaves leaves of the window out")
            self._report("ANCHOR_FORK", place, f"at most {self.log.size} leaves", f"{found.size} leaves")
        elif root is None:
            why = "the pack does not reach this size of the log"
            self._add(found.size, kind, NAMED, place, time_ms, why)
        elif root != found.root:
            self._add(found.size, kind, REFUSED, place, time_ms, "another history of the log")
            self._report(
                "ANCHOR_FORK", place, f"root {root.hex()} at {found.size}", f"root {found.root.hex()}"
            )
        elif time_ms is None:
            self._add(found.size, kind, NAMED, place, why=f"the bytes agree; {timeless}")
        else:
            self._confirm(found.size, kind, place, time_ms)

    def _outdated(self) -> None:
        """Step 6: what is smaller than the base came long after the same kind of witness had more than that."""
        first: dict[str, int] = {}
        for one in self._anchors:
            if one.state == CONFIRMED and one.time_ms is not None:
                first[one.kind] = min(one.time_ms, first.get(one.kind, one.time_ms))
        for at, one in enumerate(self._anchors):
            since_ms = first.get(one.kind)
            if one.state != NAMED or one.size > self.log.size or one.time_ms is None or since_ms is None:
                continue  # within the pack's sizes, only one without a time is no more than named
            if since_ms + STRAGGLER_MS < one.time_ms < self._end_ms:
                why = "another history of the log: this one had more leaves long before"
                self._anchors[at] = replace(one, state=REFUSED, why=why)
                expected = f"more leaves, as confirmed at {since_ms} ms"
                self._report("ANCHOR_FORK", one.place, expected, f"{one.size} leaves at {one.time_ms} ms")

    def _code(self, size: int, code: str, dated_ms: int | None) -> None:
        note, place = self.log.notes.get(size), f"{PLACE_CODE} {size}"
        try:
            typed = read_code(code)
        except EvidenceError as error:
            self._add(size, PRINT, REFUSED, place, why=str(error))
            self._report("ANCHOR_CODE_MISTYPED", place, "a code whose checks hold", str(error))
            return
        if note is None:
            self._report("ANCHOR_CODE", place, "a checkpoint of this size in the pack", "none")
        elif typed != short_code(note):
            self._add(size, PRINT, REFUSED, place, why="another checkpoint's code")
            self._report("ANCHOR_CODE", place, short_code(note), typed)
        elif dated_ms is None:
            why = "the code agrees; give the date beside it: --code SIZE=CODE@YYYY-MM-DD"
            self._add(size, PRINT, NAMED, place, why=why)
        else:
            self._confirm(size, PRINT, place, dated_ms)

    def _object(self, place: str, data: bytes, about: bytes | None) -> None:
        notes = notes_of(data)
        if not any(self.log.read_note(note) for note in notes):
            self._report("ANCHOR_OBJECT", place, "a checkpoint of this log", "none")
        stored_ms, timeless = None, "give what the store says of it, in a file of this name with .json"
        if about is not None:
            try:
                stored_ms = read_about(about).stored_ms
            except ObjectAnswerError as error:
                timeless = str(error)
                self._report("ANCHOR_OBJECT", place, "what the store says of the object", timeless)
        for note in notes:
            self._note(note, OBJECT, place, stored_ms, timeless)

    def _confirm(self, size: int, kind: str, place: str, time_ms: int) -> None:
        # (7)
        arrival_ms = self.log.arrival_ms(size)
        if self.log.root(size) is None:
            self._add(size, kind, NAMED, place, time_ms, "the pack does not reach this size of the log")
        elif arrival_ms is not None and time_ms < arrival_ms - SKEW_MS:
            self._add(size, kind, REFUSED, place, time_ms, "older than what it anchors")
            self._report("ANCHOR_TIME", place, f"{arrival_ms} ms or later", f"{time_ms} ms")
        else:
            self._add(size, kind, CONFIRMED, place, time_ms)

    def _rules_fixed(self, asked: Asked) -> int | None:
        """Step 9; the log key is covered by every confirmed note, which it signed."""
        if not asked.rules:
            self._report("SCOPE_NOT_ANCHORED", "scope", "a scope declared before the window", "none")
            return None
        missing = sorted(name for name, index in asked.rules.items() if index is None)
        if missing:
            self._report("SCOPE_NOT_ANCHORED", ", ".join(missing), "in the log", "not in the log")
            return None
        size = max(index for index in asked.rules.values() if index is not None) + 1
        first = min(self._times(size), default=None)
        if first is None or first > asked.window.start_ms:
            got = "no confirmed anchor" if first is None else f"first confirmed at {first} ms"
            self._report("SCOPE_NOT_ANCHORED", "scope", f"before {asked.window.start_ms} ms", got)
            return None
        return first

    def _times(self, size: int) -> Iterator[int]:
        for anchor in self._anchors:
            if anchor.size >= size and anchor.state == CONFIRMED and anchor.time_ms is not None:
                yield anchor.time_ms

    def _add(  # noqa: PLR0917 - the fields of an anchor, in their order
        self, size: int, kind: str, state: str, place: str, time_ms: int | None = None, why: str = ""
    ) -> None:
        self._anchors.append(Anchor(size, kind, state, place, time_ms, why))

    def _report(self, code: str, place: str, expected: str, got: str) -> None:
        self.findings.append(Finding(code, place, "", expected, got))


def _wanted(kind: str) -> str:
    return {
        MAIL: "ask the mailbox: --mailbox",
        PRINT: "read the log book: --code",
        OBJECT: "fetch the object: --object",
    }[kind]
