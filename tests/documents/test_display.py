"""Numbers, shares, times and foreign text as a reader sees them."""

from __future__ import annotations

from decimal import Decimal
from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from documents import display
from documents.display import Rounding
from documents.errors import RenderError
from verifier import decimals

DOWN, UP = Rounding.DOWN, Rounding.UP


@pytest.mark.parametrize(
    ("text", "rounding", "shown"),
    [
        ("4.99999999999999", DOWN, "4.99"),
        ("4.99000000000001", UP, "5.00"),
        ("5", DOWN, "5.00"),
        ("0", DOWN, "0.00"),
        ("0.0012999", DOWN, "0.0012"),
        ("0.0012001", UP, "0.0013"),
        ("999.999", DOWN, "999.99"),
        ("999.999", UP, "1,000.00"),
        ("1000", DOWN, "1,000"),
        ("28417.9999999999", DOWN, "28,417"),
        ("28417.0000000001", UP, "28,418"),
        ("123456789012345678901234567890", DOWN, "123,456,789,012,345,678,901,234,567,890"),
        ("0.00000000000000001", DOWN, "0.000000000000"),
        ("0.00000000000000001", UP, "0.000000000001"),
        (None, DOWN, None),
        (None, UP, None),
    ],
)
def test_a_number_is_cut_in_the_direction_that_does_not_flatter(text, rounding, shown):
    assert display.number(text, rounding=rounding) == shown


def test_the_places_can_be_asked_for():
    assert display.number("8.219", rounding=DOWN, places=1) == "8.2"
    assert display.number("8.219", rounding=UP, places=0) == "9"


@given(st.fractions(min_value=0, max_value=10**9))
def test_value_and_low_never_rise_and_high_never_falls(exact: Fraction):
    down = display.number(decimals.floor(exact), rounding=DOWN)
    up = display.number(decimals.ceiling(exact), rounding=UP)
    assert Fraction(down.replace(",", "")) <= exact <= Fraction(up.replace(",", ""))


@pytest.mark.parametrize("text", ["", "8,2", "1e3", "+1", "01", ".5", "5.", "nan", "８.2", "8.2\n", 8])
def test_what_is_no_plain_decimal_is_refused(text):
    with pytest.raises(RenderError, match="not a plain decimal"):
        display.number(text, rounding=DOWN)


def test_a_decimal_beyond_every_limit_is_refused_and_not_printed():
    with pytest.raises(RenderError, match="too long"):
        display.number("9" * 200, rounding=DOWN)


@pytest.mark.parametrize(
    ("share", "shown"),
    [("1", "100.00 %"), ("0.99996", "99.99 %"), ("0", "0.00 %"), ("0.9", "90.00 %"), (None, None)],
)
def test_a_share_is_percent_rounded_down(share, shown):
    assert display.percent(share) == shown


@pytest.mark.parametrize(
    ("text", "shown"),
    [("30", "30"), ("2.50", "2.50"), ("50000", "50,000"), ("1234.5", "1,234.5"), (None, None)],
)
def test_a_threshold_stands_as_it_was_written(text, shown):
    assert display.written(text) == shown


@pytest.mark.parametrize(
    ("text", "shown"),
    [("17.9", "17.9"), ("1.801", "1.81"), ("5", "5"), ("100", "100"), ("5000", "5,000"), (None, None)],
)
def test_a_shortfall_is_cut_up_and_has_no_zeros_at_its_end(text, shown):
    assert display.shortfall(text) == shown


@pytest.mark.parametrize(
    ("part", "whole", "length"),
    [(0, 10, 0), (1, 10_000, 1), (5, 10, 500), (10, 10, 1000), (0, 0, 0), (-1, 5, 0)],
)
def test_a_part_of_a_bar_is_seen_as_soon_as_there_is_some(part, whole, length):
    assert display.permille(part, whole) == length


@pytest.mark.parametrize(
    ("seconds", "shown"),
    [
        (0, "0 s"),
        (59, "59 s"),
        (60, "1 min"),
        (3600, "1 h"),
        (5_430, "1 h 30 min 30 s"),
        (7_568_400, "2,102 h 20 min"),
    ],
)
def test_a_length_of_time_is_exact_to_the_second(seconds, shown):
    assert display.span(seconds, hour="h", minute="min", second="s") == shown


def test_an_instant_is_shown_in_the_zone_of_the_enterprise():
    instant = 1_793_966_400_999  # 2026-11-06 12:00:00.999 UTC
    assert display.local_time(instant, "Asia/Shanghai") == "2026-11-06 20:00:00"
    assert display.local_time(instant, "UTC") == "2026-11-06 12:00:00"
    assert display.local_time(None, "UTC") is None


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("苏州 <b>& 'x'", "苏州 <b>& 'x'"),
        ("two\nlines", "two\nlines"),
        ("a\u202eb", "a\\u202eb"),
        ("a\u200bb", "a\\u200bb"),
        ("a\x07b\x00", "a\\u0007b\\u0000"),
        ("\ufffe", "\\ufffe"),
        ("\ud800", "\\ud800"),
        ("\U0001f600 𠀀", "\U0001f600 𠀀"),
        ("\U000e0041", "\\U000e0041"),
    ],
)
def test_nothing_in_foreign_text_is_hidden(text, shown):
    assert display.legible(text) == shown
    assert display.legible(display.legible(text)) == shown


@pytest.mark.parametrize(
    ("low", "high", "one"),
    [
        ("10.3999999999999", "10.4000000000000", True),
        ("28417.9999999999", "28418", True),
        ("0", "0", True),
        ("0", "0.0000000001", False),
        ("10.39", "10.40", False),
        ("0.000000000010", "0.000000000011", False),
        ("10", None, False),
    ],
)
def test_ends_are_one_number_where_only_their_last_digits_differ(low, high, one):
    assert display.same(low, high) is one


def test_grouping_does_not_change_a_number():
    shown = display.number("1234567.891", rounding=DOWN)
    assert Decimal(shown.replace(",", "")) == 1_234_567
