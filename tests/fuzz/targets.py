"""What is fuzzed: every reader of bytes that come out of a pack, ours and the second verifier's beside it.

A target takes any bytes. It fails if a reader raises anything but its own error, or if one reader takes
what the other refuses, or reads something else.
"""

from __future__ import annotations

import hashlib
import io
import struct
import zlib
from collections.abc import Callable
from contextlib import suppress
from dataclasses import asdict
from datetime import date, datetime, time
from decimal import Decimal
from typing import Any

from standalone import alone

from evidence import canonical, checkpoint, chunk, columns, log_entry
from evidence.errors import BadSignatureError, EvidenceError
from evidence.keys import PrivateKey
from evidence.manifest import ACTIVITY_COLUMNS
from evidence.manifest import parse as parse_manifest
from verifier import chunk_entry, headers, left_out, toml_text
from verifier.anchors.mailbox import notes_in
from verifier.anchors.timestamp import TimestampError, read_roots, read_token, verify_token
from verifier.chunk_group import enclose
from verifier.container import Container, ContainerError
from verifier.declaration import read_scopes
from verifier.errors import VerifierError
from verifier.log_entries import read_base, read_closes, read_day_marks
from verifier.statement import parse as parse_statement

OURS = (EvidenceError, VerifierError)
KEY = PrivateKey.from_seed(b"log key of the test collector!!!").public
ALONE_KEY = alone.Key(KEY.raw)
LIMIT = 64 * 1024
REFUSED = "refused"


def _ours(read: Callable[..., Any], *arguments: Any, **options: Any) -> Any:
    try:
        return read(*arguments, **options)
    except OURS:
        return REFUSED


def _theirs(read: Callable[..., Any], *arguments: Any) -> Any:
    try:
        return read(*arguments)
    except alone.Bad:
        return REFUSED


def _require_same(ours: Any, theirs: Any, what: str) -> None:
    if ours != theirs:
        raise AssertionError(f"{what}: check reads {ours!r:.400}, the second verifier {theirs!r:.400}")


def json(data: bytes) -> None:
    """Canonical JSON."""
    _require_same(_ours(canonical.decode, data, limit=LIMIT), _theirs(alone.read_json, data, LIMIT), "JSON")


def header(data: bytes) -> None:
    """The header of a chunk, by the strict reader, the quick one, and the other verifier's."""
    ours, quick = _ours(chunk.parse_header, data), _ours(headers.read_header, data)
    _require_same(ours, quick, "quick header")
    theirs = _theirs(alone.read_header, data)
    said = ours if ours == REFUSED else asdict(ours)
    _require_same(said, theirs if theirs == REFUSED else theirs._asdict(), "header")


def manifest(data: bytes) -> None:
    """The manifest of a chunk."""
    ours, theirs = _ours(parse_manifest, data), _theirs(alone.read_manifest, data)
    if ours != REFUSED:
        ours = (ours.kind, ours.interval_ms, [(c.name, c.device, c.scale) for c in ours.columns], ours.hash)
    if theirs != REFUSED:
        theirs = (theirs.kind, theirs.interval_ms, list(theirs.columns), theirs.hash)
    _require_same(ours, theirs, "manifest")


def frame(data: bytes) -> None:
    """A frame whose CRC-32 is made to fit."""
    if len(data) > LIMIT:
        return
    whole = data + struct.pack("<I", zlib.crc32(data))
    ours, theirs = _ours(chunk.take_frame, whole, 0), _theirs(alone.take_frame, whole, 0)
    if REFUSED not in (ours, theirs):
        _require_same((_parts(ours[0]), ours[1]), (tuple(theirs[0]), theirs[1]), "frame")
    _require_same(ours == REFUSED, theirs == REFUSED, "frame")


def packed_columns(data: bytes) -> None:
    """Columns of a shape that the first two bytes say; the rest is deflated here, so that it inflates."""
    if len(data) < 2:
        return
    rows, count = data[0] % 8, 1 + data[1] % 6
    body = data[2:].ljust(rows * count * 8, b"\0")[: rows * count * 8]
    packed = zlib.compress(body, 1)
    raw = _ours(columns.unpack, packed, rows=rows, columns=count)
    theirs = _theirs(alone.unpack_columns, packed, rows, count)
    _require_same(raw, theirs if theirs == REFUSED else theirs[0], "columns")
    if raw != REFUSED:
        values = columns.from_raw(raw, rows=rows, columns=count)
        _require_same([list(v) for v in values], [list(v) for v in theirs[1]], "values")
    _require_same(
        _ours(columns.unpack, data[2:], rows=rows, columns=count),
        REFUSED if (other := _theirs(alone.unpack_columns, data[2:], rows, count)) == REFUSED else other[0],
        "columns as they come",
    )


def activity(data: bytes) -> None:
    """Rows of accounts, five numbers each, under a header whose times the first bytes say."""
    if len(data) < 8:
        return
    start = chunk.EARLIEST_MS + int.from_bytes(data[:4], "big")
    rows = [data[at : at + 5] for at in range(8, len(data) - 4, 5)][:50]
    steps = (3_600_000, 3_600_000, 1, 1, 1)
    values = [
        [(row[c] - (3 if c > 1 else 0)) * steps[c] + (start if c == 0 else 0) for row in rows]
        for c in range(5)
    ]
    end = start + int.from_bytes(data[4:8], "big")
    header_ = _header(rows=len(rows), columns=len(ACTIVITY_COLUMNS), start_ms=start, end_ms=end)
    ours = _ours(chunk._require_activity, header_, tuple(values))
    fields = alone.Header(*(getattr(header_, name) for name in alone.Header._fields))
    _require_same(ours, _theirs(alone._require_activity, fields, values), "activity")


def _header(**changes: Any) -> chunk.Header:
    known: dict[str, Any] = dict.fromkeys(("enterprise", "boot", "anchor", "agent"), "")
    hashes = dict.fromkeys(("key", "prev", "digest", "manifest"), "0" * 64)
    numbers = dict.fromkeys(("seq", "prev_end_ms", "clock_offset_ms", "clock_rtt_ms"), 0)
    fixed = {"source": "login-log", "host": "h", "first": "reading", "clock_state": "unknown"}
    return chunk.Header(**{**known, **hashes, **numbers, **fixed, **changes})


def items(data: bytes) -> None:
    """An entry of chunks: frames, groups, damage."""
    if len(data) > LIMIT:
        return
    ours = [_parts(item.frame) for item in chunk_entry.items(data)]
    theirs = [None if isinstance(item, alone.Bad) else tuple(item) for item in alone.chunk_items(data)]
    _require_same(ours, theirs, "items")


def group(data: bytes) -> None:
    """A frame (its length stands before it) and what a group behind it inflates to; CRC-32 are made to fit."""
    end = 2 + int.from_bytes(data[:2], "big")
    crc = zlib.crc32(data[2:end])
    made = enclose(zlib.compress(data[end:], 1), crc=crc, signature=bytes(64), prev=bytes(32))
    items(data[2:end] + struct.pack("<I", crc) + made)


def _parts(frame: chunk.Frame | None) -> tuple[Any, ...] | None:
    if frame is None:
        return None
    parts = asdict(frame)
    return (*(parts[name] for name in chunk.Frame.__dataclass_fields__), parts.get("raw"))


def container(data: bytes) -> None:
    """The ZIP file."""
    try:
        ours: Any = {name: (e.offset, e.size) for name, e in Container(io.BytesIO(data)).entries.items()}
    except ContainerError:
        ours = REFUSED
    theirs = _theirs(alone.Pack, io.BytesIO(data))
    if theirs != REFUSED:
        theirs = {name: (entry.offset, entry.size) for name, entry in theirs.entries.items()}
    _require_same(ours, theirs, "container")


def note(data: bytes) -> None:
    """A checkpoint as it stands, and a file of them."""
    try:
        said = checkpoint.verify(data, KEY)
        ours: Any = (said.size, said.root)
    except BadSignatureError:
        ours = "not signed"
    except EvidenceError:
        ours = REFUSED
    try:
        theirs: Any = tuple(alone.read_note(data, ALONE_KEY))
    except alone.NotSigned:
        theirs = "not signed"
    except alone.Bad:
        theirs = REFUSED
    _require_same(ours, theirs, "note")
    several = _theirs(alone.separate_notes, data)
    ours = _ours(checkpoint.separate, data)
    _require_same(ours, several if several == REFUSED else tuple(several), "notes")


def log_files(data: bytes) -> None:
    """Base, leaves, marks, closes, statement, scopes: whichever it is."""
    leaves = _ours(log_entry.decode_all, data)
    size = alone._LEAF.size
    parts = [data[at : at + size] for at in range(0, len(data), size)]
    theirs = [_theirs(alone.read_leaf, part) for part in parts]
    _require_same(leaves == REFUSED, REFUSED in theirs, "leaves")
    for ours, schema, most, limit, read in (
        (read_day_marks, "starproof/day-marks/1", 40_000, 64 * 1024, alone._mark),
        (read_closes, "starproof/closes/1", 10_000, 16 * 1024 * 1024, alone._close),
    ):
        from evidence.log_records import parse_close, parse_day_mark

        parse = parse_day_mark if ours is read_day_marks else parse_close
        mine = _ours(lambda ours=ours, parse=parse: [parse(record) for record in ours(data)])
        _require_same(
            mine == REFUSED, _theirs(alone._records, data, schema, most, limit, read) == REFUSED, schema
        )
    _require_same(
        _ours(parse_statement, data) == REFUSED, _theirs(alone.read_statement, data) == REFUSED, "statement"
    )
    ours_, theirs_ = _ours(read_scopes, data), _theirs(alone.read_scope_records, data)
    _require_same(ours_, theirs_, "scopes")
    _ours(read_base, data)
    for text in (data, zlib.compress(data)):
        mine = _ours(lambda text=text: list(left_out.decode(text)))
        _require_same(mine, _theirs(lambda text=text: list(alone.left_out_headers(text))), "headers")


def toml(data: bytes) -> None:
    """TOML, beside the standard library's reader."""
    ours = _ours(toml_text.parse, data, what="fuzz", error=VerifierError)
    theirs = _theirs(alone.read_toml, data)
    _require_same(_plain(ours), _plain(theirs), "TOML")


def _plain(value: Any) -> Any:
    """Return a value in which times and numbers that are no numbers compare."""
    if isinstance(value, dict):
        return {key: _plain(item) for key, item in value.items()}
    if isinstance(value, list):
        return [_plain(item) for item in value]
    if isinstance(value, datetime | time) or type(value) is alone.Moment:
        return "a moment"
    if isinstance(value, Decimal):
        return ("decimal", str(value))
    return (type(value).__name__, value) if isinstance(value, bool | int | date) else value


def mail(data: bytes) -> None:
    """A message with notes in it."""
    ours = notes_in("m", data)
    notes, received_ms = alone.mailed_notes(data)
    _require_same([n.note for n in ours], notes, "notes of a message")
    if ours:
        _require_same(ours[0].received_ms, received_ms, "time of a message")


def code(data: bytes) -> None:
    """A code that somebody typed."""
    from evidence.short_code import read_code, short_code

    text = data.decode("utf-8", "replace")
    _require_same(_ours(read_code, text), _theirs(alone.typed_code, text), "code")
    _require_same(short_code(data), alone.short_code(data), "short code")


class Stamps:
    """Time-stamp tokens: needs a token, what it is about, and the roots, made by a real authority."""

    def __init__(self, token: bytes, message: bytes, root: bytes) -> None:
        self.message = message
        self.roots = read_roots(root)
        self.alone_roots = alone.read_roots(root)
        self.time_ms = verify_token(token, message, self.roots)

    def __call__(self, data: bytes) -> None:
        """A token that is bent: nothing but the library's errors, and no other time than the authority's.

        What is neither signed nor read (numbers of versions, lists of algorithms) one reader may take and
        the other refuse.
        """
        try:
            theirs: Any = alone.verify_token(data, self.message, self.alone_roots)
        except (alone.Bad, alone.NotHere):
            theirs = REFUSED
        with suppress(alone.Bad, alone.NotHere):
            alone.read_token(data, self.message)
        try:
            read_token(data, self.message)
            ours: Any = verify_token(data, self.message, self.roots)
        except TimestampError:
            ours = REFUSED
        for who, time_ms in (("check", ours), ("the second verifier", theirs)):
            if time_ms not in (REFUSED, self.time_ms):
                raise AssertionError(f"time stamp: {who} takes a bent token with the time {time_ms!r}")


def certificate(data: bytes) -> None:
    """Certificates of a reviewer's file."""
    _theirs(alone.read_roots, data)
    _ours(read_roots, data)


TARGETS: dict[str, Callable[[bytes], None]] = {
    "json": json,
    "header": header,
    "manifest": manifest,
    "frame": frame,
    "packed_columns": packed_columns,
    "activity": activity,
    "items": items,
    "group": group,
    "container": container,
    "note": note,
    "log_files": log_files,
    "toml": toml,
    "mail": mail,
    "code": code,
}
"""By name; ``stamps`` and ``certificate`` need an authority and are added by whoever has one."""


def digest(data: bytes) -> str:
    """Return a short name of an input, to tell it in a message."""
    return hashlib.sha256(data).hexdigest()[:12]
