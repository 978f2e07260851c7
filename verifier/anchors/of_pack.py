"""Step 6 of the check: the anchors of a pack, from its entries, its log and its chunks."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Protocol

from evidence import checkpoint
from evidence.calendar import LocalCalendar
from evidence.errors import EvidenceError
from evidence.keys import PublicKey
from evidence.log_entry import ANCHOR, EDITION, SCOPE
from evidence.merkle import Frontier
from evidence.sources import SEALED_WHEN_READ
from verifier.anchors.interface import AnchorReport, NamedAnchor, Outside, Receipt, note_size, parse_name
from verifier.anchors.judge import Asked, Judge
from verifier.anchors.packed_log import LogOfPack
from verifier.declaration import declared_as, record_sha256
from verifier.derivation import Declared
from verifier.finding import Finding
from verifier.log_reading import PackedLog
from verifier.seen import SeenChunk
from verifier.window import Window


class Entries(Protocol):
    """The entries of a pack."""

    findings: list[Finding]

    def read(self, name: str) -> bytes:
        """Return an entry."""
        ...

    def names(self) -> Iterable[str]:
        """Return the names of all entries."""
        ...


@dataclass
class Naming:
    """Takes the chunks of a pack one by one and notes which receipts the agents' name.

    A key's first chunk that names none is kept apart: its program has heard of none yet. That is believed only
    of chains that are ``unheard``, and if the next chunk of the chain names one, for then the program has heard.
    """

    calendar: LocalCalendar
    unheard: frozenset[tuple[str, str, int]]
    found: dict[tuple[str, str, int], NamedAnchor] = field(default_factory=dict)
    first: dict[tuple[str, str, int], NamedAnchor] = field(default_factory=dict)
    heard: set[tuple[str, str, int]] = field(default_factory=set)

    def take(self, header: SeenChunk) -> None:
        """Note what one verified chunk names."""
        if header.source not in SEALED_WHEN_READ:
            return
        day, chain = self.calendar.day_of(header.start_ms), (header.host, header.source, header.epoch)
        if header.seq == 0 and not header.anchor:
            ends_ms = (header.end_ms, header.end_ms)
            self.first[chain] = NamedAnchor("", day, header.host, header.place, *ends_ms, chunks=1)
            return
        if header.seq == 1 and header.anchor:
            self.heard.add(chain)
        one = self.found.get((header.host, header.anchor, day))
        if one is None:
            ends_ms = (header.end_ms, header.end_ms)
            one = NamedAnchor(header.anchor, day, header.host, header.place, *ends_ms, chunks=0)
        self.found[header.host, header.anchor, day] = replace(
            one,
            chunks=one.chunks + 1,
            earliest_end_ms=min(one.earliest_end_ms, header.end_ms),
            latest_end_ms=max(one.latest_end_ms, header.end_ms),
        )

    @property
    def named(self) -> tuple[NamedAnchor, ...]:
        """What was named; ``begins`` where a chain begins with a chunk that can name none, and the next one does."""
        begun = self.heard & self.unheard
        firsts = (replace(one, begins=chain in begun) for chain, one in self.first.items())
        return (*self.found.values(), *firsts)


def judge_pack(
    entries: Entries,
    log: PackedLog,
    *,
    frontier: Frontier,
    key: PublicKey,
    outside: Outside,
    naming: Naming,
    logged: Mapping[int, Sequence[int]],
    window: Window,
    rules: Mapping[str, tuple[int, str]],
    until_ms: int,
) -> AnchorReport:
    """Return what the anchors of a pack confirm; findings go where the entries' do.

    Args:
        entries: the pack.
        log: its log, as far as it holds.
        frontier: the base of that log.
        key: the log's key.
        outside: what the reviewer brings.
        naming: what the chunks name.
        logged: indexes of the leaves of each day's chunks of declared hosts (``Logged.by_day``).
        window: the days that are asked for.
        rules: kind and hash of the leaves that must have been fixed before (``rules_of``).
        until_ms: when the pack was made.
    """
    view = LogOfPack(
        frontier,
        log.leaves,
        notes=_notes(entries, log, key),
        day_marks={mark.day: marked.leaf for marked, mark in log.day_marks},
        key=key,
    )
    indexes = {name: log.find(kind, hash_) for name, (kind, hash_) in rules.items()}
    asked = Asked(
        window=window,
        calendar=naming.calendar,
        rules={name: None if found is None else found.leaf for name, found in indexes.items()},
        named=naming.named,
        until_ms=until_ms,
        logged=logged,
        receipts_logged=_receipts_logged(log, window),
    )
    return Judge(view, _receipts(entries), outside, entries.findings).judge(asked)


def rules_of(
    declared: Declared, records: list[bytes], editions: Mapping[str, str]
) -> Mapping[str, tuple[int, str]]:
    """Return which leaves fix the rules: the record of the scope in use, and an edition that nobody ships.

    An edition that the reviewer trusts is fixed by the reviewer; the scope names it.
    """
    mine = None if declared.scope is None else declared_as(declared.scope, declared.scopes)
    if mine is None or mine.version > len(records):
        return {}
    found = {"scope": (SCOPE, record_sha256(records[mine.version - 1]))}
    if editions.get(declared.edition.id) != declared.edition.sha256:
        found["edition"] = (EDITION, declared.edition.sha256)
    return found


def _notes(entries: Entries, log: PackedLog, key: PublicKey) -> dict[int, bytes]:
    """Packed checkpoints, and notes from before the packed leaves that chunks' receipts are about."""
    notes = {signed.checkpoint.size: signed.note for signed in log.checkpoints}
    for name in entries.names():
        size = note_size(name)
        if size is None:
            continue
        note = entries.read(name)
        try:
            said = checkpoint.verify(note, key).size
        except EvidenceError as error:
            entries.findings.append(Finding("ANCHOR_RECEIPT", name, "", "a note of the log key", str(error)))
            continue
        if said != size or notes.setdefault(size, note) != note:
            entries.findings.append(Finding("ANCHOR_RECEIPT", name, "", f"size {size}", f"size {said}"))
    return notes


def _receipts_logged(log: PackedLog, window: Window) -> dict[str, int]:
    """Return what the log says came from anchors in the window: hash → arrival (ms).

    Whoever makes a pack takes all receipts since the day before the window or longer, so an honest one has these.
    """
    return {
        hash_: marked.arrival_ms
        for (kind, hash_), marked in log.places.items()
        if kind == ANCHOR and window.start_ms <= marked.arrival_ms < window.end_ms
    }


def _receipts(entries: Entries) -> list[Receipt]:
    found = []
    for name in entries.names():
        parsed = parse_name(name)
        if parsed is not None:
            size, alias, kind = parsed
            found.append(Receipt(size, alias, kind, name, entries.read(name)))
    return found
