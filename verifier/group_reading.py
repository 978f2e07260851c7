"""Groups of chunks, read: every byte that was hashed and signed is made again (form: ``verifier.chunk_group``)."""

from __future__ import annotations

import hashlib
import re
import zlib
from dataclasses import dataclass
from typing import Any

from evidence import canonical, columns
from evidence.chunk import MAX_HEADER_BYTES
from evidence.dsse import CHUNK_TYPE, pae_hash
from evidence.errors import EvidenceError, LimitExceededError, MalformedError
from verifier import chunk_group
from verifier.chunk_group import (
    FIXED,
    HEAD,
    MAGIC,
    MAX_STREAM_BYTES,
    TAIL,
    GroupedFrame,
    Template,
    Values,
    pair,
)
from verifier.group_columns import Packed, decode

AHEAD_VALUES = 2**16
"""Groups are decoded together up to so many values; a day of hourly ones has less."""
_USUAL = re.compile(rb'\{(?:"seq":(0|[1-9][0-9]{0,14}))?\}')
"""The lines of most groups: canonical JSON of nothing, or of a number."""


@dataclass(frozen=True)
class _Group:
    """A group whose lines were read, and that its columns fit as far as lengths go is not known yet."""

    template: Template
    signature: bytes
    telling: _Telling
    lines: list[dict[str, Any]]
    shapes: list[tuple[int, int]]
    packed: Packed
    end: int

    def frames(self, values: Values | str) -> list[GroupedFrame]:
        """Return the chunks, made of the group's values.

        Raises:
            MalformedError: ``values`` say what is wrong with them, or they do not fit the lines.
        """
        if isinstance(values, str):
            raise MalformedError(values)
        template, telling, last = self.template, self.telling, len(self.lines) - 1
        clock = values[0].view("<i8").tolist()
        frames, end = [], 0
        for number, (rows, shared) in enumerate(self.shapes):
            begin = end - shared
            if begin < 0:
                raise MalformedError("a chunk repeats a row that is not there")
            end = begin + rows
            raw = values[:, begin:end].tobytes()
            times = (clock[begin], clock[end - 1]) if rows else (0, 0)
            body, named = telling.header(number, self.lines[number], hashlib.sha256(raw).hexdigest(), times)
            frames.append(
                GroupedFrame(
                    template.frame.key,
                    self.signature if number == last else b"",
                    body,
                    template.frame.manifest,
                    template.frame.manifest_bytes,
                    b"",
                    raw,
                    named,
                )
            )
        return frames


class Groups:
    """Reads the groups of an entry in order; those that follow one another are decoded together.

    Args:
        data: the entry.
        ahead: how many values may be decoded together; of a single group there may be more.
    """

    def __init__(self, data: bytes, *, ahead: int = AHEAD_VALUES) -> None:
        self._data = data
        self._ahead = ahead
        self._ready: dict[int, tuple[_Group, Values | str]] = {}

    def read(self, offset: int, template: Template | None) -> tuple[list[GroupedFrame], int]:
        """Return the chunks of the group at an offset, and the offset behind it; nothing is verified but the form.

        Raises:
            EvidenceError: no group in its one form begins there, or its frame is not ``template``.
        """
        ready = self._ready.pop(offset, None)
        if ready is None or ready[0].template is not template:
            self._decode(offset, template)
            ready = self._ready.pop(offset)
        group, values = ready
        return group.frames(values), group.end

    def _decode(self, offset: int, template: Template | None) -> None:
        """Decode a group and those behind it that have as many rows. What is odd about these is said in its turn."""
        group = _opened(self._data, offset, template)
        groups, held = {offset: group}, 0
        while (held := held + group.packed.rows * len(group.template.manifest.columns)) < self._ahead:
            at = group.end
            if not self._data.startswith(MAGIC, at):
                break
            try:
                group = _opened(self._data, at, template)
            except EvidenceError:
                break
            if group.packed.rows != groups[offset].packed.rows:
                break
            groups[at] = group
        values = decode([each.packed for each in groups.values()], group.template)
        self._ready = dict(zip(groups, zip(groups.values(), values, strict=True), strict=True))


def _opened(data: bytes, offset: int, template: Template | None) -> _Group:
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
    content = _inflate(data[begin:end])
    lines, at = _lines(content)
    telling = _Telling(template, prev.hex())
    shapes = [telling.shape(number, line) for number, line in enumerate(lines)]
    if sum(rows for rows, _ in shapes) * len(template.manifest.columns) > chunk_group.MAX_VALUES:
        raise LimitExceededError(f"a group of more than {chunk_group.MAX_VALUES} values")
    packed = Packed(content, at, sum(rows - shared for rows, shared in shapes))
    return _Group(template, signature, telling, lines, shapes, packed, end + TAIL.size)


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
        found.append(_listed(line))
        at = end + 1
    if not found:
        raise MalformedError("a group without a chunk")
    return found, at + 1


def _listed(line: bytes) -> dict[str, Any]:
    usual = _USUAL.fullmatch(line)
    if usual is None:
        return canonical.decode(line, limit=MAX_HEADER_BYTES)
    return {"seq": int(usual[1])} if usual[1] else {}


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
