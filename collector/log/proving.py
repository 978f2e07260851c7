"""Proofs on demand: that something stands in the log, and that a note kept elsewhere is how it began."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from collector.errors import LogError
from collector.store import log
from collector.store.engine import Store
from evidence import checkpoint as notes
from evidence import merkle
from evidence.errors import EvidenceError
from evidence.fields import is_hash
from evidence.keys import PrivateKey, PublicKey


@dataclass(frozen=True)
class Proof:
    """A leaf with its inclusion proof under a signed checkpoint."""

    leaf: log.Leaf
    proof: tuple[bytes, ...]
    note: bytes

    def document(self) -> dict[str, Any]:
        """Return the proof as one JSON document; ``entry`` are the leaf's bytes."""
        return {
            "schema": "starproof/log-proof/1",
            "index": self.leaf.index,
            "entry": self.leaf.entry.encode().hex(),
            "kind": self.leaf.entry.kind,
            "hash": self.leaf.entry.hash,
            "arrival_ms": self.leaf.entry.arrival_ms,
            "proof": [hash_.hex() for hash_ in self.proof],
            "checkpoint": self.note.decode(),
        }


@dataclass(frozen=True)
class Compared:
    """A note beside the log. ``problem`` is empty if the log began so; ``size`` ``None``: no checkpoint."""

    size: int | None
    problem: str

    def document(self) -> dict[str, Any]:
        """Return the comparison as it stands in JSON output."""
        return vars(self)


def prove(store: Store, hash_: str, *, key: PrivateKey) -> Proof:
    """Return the proof for the first leaf that holds ``hash_``, under a checkpoint of the log as it is.

    Raises:
        LogError: not a hash, or nothing was logged under it.
        StoreError: the log cannot be read.
    """
    if not is_hash(hash_):
        raise LogError("a hash is written as 64 lower-case hex digits")
    with store.reading() as connection:
        leaf = log.find(connection, hash_)
        if leaf is None:
            raise LogError(f"nothing was logged under {hash_}")
        frontier = log.head(connection).frontier
        path = merkle.inclusion_proof(leaf.index, frontier.size, log.node_reader(connection, frontier))
    return Proof(leaf, path, notes.sign(frontier.size, frontier.root, key=key))


def compare(store: Store, data: bytes, *, key: PublicKey) -> list[Compared]:
    """Return what the log says about every note in ``data``.

    Raises:
        LogError: ``data`` is not made of notes.
        StoreError: the log cannot be read.
    """
    try:
        found = notes.separate(data)
    except EvidenceError as error:
        raise LogError(f"these are no notes: {error}") from None
    return [_compare(store, note, key) for note in found]


def _compare(store: Store, note: bytes, key: PublicKey) -> Compared:
    try:
        said = notes.verify(note, key)
    except EvidenceError as error:
        return Compared(None, str(error))
    with store.reading() as connection:
        size = log.head(connection).frontier.size
        if said.size > size:
            return Compared(said.size, f"this log has only {size} leaves: it was cut or replaced")
        if log.frontier_at(connection, said.size).root != said.root:
            return Compared(said.size, "this log has another root at that size: it was changed")
    return Compared(said.size, "")
