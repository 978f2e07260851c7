"""Step 5 of the check, first half: the log in the pack is the log that its checkpoints sign.

1. All entries of the log are there and follow their formats.
2. Every checkpoint is signed by the log key, sizes grow, and every root is the one recomputed from the
   base and the leaves; the first is the base's own, the last covers the last leaf.
3. What was logged before the base is proved under it.
4. Arrivals never go back.
5. The records of marks and closes are those that the leaves name, each once and none left out.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, TypeVar

from evidence import checkpoint, log_records, merkle
from evidence.checkpoint import Checkpoint
from evidence.errors import BadSignatureError, EvidenceError
from evidence.keys import PublicKey
from evidence.log_entry import CLOSE, DAY_MARK, KIND_NAMES
from evidence.log_records import DayMark, MonthClose
from evidence.merkle import Frontier
from verifier import layout
from verifier.contents import Contents
from verifier.finding import Finding
from verifier.leaves import Leaves
from verifier.log_entries import Base, read_base, read_closes, read_day_marks

R = TypeVar("R", DayMark, MonthClose)


@dataclass(frozen=True)
class Signed:
    """A checkpoint whose signature and root hold, with its note.

    ``arrival_ms`` is the arrival of the last leaf that it covers: the earliest time at which it can
    have been signed (0: it covers no leaf of the pack).
    """

    checkpoint: Checkpoint
    note: bytes
    arrival_ms: int


@dataclass(frozen=True)
class Marked:
    """A record in the log with its place and arrival."""

    leaf: int
    arrival_ms: int


@dataclass
class PackedLog:
    """The log of a pack, as far as it holds.

    ``leaves`` are those of the stretch; ``places`` has index and arrival of every leaf that is no chunk, by
    kind and hash; ``before_ms`` is the arrival of the last leaf before the stretch, if it is proved.
    """

    base: int
    leaves: Leaves
    checkpoints: tuple[Signed, ...] = ()
    places: dict[tuple[int, str], Marked] = field(default_factory=dict)
    before_ms: int | None = None
    day_marks: tuple[tuple[Marked, DayMark], ...] = ()
    closes: tuple[tuple[Marked, MonthClose], ...] = ()

    @property
    def size(self) -> int:
        """How many leaves the log has at the end of the stretch."""
        return self.base + len(self.leaves)

    def document(self) -> dict[str, Any]:
        """Return what the log holds as it stands in JSON output."""
        return {
            "base": self.base,
            "size": self.size,
            "checkpoints": [
                {"size": signed.checkpoint.size, "root": signed.checkpoint.root.hex()}
                for signed in self.checkpoints
            ],
            "days": [mark.date for _, mark in self.day_marks],
            "closed": [close.month for _, close in self.closes],
        }

    def chunk(self, hash_: str) -> Marked | None:
        """Return where and when a chunk was logged."""
        at = self.leaves.chunk(bytes.fromhex(hash_))
        return None if at is None else Marked(self.base + at, self.leaves.arrival_ms(at))

    def find(self, kind: int, hash_: str) -> Marked | None:
        """Return where and when something that is no chunk was logged."""
        return self.places.get((kind, hash_))


def read_log(contents: Contents, key: PublicKey) -> PackedLog | None:
    """Return the log of a pack whose checkpoints ``key`` signs; ``None`` if there is none to speak of.

    Reports what does not hold.
    """
    there = [name for name in layout.LOG if contents.has(name)]
    if not there:
        contents.findings.append(Finding("LOG_ABSENT", layout.LOG_LEAVES))
        return None
    reader = _Reader(contents, key)
    for name in layout.LOG:
        if name not in there:
            reader.report("LOG_FORMAT", name, got="missing")
    return None if len(there) < len(layout.LOG) else reader.read()


class _Reader:
    def __init__(self, contents: Contents, key: PublicKey) -> None:
        self._contents = contents
        self._key = key

    def report(self, code: str, place: str, *, expected: str = "", got: str = "") -> None:
        self._contents.findings.append(Finding(code, place, "", expected, got))

    def read(self) -> PackedLog | None:
        # (1)
        try:
            base = read_base(self._contents.read(layout.LOG_BASE))
            entries = Leaves(self._contents.read(layout.LOG_LEAVES))
            notes = checkpoint.separate(self._contents.read(layout.LOG_CHECKPOINTS))
            marks = [
                (record, log_records.parse_day_mark(record))
                for record in read_day_marks(self._contents.read(layout.LOG_DAY_MARKS))
            ]
            closes = [
                (record, log_records.parse_close(record))
                for record in read_closes(self._contents.read(layout.LOG_CLOSE))
            ]
        except EvidenceError as error:
            self.report("LOG_FORMAT", "data/log", got=str(error))
            return None
        found = PackedLog(base.frontier.size, entries)
        # (2)
        found.checkpoints = tuple(self._checkpoints(base.frontier, entries, notes))
        # (3)
        self._earlier(base, found)
        # (4)
        self._arrivals(found.base, entries)
        for at, entry in entries.others():
            marked = Marked(found.base + at, entry.arrival_ms)
            found.places.setdefault((entry.kind, entry.hash), marked)
        # (5)
        found.day_marks = tuple(self._logged(DAY_MARK, marks, entries, found))
        found.closes = tuple(self._logged(CLOSE, closes, entries, found))
        return found

    def _checkpoints(self, frontier: Frontier, entries: Leaves, notes: Sequence[bytes]) -> list[Signed]:
        base, size = frontier.size, frontier.size + len(entries)
        good: list[Signed] = []
        last = -1
        for number, note in enumerate(notes):
            place = f"{layout.LOG_CHECKPOINTS}[{number}]"
            try:
                said = checkpoint.verify(note, self._key)
            except BadSignatureError as error:
                self.report("LOG_SIGNATURE", place, got=str(error))
                continue
            except EvidenceError as error:
                self.report("LOG_FORMAT", place, got=str(error))
                continue
            if not max(base, last + 1) <= said.size <= size:
                expected = f"a size from {max(base, last + 1)} to {size}"
                self.report("LOG_ROOT", place, expected=expected, got=str(said.size))
                continue
            frontier = frontier.extend(entries.hashes(frontier.size - base, said.size - base))
            last = said.size
            if frontier.root != said.root:
                self.report("LOG_ROOT", place, expected=frontier.root.hex(), got=said.root.hex())
                continue
            covered = entries.arrival_ms(said.size - base - 1) if said.size > base else 0
            good.append(Signed(said, note, covered))
        sizes = {signed.checkpoint.size for signed in good}
        for needed in sorted({size, *([base] if base else [])} - sizes):
            self.report("LOG_ROOT", layout.LOG_CHECKPOINTS, expected=f"a checkpoint of {needed} leaves")
        return good

    def _earlier(self, base: Base, found: PackedLog) -> None:
        root = base.frontier.root
        for number, leaf in enumerate(base.earlier):
            try:
                merkle.verify_inclusion(leaf.entry.leaf, leaf.index, base.frontier.size, leaf.proof, root)
            except EvidenceError as error:
                self.report("LOG_ROOT", f"{layout.LOG_BASE} earlier[{number}]", got=str(error))
                continue
            marked = Marked(leaf.index, leaf.entry.arrival_ms)
            found.places.setdefault((leaf.entry.kind, leaf.entry.hash), marked)
            if leaf.index == base.frontier.size - 1:
                found.before_ms = leaf.entry.arrival_ms

    def _arrivals(self, base: int, entries: Leaves) -> None:
        for at in entries.backward():
            before, after = entries.arrival_ms(at - 1), entries.arrival_ms(at)
            place = f"{layout.LOG_LEAVES}[{base + at}]"
            self.report("LOG_ARRIVAL", place, expected=f"{before} ms or later", got=f"{after} ms")

    def _logged(
        self,
        kind: int,
        records: Sequence[tuple[bytes, R]],
        entries: Leaves,
        found: PackedLog,
    ) -> list[tuple[Marked, R]]:
        named = [entry.hash for _, entry in entries.others() if entry.kind == kind]
        hashes = [log_records.sha256(record) for record, _ in records]
        if named != hashes:
            self.report(
                "LOG_RECORD",
                layout.LOG_DAY_MARKS if kind == DAY_MARK else layout.LOG_CLOSE,
                expected=f"the {len(named)} records that the leaves of kind {KIND_NAMES[kind]} name",
                got=f"{len(hashes)} records",
            )
        return [
            (marked, said)
            for hash_, (_, said) in zip(hashes, records, strict=True)
            if (marked := found.find(kind, hash_)) is not None
        ]
