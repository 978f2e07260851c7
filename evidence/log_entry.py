"""What the log holds: one leaf for each thing that arrived, in the order of arrival.

A leaf's data are 41 bytes: its kind (1), the SHA-256 of the thing (32), the collector's clock when
it came (8, big endian, ms since 1970). A log begins at the moment that it was made and never goes
back: when the clock was set back, the last arrival is repeated.
"""

from __future__ import annotations

import struct
from collections.abc import Iterable
from dataclasses import dataclass

from evidence.errors import MalformedError, OutOfRangeError
from evidence.fields import is_hash
from evidence.merkle import leaf_hash

CHUNK = 1
"""The hash that the next chunk's ``prev`` names."""
ENROLMENT = 2
"""The hash that the first chunk's ``prev`` names."""
SCOPE = 3
"""SHA-256 of the record of a declared version of the scope."""
EDITION = 4
"""SHA-256 of an edition's file."""
ANCHOR = 5
"""SHA-256 of what an anchor gave back."""
DAY_MARK = 6
"""SHA-256 of the record of a day (``evidence.log_records``)."""
CLOSE = 7
"""SHA-256 of the record that closes a month (``evidence.log_records``)."""
DOCUMENT = 8
"""SHA-256 of another document."""

KIND_NAMES = {
    CHUNK: "chunk",
    ENROLMENT: "enrolment",
    SCOPE: "scope",
    EDITION: "edition",
    ANCHOR: "anchor",
    DAY_MARK: "day mark",
    CLOSE: "close",
    DOCUMENT: "document",
}

_LAYOUT = struct.Struct(">B32sQ")
ENTRY_BYTES = _LAYOUT.size
MAX_ARRIVAL_MS = 2**53 - 1


@dataclass(frozen=True)
class LogEntry:
    """One leaf of the log. ``hash`` is 64 hex digits, ``arrival_ms`` counts from 1970 (UTC).

    Raises:
        OutOfRangeError: no such kind, no such hash, or a time that cannot be written.
    """

    kind: int
    hash: str
    arrival_ms: int

    def __post_init__(self) -> None:
        """Refuse what no leaf holds."""
        if self.kind not in KIND_NAMES:
            raise OutOfRangeError(f"no log entry is of kind {self.kind}")
        if not is_hash(self.hash):
            raise OutOfRangeError("a log entry names a hash by 64 lower-case hex digits")
        if not 0 <= self.arrival_ms <= MAX_ARRIVAL_MS:
            raise OutOfRangeError(f"arrival {self.arrival_ms} ms cannot be written")

    def encode(self) -> bytes:
        """Return the 41 bytes that the leaf holds."""
        return _LAYOUT.pack(self.kind, bytes.fromhex(self.hash), self.arrival_ms)

    @property
    def leaf(self) -> bytes:
        """The leaf's hash in the tree, 32 bytes."""
        return leaf_hash(self.encode())


def decode(data: bytes) -> LogEntry:
    """Return the entry that these 41 bytes are.

    Raises:
        MalformedError: they are none.
    """
    if len(data) != ENTRY_BYTES:
        raise MalformedError(f"a log entry has {ENTRY_BYTES} bytes, not {len(data)}")
    kind, hash_, arrival_ms = _LAYOUT.unpack(data)
    try:
        return LogEntry(kind, hash_.hex(), arrival_ms)
    except OutOfRangeError as error:
        raise MalformedError(str(error)) from None


def decode_all(data: bytes) -> tuple[LogEntry, ...]:
    """Return the entries that stand one after another in ``data``.

    Raises:
        MalformedError: one is none, or the last is cut off.
    """
    if len(data) % ENTRY_BYTES:
        raise MalformedError(f"{len(data)} bytes are not log entries of {ENTRY_BYTES} bytes each")
    return tuple(decode(data[at : at + ENTRY_BYTES]) for at in range(0, len(data), ENTRY_BYTES))


def encode_all(entries: Iterable[LogEntry]) -> bytes:
    """Return the entries one after another, as ``decode_all`` reads them."""
    return b"".join(entry.encode() for entry in entries)


def next_arrival(last_ms: int, now_ms: int) -> int:
    """Return the arrival of the next entry: the clock, or the last arrival if the clock went back."""
    return max(last_ms, now_ms)
