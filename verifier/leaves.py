"""The leaves of a pack's log as they stand in the entry: read in place, found by hash, hashed in order.

A leaf costs 41 bytes of the entry and 24 more (arrival, order and beginning of its hash), so a pack with a
million chunks is checked in the memory of a small one.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import overload

import numpy as np

from evidence import log_entry
from evidence.log_entry import CHUNK, ENTRY_BYTES, KIND_NAMES, MAX_ARRIVAL_MS, LogEntry
from evidence.merkle import HASH_BYTES, leaf_hash

_HASH_AT = 1
_PREFIX_BYTES = 8


class Leaves(Sequence[LogEntry]):
    """The entries of a stretch of the log.

    Raises:
        MalformedError: one is none, or the last is cut off.
    """

    def __init__(self, data: bytes) -> None:
        """Look at kinds and arrivals of all leaves."""
        self._data = data
        odd = len(data) % ENTRY_BYTES
        rows = np.frombuffer(data[: len(data) - odd] if odd else data, np.uint8).reshape(-1, ENTRY_BYTES)
        self._arrivals = _numbers(rows[:, _HASH_AT + HASH_BYTES :])
        known = np.isin(rows[:, 0], list(KIND_NAMES)) & (self._arrivals <= MAX_ARRIVAL_MS)
        if odd or not known.all():
            log_entry.decode_all(data)  # raises, and says what is wrong
        chunks = np.flatnonzero(rows[:, 0] == CHUNK)
        prefixes = _numbers(rows[chunks, _HASH_AT : _HASH_AT + _PREFIX_BYTES])
        order = np.argsort(prefixes, kind="stable")
        self._prefixes, self._order = prefixes[order], chunks[order]
        self._others: list[int] = np.flatnonzero(rows[:, 0] != CHUNK).tolist()

    def __len__(self) -> int:
        """Return how many there are."""
        return len(self._data) // ENTRY_BYTES

    @overload
    def __getitem__(self, at: int) -> LogEntry: ...

    @overload
    def __getitem__(self, at: slice) -> Sequence[LogEntry]: ...

    def __getitem__(self, at: int | slice) -> LogEntry | Sequence[LogEntry]:
        """Return the entry at a position, or those of a slice."""
        if isinstance(at, slice):
            return [self[number] for number in range(*at.indices(len(self)))]
        number = range(len(self))[at]
        return log_entry.decode(self._data[number * ENTRY_BYTES : (number + 1) * ENTRY_BYTES])

    def hashes(self, first: int, after: int) -> Iterator[bytes]:
        """Yield the hashes in the tree of the leaves [first, after)."""
        for at in range(first * ENTRY_BYTES, after * ENTRY_BYTES, ENTRY_BYTES):
            yield leaf_hash(self._data[at : at + ENTRY_BYTES])

    def arrival_ms(self, at: int) -> int:
        """Return the arrival of the leaf at a position."""
        return int(self._arrivals[at])

    def backward(self) -> list[int]:
        """Return the positions of leaves that arrived before the leaf before them."""
        found: list[int] = (np.flatnonzero(self._arrivals[1:] < self._arrivals[:-1]) + 1).tolist()
        return found

    def after(self, arrival_ms: int) -> list[int]:
        """Return the positions of leaves that arrived later than that, in order."""
        found: list[int] = np.flatnonzero(self._arrivals > arrival_ms).tolist()
        return found

    def others(self) -> Iterator[tuple[int, LogEntry]]:
        """Yield position and entry of every leaf that is no chunk, in order."""
        for at in self._others:
            yield at, self[at]

    def chunks_since(self, arrival_ms: int) -> list[int]:
        """Return the positions of the chunks that arrived then or later, in order."""
        late: list[int] = np.sort(self._order[self._arrivals[self._order] >= arrival_ms]).tolist()
        return late

    def chunk(self, hash_: bytes) -> int | None:
        """Return the position of the first leaf of a chunk with this hash, ``None`` if there is none."""
        prefix = np.uint64(int.from_bytes(hash_[:_PREFIX_BYTES], "big"))
        place = int(self._prefixes.searchsorted(prefix))
        while place < len(self._order) and self._prefixes[place] == prefix:
            at = int(self._order[place])
            begin = at * ENTRY_BYTES + _HASH_AT
            if self._data[begin : begin + HASH_BYTES] == hash_:
                return at
            place += 1
        return None


def _numbers(
    rows: np.ndarray[tuple[int, ...], np.dtype[np.uint8]],
) -> np.ndarray[tuple[int], np.dtype[np.uint64]]:
    """Return the big-endian numbers of eight bytes each."""
    wide = np.ascontiguousarray(rows).view(">u8").astype(np.uint64)
    return wide.reshape(-1)


def leaf_hashes(entries: Sequence[LogEntry], first: int, after: int) -> Iterator[bytes]:
    """Yield the hashes in the tree of the entries [first, after)."""
    if isinstance(entries, Leaves):
        yield from entries.hashes(first, after)
    else:
        yield from (entry.leaf for entry in entries[first:after])
