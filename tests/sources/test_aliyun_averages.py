"""Averages of CloudMonitor through the real SDK."""

from __future__ import annotations

from decimal import Decimal

import pytest
from sources.aliyun_account import CPU, FIVE_MS, HOUR_MS, TX, opened
from sources.doubles.aliyun import DAY_MS, Aliyun, Reply, served
from sources.nab import nab_names, nab_texts

from collector.sources.aliyun import averages
from collector.sources.errors import AnswerError, ConflictingPoints, RangeError
from collector.sources.interface import Point, Span

NOW_MS = 1_700_000_400_000 // HOUR_MS * HOUR_MS
START_MS = NOW_MS - DAY_MS
SPAN = Span(START_MS, START_MS + HOUR_MS)


@pytest.fixture
def account() -> Aliyun:
    return Aliyun(now_ms=lambda: NOW_MS)


def cpu_hour(account: Aliyun, machine: str, values: list[str]) -> None:
    for number, value in enumerate(values, start=1):
        account.put(CPU, machine, START_MS + number * FIVE_MS, Minimum="0.5", Average=value, Maximum="99")


def ask(account: Aliyun, *machines: str, metric: str = "cpu.utilization", span: Span = SPAN, **more):
    period_ms = more.pop("period_ms", FIVE_MS)
    with served(account) as address:
        return list(opened(account, address, **more).averages(metric, machines, span, period_ms))


def test_an_hour_of_cpu_comes_out_digit_by_digit(account):
    cpu_hour(account, "i-a", ["51.846000000000004", "9", "0", "7.25"])
    (series,) = ask(account, "i-a")
    assert [str(point.value) for point in series.points] == ["51.846000000000004", "9", "0", "7.25"]
    assert series.points[0] == Point(START_MS, FIVE_MS, Decimal("51.846000000000004"))
    assert (series.statistic, series.scope, series.unit) == ("average", "", "percent")
    assert series.asked == series.answered == SPAN
    assert series.request_ids == ("REQ-1",)


def test_the_time_of_a_point_is_the_end_of_its_period(account):
    account.put(CPU, "i-a", SPAN.start_ms, Average="1")
    account.put(CPU, "i-a", SPAN.end_ms, Average="2")
    account.put(CPU, "i-a", SPAN.end_ms + FIVE_MS, Average="3")
    (series,) = ask(account, "i-a")
    assert series.points == (Point(SPAN.end_ms - FIVE_MS, FIVE_MS, Decimal(2)),)


def test_two_neighbouring_spans_share_no_point_and_lose_none(account):
    cpu_hour(account, "i-a", [str(number) for number in range(12)])
    middle_ms = START_MS + HOUR_MS // 2
    first = ask(account, "i-a", span=Span(START_MS, middle_ms))[0].points
    second = ask(account, "i-a", span=Span(middle_ms, SPAN.end_ms))[0].points
    assert first + second == ask(account, "i-a")[0].points
    assert len(first) == len(second) == 6


def test_a_gap_stays_a_gap_and_a_machine_without_data_has_no_points(account):
    account.put(CPU, "i-a", START_MS + FIVE_MS, Average="1")
    account.put(CPU, "i-a", START_MS + 3 * FIVE_MS, Average="3")
    answered = ask(account, "i-a", "i-silent")
    assert [point.start_ms - START_MS for point in answered[0].points] == [0, 2 * FIVE_MS]
    assert (answered[1].instance, answered[1].points) == ("i-silent", ())


def test_descending_pages_with_points_that_come_twice_are_put_in_order(account):
    cpu_hour(account, "i-a", [str(number) for number in range(12)])
    cpu_hour(account, "i-a", ["0", "1", "2"])
    account.page, account.descending = 5, True
    (series,) = ask(account, "i-a")
    assert [point.value for point in series.points] == list(range(12))
    assert len(series.request_ids) == account.calls["DescribeMetricList"] == 3


def test_two_values_of_one_period_are_refused(account):
    cpu_hour(account, "i-a", ["1"])
    cpu_hour(account, "i-a", ["2"])
    with pytest.raises(ConflictingPoints, match="CPUUtilization of i-a: 1 and 2"):
        ask(account, "i-a")


def test_a_late_point_appears_when_asked_again(account):
    cpu_hour(account, "i-a", ["1", "2"])
    assert len(ask(account, "i-a")[0].points) == 2
    account.put(CPU, "i-a", START_MS + 3 * FIVE_MS, Average="3")
    assert len(ask(account, "i-a")[0].points) == 3


def test_public_rates_are_summed_over_addresses_and_are_bytes(account):
    for address, rate in (("203.0.113.1", "801"), ("203.0.113.2", "0.1")):
        account.put(TX, "i-a", START_MS + FIVE_MS, extra={"ip": address}, Average=rate)
    account.put(TX, "i-a", START_MS + 2 * FIVE_MS, extra={"ip": "203.0.113.2"}, Average="16")
    (series,) = ask(account, "i-a", metric="net.tx.rate")
    assert [point.value for point in series.points] == [Decimal("100.1375"), Decimal(2)]
    assert (series.scope, series.unit) == ("public", "byte/s")


def test_one_address_with_two_values_for_one_period_is_a_conflict(account):
    for rate in ("8", "16"):
        account.put(TX, "i-a", START_MS + FIVE_MS, extra={"ip": "203.0.113.1"}, Average=rate)
    with pytest.raises(ConflictingPoints):
        ask(account, "i-a", metric="net.tx.rate")


def test_a_machine_in_the_classic_network_has_a_metric_of_its_own(account):
    account.put(("acs_ecs_dashboard", "InternetInRate"), "i-old", START_MS + FIVE_MS, Average="80")
    old, new = ask(account, "i-old", "i-new", metric="net.rx.rate", classic=["i-old"])
    assert [point.value for point in old.points] == [10]
    assert new.points == ()


@pytest.mark.parametrize(
    ("resource", "namespace"), [("eip-1", "acs_vpc_eip"), ("cbwp-1", "acs_bandwidth_package")]
)
def test_elastic_addresses_and_shared_bandwidths_answer_with_a_value_by_the_minute(
    account, resource, namespace
):
    account.put((namespace, "net_tx.rate"), resource, START_MS + 60_000, period_s=60, Value="4096")
    (series,) = ask(account, resource, metric="net.tx.rate", period_ms=60_000)
    assert series.points == (Point(START_MS, 60_000, Decimal(512)),)
    with pytest.raises(RangeError, match="by 60 s, not by 300 s"):
        ask(account, resource, metric="net.tx.rate")


def test_an_elastic_address_has_no_processor(account):
    with pytest.raises(RangeError, match=r"eip-1 has no cpu.utilization; it has net.rx.rate, net.tx.rate"):
        ask(account, "eip-1")


def test_disk_operations_are_rates(account):
    account.put(("acs_ecs_dashboard", "DiskReadIOPS"), "i-a", START_MS + FIVE_MS, Average="12.5")
    (series,) = ask(account, "i-a", metric="disk.reads.rate")
    assert (series.points[0].value, series.unit) == (Decimal("12.5"), "operation/s")


def test_a_hundred_and_one_machines_are_asked_for_fifty_at_a_time(account):
    machines = [f"i-{number:03}" for number in range(101)]
    for machine in machines:
        account.put(CPU, machine, START_MS + FIVE_MS, Average="1")
    answered = ask(account, *machines)
    assert [series.instance for series in answered] == machines
    assert all(len(series.points) == 1 for series in answered)
    assert account.calls["DescribeMetricList"] == 3


def test_a_machine_that_was_named_twice_is_answered_once(account):
    assert [series.instance for series in ask(account, "i-a", "i-b", "i-a")] == ["i-a", "i-b"]


def test_ninety_days_are_asked_for_in_pieces_of_31_days_and_pages_of_1440(account):
    start_ms = NOW_MS - 90 * DAY_MS
    for number in range(1, 90 * 288 + 1):
        account.put(CPU, "i-a", start_ms + number * FIVE_MS, Average=str(number))
    span = Span(start_ms, NOW_MS)
    (series,) = ask(account, "i-a", span=span)
    assert [int(point.value) for point in series.points] == list(range(1, 90 * 288 + 1))
    assert account.calls["DescribeMetricList"] == averages.calls(1, span, FIVE_MS) == 7 + 7 + 6
    assert {query["Length"] for query in account.queries} == {"1440"}


def test_a_question_never_holds_more_points_than_its_limit():
    span = Span(NOW_MS - 31 * DAY_MS, NOW_MS)
    assert averages.batch_size(span, 60_000) * 31 * 1440 <= averages.MAX_POINTS_HELD
    assert averages.batch_size(span, HOUR_MS) == averages.MAX_RESOURCES
    assert averages.batch_size(Span(0, 10**6 * HOUR_MS), 60_000) == 1


@pytest.mark.parametrize("machines", [0, 1, 49, 50, 51, 120])
def test_the_call_budget_is_what_is_called(account, machines):
    span = Span(NOW_MS - DAY_MS, NOW_MS)
    names = [f"i-{number}" for number in range(machines)]
    for name in names:
        for end_ms in range(span.start_ms + FIVE_MS, span.end_ms + FIVE_MS, FIVE_MS):
            account.put(CPU, name, end_ms, Average="1")
    ask(account, *names, span=span)
    with served(account) as address:
        budget = opened(account, address).calls_for("cpu.utilization", machines, span, FIVE_MS)
    assert account.calls["DescribeMetricList"] == budget


def test_a_thousand_machines_by_the_hour_cost_72000_calls_a_month(account):
    with served(account) as address:
        source = opened(account, address)
        each = source.calls_for("cpu.utilization", 1000, SPAN, FIVE_MS)
    assert each * 24 * 30 * 5 == 72_000


def test_machines_of_several_regions_are_asked_for_where_they_are(account):
    account.instances = [
        {"InstanceId": "i-h", "RegionId": "cn-hangzhou"},
        {"InstanceId": "i-s", "RegionId": "cn-shanghai"},
    ]
    regions = ["cn-hangzhou", "cn-shanghai"]
    answered = ask(account, "i-s", "i-gone", "i-h", regions=regions)
    assert {series.instance for series in answered} == {"i-s", "i-gone", "i-h"}
    lists = [query for query in account.queries if query["Action"] == "DescribeMetricList"]
    assert [(query["RegionId"], "i-s" in query["Dimensions"]) for query in lists] == [
        ("cn-shanghai", True),
        ("cn-hangzhou", False),
    ]


@pytest.mark.parametrize(
    ("start_ms", "end_ms", "period_ms", "words"),
    [
        (START_MS + 1, SPAN.end_ms, FIVE_MS, "multiples of its period"),
        (START_MS, SPAN.end_ms - 60_000, FIVE_MS, "multiples of its period"),
        (NOW_MS - 92 * DAY_MS, NOW_MS, FIVE_MS, "ask for a longer period"),
        (NOW_MS - 32 * DAY_MS, NOW_MS, 60_000, "averages over 60 s since"),
        (START_MS, SPAN.end_ms, 900_000, "by 60, 300, 3600 s, not by 900 s"),
        (START_MS, SPAN.end_ms, 15_000, "by 60, 300, 3600 s, not by 15 s"),
        (START_MS, SPAN.end_ms, 0, "not by 0 s"),
    ],
)
def test_what_the_monitor_would_answer_with_silence_is_refused(account, start_ms, end_ms, period_ms, words):
    with pytest.raises(RangeError, match=words):
        ask(account, "i-a", span=Span(start_ms, end_ms), period_ms=period_ms)
    assert not account.calls


def test_an_unknown_metric_is_refused_with_those_there_are(account):
    with pytest.raises(RangeError, match=r"no sessions.count; it has cpu.utilization"):
        ask(account, "i-a", metric="sessions.count")


def body(datapoints: str, **more: str) -> Reply:
    fields = {"Code": '"200"', "Success": "true", "Datapoints": datapoints, "RequestId": '"R"', **more}
    return Reply(body="{" + ",".join(f'"{name}":{value}' for name, value in fields.items()) + "}")


def point(**fields: str) -> str:
    held = {"timestamp": str(START_MS + FIVE_MS), "instanceId": '\\"i-a\\"', "Average": "1", **fields}
    return '"[{' + ",".join(f'\\"{name}\\":{value}' for name, value in held.items() if value) + '}]"'


@pytest.mark.parametrize(
    ("reply", "words"),
    [
        (body("[1]"), "Datapoints is not a text"),
        (body('"[1]"'), "no list of objects"),
        (body('"{}"'), "no list of objects"),
        (body('"[{"'), "not JSON"),
        (body(point(Average="NaN")), "not JSON"),
        (body(point(Average="")), "Average at .*: not a usable number"),
        (body(point(Average="null")), "not a usable number"),
        (body(point(Average='\\"\\"')), "not a usable number"),
        (body(point(Average="true")), "not a usable number"),
        (body(point(Average="-1")), "below zero"),
        (body(point(Average="1e-31")), "more than 30 decimal places"),
        (body(point(Average="1e30")), "not a usable number"),
        (body(point(timestamp=str(START_MS + 1))), "ends no period"),
        (body(point(timestamp=str(START_MS))), "ends no period"),
        (body(point(timestamp=str(SPAN.end_ms + FIVE_MS))), "ends no period"),
        (body(point(timestamp="1.5")), "not a whole number of ms"),
        (body(point(timestamp="true")), "not a whole number of ms"),
        (body(point(timestamp="")), "not a whole number of ms"),
        (body(point(instanceId='\\"i-other\\"')), "not asked for"),
        (body(point(instanceId="")), "not asked for"),
        (body(point(instanceId="[]")), "not asked for"),
        (body('"[]"', Period='"900"'), "asked by 300 s, answered by 900 s"),
        (body('"[]"', NextToken="7"), "NextToken is not a text"),
        (Reply(body="[]"), "not an object"),
        (Reply(body="null"), "not an object"),
        (Reply(body="<html>"), "not JSON"),
    ],
)
def test_an_answer_that_is_not_as_documented_is_refused(account, reply, words):
    account.script["DescribeMetricList"] = [reply]
    with pytest.raises(AnswerError, match=words):
        ask(account, "i-a")
    assert account.calls["DescribeMetricList"] == 1


@pytest.mark.parametrize("datapoints", ['""', '"[]"', "null"])
def test_an_answer_without_points_has_none(account, datapoints):
    account.script["DescribeMetricList"] = [body(datapoints, NextToken='""')]
    assert ask(account, "i-a")[0].points == ()


def test_pages_that_go_round_are_stopped(account):
    account.script["DescribeMetricList"] = [body('"[]"', NextToken='"again"') for _ in range(9)]
    with pytest.raises(AnswerError, match="the same page token came twice"):
        ask(account, "i-a")
    assert account.calls["DescribeMetricList"] == 2


def test_zero_may_be_written_with_a_sign(account):
    cpu_hour(account, "i-a", ["-0.0"])
    assert ask(account, "i-a")[0].points[0].value == 0


@pytest.mark.parametrize("name", nab_names("ec2_cpu", "rds_cpu", "cpu"))
def test_a_real_series_of_a_monitor_comes_out_exactly(name):
    served = nab_texts(name)
    last_ms = max(served) // FIVE_MS * FIVE_MS + FIVE_MS
    account = Aliyun(now_ms=lambda: last_ms + HOUR_MS)
    for at, text in served.items():
        account.put(CPU, "i-nab", at // FIVE_MS * FIVE_MS + FIVE_MS, Average=text)
    span = Span(min(served) // FIVE_MS * FIVE_MS, last_ms)
    (series,) = ask(account, "i-nab", span=span)
    assert {point.start_ms: str(point.value) for point in series.points} == {
        at // FIVE_MS * FIVE_MS: text for at, text in served.items()
    }
    assert len(series.points) == len(served) > 4000
