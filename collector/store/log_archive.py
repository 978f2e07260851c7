"""Read access to the log for whoever packs, audits or proves: ``verifier.ports.Log`` over an open store."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

from collector.store import checkpoints, chunks, log
from collector.store.engine import Store
from evidence import merkle
from evidence.log_entry import LogEntry
from evidence.merkle import Frontier


class StoreLog:
    """The log in an open store, which stays the caller's to close.

    Raises:
        StoreError: the store cannot be read, or has no log.
    """

    def __init__(self, store: Store) -> None:
        self._store = store

    @property
    def size(self) -> int:
        """How many leaves there are."""
        with self._store.reading() as connection:
            return log.head(connection).frontier.size

    def entries(self, first: int, after: int) -> Iterator[LogEntry]:
        """Yield the leaves with first <= index < after, in order."""
        with self._store.reading() as connection:
            for leaf in log.leaves(connection, first, after):
                yield leaf.entry

    def numbered(self) -> Iterator[tuple[int, LogEntry]]:
        """Yield index and entry of every leaf, in order."""
        with self._store.reading() as connection:
            for leaf in log.leaves(connection):
                yield leaf.index, leaf.entry

    def nodes(self) -> Iterator[tuple[int, int, bytes]]:
        """Yield level, index and hash of all stored subtrees, by index within level."""
        with self._store.reading() as connection:
            yield from log.nodes(connection)

    def find(self, kind: int, hashes: Sequence[str]) -> Mapping[str, int]:
        """Return the index of the first leaf of this kind for each hash that has one."""
        with self._store.reading() as connection:
            found = log.find_all(connection, hashes, kind=kind)
        return {hash_: leaf.index for hash_, leaf in found.items()}

    def headers(self, hashes: Sequence[str]) -> Mapping[str, bytes]:
        """Return the header of each of these chunks that is stored, by the hash that its leaf holds."""
        with self._store.reading() as connection:
            return chunks.headers(connection, hashes)

    def first_at(self, arrival_ms: int) -> int:
        """Return the index of the first leaf that arrived then or later, the size if there is none."""
        with self._store.reading() as connection:
            return log.first_at(connection, arrival_ms)

    def frontier(self, size: int) -> Frontier:
        """Return the frontier of the first ``size`` leaves."""
        with self._store.reading() as connection:
            return log.frontier_at(connection, size)

    def head(self) -> Frontier:
        """Return the frontier that the store appends to."""
        with self._store.reading() as connection:
            return log.head(connection).frontier

    def proof(self, index: int, size: int) -> Sequence[bytes]:
        """Return the inclusion proof of a leaf in the tree of ``size`` leaves."""
        with self._store.reading() as connection:
            return merkle.inclusion_proof(index, size, log.node_reader(connection))

    def checkpoints(self) -> Sequence[tuple[int, bytes]]:
        """Return size and signed note of every checkpoint, by size."""
        with self._store.reading() as connection:
            found = checkpoints.between(connection, 0, merkle.MAX_SIZE)
        return [(made.size, made.note) for made in found]

    def day_marks(self) -> Sequence[tuple[int, bytes]]:
        """Return leaf and record of every day mark, in the order of the log."""
        with self._store.reading() as connection:
            return [(mark.leaf, mark.record) for mark in checkpoints.day_marks(connection)]

    def closes(self) -> Sequence[tuple[int, bytes]]:
        """Return leaf and record of every close of a month, in the order of the log."""
        with self._store.reading() as connection:
            return [(close.leaf, close.record) for close in checkpoints.closes(connection)]
