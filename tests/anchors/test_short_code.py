"""The short code for the log book: always the same, and typing errors are told."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from evidence.errors import MalformedError
from evidence.short_code import read_code, short_code

ALPHABET = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"
NOTE = b"starproof/0123456789abcdef\n42\nAAAA\n\n\xe2\x80\x94 starproof BBBB\n"
CODE = short_code(NOTE)


def test_the_code_of_these_bytes_never_changes() -> None:
    assert short_code(b"starproof") == "DQH60-PJQQH-J31C3-X5A87-MAFE9-XAG3B"


def test_a_code_is_six_groups_of_five() -> None:
    assert [len(group) for group in CODE.split("-")] == [5] * 6


def test_one_changed_byte_of_the_note_gives_another_code() -> None:
    assert short_code(NOTE[:-1]) != CODE


@pytest.mark.parametrize(
    "typed", [CODE.lower(), CODE.replace("-", " "), CODE.replace("0", "o").replace("1", "l")]
)
def test_a_code_may_be_typed_as_people_type(typed: str) -> None:
    assert read_code(typed) == CODE


def test_every_single_wrong_character_is_told_with_its_group() -> None:
    plain = CODE.replace("-", "")
    for place, right in enumerate(plain):
        for wrong in set(ALPHABET) - {right}:
            with pytest.raises(MalformedError, match=f"group {place // 5 + 1} "):
                read_code(plain[:place] + wrong + plain[place + 1 :])


@given(st.binary(max_size=64), st.integers(0, 28))
def test_neighbours_exchanged_are_told(note: bytes, place: int) -> None:
    plain = short_code(note).replace("-", "")
    swapped = plain[:place] + plain[place + 1] + plain[place] + plain[place + 2 :]
    if swapped != plain:
        with pytest.raises(MalformedError, match="mistyped"):
            read_code(swapped)


@given(st.binary(max_size=64), st.permutations(range(6)))
def test_exchanged_groups_are_told(note: bytes, order: list[int]) -> None:
    groups = short_code(note).split("-")
    if order == sorted(order):
        assert read_code("-".join(groups[place] for place in order)) == short_code(note)
    else:
        with pytest.raises(MalformedError, match="mistyped"):
            read_code("-".join(groups[place] for place in order))


@pytest.mark.parametrize(
    ("typed", "why"), [("ABC", "3 characters"), ("U" + CODE[1:], "stands in no code"), ("", "0 characters")]
)
def test_what_is_no_code_is_refused(typed: str, why: str) -> None:
    with pytest.raises(MalformedError, match=why):
        read_code(typed)
