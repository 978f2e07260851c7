"""Audit of the log in a store: leaves against what is stored, both ways, and roots against leaves.

1. Leaves are numbered without a hole, their arrivals never go back, and the stored subtrees and the
   frontier are those that they give.
2. Every chunk, enrolment and declared scope has exactly one leaf; every leaf of those kinds has its thing.
   The ledger as it is has a leaf; older leaves of documents are what it was.
3. Every stored checkpoint is signed by the log key and has the root that the leaves give.
4. Every record of a day mark or close has the leaf that it says, and the other way round.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Iterator, Sequence
from typing import Protocol

from evidence import checkpoint, log_records
from evidence.errors import EvidenceError
from evidence.keys import PublicKey
from evidence.log_entry import CHUNK, CLOSE, DAY_MARK, DOCUMENT, ENROLMENT, KIND_NAMES, SCOPE, LogEntry
from evidence.merkle import Frontier
from verifier.errors import LedgerError
from verifier.finding import Finding
from verifier.ledger import decode, logged_sha256
from verifier.ports import Archive, Log

LEAVES, NODES, CHECKPOINTS = "log/leaves", "log/nodes", "log/checkpoints"
SHOWN = 100
"""Findings of one kind; how many more there are is said."""


class KeptLog(Log, Protocol):
    """The log with what a store keeps to append quickly."""

    def numbered(self) -> Iterator[tuple[int, LogEntry]]:
        """Yield index and entry of every leaf, in order."""
        ...

    def nodes(self) -> Iterator[tuple[int, int, bytes]]:
        """Yield level, index and hash of all stored subtrees."""
        ...

    def head(self) -> Frontier:
        """Return the frontier that the store appends to."""
        ...


def audit_log(
    archive: Archive,
    log: KeptLog,
    *,
    key: PublicKey | None,
    chunks: Iterable[tuple[str, str]],
) -> list[Finding]:
    """Return what is wrong with the log of a store.

    Args:
        archive: what is stored.
        log: its log.
        key: the log key; ``None``: signatures are not verified.
        chunks: hash and host of every chunk, also of those whose bytes were dropped: their leaves stay.
    """
    audit = _Audit(log, key)
    audit.leaves()
    audit.things(CHUNK, chunks)
    audit.things(ENROLMENT, ((signed.hash, signed.enrolment.host) for signed in archive.enrolments()))
    scopes = (hashlib.sha256(record).hexdigest() for record, _ in archive.scope_versions())
    audit.things(SCOPE, ((hash_, "") for hash_ in scopes))
    audit.ledger(archive.ledger())
    audit.records(DAY_MARK, log.day_marks())
    audit.records(CLOSE, log.closes())
    return list(audit.bounded())


class _Audit:
    def __init__(self, log: KeptLog, key: PublicKey | None) -> None:
        self._log = log
        self._key = key
        self._findings: list[Finding] = []
        self._leaves: dict[int, dict[str, int]] = {kind: {} for kind in KIND_NAMES}

    def bounded(self) -> Iterator[Finding]:
        """Yield the findings, of each code and place so many and how many more."""
        seen: dict[tuple[str, str], int] = {}
        for finding in self._findings:
            group = (finding.code, finding.place.split("[", maxsplit=1)[0])
            seen[group] = seen.get(group, 0) + 1
            if seen[group] <= SHOWN:
                yield finding
        for (code, place), count in seen.items():
            if count > SHOWN:
                yield Finding(code, place, got=f"{count - SHOWN} more")

    def leaves(self) -> None:
        """Rules 1 and 3: one walk over the leaves, with the frontier at every checkpoint."""
        notes = dict(self._log.checkpoints())
        frontier, arrival_ms = Frontier(), 0
        nodes: dict[tuple[int, int], bytes] = {}
        self._checkpoint(frontier, notes)
        for expected, (index, entry) in enumerate(self._log.numbered()):
            if index != expected:
                self._report("LOG_ROOT", f"{LEAVES}[{expected}]", got="missing")
                return
            if entry.arrival_ms < arrival_ms:
                got = f"{entry.arrival_ms} ms"
                self._report(
                    "LOG_ARRIVAL", f"{LEAVES}[{index}]", expected=f"{arrival_ms} ms or later", got=got
                )
            arrival_ms = entry.arrival_ms
            if self._leaves[entry.kind].setdefault(entry.hash, index) != index:
                self._report("LOG_RECORD", f"{LEAVES}[{index}]", got=f"{entry.hash} is logged twice")
            frontier, completed = frontier.append(entry.leaf)
            nodes.update({(level, index >> level): completed[level] for level in range(1, len(completed))})
            self._checkpoint(frontier, notes)
        for size in notes:
            self._report("LOG_ROOT", f"{CHECKPOINTS}[{size}]", expected=f"at most {frontier.size} leaves")
        self._nodes(nodes)
        if self._log.head() != frontier:
            self._report(
                "LOG_ROOT", "log/head", expected=frontier.root.hex(), got=self._log.head().root.hex()
            )

    def things(self, kind: int, stored: Iterable[tuple[str, str]]) -> None:
        """Rule 2: hash and host of what is stored, against the leaves of its kind."""
        left = dict(self._leaves[kind])
        for hash_, host in stored:
            if hash_ not in self._leaves[kind]:
                self._report("LOG_LEAF_MISSING", KIND_NAMES[kind], host=host, got=hash_)
            left.pop(hash_, None)
        for hash_, index in left.items():
            got = f"no {KIND_NAMES[kind]} {hash_} is stored"
            self._report("LOG_RECORD", f"{LEAVES}[{index}]", got=got)

    def ledger(self, data: bytes) -> None:
        """Rule 2 for the ledger."""
        try:
            ledger = decode(data)
        except LedgerError as error:
            self._report("LEDGER", KIND_NAMES[DOCUMENT], got=str(error))
            return
        if ledger.entries and logged_sha256(ledger) not in self._leaves[DOCUMENT]:
            self._report("LOG_LEAF_MISSING", KIND_NAMES[DOCUMENT], got=logged_sha256(ledger))

    def records(self, kind: int, stored: Sequence[tuple[int, bytes]]) -> None:
        """Rule 4."""
        left = dict(self._leaves[kind])
        for leaf, record in stored:
            hash_ = log_records.sha256(record)
            if left.pop(hash_, None) != leaf:
                self._report(
                    "LOG_RECORD", f"{KIND_NAMES[kind]}[{leaf}]", got=f"leaf {leaf} does not name this record"
                )
        for hash_, index in left.items():
            self._report("LOG_RECORD", f"{LEAVES}[{index}]", got=f"no {KIND_NAMES[kind]} {hash_} is stored")

    def _checkpoint(self, frontier: Frontier, notes: dict[int, bytes]) -> None:
        note = notes.pop(frontier.size, None)
        if note is None or self._key is None:
            return
        place = f"{CHECKPOINTS}[{frontier.size}]"
        try:
            said = checkpoint.verify(note, self._key)
        except EvidenceError as error:
            self._report("LOG_SIGNATURE", place, got=str(error))
            return
        if (said.size, said.root) != (frontier.size, frontier.root):
            self._report("LOG_ROOT", place, expected=frontier.root.hex(), got=said.root.hex())

    def _nodes(self, expected: dict[tuple[int, int], bytes]) -> None:
        for level, index, hash_ in self._log.nodes():
            if expected.pop((level, index), None) != hash_:
                self._report("LOG_ROOT", f"{NODES}[{level}/{index}]", got=hash_.hex())
        for level, index in expected:
            self._report("LOG_ROOT", f"{NODES}[{level}/{index}]", got="missing")

    def _report(self, code: str, place: str, *, host: str = "", expected: str = "", got: str = "") -> None:
        self._findings.append(Finding(code, place, host, expected, got))
