"""Leaves read in place are those that are decoded one by one."""

from __future__ import annotations

import pytest

from evidence import log_entry
from evidence.errors import MalformedError
from evidence.log_entry import CHUNK, DAY_MARK, LogEntry
from verifier.leaves import Leaves, leaf_hashes

ALIKE = "ab" * 8
ENTRIES = (
    LogEntry(CHUNK, ALIKE + "11" * 24, 5),
    LogEntry(DAY_MARK, "cd" * 32, 9),
    LogEntry(CHUNK, ALIKE + "22" * 24, 7),
    LogEntry(CHUNK, ALIKE + "11" * 24, 8),
    LogEntry(CHUNK, "ff" * 32, 2**53 - 1),
)
DATA = log_entry.encode_all(ENTRIES)


def test_entries_hashes_and_arrivals_are_those_of_the_bytes() -> None:
    leaves = Leaves(DATA)
    assert (list(leaves), leaves[1:4], leaves[-1]) == (list(ENTRIES), list(ENTRIES[1:4]), ENTRIES[-1])
    assert (
        list(leaf_hashes(leaves, 1, 4)) == list(leaf_hashes(ENTRIES, 1, 4)) == [e.leaf for e in ENTRIES[1:4]]
    )
    assert [leaves.arrival_ms(at) for at in range(len(leaves))] == [entry.arrival_ms for entry in ENTRIES]
    assert list(leaves.others()) == [(1, ENTRIES[1])]
    assert leaves.backward() == [2]
    assert len(Leaves(b"")) == 0


def test_a_chunk_is_found_by_its_whole_hash_and_where_it_stands_first() -> None:
    leaves = Leaves(DATA)
    assert leaves.chunk(bytes.fromhex(ALIKE + "11" * 24)) == 0
    assert leaves.chunk(bytes.fromhex(ALIKE + "22" * 24)) == 2
    assert leaves.chunk(bytes.fromhex("ff" * 32)) == 4
    for absent in (ALIKE + "33" * 24, "cd" * 32, "ff" * 31 + "fe"):
        assert leaves.chunk(bytes.fromhex(absent)) is None


@pytest.mark.parametrize(
    ("data", "why"),
    [
        (DATA[:-1], "are not log entries"),
        (b"\x09" + DATA[1:], "kind 9"),
        (DATA[:-8] + b"\xff" * 8, "cannot be written"),
    ],
)
def test_leaves_that_are_none_are_refused_with_the_reason(data: bytes, why: str) -> None:
    with pytest.raises(MalformedError, match=why):
        Leaves(data)
