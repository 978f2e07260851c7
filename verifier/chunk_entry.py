"""Entries of chunks: the frames of one enrolment and UTC day, one after another.

    frame     a frame as it is (``evidence.chunk``), begins with b"SPC1"; the first item is always one
    short     b"SPZ1", length n (4 bytes, little endian), n bytes: a zlib stream that inflates to a frame,
              with the first ``DICTIONARY_BYTES`` of the entry's first frame as preset dictionary

Headers and manifests of one day hardly differ, so a short item holds little beside the readings and the
signature. A damaged item is one finding; reading goes on at the next beginning of an item.
"""

from __future__ import annotations

import struct
import zlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from evidence.chunk import MAGIC, MAX_FRAME_BYTES, Frame, take_frame
from evidence.errors import EvidenceError, LimitExceededError, MalformedError

SHORT = b"SPZ1"
DICTIONARY_BYTES = 16 * 1024
"""Holds header and manifest of most frames; deflate looks back 32 KiB."""
MAX_DAMAGED = 1_000
"""Damaged places of an entry that are told one by one; each costs a search."""
MAX_ENTRY_BYTES = 128 * 1024 * 1024
"""A day of readings at one second has 3 MiB."""

_LENGTH = struct.Struct("<I")
_HEAD = len(SHORT) + _LENGTH.size
_LEVEL = 9


@dataclass(frozen=True)
class Item:
    """A frame with its number in the entry, or why there is none; ``offset`` is where it begins."""

    number: int
    offset: int
    data: bytes = b""
    frame: Frame | None = None
    error: str = ""


def pack(frames: Sequence[bytes]) -> bytes:
    """Return the entry of these frames."""
    dictionary = frames[0][:DICTIONARY_BYTES] if frames else b""
    items = list(frames[:1])
    for frame in frames[1:]:
        stream = zlib.compressobj(_LEVEL, zdict=dictionary)
        deflated = stream.compress(frame) + stream.flush()
        short = SHORT + _LENGTH.pack(len(deflated)) + deflated
        items.append(min(short, frame, key=len))
    return b"".join(items)


def items(data: bytes) -> Iterator[Item]:
    """Yield what an entry holds, in order; damaged places are items without a frame."""
    if len(data) > MAX_ENTRY_BYTES:
        yield Item(0, 0, error=f"{len(data)} bytes of chunks in one entry; {MAX_ENTRY_BYTES} are allowed")
        return
    dictionary: bytes | None = None
    offset = number = damaged = 0
    while offset < len(data):
        try:
            raw, frame, end = _item(data, offset, dictionary)
            yield Item(number, offset, raw, frame)
        except EvidenceError as error:
            damaged += 1
            yield Item(number, offset, error=str(error))
            if damaged == MAX_DAMAGED:
                return
            raw, end = b"", _next(data, offset + 1)
        dictionary = raw[:DICTIONARY_BYTES] if dictionary is None else dictionary
        offset, number = end, number + 1


def frame_at(data: bytes, offset: int) -> Frame | None:
    """Return the frame of the item at this place of an entry, ``None`` if there is none."""
    try:
        dictionary = data[: min(_item(data, 0, None)[2], DICTIONARY_BYTES)]
    except EvidenceError:
        dictionary = b""
    try:
        return _item(data, offset, dictionary)[1]
    except EvidenceError:
        return None


def frames(data: bytes) -> list[bytes]:
    """Return the frames of an entry.

    Raises:
        MalformedError: an item is damaged.
    """
    found = list(items(data))
    for item in found:
        if item.frame is None:
            raise MalformedError(f"item {item.number}, byte {item.offset}: {item.error}")
    return [item.data for item in found]


def _item(data: bytes, offset: int, dictionary: bytes | None) -> tuple[bytes, Frame, int]:
    if dictionary is None or data[offset : offset + len(SHORT)] != SHORT:
        frame, end = take_frame(data, offset)
        return data[offset:end], frame, end
    (length,) = _LENGTH.unpack_from(data[offset : offset + _HEAD].ljust(_HEAD, b"\0"), len(SHORT))
    end = offset + _HEAD + length
    if not 0 < length <= MAX_FRAME_BYTES or end > len(data):
        raise LimitExceededError(f"a short item of {length} bytes does not fit here")
    raw = _inflate(data[offset + _HEAD : end], dictionary)
    frame, used = take_frame(raw, 0)
    if used != len(raw):
        raise MalformedError(f"{len(raw) - used} bytes follow the frame of a short item")
    return raw, frame, end


def _inflate(deflated: bytes, dictionary: bytes) -> bytes:
    stream = zlib.decompressobj(zdict=dictionary)
    try:
        raw = stream.decompress(deflated, MAX_FRAME_BYTES)
    except zlib.error as error:
        raise MalformedError(f"damaged short item: {error}") from None
    if not stream.eof or stream.unused_data or stream.unconsumed_tail:
        raise MalformedError("a short item is not one whole deflate stream of a frame")
    return raw


def _next(data: bytes, offset: int) -> int:
    """Return where the next item may begin."""
    found = [at for at in (data.find(MAGIC, offset), data.find(SHORT, offset)) if at >= 0]
    return min(found, default=len(data))
