"""The batch: positions and counts that belong together, on the disk before any chunk is sealed from it.

Exactly once rests on one file, ``batch``, in the state directory:

1. Lines are read and counted in memory; positions move in memory only.
2. *Cut*: the new positions, the counts (hashes, never names) and the chunks they will become are written to
   ``batch``, whole and synced, in the place of the one before. From here on these lines are read.
3. The chunks are sealed into the spool in order. The batch names the sequence number of the first.
4. Only when all are sealed the next batch may be cut.

A crash before 2 leaves the old batch: the lines are read again, none of them was sealed. A crash during 3 leaves a batch
some of whose chunks are in the chain: how many, the newest sequence number of the chain says, and sealing goes on behind
it. There is no moment at which a line is in two batches, or in none.

The file: one line of JSON, then the rows of all counts, 28 bytes each (day, hash, count).
"""

from __future__ import annotations

import json
import os
import struct
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from typing import Any, Optional

from agent.errors import StateError
from agent.files import Files, replace
from agent.logins.tally import Counts, Lines
from evidence.accounts import HASH_BYTES
from evidence.calendar import LocalCalendar
from evidence.columns import MAX_ROWS

SCHEMA = "starproof/logins-batch/1"
BATCH = "batch"
MAX_BATCH_BYTES = 512 * 1024 * 1024
AHEAD_MS = 300_000
"""Days that begin later than this after now wait: the collector refuses chunks that end after its clock."""
_ROW = struct.Struct(f"<i{HASH_BYTES}sQ")


@dataclass(frozen=True)
class Piece:
    """What one chunk will say: the time vouched for (none if it ends where it begins) and the counts."""

    definition: str
    start_ms: int
    end_ms: int
    counts: Counts


@dataclass
class Batch:
    """See the module. ``chain`` is the enrolment's hash; ``cursor_ms`` the time up to which everything was read.

    ``marks`` is the key of the hashes by which files are known (``identity``), made once, 64 hex digits.
    ``waiting`` are counts of days that have not begun yet, by definition; ``logs`` the positions by log,
    ``lines`` what became of the lines by log since the first start.
    """

    chain: str
    cursor_ms: int
    first_day: int
    marks: str
    first_seq: int = 0
    pieces: list[Piece] = field(default_factory=list)
    waiting: dict[str, Counts] = field(default_factory=dict)
    logs: dict[str, Any] = field(default_factory=dict)
    lines: dict[str, Lines] = field(default_factory=dict)

    def save(self, files: Files, folder: str) -> None:
        """Write the batch; returns when it is on the disk.

        Raises:
            StateError: the disk does not take it; the old batch is still there.
        """
        tables: list[Counts] = []
        document = {
            "schema": SCHEMA,
            "chain": self.chain,
            "cursor_ms": self.cursor_ms,
            "first_day": self.first_day,
            "marks": self.marks,
            "first_seq": self.first_seq,
            "pieces": [
                [piece.definition, piece.start_ms, piece.end_ms, _append(tables, piece.counts)]
                for piece in self.pieces
            ],
            "waiting": [[name, _append(tables, counts)] for name, counts in self.waiting.items()],
            "logs": self.logs,
            "lines": {name: asdict(lines) for name, lines in self.lines.items()},
        }
        rows = b"".join(
            _ROW.pack(day, digest, count) for table in tables for (day, digest), count in table.items()
        )
        try:
            replace(files, os.path.join(folder, BATCH), json.dumps(document).encode() + b"\n" + rows)
        except OSError as error:
            raise StateError(f"the batch cannot be written: {error}; check the disk of {folder}") from None


def load(files: Files, folder: str) -> Optional[Batch]:
    """Return the batch in a state directory, ``None`` before the first.

    Raises:
        StateError: it cannot be read or is damaged.
    """
    path = os.path.join(folder, BATCH)
    try:
        if files.size(path) > MAX_BATCH_BYTES:
            raise StateError(f"{path} is not a file of the agent: it is too long")
        data = files.read(path)
    except FileNotFoundError:
        return None
    except OSError as error:
        raise StateError(f"{path} cannot be read: {error}") from None
    try:
        return _parsed(data)
    except (ValueError, KeyError, TypeError, struct.error) as error:
        raise StateError(
            f"{path} is damaged ({error}); move it away and start again: reading begins anew, and the time "
            "since the last chunk is not vouched for"
        ) from None


def planned(
    counts: Mapping[str, Counts], slot: Optional[tuple[int, int]], *, at_ms: int, calendar: LocalCalendar
) -> list[Piece]:
    """Return the chunks that say ``counts`` (by definition), the one that vouches for ``slot`` last.

    What does not fit into it (other definitions, days that the slot does not touch, too many rows) goes
    into chunks before it that vouch for no time.
    """
    pieces: list[Piece] = []
    last: Counts = {}
    main = max(counts, default="")
    for definition in sorted(counts):
        for day, rows in sorted(_by_day(counts[definition]).items()):
            begin, end = calendar.day_start(day), calendar.day_start(day + 1)
            inside = slot is not None and begin <= slot[1] and end >= slot[0]
            if inside and definition == main and len(last) + len(rows) <= MAX_ROWS:
                last.update(rows)
                continue
            instant = max(begin, min(end - 1, at_ms))
            pieces.extend(Piece(definition, instant, instant, part) for part in _parts(rows))
    if slot is not None:
        pieces.append(Piece(main, *slot, last))
    return pieces


def divided(counts: Counts, latest_ms: int, calendar: LocalCalendar) -> tuple[Counts, Counts]:
    """Return the counts of days that begin up to ``latest_ms``, and those of later days."""
    days = {day for day, _ in counts}
    later = {day for day in days if calendar.day_start(day) > latest_ms}
    if not later:
        return counts, {}
    now = {pair: count for pair, count in counts.items() if pair[0] not in later}
    return now, {pair: count for pair, count in counts.items() if pair[0] in later}


def sealed_of(batch: Batch, newest_seq: int) -> int:
    """Return how many of the batch's chunks are in the chain whose newest chunk has this number (-1: none)."""
    return min(max(newest_seq + 1 - batch.first_seq, 0), len(batch.pieces))


def _append(tables: list[Counts], counts: Counts) -> int:
    tables.append(counts)
    return len(counts)


def _parsed(data: bytes) -> Batch:
    end = data.index(b"\n")
    document = json.loads(data[:end])
    if document["schema"] != SCHEMA:
        raise ValueError("another schema")
    rows = _ROW.iter_unpack(data[end + 1 :])
    pieces = [
        Piece(definition, start, stop, _table(rows, count))
        for definition, start, stop, count in document["pieces"]
    ]
    waiting = {name: _table(rows, count) for name, count in document["waiting"]}
    if next(rows, None) is not None:
        raise ValueError("more rows than it says")
    return Batch(
        chain=str(document["chain"]),
        cursor_ms=int(document["cursor_ms"]),
        first_day=int(document["first_day"]),
        marks=bytes.fromhex(document["marks"]).hex(),
        first_seq=int(document["first_seq"]),
        pieces=pieces,
        waiting=waiting,
        logs=dict(document["logs"]),
        lines={name: Lines(**lines) for name, lines in document["lines"].items()},
    )


def _table(rows: Any, count: int) -> Counts:
    table: Counts = {}
    for _ in range(count):
        row = next(rows, None)
        if row is None:
            raise ValueError("fewer rows than it says")
        table[row[0], row[1]] = row[2]
    return table


def _by_day(counts: Counts) -> dict[int, Counts]:
    days: dict[int, Counts] = {}
    for pair, count in counts.items():
        days.setdefault(pair[0], {})[pair] = count
    return days


def _parts(rows: Counts) -> Sequence[Counts]:
    pairs = list(rows.items())
    return [dict(pairs[place : place + MAX_ROWS]) for place in range(0, len(pairs), MAX_ROWS)]
