"""The Merkle tree of RFC 6962 (section 2.1): roots that grow with the log, and proofs about them.

The hash of a leaf is SHA-256(0x00 ‖ data), of a node SHA-256(0x01 ‖ left ‖ right); a tree of n
leaves splits at the greatest power of two below n. A ``Frontier`` holds the roots of the complete
subtrees that n leaves make, one for each bit of n: enough to append and to tell the root, never
more than ``MAX_PROOF`` hashes. Proofs are made from the hashes of complete subtrees, which never
change once they are made. Leaves are given as their hashes (``leaf_hash``) everywhere.

The length of a proof follows from the numbers that it is about, and is compared before anything is
hashed.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass

from evidence.errors import MalformedError, MismatchError, OutOfRangeError

HASH_BYTES = 32
MAX_SIZE = 2**53 - 1
"""Leaves in a tree: sizes are exact in every JSON reader."""
MAX_PROOF = 2 * 53
"""Hashes in a proof of a tree that large, of either kind."""
EMPTY_ROOT = hashlib.sha256(b"").digest()

_LEAF = b"\x00"
_NODE = b"\x01"
_SIZE_BYTES = 8

NodeAt = Callable[[int, int], bytes]
"""From level and index to the hash of the complete subtree of 2^level leaves beginning at leaf
index · 2^level."""


def leaf_hash(data: bytes) -> bytes:
    """Return the hash of the leaf that holds ``data``."""
    return hashlib.sha256(_LEAF + data).digest()


def node_hash(left: bytes, right: bytes) -> bytes:
    """Return the hash of the node above two subtrees."""
    return hashlib.sha256(_NODE + left + right).digest()


@dataclass(frozen=True)
class Frontier:
    """The right edge of a tree: its size, and the roots of its complete subtrees, largest first.

    Raises:
        OutOfRangeError: the size is negative or above ``MAX_SIZE``.
        MalformedError: not one hash of 32 bytes for each bit of the size.
    """

    size: int = 0
    hashes: tuple[bytes, ...] = ()

    def __post_init__(self) -> None:
        """Refuse what no tree has."""
        if not 0 <= self.size <= MAX_SIZE:
            raise OutOfRangeError(f"a tree has 0 to {MAX_SIZE} leaves, not {self.size}")
        _require_length("frontier", len(self.hashes), _ones(self.size))
        _require_hashes(self.hashes)

    def append(self, leaf: bytes) -> tuple[Frontier, tuple[bytes, ...]]:
        """Return the frontier with one more leaf, and the hashes of the subtrees that it completes.

        The completed subtrees have 1, 2, 4, … leaves; all of them end with the new leaf, so the one
        of level k has the index ``size >> k``.
        """
        hashes = list(self.hashes)
        completed = [leaf]
        size = self.size
        while size & 1:
            completed.append(node_hash(hashes.pop(), completed[-1]))
            size >>= 1
        return Frontier(self.size + 1, (*hashes, completed[-1])), tuple(completed)

    def extend(self, leaves: Iterable[bytes]) -> Frontier:
        """Return the frontier with all these leaves appended in order."""
        size, hashes = self.size, list(self.hashes)
        for leaf in leaves:
            node, bits = leaf, size
            while bits & 1:
                node = node_hash(hashes.pop(), node)
                bits >>= 1
            hashes.append(node)
            size += 1
        return Frontier(size, tuple(hashes))

    @property
    def root(self) -> bytes:
        """The root of the tree, 32 bytes."""
        if not self.hashes:
            return EMPTY_ROOT
        root = self.hashes[-1]
        for left in reversed(self.hashes[:-1]):
            root = node_hash(left, root)
        return root

    def to_bytes(self) -> bytes:
        """Return the size (8 bytes, big endian) and the hashes."""
        return self.size.to_bytes(_SIZE_BYTES, "big") + b"".join(self.hashes)

    @classmethod
    def from_bytes(cls, data: bytes) -> Frontier:
        """Return the frontier that ``to_bytes`` wrote.

        Raises:
            EvidenceError: it is not one.
        """
        if len(data) < _SIZE_BYTES or (len(data) - _SIZE_BYTES) % HASH_BYTES:
            raise MalformedError(f"{len(data)} bytes are not a frontier")
        size = int.from_bytes(data[:_SIZE_BYTES], "big")
        return cls(size, _split(data[_SIZE_BYTES:]))


def root_of(leaves: Iterable[bytes]) -> bytes:
    """Return the root of the tree of these leaf hashes."""
    return Frontier().extend(leaves).root


def subtrees(size: int) -> tuple[tuple[int, int], ...]:
    """Return level and index of the complete subtrees that make up ``size`` leaves, largest first."""
    return tuple(
        (level, ((size >> level) - 1)) for level in reversed(range(size.bit_length())) if size >> level & 1
    )


def frontier_at(size: int, node: NodeAt) -> Frontier:
    """Return the frontier of the tree's first ``size`` leaves.

    Raises:
        OutOfRangeError: no such size.
    """
    return Frontier(size, tuple(node(level, index) for level, index in subtrees(max(size, 0))))


def inclusion_proof(index: int, size: int, node: NodeAt) -> tuple[bytes, ...]:
    """Return the proof that leaf ``index`` stands in the tree of ``size`` leaves (RFC 6962, 2.1.1).

    Raises:
        OutOfRangeError: there is no such leaf.
    """
    if not 0 <= index < size <= MAX_SIZE:
        raise OutOfRangeError(f"a tree of {size} leaves has no leaf {index}")
    start, end, path = 0, size, []
    while end - start > 1:
        middle = start + _split_point(end - start)
        if index < middle:
            path.append(_range_root(middle, end, node))
            end = middle
        else:
            path.append(_range_root(start, middle, node))
            start = middle
    return tuple(reversed(path))


def verify_inclusion(leaf: bytes, index: int, size: int, proof: Sequence[bytes], root: bytes) -> None:
    """Return if the proof leads from the leaf's hash at ``index`` to ``root`` (RFC 9162, 2.1.3.2).

    Raises:
        MalformedError: no tree has such a leaf, or the proof has another length than it must.
        MismatchError: it leads to another root.
    """
    if not 0 <= index < size <= MAX_SIZE:
        raise MalformedError(f"a tree of {size} leaves has no leaf {index}")
    inner, border = _parts(index, size)
    _require_length("inclusion proof", len(proof), inner + border)
    _require_hashes((leaf, root, *proof))
    node = _climb(leaf, index, proof[:inner])
    for left in proof[inner:]:
        node = node_hash(left, node)
    if node != root:
        raise MismatchError(f"the proof for leaf {index} leads to another root")


def consistency_proof(first: int, second: int, node: NodeAt) -> tuple[bytes, ...]:
    """Return the proof that the first leaves of the second tree are the first (RFC 6962, 2.1.2).

    Raises:
        OutOfRangeError: the first size is greater than the second, or either is no size.
    """
    if not 0 <= first <= second <= MAX_SIZE:
        raise OutOfRangeError(f"{first} leaves do not grow to {second}")
    if first in (0, second):
        return ()
    start, end, path = 0, second, []
    while first != end:
        middle = start + _split_point(end - start)
        if first <= middle:
            path.append(_range_root(middle, end, node))
            end = middle
        else:
            path.append(_range_root(start, middle, node))
            start = middle
    if start:
        path.append(_range_root(start, end, node))
    return tuple(reversed(path))


def verify_consistency(
    first: int, first_root: bytes, second: int, second_root: bytes, proof: Sequence[bytes]
) -> None:
    """Return if the tree of ``second`` leaves begins with that of ``first`` (RFC 9162, 2.1.4.2).

    Raises:
        MalformedError: the sizes go back, or the proof has another length than it must.
        MismatchError: the proof leads to another root than one of the two.
    """
    if not 0 <= first <= second <= MAX_SIZE:
        raise MalformedError(f"{first} leaves do not grow to {second}")
    if first in (0, second):
        _require_length("consistency proof", len(proof), 0)
        if first_root != (second_root if first else EMPTY_ROOT):
            raise MismatchError(f"two different roots of {first} leaves")
        return
    inner, border = _parts(first - 1, second)
    skipped = (first & -first).bit_length() - 1
    whole = first == 1 << skipped
    _require_length("consistency proof", len(proof), inner - skipped + border + (not whole))
    _require_hashes((first_root, second_root, *proof))
    seed, rest = (first_root, proof) if whole else (proof[0], proof[1:])
    inside, outside = rest[: inner - skipped], rest[inner - skipped :]
    position = first - 1 >> skipped
    old = seed
    for level, hash_ in enumerate(inside):
        if position >> level & 1:
            old = node_hash(hash_, old)
    new = _climb(seed, position, inside)
    for left in outside:
        old, new = node_hash(left, old), node_hash(left, new)
    if old != first_root:
        raise MismatchError(f"the proof does not lead to the root of {first} leaves")
    if new != second_root:
        raise MismatchError(f"the proof does not lead to the root of {second} leaves")


def _climb(node: bytes, position: int, path: Iterable[bytes]) -> bytes:
    """Return the hash above ``node``, whose place among its siblings the bits of ``position`` tell."""
    for level, sibling in enumerate(path):
        right = position >> level & 1
        node = node_hash(sibling, node) if right else node_hash(node, sibling)
    return node


def _parts(index: int, size: int) -> tuple[int, int]:
    """Return how many steps a path has below the tree's right edge, and how many along it."""
    inner = (index ^ (size - 1)).bit_length()
    return inner, _ones(index >> inner)


def _range_root(start: int, end: int, node: NodeAt) -> bytes:
    """Return the root over leaves [start, end); ``start`` is a multiple of the range's split."""
    found = None
    for level, index in reversed(subtrees(end - start)):
        hash_ = node(level, (start >> level) + index)
        found = hash_ if found is None else node_hash(hash_, found)
    return EMPTY_ROOT if found is None else found


def _split_point(size: int) -> int:
    """Return the greatest power of two below ``size``."""
    return 1 << (size - 1).bit_length() - 1


def _ones(value: int) -> int:
    return bin(value).count("1")


def _split(data: bytes) -> tuple[bytes, ...]:
    return tuple(data[at : at + HASH_BYTES] for at in range(0, len(data), HASH_BYTES))


def _require_length(what: str, count: int, expected: int) -> None:
    if count != expected:
        raise MalformedError(f"{what}: {count} hashes, it must have {expected}")


def _require_hashes(hashes: Iterable[bytes]) -> None:
    if any(len(hash_) != HASH_BYTES for hash_ in hashes):
        raise MalformedError(f"a hash has {HASH_BYTES} bytes")
