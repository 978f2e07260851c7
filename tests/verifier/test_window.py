from __future__ import annotations

from datetime import date

import pytest
from fleet import instant
from hypothesis import given
from hypothesis import strategies as st

from evidence.calendar import LocalCalendar
from evidence.day_sum import DaySum
from evidence.stored import DaySumRow
from verifier.amounts import NOTHING, collect
from verifier.errors import ArchiveError, WindowError
from verifier.scope import Exclusion
from verifier.window import TimeClasses, classify, month_window, total, whole_seconds

SHANGHAI = LocalCalendar("Asia/Shanghai")
DAY_MS = 86_400_000


def day(text):
    return date.fromisoformat(text).toordinal()


def test_a_month_is_its_local_days():
    window = month_window(SHANGHAI, "2026-11")
    assert (window.start_ms, window.end_ms) == (instant("2026-11-01"), instant("2026-12-01"))
    assert window.counted_ms == 30 * DAY_MS
    assert window.excluded_ms == 0


def test_a_day_of_the_clock_change_has_twenty_five_hours():
    window = month_window(LocalCalendar("Europe/Berlin"), "2026-10")
    assert window.lengths[day("2026-10-25")] == 25 * 3_600_000
    assert window.counted_ms == 31 * DAY_MS + 3_600_000


@pytest.mark.parametrize(
    ("first", "last", "days"),
    [
        ("2026-10-15", "2026-12-15", 30),
        ("2026-11-10", "2026-11-12", 3),
        ("2026-11-30", "2027-01-01", 1),
        ("2026-01-01", "2026-11-01", 1),
    ],
)
def test_the_scope_cuts_the_month_with_both_its_days_included(first, last, days):
    window = month_window(SHANGHAI, "2026-11", days=(day(first), day(last)))
    assert window.counted_ms == days * DAY_MS


@pytest.mark.parametrize(("first", "last"), [("2026-12-01", "2026-12-31"), ("2026-10-01", "2026-10-31")])
def test_a_month_outside_the_scope_is_refused(first, last):
    with pytest.raises(WindowError, match="lies outside the scope's window, 2026"):
        month_window(SHANGHAI, "2026-11", days=(day(first), day(last)))


def test_excluded_days_leave_the_window_once_even_when_declared_twice():
    out = [
        Exclusion(day("2026-10-25"), day("2026-11-02"), "x", "y"),
        Exclusion(day("2026-11-02"), day("2026-11-03"), "x", "y"),
        Exclusion(day("2026-12-05"), day("2026-12-06"), "x", "y"),
    ]
    window = month_window(SHANGHAI, "2026-11", exclusions=out)
    assert window.excluded_ms == 3 * DAY_MS
    assert window.counted_ms == 27 * DAY_MS
    assert min(window.lengths) == day("2026-11-04")


@given(
    st.integers(0, 10 * DAY_MS),
    st.integers(0, 10 * DAY_MS),
    st.integers(0, 7 * DAY_MS),
    st.integers(0, 10**6),
)
def test_the_five_classes_add_up_to_the_window_in_whole_seconds(observed, bridged, down, suspect):
    window = month_window(
        SHANGHAI, "2026-11", exclusions=[Exclusion(day("2026-11-02"), day("2026-11-02"), "x", "y")]
    )
    times = classify(window, DaySum(0, 0, observed, bridged, down, suspect))
    assert times.counted_ms == window.counted_ms
    seconds = whole_seconds(times)
    assert sum(seconds.values()) == 30 * 86_400
    assert all(isinstance(value, int) and value >= 0 for value in seconds.values())
    assert seconds["missing_s"] * 1000 >= times.missing_ms >= suspect


def test_the_times_of_several_hosts_add_up():
    one = TimeClasses(1, 2, 3, 4, 5, 1)
    assert total([one, one]) == TimeClasses(2, 4, 6, 8, 10, 2)
    assert total([]) == TimeClasses()


def row(sums, on="2026-11-02", metric="cpu"):
    return DaySumRow("web-1", "agent", metric, day(on), sums)


def test_rows_outside_the_counted_days_are_ignored():
    window = month_window(
        SHANGHAI, "2026-11", exclusions=[Exclusion(day("2026-11-03"), day("2026-11-03"), "x", "y")]
    )
    rows = [row(DaySum(7, 9, DAY_MS)), row(DaySum(1, 1, 5), "2026-11-03"), row(DaySum(1, 1, 5), "2026-12-01")]
    month = collect(rows, window)["web-1"]["agent", "cpu"]
    assert month.total == DaySum(7, 9, DAY_MS)
    assert month.known_ms == DAY_MS


def test_all_fields_of_the_days_add_up():
    rows = [row(DaySum(1, 2, 3, 4, 5, 6, 7, 8)), row(DaySum(1, 2, 3, 4, 5, 6, 7, 8), "2026-11-05")]
    month = collect(rows, month_window(SHANGHAI, "2026-11"))["web-1"]["agent", "cpu"]
    assert month.total == DaySum(2, 4, 6, 8, 10, 12, 14, 16)


def test_nothing_is_known_of_a_metric_without_rows():
    assert NOTHING.total == DaySum()
    assert NOTHING.known_ms == 0


@pytest.mark.parametrize(
    "sums",
    [
        DaySum(0, 0, DAY_MS + 1),
        DaySum(0, 0, DAY_MS // 2, DAY_MS // 2, 1),
        DaySum(0, 0, DAY_MS, suspect_ms=1),
        DaySum(0, 0, observed_ms=-1),
        DaySum(0, 0, 5, suspect_ms=-1),
        DaySum(-1, 0, 5),
        DaySum(1, -1, 5),
    ],
)
def test_day_sums_that_no_day_can_have_are_refused(sums):
    with pytest.raises(ArchiveError, match="web-1 agent cpu 2026-11-02: no day can have these sums"):
        collect([row(sums)], month_window(SHANGHAI, "2026-11"))


def test_two_rows_for_one_day_are_refused():
    with pytest.raises(ArchiveError, match="two day sums for one day"):
        collect([row(DaySum(1, 1, 5)), row(DaySum(1, 1, 5))], month_window(SHANGHAI, "2026-11"))
