"""Periods below an hour from single values, each for the time it stands for."""

from __future__ import annotations

from decimal import Decimal

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sources.doubles.zabbix import Zabbix, served
from sources.zabbix_world import HOUR_S, NOW_S, START_S, linux, one, opened, windows

from collector.sources.errors import AnswerError, ConflictingPoints
from collector.sources.interface import CPU, NET_RX, Span
from collector.sources.zabbix.history import _means

FIVE_MS = 300_000
SPAN = Span(START_S * 1000, (START_S + HOUR_S) * 1000)


@pytest.fixture
def zabbix() -> Zabbix:
    return Zabbix()


def ask(
    zabbix: Zabbix,
    metric: str = CPU,
    host: str = "10002",
    span: Span = SPAN,
    period_ms: int = FIVE_MS,
    **more,
):
    with served(zabbix) as url:
        return one(opened(url, **more).averages(metric, [host], span, period_ms))


def values(series) -> list[tuple[int, int, str]]:
    """Points as (minutes after the start, covered seconds, value)."""
    return [
        ((point.start_ms // 1000 - START_S) // 60, point.length_ms // 1000, str(point.value))
        for point in series.points
    ]


def sampled(zabbix: Zabbix, minutes, value="10") -> str:
    util = windows(zabbix)["util"]
    for minute in minutes:
        zabbix.sample(util, START_S + 60 * minute, value if isinstance(value, str) else value(minute))
    return util


def test_each_value_stands_for_the_minute_before_it(zabbix):
    sampled(zabbix, range(61), str)
    found = values(ask(zabbix))
    assert found[0] == (0, 300, "3")  # minutes 1 to 5; the value at 0 stands for time before the span
    assert found[11] == (55, 300, "58")
    assert len(found) == 12


def test_a_gap_covers_nothing_and_the_value_after_it_only_its_own_interval(zabbix):
    sampled(zabbix, [1, 2, 3, 14, 15, 16], "40")
    assert values(ask(zabbix)) == [(0, 180, "40"), (10, 120, "40"), (15, 60, "40")]


def test_a_value_over_the_edge_of_two_periods_counts_in_each_for_its_part(zabbix):
    util = windows(zabbix)["util"]
    for second, value in ((280, "10"), (320, "70"), (380, "20")):
        zabbix.sample(util, START_S + second, value)
    (first, second) = ask(zabbix).points
    # 60 s of 10 and 20 s of 70; then 20 s of 70 and 60 s of 20: the third is 60 s after the second.
    assert (first.length_ms, first.value) == (80_000, Decimal(60 * 10 + 20 * 70) / 80)
    assert (second.length_ms, second.value) == (80_000, Decimal(20 * 70 + 60 * 20) / 80)


def test_values_closer_than_the_interval_share_the_time(zabbix):
    util = windows(zabbix)["util"]
    for second, value in ((60, "10"), (70, "40")):
        zabbix.sample(util, START_S + second, value)
    (point,) = ask(zabbix).points
    assert point.length_ms == 70_000
    assert abs(point.value - Decimal(60 * 10 + 10 * 40) / 70) < Decimal("1e-20")


def test_nanoseconds_order_the_values_of_one_second(zabbix):
    util = windows(zabbix)["util"]
    zabbix.sample(util, START_S + 60, "10", ns=0)
    zabbix.sample(util, START_S + 60, "90", ns=500_000_000)
    (point,) = ask(zabbix).points
    assert point.length_ms == 60_500
    assert point.value < Decimal(11)


def test_the_value_after_the_end_is_read_for_the_time_before_it(zabbix):
    util = windows(zabbix)["util"]
    zabbix.sample(util, START_S + HOUR_S + 30, "50")
    assert values(ask(zabbix)) == [(55, 30, "50")]


def test_a_value_that_comes_twice_counts_once_and_two_values_at_one_instant_are_an_error(zabbix):
    util = sampled(zabbix, [1, 1], "10")
    assert values(ask(zabbix)) == [(0, 60, "10")]
    zabbix.sample(util, START_S + 60, "11")
    with pytest.raises(ConflictingPoints, match="two values at one instant"):
        ask(zabbix)


def test_floats_and_whole_numbers_are_asked_for_by_their_type(zabbix):
    items = linux(zabbix)
    for minute in (3, 6):
        zabbix.sample(items["in eth0"], START_S + 60 * minute, "8000")
    assert values(ask(zabbix, NET_RX, "10001")) == [(0, 300, "1000.000"), (5, 60, "1000.000")]
    assert [call["history"] for call in zabbix.calls("history.get")] == [3]
    zabbix.sample(items["idle"], START_S + 60, "70")
    zabbix.sample(items["iowait"], START_S + 60, "5")
    assert values(ask(zabbix, CPU, "10001")) == [(0, 60, "25")]


def test_when_there_are_more_values_than_an_answer_holds_the_window_is_halved(zabbix, monkeypatch):
    monkeypatch.setattr("collector.sources.zabbix.history.MAX_ROWS", 8)
    sampled(zabbix, range(61), "10")
    assert sum(covered for _, covered, _ in values(ask(zabbix))) == HOUR_S
    calls = zabbix.calls("history.get")
    assert len(calls) > 8
    assert all(call["limit"] == 8 and call["sortfield"] == "clock" for call in calls)


def test_a_second_with_more_values_than_an_answer_holds_is_an_error(zabbix, monkeypatch):
    monkeypatch.setattr("collector.sources.zabbix.history.MAX_ROWS", 8)
    util = windows(zabbix)["util"]
    for ns in range(8):
        zabbix.sample(util, START_S + 60, "10", ns=ns)
    with pytest.raises(AnswerError, match="8 values or more in the second"):
        ask(zabbix)


def test_many_items_are_asked_for_in_parts(zabbix, monkeypatch):
    monkeypatch.setattr("collector.sources.zabbix.history.MAX_ITEMS", 1)
    items = linux(zabbix)
    zabbix.sample(items["idle"], START_S + 60, "70")
    zabbix.sample(items["iowait"], START_S + 60, "5")
    assert values(ask(zabbix, CPU, "10001")) == [(0, 60, "25")]
    assert [len(call["itemids"]) for call in zabbix.calls("history.get")] == [1, 1]


@pytest.mark.parametrize(
    ("change", "match"),
    [
        ({"itemid": "1"}, "item and time"),
        ({"clock": str(START_S - 1)}, "item and time"),
        ({"clock": str(START_S + HOUR_S + 61)}, "item and time"),
        ({"ns": "x"}, "ns is not a whole number"),
        ({"value": ""}, "value"),
        ({"value": "Infinity"}, "value"),
    ],
)
def test_values_that_are_not_what_was_asked_for_are_an_error(zabbix, monkeypatch, change, match):
    util = windows(zabbix)["util"]
    row = {"itemid": util, "clock": str(START_S + 60), "ns": "0", "value": "5", **change}
    monkeypatch.setattr(Zabbix, "_history_get", lambda _self, _params: [row])
    with pytest.raises(AnswerError, match=match):
        ask(zabbix)


def test_history_that_is_deleted_is_unknown(zabbix):
    sampled(zabbix, range(61))
    zabbix.housekeeping = {"hk_history_global": "1", "hk_history": str(47 * HOUR_S + 1800)}
    series = ask(zabbix)
    assert series.answered == SPAN, "what is there was kept, whatever was promised"
    zabbix.history = [row for row in zabbix.history if int(row["clock"]) > START_S + 2400]
    assert ask(zabbix).answered == Span(SPAN.start_ms + 1800_000, SPAN.end_ms)


def test_the_newest_periods_wait_for_the_value_after_them(zabbix):
    util = windows(zabbix)["util"]
    for minute in range(1, 12):
        zabbix.sample(util, NOW_S - 3600 + 60 * minute, "10")
    start_ms = (NOW_S - 3600) * 1000
    span = Span(start_ms, start_ms + 3_600_000)
    series = ask(zabbix, span=span, now_s=NOW_S - 3600 + 11 * 60)
    assert series.answered == Span(start_ms, start_ms + FIVE_MS)
    assert len(series.points) == 1


@settings(max_examples=60, deadline=None)
@given(
    st.lists(st.tuples(st.integers(0, 4000), st.integers(0, 100)), max_size=40, unique_by=lambda x: x[0]),
    st.sampled_from([30, 60, 180, 600]),
    st.sampled_from([60, 300, 900, 3600]),
)
def test_time_and_value_are_shared_among_periods_without_loss(samples, interval_s, period_s):
    """Against a second-by-second account: every second has the value of the sample it belongs to."""
    values_ns = {second * 10**9: Decimal(value) for second, value in samples}
    span = Span(0, 3_600_000)
    account: dict[int, Decimal] = {}
    for second, value in sorted(samples):
        for covered in range(max(0, second - interval_s), min(second, 3600)):
            account.setdefault(covered, Decimal(value))
    means = _means(values_ns, interval_s * 1000, span, period_s * 1000)
    assert sum(mean.covered_ms for mean in means.values()) == 1000 * len(account)
    for start_ms, mean in means.items():
        seconds = [s for s in account if start_ms // 1000 <= s < start_ms // 1000 + period_s]
        assert mean.covered_ms == 1000 * len(seconds)
        assert abs(mean.value - sum(account[s] for s in seconds) / len(seconds)) < Decimal("1e-20")
