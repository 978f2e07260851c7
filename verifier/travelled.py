"""Columns of frames as they travelled (``evidence.columns``), decoded together.

Inflating is half of the work. Where the package zlib-ng is installed (extra ``fast``) it is done in half the time;
what it refuses is looked at again with the standard library's zlib by whoever opens the chunk alone, so what is
said of a damaged stream does not depend on it.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from importlib import import_module
from importlib.util import find_spec
from typing import Any

import numpy as np

from evidence.chunk import Frame, Header
from evidence.columns import VALUE_BYTES
from verifier.batch import Mask, Values

FASTER = "zlib_ng.zlib_ng"
_DEFLATE: Any = import_module(FASTER if find_spec("zlib_ng") else "zlib")


def decode(frames: Sequence[Frame], headers: Sequence[Header]) -> tuple[Values, Mask]:
    """Return ``values[chunk, column, row]`` of chunks of one shape, and which have the digest of their header."""
    rows, columns = headers[0].rows, headers[0].columns
    count, nothing = rows * columns, bytes(rows * columns * VALUE_BYTES)
    inflated = [_inflated(frame.packed, len(nothing)) for frame in frames]
    planes = np.frombuffer(b"".join(data or nothing for data in inflated), np.uint8)
    planes = planes.reshape(len(frames), VALUE_BYTES, count)
    mixed = np.empty((len(frames), count, VALUE_BYTES), np.uint8)
    for plane in range(VALUE_BYTES):
        mixed[:, :, plane] = planes[:, plane]
    steps = mixed.view("<u8").reshape(len(frames), columns, rows)
    signs = steps & np.uint64(1)
    steps >>= np.uint64(1)
    steps ^= np.uint64(0) - signs
    values = np.cumsum(steps, axis=2, dtype=np.uint64).astype("<u8", copy=False)
    whole = [
        data is not None and hashlib.sha256(one.data).hexdigest() == header.digest
        for data, one, header in zip(inflated, values, headers, strict=True)
    ]
    return values.view("<i8"), np.array(whole, np.bool_)


def _inflated(packed: bytes, length: int) -> bytes | None:
    """Return exactly ``length`` inflated bytes, ``None`` if there are others."""
    stream = _DEFLATE.decompressobj()
    try:
        data: bytes = stream.decompress(packed, length + 1)
    except _DEFLATE.error:
        return None
    whole = len(data) == length and stream.eof and not stream.unused_data and not stream.unconsumed_tail
    return data if whole else None
