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

import json
import struct
import zlib
from dataclasses import dataclass, field
from functools import cached_property, lru_cache
from typing import Any

import numpy as np
from numpy.typing import NDArray

from evidence import columns
from evidence.chunk import Frame
from evidence.errors import MismatchError
from evidence.manifest import CPU_STATES, Manifest
from evidence.manifest import parse as parse_manifest
from verifier.headers import read_header

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

Values = NDArray[np.uint64]
_ENCODER = json.JSONEncoder(ensure_ascii=False)


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
        read_header(self.frame.header)  # refuses what is not canonical
        found: dict[str, Any] = json.loads(self.frame.header)
        return found

    @cached_property
    def parts(self) -> dict[str, str]:
        """The header's fields as they are written; sorted, and they stay so when one of them changes."""
        return {name: pair(name, value) for name, value in self.document.items()}

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


def pair(name: str, value: int | str) -> str:
    """Return a field of a header as it is written."""
    return f'"{name}":{_ENCODER.encode(value)}'


def enclose(stream: bytes, *, crc: int, signature: bytes, prev: bytes) -> bytes:
    """Return the item of a stream; ``crc`` is that of its frame."""
    body = HEAD.pack(MAGIC, crc, len(stream), signature, prev) + stream
    return body + TAIL.pack(zlib.crc32(body))
