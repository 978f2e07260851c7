"""Answers within bounds, points in order, series by the rules."""

from __future__ import annotations

from decimal import Decimal
from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from collector.sources import interface
from collector.sources.answers import Numbered, Page, decode, numbered_pages, pages
from collector.sources.errors import AnswerError, ConflictingPoints, RangeError
from collector.sources.interface import Point, Series, Span
from collector.sources.points import number, ordered, per_second
from evidence.manifest import NET_CAP, NET_COMMITTED, UNITS

HOUR = 3_600_000


def test_numbers_of_an_answer_are_exact():
    document = decode(b'{"a": 0.1, "b": 12345678901234567890, "c": 1e-7}', where="x")
    assert document == {"a": Decimal("0.1"), "b": 12345678901234567890, "c": Decimal("1e-7")}
    assert not [value for value in document.values() if isinstance(value, float)]


@pytest.mark.parametrize(
    "raw",
    [
        b"",
        b"<html>login</html>",
        b"{",
        b'{"a": NaN}',
        b'{"a": -Infinity}',
        b"\xff\xfe\xfd",
        b"[" * 100_000,
        b"9" * 10_000,
    ],
    ids=["empty", "page", "cut", "NaN", "infinite", "not text", "deep", "huge number"],
)
def test_what_is_not_json_is_an_answer_error(raw):
    with pytest.raises(AnswerError, match=r"^monitor: "):
        decode(raw, where="monitor")


def test_an_answer_is_not_larger_than_allowed():
    assert decode(b"[1,2]", where="x", most=5) == [1, 2]
    with pytest.raises(AnswerError, match="more than 4 bytes"):
        decode(b"[1,2]", where="x", most=4)


@pytest.mark.parametrize(
    ("value", "expected"), [(3, "3"), ("1.50", "1.50"), (Decimal("2e3"), "2E+3"), ("-1", "-1")]
)
def test_numbers_are_taken_as_they_were_written(value, expected):
    assert str(number(value, where="x")) == expected


@pytest.mark.parametrize(
    "value",
    [None, True, 1.5, "", "abc", "NaN", "inf", "-Infinity", "1e999999999999999999", "1e30", [], "1_0x"],
)
def test_what_is_no_usable_number_is_an_answer_error(value):
    with pytest.raises(AnswerError, match="cpu: not a usable number"):
        number(value, where="cpu")


def listed(*tokens):
    asked = []

    def fetch(token):
        asked.append(token)
        return Page((len(asked),), tokens[len(asked) - 1])

    return fetch, asked


def test_pages_are_followed_to_the_last_one():
    fetch, asked = listed("a", "b", None)
    assert list(pages(fetch, where="x")) == [1, 2, 3]
    assert asked == [None, "a", "b"]


@pytest.mark.parametrize("tokens", [("a", "a"), ("a", "b", "a"), ("", "")])
def test_pages_that_go_round_are_an_error(tokens):
    fetch, asked = listed(*tokens, *["z"] * 5)
    with pytest.raises(AnswerError, match="same page token came twice"):
        list(pages(fetch, where="x"))
    assert len(asked) == len(tokens)


def test_pages_and_items_are_bounded():
    with pytest.raises(AnswerError, match="more than 3 pages"):
        list(pages(listed("a", "b", "c", "d")[0], where="x", most_pages=3))
    with pytest.raises(AnswerError, match="more than 2 items"):
        list(pages(listed("a", "b", "c")[0], where="x", most_items=2))


def numbered(total, size):
    return lambda before: Numbered(tuple(range(before, min(before + size, total))), total)


@pytest.mark.parametrize(("total", "size"), [(0, 5), (1, 5), (5, 5), (6, 5), (23, 5)])
def test_numbered_pages_give_every_item_once(total, size):
    assert list(numbered_pages(numbered(total, size), where="x")) == list(range(total))


def test_numbered_pages_that_end_early_are_an_error():
    with pytest.raises(AnswerError, match="7 items were announced, but they end after 4"):
        list(numbered_pages(lambda before: Numbered((1, 2) if before < 4 else (), 7), where="x"))


def test_numbered_pages_and_items_are_bounded():
    with pytest.raises(AnswerError, match="more than 2 pages"):
        list(numbered_pages(numbered(100, 5), where="x", most_pages=2))
    with pytest.raises(AnswerError, match="more than 7 items"):
        list(numbered_pages(numbered(100, 5), where="x", most_items=7))


def point(start, value, length=HOUR):
    return Point(start * HOUR, length, Decimal(value))


def test_points_are_ordered_and_repeated_ones_counted_once():
    found = ordered([point(2, "5"), point(0, "1"), point(2, "5.0"), point(1, "3")], where="x")
    assert found == (point(0, "1"), point(1, "3"), point(2, "5"))


@pytest.mark.parametrize("other", [point(2, "5.1"), point(2, "5", HOUR // 2)])
def test_different_answers_for_one_instant_are_an_error(other):
    with pytest.raises(ConflictingPoints, match="i-1 cpu: two answers at 7200000 ms"):
        ordered([point(2, "5"), other], where="i-1 cpu")


@given(total=st.integers(0, 10**20), length_ms=st.integers(1, 10**9))
def test_a_rate_is_the_sum_over_the_time_and_never_more(total, length_ms):
    rate = Fraction(per_second(Decimal(total), length_ms))
    exact = Fraction(total * 1000, length_ms)
    assert rate <= exact
    assert exact - rate <= exact / 10**39


def test_a_rate_that_is_a_decimal_is_exact():
    assert per_second(Decimal(5400), HOUR) == Decimal("1.5")


def series(points=(), **changes):
    span = Span(0, 24 * HOUR)
    fields = {
        "instance": "i-1",
        "metric": "net.rx.rate",
        "statistic": "average",
        "scope": "public",
        "period_ms": HOUR,
        "points": tuple(points),
        "request_ids": (),
        "asked": span,
        "answered": span,
    }
    return Series(**{**fields, **changes})


def test_a_series_knows_its_unit():
    assert series([point(0, "1"), point(1, "2"), point(5, "0")]).unit == "byte/s"


@pytest.mark.parametrize(
    "points",
    [
        [point(1, "1"), point(0, "1")],
        [point(1, "1"), point(1, "1")],
        [point(0, "1", HOUR + 1), point(1, "1")],
        [point(0, "1", 0)],
        [point(0, "1", -1)],
    ],
    ids=["descending", "twice", "overlapping", "no time", "backwards"],
)
def test_points_out_of_order_do_not_make_a_series(points):
    with pytest.raises(ConflictingPoints):
        series(points)


@pytest.mark.parametrize("change", [{"metric": "mem"}, {"statistic": "max"}, {"scope": "private"}])
def test_words_that_are_not_known_do_not_make_a_series(change):
    with pytest.raises(ValueError, match="not words of a series"):
        series(**change)


@pytest.mark.parametrize("end_ms", [0, -1])
def test_a_span_has_time_in_it(end_ms):
    with pytest.raises(RangeError):
        Span(0, end_ms)


def test_metrics_are_the_averages_of_the_manifest_but_for_what_the_inventory_tells():
    averages = {name for name, (kind, _) in UNITS.items() if kind == "average"}
    assert averages - set(interface.METRICS) == {NET_COMMITTED, NET_CAP}
    assert set(interface.METRICS) < averages
