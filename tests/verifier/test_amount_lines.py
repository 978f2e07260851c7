"""Amounts and weights from lines of numbers are those from day sums, one by one."""

from __future__ import annotations

from array import array
from dataclasses import astuple
from fractions import Fraction

import pytest
from host_months import CALENDAR, DAY_MS, FIRST, window
from hypothesis import given, settings
from hypothesis import strategies as st

from evidence.day_sum import DaySum
from evidence.stored import DaySumLine, DaySumRow
from verifier.amounts import MetricMonth, collect, collect_lines
from verifier.errors import ArchiveError
from verifier.scope import Exclusion
from verifier.weights import product, weigh, weigh_capacity, weigh_metric
from verifier.window import month_window

TIMES = st.integers(0, DAY_MS // 4)
SUMS = st.builds(DaySum, st.integers(0, 10**20), st.integers(0, 10**9), TIMES, TIMES, TIMES, TIMES)
DAYS = st.dictionaries(st.integers(FIRST, FIRST + 29), SUMS, min_size=1)
CAPACITY = st.lists(st.fractions(1, 10**6, max_denominator=40), min_size=30, max_size=30)


def line_of(days: dict[int, DaySum], host: str = "web-1", metric: str = "cpu") -> DaySumLine:
    ordered = sorted(days)
    fields = zip(*(astuple(days[day]) for day in ordered), strict=True)
    return DaySumLine(host, "agent", metric, tuple(ordered), [n for field in fields for n in field])


def rows_of(days: dict[int, DaySum]) -> list[DaySumRow]:
    return [DaySumRow("web-1", "agent", "cpu", day, sums) for day, sums in sorted(days.items())]


@given(DAYS)
@settings(max_examples=60)
def test_amounts_of_lines_are_those_of_rows(days: dict[int, DaySum]) -> None:
    plain = collect(rows_of(days), window())["web-1"]["agent", "cpu"]
    [found] = collect_lines([line_of(days)], window())["web-1"].values()
    assert dict(found.days) == plain.days
    assert found.total == plain.total
    assert list(found.numbers) == list(plain.numbers) == [(day, *astuple(days[day])) for day in sorted(days)]
    assert len(found.days) == len(days)


def test_days_that_do_not_count_are_left_out_of_a_line() -> None:
    days = {FIRST + day: DaySum(day, observed_ms=1) for day in range(4)}
    cut = window((Exclusion(FIRST + 1, FIRST + 1, "", ""),))
    found = collect_lines([line_of(days), line_of(days, metric="disk.reads")], cut)["web-1"]
    assert [metric for _, metric in found] == ["cpu", "disk.reads"]
    assert {day for metric in found.values() for day in metric.days} == {FIRST, FIRST + 2, FIRST + 3}
    outside = collect_lines([line_of({FIRST - 1: DaySum(1)}, host="web-2")], window())
    assert outside == {"web-2": {}}


def test_a_day_longer_than_the_shortest_is_looked_at_by_itself() -> None:
    """A day of 25 hours in a month that also has shorter ones."""
    span = month_window(type(CALENDAR)("Europe/Berlin"), "2026-10")
    long = next(day for day, ms in span.lengths.items() if ms > DAY_MS)
    days = {long: DaySum(1, observed_ms=DAY_MS + 1), long - 1: DaySum(1, observed_ms=DAY_MS)}
    [found] = collect_lines([line_of(days)], span)["web-1"].values()
    assert found.total.observed_ms == 2 * DAY_MS + 1


@pytest.mark.parametrize(
    "wrong", [DaySum(-1), DaySum(whole=-1), DaySum(suspect_ms=-1), DaySum(observed_ms=DAY_MS, downtime_ms=1)]
)
def test_impossible_sums_are_refused_in_lines_too(wrong: DaySum) -> None:
    line = line_of({FIRST: DaySum(1, observed_ms=5), FIRST + 1: wrong})
    with pytest.raises(ArchiveError, match="no day can have these sums"):
        collect_lines([line], window())


def test_two_sums_of_one_day_are_refused_in_lines_too() -> None:
    line = DaySumLine("web-1", "agent", "cpu", (FIRST, FIRST), array("q", [1] * 16))
    with pytest.raises(ArchiveError, match="two day sums for one day"):
        collect_lines([line], window())


@given(days=DAYS, capacity=CAPACITY, alike=st.booleans(), source=st.sampled_from(["agent", "import", None]))
@settings(max_examples=25)
def test_weights_of_a_metric_are_those_of_its_days(
    *, days: dict[int, DaySum], capacity: list[Fraction], alike: bool, source: str | None
) -> None:
    span = window()
    [found] = collect_lines([line_of(days)], span)["web-1"].values()
    assert weigh_metric(found, span, source=source) == weigh(days, span.lengths, source=source)
    each = {day: capacity[0] if alike else capacity[day - FIRST] for day in span.lengths}
    for metric in (found, MetricMonth(days)):
        weights = weigh_capacity(metric, span, each, source=source)
        assert weights == weigh(days, span.lengths, source=source, each=each.__getitem__)


@given(st.fractions() | st.integers(), st.integers(0))
def test_a_whole_product_is_an_integer(weight: Fraction | int, ms: int) -> None:
    found = product(weight, ms)
    assert found == weight * ms
    assert isinstance(found, int) == (Fraction(found).denominator == 1)


def test_what_is_fully_seen_lacks_nothing_whatever_its_days_carry() -> None:
    span = window()
    days = {day: DaySum(1, observed_ms=ms) for day, ms in span.lengths.items()}
    capacity = {day: Fraction(day, 3) for day in span.lengths}
    weights = weigh_capacity(MetricMonth(days), span, capacity, source="agent")
    assert (weights.covered, weights.missing) == (sum(capacity.values()) * DAY_MS, 0)
