"""Frames at rest, split quickly: the usual ones here, all others by the strict reader, with its refusals."""

from __future__ import annotations

import struct
import zlib
from functools import cached_property

from evidence.chunk import MAGIC, MAX_HEADER_BYTES, Frame, read_frame
from evidence.columns import MAX_DEFLATED_BYTES
from evidence.dsse import CHUNK_TYPE, pae_hash
from evidence.manifest import MAX_MANIFEST_BYTES

_PREFIX = struct.Struct("<4s32s64sI")
_LENGTHS = struct.Struct("<II")
_LENGTH = struct.Struct("<I")


class WholeFrame(Frame):
    """A frame whose hash is computed once."""

    @cached_property
    def hash(self) -> str:
        """The hash that the next chunk's ``prev`` names, 64 hex digits."""
        return pae_hash(CHUNK_TYPE, self.header)


def whole_frame(data: bytes) -> Frame:
    """Return the frame that ``data`` is, no byte more and no byte less.

    Raises:
        MalformedError: as ``evidence.chunk.read_frame``.
    """
    try:
        magic, key, signature, header_bytes = _PREFIX.unpack_from(data)
        header_end = _PREFIX.size + header_bytes
        deflated_bytes, manifest_bytes = _LENGTHS.unpack_from(data, header_end)
        manifest_at = header_end + _LENGTHS.size
        manifest_end = manifest_at + deflated_bytes
        (packed_bytes,) = _LENGTH.unpack_from(data, manifest_end)
        packed_at = manifest_end + _LENGTH.size
        end = packed_at + packed_bytes
        (checksum,) = _LENGTH.unpack_from(data, end)
    except struct.error:
        return read_frame(data)
    usual = (
        magic == MAGIC
        and header_bytes <= MAX_HEADER_BYTES
        and deflated_bytes <= MAX_MANIFEST_BYTES
        and manifest_bytes <= MAX_MANIFEST_BYTES
        and packed_bytes <= MAX_DEFLATED_BYTES
        and end + _LENGTH.size == len(data)
    )
    if not usual or checksum != zlib.crc32(memoryview(data)[:end]):
        return read_frame(data)
    return WholeFrame(
        key.hex(), signature, data[_PREFIX.size : header_end], data[manifest_at:manifest_end], manifest_bytes,
        data[packed_at:end],
    )  # fmt: skip
