from __future__ import annotations

from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from verifier import decimals
from verifier.errors import DecimalError

AMOUNTS = st.fractions(min_value=0, max_value=10**20) | st.builds(
    Fraction, st.integers(0, 10**40), st.integers(1, 10**40)
)


@pytest.mark.parametrize(
    ("value", "down", "up"),
    [
        (Fraction(0), "0.00000000000000", "0.00000000000000"),
        (Fraction(30), "30.0000000000000", "30.0000000000000"),
        (Fraction(1, 3), "0.333333333333333", "0.333333333333334"),
        (Fraction(2, 300), "0.00666666666666666", "0.00666666666666667"),
        (Fraction(10**15), "1000000000000000", "1000000000000000"),
        (Fraction(10**16 + 1, 2), "5000000000000000", "5000000000000001"),
        (Fraction(999_999_999_999_999_999, 10**16), "99.9999999999999", "100.0000000000000"),
        (Fraction(1, 10), "0.100000000000000", "0.100000000000000"),
    ],
)
def test_a_number_is_printed_with_fifteen_digits_in_the_direction_asked_for(value, down, up):
    assert (decimals.floor(value), decimals.ceiling(value)) == (down, up)


@given(AMOUNTS)
def test_printed_numbers_enclose_the_exact_one_within_nine_digits(value):
    low, high = Fraction(decimals.floor(value)), Fraction(decimals.ceiling(value))
    assert low <= value <= high
    assert high - low <= value / 10**14
    assert "e" not in decimals.floor(value).lower()
    assert decimals.floor(low) == decimals.floor(value)


def test_a_mean_over_many_hosts_is_printed_although_its_fraction_is_huge():
    assert decimals.floor(Fraction(10**9_000 + 1, 10**9_001)) == "0.100000000000000"


@pytest.mark.parametrize("printer", [decimals.floor, decimals.ceiling])
def test_a_negative_number_is_refused(printer):
    with pytest.raises(DecimalError, match="negative"):
        printer(Fraction(-1, 3))


@pytest.mark.parametrize(
    ("text", "value"), [("0", Fraction(0)), ("30", Fraction(30)), ("2.50", Fraction(5, 2))]
)
def test_a_plain_decimal_is_read_exactly(text, value):
    assert decimals.parse(text) == value


@pytest.mark.parametrize(
    "text", ["", " 1", "+1", "-1", "1e3", "01", ".5", "5.", "1_0", "１", "nan", "1\n", "1" * 41]
)
def test_anything_but_a_plain_decimal_is_refused(text):
    with pytest.raises(DecimalError, match="plain decimal"):
        decimals.parse(text)
