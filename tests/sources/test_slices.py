"""Questions cut into calls, sums over parts, months and fields: the small rules all three clouds share."""

from __future__ import annotations

from decimal import Decimal, localcontext

import pytest

from collector.sources import months, reading
from collector.sources.errors import AnswerError, ConflictingPoints, RangeError
from collector.sources.exact import product, total
from collector.sources.interface import Point, Retention, Span
from collector.sources.parts import Part, groups, summed
from collector.sources.questions import Question
from collector.sources.slices import batches, calls, require_range, windows

HOUR_MS = 3_600_000
DAY_MS = 24 * HOUR_MS
NOW_MS = 1_767_229_200_000
KEPT = (Retention(60_000, DAY_MS), Retention(DAY_MS, 90 * DAY_MS))


def test_windows_and_batches_leave_nothing_out_and_nothing_twice():
    span = Span(0, 10)
    assert [(one.start_ms, one.end_ms) for one in windows(span, 4)] == [(0, 4), (4, 8), (8, 10)]
    assert list(batches("abcde", 2)) == [("a", "b"), ("c", "d"), ("e",)]
    assert calls(items=5, size=2, span=span, length_ms=4) == 9


def test_what_is_kept_can_be_asked_for_to_the_last_period_and_not_beyond():
    oldest_ms = NOW_MS - DAY_MS
    require_range(
        Span(oldest_ms - 60_000, NOW_MS), 60_000, retention=KEPT, now_ms=NOW_MS, where="test"
    )  # time has passed since the question was made
    with pytest.raises(RangeError, match=f"are kept since {oldest_ms} ms"):
        require_range(Span(oldest_ms - 120_000, NOW_MS), 60_000, retention=KEPT, now_ms=NOW_MS, where="test")


def test_days_may_begin_at_any_hour():
    midnight_in_beijing_ms = NOW_MS - NOW_MS % DAY_MS - 8 * HOUR_MS
    span = Span(midnight_in_beijing_ms - DAY_MS, midnight_in_beijing_ms)
    require_range(span, DAY_MS, retention=KEPT, now_ms=NOW_MS, where="test")
    with pytest.raises(RangeError, match="align both ends"):
        require_range(
            Span(span.start_ms + 1000, span.end_ms + 1000),
            DAY_MS,
            retention=KEPT,
            now_ms=NOW_MS,
            where="test",
        )


def test_a_series_is_ordered_and_holds_only_what_was_answered():
    question = Question("cpu.utilization", "average", "", Span(0, 40), 10)
    points = [Point(start_ms, 10, Decimal(start_ms)) for start_ms in (30, 10, 20, 10, 0, 35)]
    series = question.series("a", points[:-1], ["r", "r"], answered=Span(10, 40))
    assert [point.start_ms for point in series.points] == [10, 20, 30]
    assert (series.request_ids, series.asked, series.answered) == (("r",), Span(0, 40), Span(10, 40))
    with pytest.raises(ConflictingPoints):
        question.series("a", [Point(10, 10, Decimal(1)), Point(15, 10, Decimal(1))])


def test_sums_do_not_depend_on_anybodys_decimal_context():
    with localcontext(prec=3):
        assert product(Decimal("1.23456789"), Decimal(125_000)) == Decimal("154320.98625000")
        assert total([Decimal("1000000.000001"), Decimal("0.000001")]) == Decimal("1000000.000002")
    assert total([]) == 0


def test_a_part_with_two_values_for_one_instant_is_an_error():
    points = {"disk-1": [Point(0, 10, Decimal(1)), Point(0, 10, Decimal(2))]}
    with pytest.raises(ConflictingPoints, match="ins-a disk-1"):
        list(summed([Part("disk-1", None)], points, where="ins-a"))


def test_a_machine_with_more_parts_than_a_call_takes_stands_alone():
    parts = {
        name: [Part(f"{name}{n}", None) for n in range(count)] for name, count in zip("abcd", (2, 5, 1, 2))
    }
    assert list(groups(parts, 3)) == [("a",), ("b",), ("c", "d")]
    assert list(groups({}, 3)) == []


def test_a_month_is_closed_in_the_next_one_in_beijing():
    assert months.closing_ms("2025-12", day=4, hour=10) == 1_767_492_000_000
    assert months.closing_ms("2025-01", day=1, hour=0) == 1_738_339_200_000


@pytest.mark.parametrize(
    ("now_ms", "month"),
    [(1_767_196_799_999, "2025-11"), (1_767_196_800_000, "2025-12"), (1_772_294_400_000, "2026-02")],
    ids=["last instant of December in Beijing", "first of January in Beijing", "March in Beijing"],
)
def test_the_month_before_is_counted_in_beijing(now_ms, month):
    assert months.before(now_ms) == month


@pytest.mark.parametrize(
    "value",
    [-1, True, "1.5", "-1", None, Decimal("1.5"), Decimal("1E+30"), Decimal(-2), "9" * 19],
    ids=str,
)
def test_what_is_not_a_whole_number_is_refused(value):
    with pytest.raises(AnswerError, match="a whole number was expected"):
        reading.whole(value, where="test")


def test_whole_numbers_may_be_written_in_three_ways():
    assert [reading.whole(value, where="test") for value in (60, "60", Decimal("60.0"))] == [60] * 3


@pytest.mark.parametrize("value", ["", None, 7, "x" * 4097], ids=["empty", "null", "number", "too long"])
def test_what_is_not_a_text_is_refused(value):
    with pytest.raises(AnswerError, match="name is not a text"):
        reading.text({"name": value}, "name", where="test")


def test_an_absent_text_is_empty_where_it_may_be_absent():
    assert [reading.text_or_empty(row, "n", where="test") for row in ({}, {"n": None}, {"n": "a"})] == [
        "",
        "",
        "a",
    ]


def test_a_list_that_is_missing_is_an_error_and_null_is_empty():
    assert reading.rows({"rows": None}, "rows", where="test") == ()
    with pytest.raises(AnswerError, match="rows is not a list"):
        reading.rows({}, "rows", where="test")
