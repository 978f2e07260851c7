"""Receipts: what a sender is told about the log, so that it can notice when the log is bent later.

For every chunk that is stored: its leaf, arrival and inclusion proof under one checkpoint, signed for
this answer. A checkpoint of one size is the same bytes whoever asks, so those of receipts are not kept.
For a sender that says which size it knows: the proof that the log has only grown since.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

from collector.store import log
from collector.store.engine import Store
from evidence import checkpoint as notes
from evidence import log_entry, merkle
from evidence.keys import PrivateKey


@dataclass(frozen=True)
class LeafReceipt:
    """Where a chunk stands in the log, when it came (ms since 1970), and the proof."""

    index: int
    arrival_ms: int
    proof: tuple[bytes, ...]


@dataclass(frozen=True)
class Receipts:
    """What one answer tells. ``consistency`` is ``None`` if nobody asked or there is no proof.

    ``anchor`` is the SHA-256 of the newest anchor receipt in the log, or empty.
    """

    checkpoint: bytes
    anchor: str
    leaves: dict[str, LeafReceipt] = field(default_factory=dict)
    consistency: tuple[bytes, ...] | None = None


def give(store: Store, hashes: Sequence[str], *, key: PrivateKey, known_size: int | None = None) -> Receipts:
    """Return the receipts for chunks that are stored, by hash.

    Args:
        store: an open store.
        hashes: of stored chunks.
        key: the log key.
        known_size: the size of the log that the sender knows.

    Raises:
        StoreError: the log cannot be read; the chunks are stored all the same.
    """
    with store.reading() as connection:
        head = log.head(connection)
        frontier = head.frontier
        node = log.node_reader(connection, frontier)
        consistency = None
        if known_size is not None and known_size <= frontier.size:
            consistency = merkle.consistency_proof(known_size, frontier.size, node)
        return Receipts(
            notes.sign(frontier.size, frontier.root, key=key),
            head.anchor,
            {
                hash_: LeafReceipt(
                    leaf.index,
                    leaf.entry.arrival_ms,
                    merkle.inclusion_proof(leaf.index, frontier.size, node),
                )
                for hash_, leaf in log.find_all(connection, hashes, kind=log_entry.CHUNK).items()
            },
            consistency,
        )
