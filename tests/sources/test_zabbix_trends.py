"""Averages by the hour from trends: exact values, and how much of the hour they cover."""

from __future__ import annotations

from decimal import Decimal

import pytest
from sources.doubles.zabbix import Zabbix, served
from sources.zabbix_world import DAY, HOUR_MS, HOUR_S, NOW_S, START_S, linux, one, opened, values, windows

from collector.sources.errors import AnswerError, ConflictingPoints, RangeError
from collector.sources.interface import (
    ALL_INTERFACES,
    AVERAGE,
    CPU,
    DISK_READS,
    DISK_WRITES,
    NET_RX,
    NET_TX,
    Point,
    Span,
)


@pytest.fixture
def zabbix() -> Zabbix:
    return Zabbix()


def ask(zabbix: Zabbix, metric: str = CPU, hosts=("10001",), span: Span = DAY, **settings):
    now_s = settings.pop("now_s", NOW_S)
    with served(zabbix) as url:
        return list(opened(url, now_s=now_s, **settings).averages(metric, list(hosts), span, HOUR_MS))


def busy(
    zabbix: Zabbix, items: dict[str, str], hour: int, idle: str, iowait: str = "0", *, num: int = 60
) -> None:
    zabbix.trend(items["idle"], START_S + hour * HOUR_S, idle, num)
    zabbix.trend(items["iowait"], START_S + hour * HOUR_S, iowait, num)


def test_hours_come_in_order_with_the_digits_that_zabbix_wrote(zabbix):
    items = linux(zabbix)
    busy(zabbix, items, 2, "70.30000000000000004", "0.1")
    busy(zabbix, items, 0, "99.999999999999986", "0")
    series = one(ask(zabbix))
    assert values(series) == [(0, 3600, "0.000000000000014"), (2, 3600, "29.59999999999999996")]
    assert series.statistic == AVERAGE
    assert (series.scope, series.unit, series.asked, series.answered) == ("", "percent", DAY, DAY)


def test_an_hour_with_fewer_values_covers_less_time(zabbix):
    items = linux(zabbix)
    for hour, num in enumerate((60, 61, 59, 30, 1)):
        busy(zabbix, items, hour, "90", num=num)
    assert [covered for _, covered, _ in values(one(ask(zabbix)))] == [3600, 3600, 3540, 1800, 60]


def test_the_mean_of_a_month_weighs_hours_by_their_values(zabbix):
    """The month's mean is sum(num × avg) / sum(num); covered time gives exactly that."""
    items = linux(zabbix)
    given = [(60, "10"), (30, "70"), (45, "20")]
    for hour, (num, value) in enumerate(given):
        busy(zabbix, items, hour, str(100 - Decimal(value)), num=num)
    points = one(ask(zabbix)).points
    mean = sum(p.value * p.length_ms for p in points) / sum(p.length_ms for p in points)
    assert mean == sum(num * Decimal(value) for num, value in given) / sum(num for num, _ in given)


def test_an_hour_without_values_or_with_none_of_one_item_is_missing_and_not_zero(zabbix):
    items = linux(zabbix)
    busy(zabbix, items, 0, "80")
    busy(zabbix, items, 3, "80")
    zabbix.trend(items["idle"], START_S + HOUR_S, "80")  # its iowait is not there
    busy(zabbix, items, 2, "0", num=0)
    assert [hour for hour, _, _ in values(one(ask(zabbix)))] == [0, 3]


def test_the_item_with_the_fewest_values_says_how_much_is_covered(zabbix):
    items = linux(zabbix)
    zabbix.trend(items["idle"], START_S, "80", 60)
    zabbix.trend(items["iowait"], START_S, "5", 20)
    assert values(one(ask(zabbix))) == [(0, 1200, "15")]


def test_a_little_more_than_all_time_idle_is_nothing_busy_and_much_more_is_no_value(zabbix):
    items = linux(zabbix)
    busy(zabbix, items, 0, "99.9", "0.2")
    busy(zabbix, items, 1, "99.9", "5")
    assert values(one(ask(zabbix))) == [(0, 3600, "0")]


def test_bits_become_bytes_and_only_real_interfaces_count(zabbix):
    items = linux(zabbix)
    zabbix.trend(items["in eth0"], START_S, "8001", 20)
    zabbix.trend(items["in lo"], START_S, "800000", 20)
    zabbix.trend(items["in docker0"], START_S, "800000", 20)
    zabbix.trend(items["in errors"], START_S, "3", 20)
    zabbix.trend(items["out eth0"], START_S, "16", 10)
    received, sent = one(ask(zabbix, NET_RX)), one(ask(zabbix, NET_TX))
    assert values(received) == [(0, 3600, "1000.125")]
    assert values(sent) == [(0, 1800, "2.000")]
    assert received.scope == ALL_INTERFACES
    assert received.unit == "byte/s"


def test_devices_are_added_and_one_that_is_missing_is_not_zero(zabbix):
    items = windows(zabbix)
    for hour in (0, 1):
        zabbix.trend(items["Read 0 C:"], START_S + hour * HOUR_S, "10.5")
        zabbix.trend(items["Read _Total"], START_S + hour * HOUR_S, "99")
    zabbix.trend(items["Read 1 D:"], START_S, "2.25", 30)
    zabbix.trend(items["Write 0 C:"], START_S, "1")
    zabbix.trend(items["Write 1 D:"], START_S, "0")
    assert values(one(ask(zabbix, DISK_READS, ["10002"]))) == [(0, 1800, "12.75")]
    assert values(one(ask(zabbix, DISK_WRITES, ["10002"]))) == [(0, 3600, "1")]


def test_linux_disks_are_read_from_dependent_items_with_the_interval_of_their_master(zabbix):
    items = linux(zabbix)
    zabbix.trend(items["read"], START_S, "4.5", 30)
    assert values(one(ask(zabbix, DISK_READS))) == [(0, 1800, "4.5")]


def test_windows_says_its_processor_itself(zabbix):
    items = windows(zabbix)
    zabbix.trend(items["util"], START_S, "12.5")
    assert values(one(ask(zabbix, CPU, ["10002"]))) == [(0, 3600, "12.5")]


def test_every_host_that_was_asked_for_is_answered_once_in_order(zabbix):
    first, second = linux(zabbix), linux(zabbix, 9_999, "web00")
    windows(zabbix)
    busy(zabbix, first, 0, "80")
    busy(zabbix, second, 0, "60")
    answered = ask(zabbix, hosts=["10002", "10001", "9999", "10001", "77"])
    assert [series.instance for series in answered] == ["77", "9999", "10001", "10002"]
    assert [len(series.points) for series in answered] == [0, 1, 1, 0]


def test_only_the_hours_of_the_span_are_asked_for_and_answered(zabbix):
    items = linux(zabbix)
    for hour in range(-1, 5):
        busy(zabbix, items, hour, "80")
    span = Span(START_S * 1000, (START_S + 2 * HOUR_S) * 1000)
    assert [hour for hour, _, _ in values(one(ask(zabbix, span=span)))] == [0, 1]
    assert zabbix.calls("trend.get")[0]["time_till"] == START_S + 2 * HOUR_S - 1


def test_long_spans_are_asked_for_in_parts_that_miss_and_repeat_nothing(zabbix, monkeypatch):
    monkeypatch.setattr("collector.sources.zabbix.trends.MAX_ROWS", 10)
    items = linux(zabbix)
    for hour in range(24):
        busy(zabbix, items, hour, str(hour))
    assert [hour for hour, _, _ in values(one(ask(zabbix)))] == list(range(24))
    calls = zabbix.calls("trend.get")
    assert len(calls) == 5
    assert all(
        now["time_from"] == before["time_till"] + 1 for before, now in zip(calls, calls[1:], strict=False)
    )


def test_many_items_are_asked_for_in_parts(zabbix, monkeypatch):
    monkeypatch.setattr("collector.sources.zabbix.trends.MAX_ITEMS", 3)
    for number in range(5):
        items = linux(zabbix, 100 + number, f"web{number}")
        busy(zabbix, items, 0, "75")
    answered = ask(zabbix, hosts=[str(100 + number) for number in range(5)])
    assert [values(series) for series in answered] == [[(0, 3600, "25")]] * 5
    assert [len(call["itemids"]) for call in zabbix.calls("trend.get")] == [3, 3, 3, 1]


def test_many_hosts_are_asked_for_in_batches(zabbix, monkeypatch):
    monkeypatch.setattr("collector.sources.zabbix.source.MAX_HOSTS", 2)
    for number in range(5):
        busy(zabbix, linux(zabbix, 100 + number, f"web{number}"), 0, "75")
    assert len(ask(zabbix, hosts=[str(100 + number) for number in range(5)])) == 5
    assert [len(call["hostids"]) for call in zabbix.calls("item.get") if "hostids" in call] == [2, 2, 1]


def test_a_row_that_comes_twice_counts_once_and_two_values_for_an_hour_are_an_error(zabbix):
    items = linux(zabbix)
    busy(zabbix, items, 0, "80")
    busy(zabbix, items, 0, "80")
    assert values(one(ask(zabbix))) == [(0, 3600, "20")]
    zabbix.trend(items["idle"], START_S, "81")
    with pytest.raises(ConflictingPoints, match="two answers for the hour"):
        ask(zabbix)


@pytest.mark.parametrize(
    ("change", "match"),
    [
        ({"clock": str(START_S + 60)}, "item and hour"),
        ({"clock": str(START_S - HOUR_S)}, "item and hour"),
        ({"clock": str(START_S + 24 * HOUR_S)}, "item and hour"),
        ({"itemid": "1"}, "item and hour"),
        ({"num": "-1"}, "num is not a whole number"),
        ({"num": True}, "num is missing"),
        ({"clock": None}, "clock is missing"),
        ({"value_avg": "NaN"}, "value_avg"),
        ({"value_avg": None}, "value_avg"),
    ],
)
def test_rows_that_are_not_what_was_asked_for_are_an_error(zabbix, monkeypatch, change, match):
    items = linux(zabbix)
    row = {"itemid": items["idle"], "clock": str(START_S), "num": "60", "value_avg": "80", **change}
    monkeypatch.setattr(Zabbix, "_trend_get", lambda _self, _params: [row])
    with pytest.raises(AnswerError, match=match):
        ask(zabbix)


@pytest.mark.parametrize("result", [None, {}, ["x"], "x", 7])
def test_a_result_of_another_shape_is_an_error(zabbix, monkeypatch, result):
    linux(zabbix)
    monkeypatch.setattr(Zabbix, "_trend_get", lambda _self, _params: result)
    with pytest.raises(AnswerError, match="not a list of objects"):
        ask(zabbix)


def test_the_hour_that_is_not_settled_is_not_answered(zabbix):
    items = linux(zabbix)
    for hour in (0, 1, 2):
        busy(zabbix, items, hour, "80", num=60 if hour < 2 else 30)
    now_s = START_S + 2 * HOUR_S + 1800
    series = one(ask(zabbix, now_s=now_s))
    assert [hour for hour, _, _ in values(series)] == [0, 1]
    assert series.answered == Span(DAY.start_ms, DAY.start_ms + 2 * HOUR_MS)
    # The row of an hour is written with the first value after it, a minute or so later.
    series = one(ask(zabbix, now_s=START_S + 2 * HOUR_S + 119))
    assert [hour for hour, _, _ in values(series)] == [0]


def test_a_first_hour_that_is_over_but_not_settled_has_no_point(zabbix):
    items = linux(zabbix)
    busy(zabbix, items, 0, "80", num=30)
    series = one(ask(zabbix, now_s=START_S + HOUR_S))
    assert series.points == ()
    assert series.answered.start_ms == DAY.start_ms


def test_what_is_kept_for_an_unknown_time_is_all_answered(zabbix):
    items = linux(zabbix)
    for item in zabbix.items:
        item["trends"] = "{$UNKNOWN}"
    busy(zabbix, items, 3, "80")
    assert one(ask(zabbix)).answered == DAY


def test_time_from_which_trends_are_deleted_is_unknown_and_not_missing(zabbix):
    items = linux(zabbix)
    for item in zabbix.items:
        item["trends"] = "30h"
    busy(zabbix, items, 20, "80")
    series = one(ask(zabbix))
    assert series.answered == Span(DAY.start_ms + 18 * HOUR_MS, DAY.end_ms)
    busy(zabbix, items, 3, "80")  # the housekeeper has not come by yet
    assert one(ask(zabbix)).answered == Span(DAY.start_ms + 3 * HOUR_MS, DAY.end_ms)


def test_when_everything_is_deleted_the_span_still_has_an_hour(zabbix):
    linux(zabbix)
    zabbix.housekeeping = {"hk_trends_global": "1", "hk_trends": "1d"}
    assert one(ask(zabbix)).answered == Span(DAY.end_ms - HOUR_MS, DAY.end_ms)


def test_an_override_that_may_not_be_seen_leaves_the_items_own_times(zabbix):
    items = linux(zabbix)
    busy(zabbix, items, 0, "80")
    zabbix.denied = {"housekeeping.get"}
    assert one(ask(zabbix)).answered == DAY


def test_hours_of_items_without_trends_come_from_their_values(zabbix):
    items = linux(zabbix)
    for item in zabbix.items:
        item["trends"] = "0"
    for minute in range(1, 61):
        zabbix.sample(items["idle"], START_S + 60 * minute, "70")
        zabbix.sample(items["iowait"], START_S + 60 * minute, "10")
    assert values(one(ask(zabbix))) == [(0, 3600, "20")]
    assert zabbix.calls("trend.get") == []


FIRST = ["10001"]


@pytest.mark.parametrize(
    ("asked", "match"),
    [
        (("memory.used", FIRST, DAY, HOUR_MS), "no metric"),
        ((CPU, ["web01"], DAY, HOUR_MS), "not the id of a host"),
        ((CPU, ["1²"], DAY, HOUR_MS), "not the id of a host"),
        ((CPU, FIRST, DAY, 7 * 60_000), "is not answered"),
        ((CPU, FIRST, DAY, 30_000), "is not answered"),
        ((CPU, FIRST, DAY, 2 * HOUR_MS), "is not answered"),
        ((CPU, FIRST, Span(DAY.start_ms + 1, DAY.end_ms), HOUR_MS), "not aligned"),
        ((CPU, FIRST, Span(DAY.start_ms, DAY.end_ms + 60_000), HOUR_MS), "not aligned"),
        ((CPU, FIRST, Span(NOW_S * 1000, NOW_S * 1000 + HOUR_MS), HOUR_MS), "not over yet"),
    ],
)
def test_what_cannot_be_answered_is_refused_before_anything_is_asked(zabbix, asked, match):
    with served(zabbix) as url, pytest.raises(RangeError, match=match):
        opened(url).averages(*asked)
    assert zabbix.asked == []


@pytest.mark.parametrize(("hosts", "days"), [(1, 1), (3, 31), (60, 2)])
@pytest.mark.parametrize("period_ms", [HOUR_MS, 300_000])
def test_the_calls_are_never_more_than_was_said(zabbix, hosts, days, period_ms):
    for number in range(hosts):
        linux(zabbix, 100 + number, f"web{number}")
    end_s = NOW_S - 24 * HOUR_S
    span = Span((end_s - days * 24 * HOUR_S) * 1000, end_s * 1000)
    with served(zabbix) as url:
        source = opened(url)
        said = source.calls_for(CPU, hosts, span, period_ms)
        list(source.averages(CPU, [str(100 + number) for number in range(hosts)], span, period_ms))
    assert 0 < len(zabbix.asked) - 1 <= said  # one call asks the version
    assert source.calls_for(CPU, 0, span, period_ms) == 0


def test_a_point_begins_with_its_hour(zabbix):
    items = linux(zabbix)
    busy(zabbix, items, 5, "80", num=6)
    expected = Point(DAY.start_ms + 5 * HOUR_MS, 360_000, Decimal(20))
    assert one(ask(zabbix)).points == (expected,)
