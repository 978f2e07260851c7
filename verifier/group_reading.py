"""Groups of chunks, read: every byte that was hashed and signed is made again (form: ``verifier.chunk_group``)."""

from __future__ import annotations

import hashlib
import zlib
from typing import Any

import numpy as np

from evidence import canonical, columns
from evidence.chunk import MAX_HEADER_BYTES
from evidence.dsse import CHUNK_TYPE, pae_hash
from evidence.errors import LimitExceededError, MalformedError
from evidence.manifest import COUNTERS
from verifier import chunk_group
from verifier.chunk_group import FIXED, HEAD, MAX_STREAM_BYTES, TAIL, GroupedFrame, Template, Values, pair

_LEAST = np.array([0, *(1 << 8 * byte for byte in range(columns.VALUE_BYTES))], np.uint64)
"""By width: what the widest step of a column has at least."""


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
    if sum(rows for rows, _ in shapes) * width > chunk_group.MAX_VALUES:
        raise LimitExceededError(f"a group of more than {chunk_group.MAX_VALUES} values")
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
        if end < 0 or len(found) == chunk_group.MAX_CHUNKS:
            raise LimitExceededError(
                f"a group of more than {chunk_group.MAX_CHUNKS} lines, or one that has no end"
            )
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
    wide = np.frombuffer(widths, np.uint8)
    for byte in reversed(range(max(widths))):
        places = (wide > byte).nonzero()[0]
        plane = np.frombuffer(content, np.uint8, len(places) * (rows - 1), steps_at)
        zigzag[places, 1:, byte] = plane.reshape(len(places), rows - 1)
        steps_at += plane.size
    steps = zigzag.view("<u8")[:, :, 0].astype(np.uint64, copy=False)
    if (steps[:, 1:].max(axis=1, initial=0) < _LEAST[wide]).any():
        raise MalformedError("a column of a group is wider than its steps")
    values = np.cumsum((steps >> np.uint64(1)) ^ (np.uint64(0) - (steps & np.uint64(1))), axis=1)
    if template.manifest.kind == COUNTERS:
        values[1] += values[0]
        values[2] += values[1]
    if template.idle:
        values[template.idle[0]] -= values[template.idle[1]].sum(axis=0)
    return values.astype("<u8", copy=False)


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
            parts[name] = pair(name, value)
        known.update(line)
        body = f"{{{','.join(parts.values())}}}".encode()
        self._prev = pae_hash(CHUNK_TYPE, body)
        return body, self._prev
