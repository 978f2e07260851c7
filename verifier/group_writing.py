"""Groups of chunks, written: which chunks a group can hold, and the group of these (form: ``verifier.chunk_group``)."""

from __future__ import annotations

import zlib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from evidence import canonical, columns
from evidence.chunk import MAX_HEADER_BYTES, Frame, parse_header
from evidence.errors import EvidenceError
from evidence.manifest import COUNTERS
from verifier import chunk_group
from verifier.chunk_group import FIXED, Template, Values, enclose

LEVEL = 9


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
        if columns.digest(raw) != header.digest or header.rows * header.columns > chunk_group.MAX_VALUES:
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
