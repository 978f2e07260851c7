from __future__ import annotations

import zlib
from itertools import cycle, islice

import pytest
from hypothesis import given
from hypothesis import strategies as st

from evidence import columns
from evidence.errors import LimitExceededError, MalformedError, OutOfRangeError

INT64 = st.integers(-(2**63), 2**63 - 1) | st.sampled_from([-(2**63), 2**63 - 1, 0, -1, 1])


@st.composite
def matrices(draw: st.DrawFn) -> list[list[int]]:
    rows = draw(st.integers(1, 12))
    return draw(st.lists(st.lists(INT64, min_size=rows, max_size=rows), min_size=1, max_size=6))


@given(matrices())
def test_any_64_bit_integers_survive_the_journey(matrix: list[list[int]]) -> None:
    rows, width = len(matrix[0]), len(matrix)
    raw = columns.to_raw(matrix)
    packed = columns.pack(raw, rows=rows)
    assert columns.unpack(packed, rows=rows, columns=width) == raw
    assert [list(column) for column in columns.from_raw(raw, rows=rows, columns=width)] == matrix


def test_raw_is_column_major_little_endian() -> None:
    raw = columns.to_raw([[1, 2], [-1, 258]])
    assert raw == (b"\x01" + bytes(7) + b"\x02" + bytes(7) + b"\xff" * 8 + b"\x02\x01" + bytes(6))


def test_counters_that_grow_slowly_take_little_more_than_a_byte_a_value() -> None:
    steps = list(islice(cycle([5800, 5912, 6100, 5731, 6005, 5987, 5890]), 61))
    matrix = [[10**12 * c + sum(steps[:r]) + c * r for r in range(61)] for c in range(20)]
    packed = columns.pack(columns.to_raw(matrix), rows=61)
    assert len(packed) < 2 * 61 * 20


@pytest.mark.parametrize("value", [2**63, -(2**63) - 1, 1.0, "1", None])
def test_only_64_bit_integers_can_be_written(value: object) -> None:
    with pytest.raises(OutOfRangeError):
        columns.to_raw([[value]])  # type: ignore[list-item]


def test_columns_have_one_length() -> None:
    with pytest.raises(MalformedError, match="2 and 1 rows"):
        columns.to_raw([[1, 2], [1]])


@pytest.mark.parametrize(
    ("rows", "width"),
    [(-1, 1), (1, 0), (columns.MAX_ROWS + 1, 1), (1, columns.MAX_COLUMNS + 1), (90_000, 90)],
)
def test_shapes_are_bounded(rows: int, width: int) -> None:
    with pytest.raises(LimitExceededError):
        columns.require_shape(rows, width)


def test_no_columns_at_all_are_refused() -> None:
    with pytest.raises(LimitExceededError):
        columns.to_raw([])


def test_raw_bytes_fit_their_shape() -> None:
    with pytest.raises(MalformedError, match="cannot hold"):
        columns.from_raw(bytes(15), rows=1, columns=2)


@pytest.mark.parametrize(
    "packed",
    [
        b"",
        b"not deflate",
        zlib.compress(bytes(8))[:-1],
        zlib.compress(bytes(8)) + b"x",
        zlib.compress(bytes(7)),
        zlib.compress(bytes(9)),
        zlib.compress(bytes(10**8)),
    ],
)
def test_a_stream_that_does_not_hold_exactly_its_values_is_refused(packed: bytes) -> None:
    with pytest.raises(MalformedError):
        columns.unpack(packed, rows=1, columns=1)
