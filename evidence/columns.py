"""Columns of signed 64-bit integers: the exact bytes that are hashed, and how they travel.

*Raw* form: column after column, each ``rows`` values of int64 little endian. The digest of a chunk
is the SHA-256 of exactly these bytes, so the codec below may change without touching a signature.

*Travelling* form: per column the difference to the value before (modulo 2^64), zigzag, then the
bytes of the whole matrix grouped by significance (byte shuffle), then deflate. Counters change by
small steps, so most of the shuffled planes are zeros.

``MISSING`` (-2^63) marks a value that was not measured. Missing is never zero.
"""

from __future__ import annotations

import hashlib
import sys
import zlib
from array import array
from collections.abc import Sequence
from itertools import accumulate

from evidence.errors import LimitExceededError, MalformedError, OutOfRangeError

MISSING = -(2**63)
VALUE_BYTES = 8
MAX_ROWS = 100_000
"""A day of readings at one second, with room."""
MAX_COLUMNS = 4_096
MAX_VALUES = 4 * 1024 * 1024
"""32 MiB of raw values in one chunk."""
DEFLATE_LEVEL = 6
MAX_DEFLATED_BYTES = MAX_VALUES * VALUE_BYTES + 1024 * 1024

_MASK = 2**64 - 1
_SIGN = 63

Columns = Sequence[Sequence[int]]


def to_raw(columns: Columns) -> bytes:
    """Return the raw form of ``columns`` (all of one length).

    Raises:
        OutOfRangeError: a value is not a signed 64-bit integer.
        LimitExceededError: more rows, columns or values than the limits allow.
        MalformedError: the columns differ in length.
    """
    rows = len(columns[0]) if columns else 0
    require_shape(rows, len(columns))
    out = array("q")
    for column in columns:
        if len(column) != rows:
            raise MalformedError(f"columns of {rows} and {len(column)} rows in one chunk")
        try:
            out.extend(array("q", column))
        except (OverflowError, TypeError) as error:
            raise OutOfRangeError(f"not a signed 64-bit integer: {error}") from None
    return _little_endian(out).tobytes()


def from_raw(raw: bytes, *, rows: int, columns: int) -> list[array[int]]:
    """Return ``columns`` arrays of ``rows`` values.

    Raises:
        LimitExceededError: the shape is above the limits.
        MalformedError: ``raw`` has another length than the shape asks for.
    """
    require_shape(rows, columns)
    if len(raw) != rows * columns * VALUE_BYTES:
        raise MalformedError(f"{len(raw)} bytes cannot hold {columns} columns of {rows} rows")
    width = rows * VALUE_BYTES
    result = []
    for number in range(columns):
        values = array("q")
        values.frombytes(raw[number * width : (number + 1) * width])
        result.append(_little_endian(values))
    return result


def digest(raw: bytes) -> str:
    """Return the SHA-256 of the raw form, 64 hex digits."""
    return hashlib.sha256(raw).hexdigest()


def pack(raw: bytes, *, rows: int) -> bytes:
    """Return the travelling form of a raw matrix whose columns have ``rows`` values each."""
    values = _little_endian(array("q", raw))
    steps = array("Q", bytes(len(raw)))
    previous = 0
    for position, value in enumerate(values):
        if position % rows == 0:
            previous = 0
        step = (value - previous) & _MASK
        steps[position] = ((step << 1) & _MASK) ^ (_MASK if step >> _SIGN else 0)
        previous = value
    shuffled = _little_endian(steps).tobytes()
    planes = b"".join(shuffled[plane::VALUE_BYTES] for plane in range(VALUE_BYTES))
    return zlib.compress(planes, DEFLATE_LEVEL)


def unpack(packed: bytes, *, rows: int, columns: int) -> bytes:
    """Return the raw form that ``packed`` carries.

    Raises:
        LimitExceededError: the shape is above the limits.
        MalformedError: the deflate stream is damaged, has another length, or bytes follow it.
    """
    require_shape(rows, columns)
    count = rows * columns
    planes = inflate(packed, length=count * VALUE_BYTES)
    mixed = bytearray(len(planes))
    for plane in range(VALUE_BYTES):
        mixed[plane::VALUE_BYTES] = planes[plane * count : (plane + 1) * count]
    steps = _little_endian(array("Q", bytes(mixed)))
    return _little_endian(_summed([(z >> 1) ^ -(z & 1) for z in steps], rows)).tobytes()


def _summed(steps: list[int], rows: int) -> array[int]:
    """Return the values that the steps of columns lead to, each from 0."""
    try:
        values = array("q")
        for start in range(0, len(steps), rows or 1):
            values.extend(array("q", accumulate(steps[start : start + rows])))
    except OverflowError:  # a difference of more than 63 bits: they are taken modulo 2^64
        values = array("q")
        for start in range(0, len(steps), rows or 1):
            wide = (value & _MASK for value in accumulate(steps[start : start + rows]))
            values.extend(array("q", [value - (value >> _SIGN << 64) for value in wide]))
    return values


def inflate(packed: bytes, *, length: int) -> bytes:
    """Return exactly ``length`` inflated bytes.

    Raises:
        MalformedError: damaged stream, another length, or bytes after its end.
    """
    stream = zlib.decompressobj()
    try:
        data = stream.decompress(packed, length + 1)
    except zlib.error as error:
        raise MalformedError(f"damaged deflate stream: {error}") from None
    if len(data) != length or not stream.eof or stream.unused_data or stream.unconsumed_tail:
        raise MalformedError(f"the deflate stream does not hold exactly {length} bytes")
    return data


def require_shape(rows: int, columns: int) -> None:
    """Refuse shapes above the limits.

    Raises:
        LimitExceededError: see the constants of this module.
    """
    if not 0 <= rows <= MAX_ROWS:
        raise LimitExceededError(f"{rows} rows in a chunk; 0 to {MAX_ROWS} are allowed")
    if not 0 < columns <= MAX_COLUMNS:
        raise LimitExceededError(f"{columns} columns in a chunk; 1 to {MAX_COLUMNS} are allowed")
    if rows * columns > MAX_VALUES:
        raise LimitExceededError(f"{rows * columns} values in a chunk; {MAX_VALUES} are allowed")


def _little_endian(values: array[int]) -> array[int]:
    if sys.byteorder == "big":  # pragma: no cover - no big-endian machine in CI
        values = array(values.typecode, values)
        values.byteswap()
    return values
