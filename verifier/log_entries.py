"""The log in a pack: the stretch of leaves that the pack needs, and what makes it checkable alone.

    data/log/base.json         size and frontier before the stretch; what was logged earlier, with proofs
    data/log/leaves.bin        the leaves of the stretch, 41 bytes each (``evidence.log_entry``)
    data/log/checkpoints.txt   signed notes in order of size, an empty line between them
    data/log/day-marks.json    the records of the day marks in the stretch, in order
    data/log/close.json        the records of the closes in the stretch, in order

The stretch begins at the last checkpoint before everything that the pack needs (its chunks, the scope
in use, the beginning of the window) and ends at the first checkpoint that covers all of it, the ledger, the
edition and the month's newest close. What else was logged before the stretch (enrolments, scopes, the edition, the ledger) stands in
the base, each with its inclusion proof under the base's checkpoint: a collector may run for years.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from evidence import canonical, checkpoint, fields, log_entry, log_records
from evidence.errors import MalformedError
from evidence.keys import PrivateKey
from evidence.log_entry import CHUNK, DOCUMENT, EDITION, ENROLMENT, SCOPE, LogEntry
from evidence.merkle import HASH_BYTES, MAX_PROOF, MAX_SIZE, Frontier
from verifier import layout
from verifier.ports import Log

BASE_SCHEMA = "starproof/log-base/1"
DAY_MARKS_SCHEMA = "starproof/day-marks/1"
CLOSES_SCHEMA = "starproof/closes/1"
MAX_EARLIER = layout.MAX_ENROLMENTS + 1_000
MAX_DAY_MARKS = 40_000
"""A hundred years."""
MAX_CLOSES = 10_000


@dataclass(frozen=True)
class Needs:
    """What a pack rests on: hashes of its chunks, enrolments and scope records (the last is in use).

    ``editions`` holds the hash of the edition in use. ``documents`` are the hashes of what else it holds that is logged: of the ledger, if there is one.
    ``window_ms`` is the window's beginning and end, ``timezone`` the zone of its days.
    """

    chunks: Sequence[str]
    enrolments: Sequence[str]
    scopes: Sequence[str]
    documents: Sequence[str]
    month: str
    window_ms: tuple[int, int]
    editions: Sequence[str] = ()


@dataclass(frozen=True)
class Earlier:
    """A leaf from before the stretch, with its proof under the base."""

    index: int
    entry: LogEntry
    proof: tuple[bytes, ...]


@dataclass(frozen=True)
class Base:
    """What stands before the stretch."""

    frontier: Frontier
    earlier: tuple[Earlier, ...]


def log_entries(log: Log, needs: Needs, *, key: PrivateKey) -> dict[str, bytes]:
    """Return the entries of a pack that hold the log.

    Things that the log does not hold are left out; the check will say so. Where no checkpoint covers
    everything, one of the log as it is now is signed.
    """
    notes = list(log.checkpoints())
    chunks = log.find(CHUNK, needs.chunks).values()
    scopes, enrolments = log.find(SCOPE, needs.scopes), log.find(ENROLMENT, needs.enrolments)
    documents = log.find(DOCUMENT, needs.documents).values()
    in_use = [scopes[hash_] for hash_ in needs.scopes[-1:] if hash_ in scopes]
    editions = log.find(EDITION, needs.editions).values()  # may be of years ago: they stand in the base then
    begin = min([log.first_at(needs.window_ms[0]), *chunks, *in_use])
    base = max([size for size, _ in notes if size <= begin], default=0)
    closes = log.closes()
    closed = [leaf for leaf, record in closes if log_records.parse_close(record).month == needs.month]
    marked = _mark_after(log, needs.window_ms[1])
    last = max([base - 1, *chunks, *in_use, *documents, *editions, *closed[-1:], *marked])
    covering = [size for size, _ in notes if size > last]
    end = min(covering) if covering else log.size
    if not covering:
        notes.append((end, checkpoint.sign(end, log.frontier(end).root, key=key)))
    others = (*scopes.values(), *enrolments.values(), *documents, *editions)
    earlier = sorted(index for index in others if index < base)
    return {
        layout.LOG_BASE: base_document(
            Base(log.frontier(base), tuple(_earlier(log, index, base) for index in earlier))
        ),
        layout.LOG_CHECKPOINTS: checkpoint.join(note for size, note in notes if base <= size <= end),
        layout.LOG_CLOSE: _records(CLOSES_SCHEMA, closes, base, end),
        layout.LOG_DAY_MARKS: _records(DAY_MARKS_SCHEMA, log.day_marks(), base, end),
        layout.LOG_LEAVES: log_entry.encode_all(log.entries(base, end)),
    }


def base_document(base: Base) -> bytes:
    """Return the entry that says what stands before the stretch."""
    return canonical.encode(
        {
            "schema": BASE_SCHEMA,
            "size": base.frontier.size,
            "frontier": [hash_.hex() for hash_ in base.frontier.hashes],
            "earlier": [
                {
                    "index": leaf.index,
                    "entry": leaf.entry.encode().hex(),
                    "proof": [hash_.hex() for hash_ in leaf.proof],
                }
                for leaf in base.earlier
            ],
        }
    )


def read_base(data: bytes) -> Base:
    """Return what stands before the stretch; the proofs are not verified.

    Raises:
        EvidenceError: not such a document.
    """
    where = layout.LOG_BASE
    document = canonical.decode(data, limit=layout.MAX_JSON_BYTES)
    fields.require_keys(document, ("schema", "size", "frontier", "earlier"), where=where)
    fields.choice(document, "schema", (BASE_SCHEMA,), where=where)
    size = fields.integer(document, "size", where=where, most=MAX_SIZE)
    earlier = []
    for leaf in fields.objects(document, "earlier", where=where, most=MAX_EARLIER):
        fields.require_keys(leaf, ("index", "entry", "proof"), where=where)
        raw = fields.text(leaf, "entry", where=where)
        index = fields.integer(leaf, "index", where=where, most=MAX_SIZE)
        earlier.append(Earlier(index, log_entry.decode(_from_hex(raw)), _hashes(leaf, "proof")))
    return Base(Frontier(size, _hashes(document, "frontier")), tuple(earlier))


def read_day_marks(data: bytes) -> list[bytes]:
    """Return the records of the day marks.

    Raises:
        EvidenceError: not such a document.
    """
    return _read_records(data, DAY_MARKS_SCHEMA, layout.LOG_DAY_MARKS, MAX_DAY_MARKS)


def read_closes(data: bytes) -> list[bytes]:
    """Return the records of the closes.

    Raises:
        EvidenceError: not such a document.
    """
    return _read_records(data, CLOSES_SCHEMA, layout.LOG_CLOSE, MAX_CLOSES)


def records_document(schema: str, records: Iterable[bytes]) -> bytes:
    """Return the entry that holds records, as the documents that they are."""
    documents = [canonical.decode(record, limit=layout.MAX_JSON_BYTES) for record in records]
    return canonical.encode({"schema": schema, "records": documents})


def _records(schema: str, records: Iterable[tuple[int, bytes]], base: int, end: int) -> bytes:
    return records_document(schema, (record for leaf, record in records if base <= leaf < end))


def _read_records(data: bytes, schema: str, where: str, most: int) -> list[bytes]:
    document = canonical.decode(data, limit=layout.MAX_JSON_BYTES)
    fields.require_keys(document, ("schema", "records"), where=where)
    fields.choice(document, "schema", (schema,), where=where)
    return [
        canonical.encode(record) for record in fields.objects(document, "records", where=where, most=most)
    ]


def _mark_after(log: Log, end_ms: int) -> list[int]:
    """Return the leaf of the first day mark that arrived after the window's end, else of the last."""
    after, leaves = log.first_at(end_ms), [leaf for leaf, _ in log.day_marks()]
    return [leaf for leaf in leaves if leaf >= after][:1] or leaves[-1:]


def _earlier(log: Log, index: int, base: int) -> Earlier:
    entry = next(iter(log.entries(index, index + 1)))
    return Earlier(index, entry, tuple(log.proof(index, base)))


def _hashes(document: Mapping[str, Any], key: str) -> tuple[bytes, ...]:
    values = document[key]
    if not isinstance(values, list) or len(values) > MAX_PROOF:
        raise MalformedError(f"{layout.LOG_BASE}: {key} is not a list of at most {MAX_PROOF} hashes")
    hashes = tuple(_from_hex(value) for value in values)
    if any(len(hash_) != HASH_BYTES for hash_ in hashes):
        raise MalformedError(f"{layout.LOG_BASE}: a hash has {HASH_BYTES} bytes")
    return hashes


def _from_hex(value: object) -> bytes:
    if not isinstance(value, str) or len(value) % 2 or set(value) - set("0123456789abcdef"):
        raise MalformedError(f"{layout.LOG_BASE}: bytes are written as lower-case hex digits")
    return bytes.fromhex(value)
