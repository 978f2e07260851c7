"""Groups: the chunks of some hours in one stream, without what follows from the rest.

    magic      4   b"SPG1"
    frame      4   CRC-32 of the whole frame before it in the entry, whose manifest and header it goes on from
    length     4   of the stream, little endian
    signature 64   of the last chunk; the others are proved by the ``prev`` of the next
    prev      32   of the first chunk
    stream     n   zlib (RFC 1950), at most ``MAX_STREAM_BYTES`` inflated
    crc        4   CRC-32 of all of the above: accidents, also to a signature that nobody needs to look at

Inflated: for every chunk a line, canonical JSON of those header fields that are not as predicted; an empty line; and,
if there are rows, for every column the width of its steps in bytes, then the first row, then the steps (each zigzag),
all highest bytes first and the lowest last, of every byte first those of the first column.

* A header is predicted to be that of the chunk before (for the first: of the frame), but for ``seq`` (one more),
  ``prev``, ``first`` (``repeat``), ``start_ms`` and ``end_ms`` (first column, first and last row), ``prev_end_ms`` (the
  chunk before's end; for the first: ``start_ms``) and ``digest``. What says whose chunk it is, is never listed.
* A chunk that repeats the last row of the one before it in the group shares that row.
* The second and third clock travel as the difference to the clock before, ``cpu.idle`` as the sum of the eight
  states of the processors (modulo 2^64).
"""

from __future__ import annotations

import hashlib
import json
import struct
import zlib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from functools import cached_property, lru_cache
from typing import Any

import numpy as np
from numpy.typing import NDArray

from evidence import canonical, columns
from evidence.chunk import MAX_HEADER_BYTES, Frame, parse_header
from evidence.dsse import CHUNK_TYPE, pae_hash
from evidence.errors import EvidenceError, LimitExceededError, MalformedError, MismatchError
from evidence.manifest import COUNTERS, CPU_STATES, Manifest
from evidence.manifest import parse as parse_manifest

MAGIC = b"SPG1"
HEAD = struct.Struct("<4sII64s32s")
TAIL = struct.Struct("<I")
MAX_VALUES = 2**20
"""Of the chunks of a group together, shared rows counted for each: 8 MiB."""
MAX_CHUNKS = 1_000
MAX_STREAM_BYTES = MAX_VALUES * columns.VALUE_BYTES + 2**20
FIXED = ("schema", "enterprise", "host", "source", "key", "columns", "digest", "manifest", "prev")
"""Fields of a header that no line of a group may list."""
STATES = CPU_STATES[:8]
"""From user to steal; guest time is part of user."""
LEVEL = 9

Values = NDArray[np.uint64]


@dataclass(frozen=True)
class GroupedFrame(Frame):
    """A chunk of a group: ``raw`` are its columns as they are hashed; only the last has a signature."""

    raw: bytes = field(repr=False, default=b"")
    named: str = ""

    @property
    def hash(self) -> str:
        """The hash that the next chunk's ``prev`` names, 64 hex digits."""
        return self.named

    def columns_of(self, rows: int, count: int) -> bytes:
        """Return the raw form of the columns; it has the shape of the header."""
        columns.require_shape(rows, count)
        return self.raw


@dataclass(frozen=True)
class Template:
    """The frame whose manifest and header the groups after it go on from.

    Everything is looked at when a group asks for it, and raises ``EvidenceError`` then.
    """

    frame: Frame
    crc: int

    @cached_property
    def document(self) -> dict[str, Any]:
        """The header's fields."""
        parse_header(self.frame.header)
        return canonical.decode(self.frame.header, limit=MAX_HEADER_BYTES)

    @cached_property
    def parts(self) -> dict[str, str]:
        """The header's fields as they are written; sorted, and they stay so when one of them changes."""
        return {name: _pair(name, value) for name, value in self.document.items()}

    @cached_property
    def manifest(self) -> Manifest:
        """The manifest of all chunks of the group."""
        manifest = _manifest(self.frame.manifest, self.frame.manifest_bytes)
        if (manifest.hash, len(manifest.columns)) != (self.document["manifest"], self.document["columns"]):
            raise MismatchError("groups go on from a frame with another manifest than it names")
        return manifest

    @cached_property
    def idle(self) -> tuple[int, list[int]] | None:
        """Place of ``cpu.idle`` and of the seven other states, ``None`` if one of them is not there."""
        places = {column.name: at for at, column in enumerate(self.manifest.columns)}
        states = [places.get(f"cpu.{name}", -1) for name in STATES]
        if min(states) < 0:
            return None
        idle = places["cpu.idle"]
        return idle, [at for at in states if at != idle]


@lru_cache(maxsize=64)
def _manifest(deflated: bytes, length: int) -> Manifest:
    return parse_manifest(columns.inflate(deflated, length=length))


# Reading


def read(data: bytes, offset: int, template: Template | None) -> tuple[list[GroupedFrame], int]:
    """Return the chunks of the group at an offset, and the offset behind it; nothing is verified but the form.

    Raises:
        EvidenceError: no group in its one form begins there, or its frame is not ``template``.
    """
    head = data[offset : offset + HEAD.size]
    if len(head) < HEAD.size:
        raise MalformedError("a group without its head")
    _, crc, length, signature, prev = HEAD.unpack(head)
    begin, end = offset + HEAD.size, offset + HEAD.size + length
    if end + TAIL.size > len(data):
        raise LimitExceededError(f"a group of {length} bytes does not fit here")
    if TAIL.unpack_from(data, end)[0] != zlib.crc32(memoryview(data)[offset:end]):
        raise MalformedError("the group is damaged: its CRC-32 differs")
    if template is None or template.crc != crc:
        raise MalformedError("the frame that a group goes on from is not the one before it")
    return _read(_inflate(data[begin:end]), template, signature, prev), end + TAIL.size


def _read(content: bytes, template: Template, signature: bytes, prev: bytes) -> list[GroupedFrame]:
    lines, at = _lines(content)
    telling = _Telling(template, prev.hex())
    shapes = [telling.shape(number, line) for number, line in enumerate(lines)]
    width = len(template.manifest.columns)
    if sum(rows for rows, _ in shapes) * width > MAX_VALUES:
        raise LimitExceededError(f"a group of more than {MAX_VALUES} values")
    total = sum(rows - shared for rows, shared in shapes)
    values = _values(content, at, total, template)
    clock = values[0].view("<i8").tolist()
    frames, end = [], 0
    for number, (rows, shared) in enumerate(shapes):
        begin = end - shared
        if begin < 0:
            raise MalformedError("a chunk repeats a row that is not there")
        end = begin + rows
        raw = values[:, begin:end].tobytes()
        times = (clock[begin], clock[end - 1]) if rows else (0, 0)
        body, named = telling.header(number, lines[number], hashlib.sha256(raw).hexdigest(), times)
        frames.append(
            GroupedFrame(
                template.frame.key,
                signature if number == len(lines) - 1 else b"",
                body,
                template.frame.manifest,
                template.frame.manifest_bytes,
                b"",
                raw,
                named,
            )
        )
    return frames


def _inflate(stream: bytes) -> bytes:
    inflating = zlib.decompressobj()
    try:
        content = inflating.decompress(stream, MAX_STREAM_BYTES)
    except zlib.error as error:
        raise MalformedError(f"damaged group: {error}") from None
    if not inflating.eof or inflating.unused_data or inflating.unconsumed_tail:
        raise MalformedError("a group is not one whole stream within its limit")
    return content


def _lines(content: bytes) -> tuple[list[dict[str, Any]], int]:
    """Return what the lines list, and where the columns begin."""
    found: list[dict[str, Any]] = []
    at = 0
    while (end := content.find(b"\n", at, at + MAX_HEADER_BYTES + 1)) != at:
        if end < 0 or len(found) == MAX_CHUNKS:
            raise LimitExceededError(f"a group of more than {MAX_CHUNKS} lines, or one that has no end")
        line = content[at:end]
        found.append({} if line == b"{}" else canonical.decode(line, limit=MAX_HEADER_BYTES))
        at = end + 1
    if not found:
        raise MalformedError("a group without a chunk")
    return found, at + 1


def _values(content: bytes, at: int, rows: int, template: Template) -> Values:
    count = len(template.manifest.columns)
    if not rows:
        if len(content) != at:
            raise MalformedError("bytes follow a group without a row")
        return np.zeros((count, 0), np.uint64)
    widths = content[at : at + count]
    first_at = at + count
    steps_at = first_at + count * columns.VALUE_BYTES
    if len(content) != steps_at + sum(widths) * (rows - 1) or max(widths, default=9) > columns.VALUE_BYTES:
        raise MalformedError("the columns of a group are not as long as their widths say")
    zigzag = np.zeros((count, rows, columns.VALUE_BYTES), np.uint8)
    first = np.frombuffer(content, np.uint8, count * columns.VALUE_BYTES, first_at)
    zigzag[:, 0] = first.reshape(columns.VALUE_BYTES, count)[::-1].T
    widest = max(widths)
    wide = np.frombuffer(widths, np.uint8)
    for byte in reversed(range(widest)):
        places = np.flatnonzero(wide > byte)
        plane = np.frombuffer(content, np.uint8, len(places) * (rows - 1), steps_at)
        plane = plane.reshape(len(places), rows - 1)
        _require_narrow(plane, wide[places] == byte + 1)
        zigzag[places, 1:, byte] = plane
        steps_at += plane.size
    steps = zigzag.view("<u8")[:, :, 0].astype(np.uint64, copy=False)
    values = np.cumsum((steps >> np.uint64(1)) ^ (np.uint64(0) - (steps & np.uint64(1))), axis=1)
    if template.manifest.kind == COUNTERS:
        values[1] += values[0]
        values[2] += values[1]
    if template.idle:
        values[template.idle[0]] -= values[template.idle[1]].sum(axis=0)
    return values.astype("<u8", copy=False)


def _require_narrow(plane: NDArray[np.uint8], highest: NDArray[np.bool_]) -> None:
    if not plane[highest].any(axis=1).all():
        raise MalformedError("a column of a group is wider than its steps")


class _Telling:
    """Makes headers out of what is predicted and what the lines list."""

    def __init__(self, template: Template, prev: str) -> None:
        self._known = dict(template.document)
        self._prev = prev
        self._rows = self._known["rows"]
        self._parts = dict(template.parts)

    def shape(self, number: int, line: dict[str, Any]) -> tuple[int, int]:
        """Return how many rows a chunk has and how many of them it shares (0 or 1). Called in order."""
        rows = line.get("rows", self._rows)
        if not isinstance(rows, int) or not 0 <= rows <= columns.MAX_ROWS:
            raise MalformedError("a group with a chunk of no known length")
        self._rows = rows
        return rows, int(number > 0 and line.get("first", "repeat") == "repeat" and rows > 0)

    def header(
        self, number: int, line: dict[str, Any], digest: str, times: tuple[int, int]
    ) -> tuple[bytes, str]:
        """Return a chunk's header and its hash.

        Raises:
            MalformedError: the line lists what it may not, or what is predicted.
        """
        known, parts = self._known, self._parts
        start_ms, end_ms = times
        prev_end_ms, seq = known["end_ms"] if number else start_ms, known["seq"] + 1
        parts["digest"] = f'"digest":"{digest}"'
        parts["end_ms"] = f'"end_ms":{end_ms}'
        parts["first"] = '"first":"repeat"'
        parts["prev"] = f'"prev":"{self._prev}"'
        parts["prev_end_ms"] = f'"prev_end_ms":{prev_end_ms}'
        parts["seq"] = f'"seq":{seq}'
        parts["start_ms"] = f'"start_ms":{start_ms}'
        known.update(end_ms=end_ms, first="repeat", prev_end_ms=prev_end_ms, seq=seq, start_ms=start_ms)
        for name, value in line.items():
            plain = isinstance(value, int | str) and name in known and name not in FIXED
            if not plain or known[name] == value:
                raise MalformedError(f"a group lists {name!r}, which it may not list or says already")
            parts[name] = _pair(name, value)
        known.update(line)
        body = f"{{{','.join(parts.values())}}}".encode()
        self._prev = pae_hash(CHUNK_TYPE, body)
        return body, self._prev


def _pair(name: str, value: int | str) -> str:
    return f'"{name}":{json.dumps(value, ensure_ascii=False)}'


# Writing


@dataclass(frozen=True)
class Candidate:
    """A chunk of a frame, to be put into a group."""

    frame: Frame
    document: dict[str, Any]
    values: Values

    @classmethod
    def of(cls, frame: Frame) -> Candidate | None:
        """Return the chunk of a frame, ``None`` if the frame must travel as it is."""
        try:
            header = parse_header(frame.header)
            raw = columns.unpack(frame.packed, rows=header.rows, columns=header.columns)
        except EvidenceError:
            return None
        if columns.digest(raw) != header.digest or header.rows * header.columns > MAX_VALUES:
            return None
        values = np.frombuffer(raw, "<u8").reshape(header.columns, header.rows)
        return cls(frame, canonical.decode(frame.header, limit=MAX_HEADER_BYTES), values.astype(np.uint64))

    def goes_on_from(self, template: Template) -> bool:
        """Return whether a group after this frame can hold the chunk."""
        try:
            same = [name for name in FIXED if name not in ("digest", "prev")]
            return (
                self.frame.key == template.frame.key
                and self.document.keys() == template.document.keys()
                and all(self.document[name] == template.document[name] for name in same)
                and len(template.manifest.columns) == self.document["columns"]
                and (self.frame.manifest, self.frame.manifest_bytes)
                == (template.frame.manifest, template.frame.manifest_bytes)
            )
        except EvidenceError:
            return False

    def follows(self, before: Candidate) -> bool:
        """Return whether the chunk can stand behind another one in a group."""
        if self.document["prev"] != before.frame.hash:
            return False
        if self.document["first"] != "repeat" or not self.document["rows"]:
            return True
        return bool(before.document["rows"] and (self.values[:, 0] == before.values[:, -1]).all())


def write(run: Sequence[Candidate], template: Template) -> bytes:
    """Return the group of chunks that follow one another and go on from a frame."""
    lines, known, parts = [], template.document, []
    for number, one in enumerate(run):
        said, rows = one.document, one.values.shape[1]
        times = [int(one.values[0, at].astype(np.int64)) for at in (0, -1)] if rows else [0, 0]
        predicted = {
            **known,
            "end_ms": times[1],
            "first": "repeat",
            "prev_end_ms": known["end_ms"] if number else times[0],
            "seq": known["seq"] + 1,
            "start_ms": times[0],
        }
        lines.append(
            canonical.encode(
                {name: said[name] for name in said if name not in FIXED and said[name] != predicted[name]}
            )
        )
        shared = number > 0 and said["first"] == "repeat" and rows > 0
        parts.append(one.values[:, int(shared) :])
        known = said
    text = b"".join(line + b"\n" for line in lines) + b"\n"
    stream = _deflated([text, *_planes(np.concatenate(parts, axis=1), template)])
    prev = bytes.fromhex(run[0].document["prev"])
    return enclose(stream, crc=template.crc, signature=run[-1].frame.signature, prev=prev)


def enclose(stream: bytes, *, crc: int, signature: bytes, prev: bytes) -> bytes:
    """Return the item of a stream; ``crc`` is that of its frame."""
    body = HEAD.pack(MAGIC, crc, len(stream), signature, prev) + stream
    return body + TAIL.pack(zlib.crc32(body))


def _planes(values: Values, template: Template) -> list[bytes]:
    """Return widths with the first row, and the steps, highest bytes first."""
    if not values.shape[1]:
        return []
    if template.idle:
        values[template.idle[0]] += values[template.idle[1]].sum(axis=0)
    if template.manifest.kind == COUNTERS:
        values[2] -= values[1]
        values[1] -= values[0]
    steps = np.diff(values, axis=1, prepend=np.uint64(0))
    zigzag = (steps << np.uint64(1)) ^ (np.uint64(0) - (steps >> np.uint64(63)))
    octets = np.ascontiguousarray(zigzag.astype("<u8")).view(np.uint8).reshape(*values.shape, 8)
    widths = [max((at + 1 for at in range(8) if row[1:, at].any()), default=0) for row in octets]
    steps_of = (
        octets[[at for at, width in enumerate(widths) if width > byte], 1:, byte].tobytes()
        for byte in reversed(range(max(widths)))
    )
    return [bytes(widths) + octets[:, 0].T[::-1].tobytes(), *steps_of]


def _deflated(parts: Iterable[bytes]) -> bytes:
    """Return one stream, in which bytes of one significance are coded apart from the others."""
    stream = zlib.compressobj(LEVEL, memLevel=9)
    found = b""
    for part in parts:
        found += stream.compress(part) + stream.flush(zlib.Z_BLOCK)
    return found + stream.flush()
