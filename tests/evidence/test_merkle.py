"""The tree against published vectors and against the RFC's recursive definition, written plainly."""

from __future__ import annotations

import hashlib

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from evidence import merkle
from evidence.errors import MalformedError, MismatchError, OutOfRangeError
from evidence.merkle import Frontier

# The leaves and roots that Certificate Transparency's test suites share.
CT_LEAVES = [
    bytes.fromhex(text)
    for text in (
        "",
        "00",
        "10",
        "2021",
        "3031",
        "40414243",
        "5051525354555657",
        "606162636465666768696a6b6c6d6e6f",
    )
]
CT_ROOTS = [
    "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855",
    "6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d",
    "fac54203e7cc696cf0dfcb42c92a1d9dbaf70ad9e621f4bd8d98662f00e3c125",
    "aeb6bcfe274b70a14fb067a5e5578264db0fa9b51af5e0ba159158f329e06e77",
    "d37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7",
    "4e3bbb1f7b478dcfe71fb631631519a3bca12c9aefca1612bfce4c13a86264d4",
    "76e67dadbcdf1e10e1b74ddc608abd2f98dfb16fbce75277b5232a127f2087ef",
    "ddb89be403809e325750d3d263cd78929c2942b7942a34b77e122c9594a74c8c",
    "5dc9da79a70659a9ad559cb701ded9a2ab9d823aad2f4960cfe370eff4604328",
]


def sha(data: bytes) -> bytes:
    return hashlib.sha256(data).digest()


def naive_root(data: list[bytes]) -> bytes:
    """MTH of RFC 6962, 2.1, as written there."""
    if not data:
        return sha(b"")
    if len(data) == 1:
        return sha(b"\x00" + data[0])
    k = split(len(data))
    return sha(b"\x01" + naive_root(data[:k]) + naive_root(data[k:]))


def naive_path(m: int, data: list[bytes]) -> list[bytes]:
    """PATH of RFC 6962, 2.1.1."""
    if len(data) == 1:
        return []
    k = split(len(data))
    if m < k:
        return [*naive_path(m, data[:k]), naive_root(data[k:])]
    return [*naive_path(m - k, data[k:]), naive_root(data[:k])]


def naive_subproof(m: int, data: list[bytes], *, whole: bool) -> list[bytes]:
    """SUBPROOF of RFC 6962, 2.1.2."""
    if m == len(data):
        return [] if whole else [naive_root(data)]
    k = split(len(data))
    if m <= k:
        return [*naive_subproof(m, data[:k], whole=whole), naive_root(data[k:])]
    return [*naive_subproof(m - k, data[k:], whole=False), naive_root(data[:k])]


def split(n: int) -> int:
    k = 1
    while 2 * k < n:
        k *= 2
    return k


def data_of(size: int) -> list[bytes]:
    return [b"leaf %d" % n for n in range(size)]


def leaves_of(size: int) -> list[bytes]:
    return [merkle.leaf_hash(item) for item in data_of(size)]


def node_at(size: int):
    data = data_of(size)

    def node(level: int, index: int) -> bytes:
        start, end = index << level, (index + 1) << level
        assert end <= size, "only complete subtrees may be asked for"
        return naive_root(data[start:end])

    return node


@pytest.mark.parametrize("size", range(9))
def test_the_roots_are_those_of_the_shared_test_vectors(size):
    leaves = [merkle.leaf_hash(data) for data in CT_LEAVES[:size]]
    assert merkle.root_of(leaves).hex() == CT_ROOTS[size]


@given(st.integers(0, 70))
def test_the_root_is_that_of_the_definition(size):
    assert merkle.root_of(leaves_of(size)) == naive_root(data_of(size))


@given(st.integers(0, 40), st.integers(0, 40))
def test_appending_one_by_one_and_many_at_once_make_the_same_frontier(first, more):
    leaves = leaves_of(first + more)
    one_by_one = Frontier().extend(leaves[:first])
    for leaf in leaves[first:]:
        one_by_one, _ = one_by_one.append(leaf)
    assert one_by_one == Frontier().extend(leaves)
    assert Frontier.from_bytes(one_by_one.to_bytes()) == one_by_one
    assert merkle.frontier_at(first + more, node_at(first + more)) == one_by_one


@given(st.integers(0, 130))
def test_appending_tells_the_subtrees_that_the_leaf_completes(size):
    leaves = leaves_of(size + 1)
    _, completed = Frontier().extend(leaves[:size]).append(leaves[size])
    node = node_at(size + 1)
    assert completed == tuple(node(level, size >> level) for level in range(len(completed)))
    assert (size >> len(completed) - 1) % 2 == 0  # the next greater subtree is not complete yet


@given(st.integers(1, 70), st.data())
def test_an_inclusion_proof_is_the_defined_path_and_verifies(size, data):
    index = data.draw(st.integers(0, size - 1))
    proof = merkle.inclusion_proof(index, size, node_at(size))
    assert list(proof) == naive_path(index, data_of(size))
    merkle.verify_inclusion(leaves_of(size)[index], index, size, proof, naive_root(data_of(size)))


@given(st.integers(0, 70), st.data())
def test_a_consistency_proof_is_the_defined_one_and_verifies(second, data):
    first = data.draw(st.integers(0, second))
    proof = merkle.consistency_proof(first, second, node_at(second))
    if first:
        assert list(proof) == naive_subproof(first, data_of(second), whole=True)
    old, new = naive_root(data_of(first)), naive_root(data_of(second))
    merkle.verify_consistency(first, old, second, new, proof)


@settings(max_examples=200)
@given(st.integers(2, 70), st.data())
def test_an_inclusion_proof_holds_for_nothing_else(size, data):
    index = data.draw(st.integers(0, size - 1))
    leaves, root = leaves_of(size), naive_root(data_of(size))
    proof = list(merkle.inclusion_proof(index, size, node_at(size)))
    other = data.draw(st.integers(0, size - 1).filter(lambda n: n != index))
    with pytest.raises((MismatchError, MalformedError)):
        merkle.verify_inclusion(leaves[index], other, size, proof, root)
    with pytest.raises(MismatchError):
        merkle.verify_inclusion(leaves[other], index, size, proof, root)
    at = data.draw(st.integers(0, len(proof) - 1))
    with pytest.raises(MismatchError):
        merkle.verify_inclusion(leaves[index], index, size, [*proof[:at], sha(b""), *proof[at + 1 :]], root)
    with pytest.raises(MalformedError, match="hashes"):
        merkle.verify_inclusion(leaves[index], index, size, proof[1:], root)
    with pytest.raises(MalformedError, match="hashes"):
        merkle.verify_inclusion(leaves[index], index, size, [*proof, root], root)
    with pytest.raises(MalformedError, match="32 bytes"):
        merkle.verify_inclusion(leaves[index], index, size, [*proof[:-1], root[:31]], root)


@settings(max_examples=200)
@given(st.integers(2, 70), st.data())
def test_a_consistency_proof_holds_for_nothing_else(second, data):
    first = data.draw(st.integers(1, second - 1))
    old, new = naive_root(data_of(first)), naive_root(data_of(second))
    proof = list(merkle.consistency_proof(first, second, node_at(second)))
    with pytest.raises(MismatchError):
        merkle.verify_consistency(first, sha(b"other"), second, new, proof)
    with pytest.raises(MismatchError, match=f"of {second} leaves"):
        merkle.verify_consistency(first, old, second, sha(b"other"), proof)
    at = data.draw(st.integers(0, len(proof) - 1))
    with pytest.raises(MismatchError):
        merkle.verify_consistency(first, old, second, new, [*proof[:at], sha(b""), *proof[at + 1 :]])
    for wrong in (proof[1:], [*proof, new]):
        with pytest.raises(MalformedError, match="hashes"):
            merkle.verify_consistency(first, old, second, new, wrong)
    with pytest.raises(MalformedError, match="32 bytes"):
        merkle.verify_consistency(first, old, second, new, [*proof[:-1], b""])


def test_a_changed_early_leaf_makes_the_old_root_inconsistent():
    data = data_of(9)
    forged = [b"other", *data[1:]]
    nodes = {}
    tree = Frontier()
    for index, item in enumerate(forged):
        tree, completed = tree.append(merkle.leaf_hash(item))
        nodes.update({(level, index >> level): hash_ for level, hash_ in enumerate(completed)})
    proof = merkle.consistency_proof(5, 9, lambda level, index: nodes[level, index])
    with pytest.raises(MismatchError, match="of 5 leaves"):
        merkle.verify_consistency(5, naive_root(data[:5]), 9, tree.root, proof)


def test_every_log_continues_the_empty_one_and_itself():
    root = naive_root(data_of(3))
    merkle.verify_consistency(0, merkle.EMPTY_ROOT, 3, root, ())
    merkle.verify_consistency(3, root, 3, root, ())
    with pytest.raises(MismatchError, match="0 leaves"):
        merkle.verify_consistency(0, root, 3, root, ())
    with pytest.raises(MismatchError, match="3 leaves"):
        merkle.verify_consistency(3, root, 3, merkle.EMPTY_ROOT, ())
    with pytest.raises(MalformedError, match="1 hashes"):
        merkle.verify_consistency(3, root, 3, root, (root,))


def test_a_size_that_no_tree_has_is_refused_before_anything_is_hashed():
    root = b"\0" * 32
    with pytest.raises(MalformedError, match="no leaf 3"):
        merkle.verify_inclusion(root, 3, 3, (), root)
    with pytest.raises(MalformedError, match="no leaf -1"):
        merkle.verify_inclusion(root, -1, 3, (), root)
    with pytest.raises(MalformedError, match="no leaf 0"):
        merkle.verify_inclusion(root, 0, merkle.MAX_SIZE + 1, (root,) * 60, root)
    with pytest.raises(MalformedError, match="do not grow"):
        merkle.verify_consistency(3, root, 2, root, ())
    with pytest.raises(OutOfRangeError, match="no leaf 3"):
        merkle.inclusion_proof(3, 3, node_at(3))
    with pytest.raises(OutOfRangeError, match="do not grow"):
        merkle.consistency_proof(4, 3, node_at(3))


@pytest.mark.parametrize("size", [-1, merkle.MAX_SIZE + 1])
def test_a_frontier_of_no_size_is_refused(size):
    with pytest.raises(OutOfRangeError, match="leaves"):
        Frontier(size, ())
    with pytest.raises(OutOfRangeError, match="leaves"):
        merkle.frontier_at(size, lambda _level, _index: b"\0" * 32)


def test_a_frontier_has_one_hash_for_each_bit_of_its_size():
    with pytest.raises(MalformedError, match="it must have 2"):
        Frontier(3, (b"\0" * 32,))
    with pytest.raises(MalformedError, match="32 bytes"):
        Frontier(1, (b"",))


@pytest.mark.parametrize("data", [b"", b"\0" * 7, b"\0" * 9, b"\0" * 7 + b"\1"])
def test_bytes_that_are_no_frontier_are_refused(data):
    with pytest.raises(MalformedError):
        Frontier.from_bytes(data)
