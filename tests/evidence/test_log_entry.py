from __future__ import annotations

import hashlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from evidence import log_entry
from evidence.errors import MalformedError, OutOfRangeError
from evidence.log_entry import CHUNK, CLOSE, DAY_MARK, KIND_NAMES, LogEntry

HASH = "ab" * 32
entries = st.builds(
    LogEntry,
    st.sampled_from(sorted(KIND_NAMES)),
    st.binary(min_size=32, max_size=32).map(bytes.hex),
    st.integers(0, log_entry.MAX_ARRIVAL_MS),
)


def test_a_leaf_is_kind_hash_and_arrival_in_41_bytes():
    data = LogEntry(CHUNK, HASH, 0x0102030405).encode()
    assert data == b"\x01" + b"\xab" * 32 + b"\0\0\0\1\2\3\4\5"
    assert len(data) == log_entry.ENTRY_BYTES == 41


def test_the_leafs_hash_is_that_of_the_rfc():
    entry = LogEntry(DAY_MARK, HASH, 7)
    assert entry.leaf == hashlib.sha256(b"\x00" + entry.encode()).digest()


@given(st.lists(entries, max_size=5))
def test_entries_come_back_as_they_were_written(some):
    assert log_entry.decode_all(log_entry.encode_all(some)) == tuple(some)


@pytest.mark.parametrize(
    ("kind", "hash_", "arrival"),
    [
        (0, HASH, 0),
        (9, HASH, 0),
        (CLOSE, "AB" * 32, 0),
        (CLOSE, "", 0),
        (CLOSE, HASH, -1),
        (CLOSE, HASH, 2**53),
    ],
)
def test_an_entry_that_no_log_holds_is_refused(kind, hash_, arrival):
    with pytest.raises(OutOfRangeError):
        LogEntry(kind, hash_, arrival)


@pytest.mark.parametrize("data", [b"", b"\x01" * 40, b"\x00" * 41, b"\xff" * 41])
def test_bytes_that_are_no_entry_are_refused(data):
    with pytest.raises(MalformedError):
        log_entry.decode(data)


def test_a_cut_off_file_of_entries_is_refused():
    with pytest.raises(MalformedError, match="41 bytes each"):
        log_entry.decode_all(LogEntry(CHUNK, HASH, 1).encode() + b"\x01")


def test_arrivals_never_go_back():
    assert log_entry.next_arrival(10, 9) == 10
    assert log_entry.next_arrival(10, 11) == 11
