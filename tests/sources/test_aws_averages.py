"""GetMetricData where moto has no answer for it: pages, parts, refusals, budgets. Questions are checked by botocore."""

from __future__ import annotations

from datetime import datetime, timedelta, timezone
from decimal import Decimal

import pytest
from sources.aws_account import DAY_MS, FIVE_MS, HOUR_MS, scripted
from sources.still_clocks import StillClocks

from collector.sources.aws import series as aws_series
from collector.sources.aws import volumes as aws_volumes
from collector.sources.aws.metrics import TABLE
from collector.sources.aws.series import MAX_POINTS, Question
from collector.sources.errors import (
    AnswerError,
    ConflictingPoints,
    PermissionMissing,
    RangeError,
    UnreachableError,
)
from collector.sources.interface import Point, Span

NOW_MS = 1_700_000_400_000 // DAY_MS * DAY_MS
START_MS = NOW_MS - DAY_MS
SPAN = Span(START_MS, START_MS + HOUR_MS)
EPOCH = datetime(1970, 1, 1, tzinfo=timezone.utc)
CLOUDWATCH = ("cloudwatch", "get_metric_data")
VOLUMES = ("ec2", "describe_volumes")


@pytest.fixture
def clocks():
    return StillClocks(NOW_MS)


def time(at_ms):
    return EPOCH + timedelta(milliseconds=at_ms)


def result(place, points, state="Complete"):
    return {
        "Id": f"m{place}",
        "Label": "CPUUtilization",
        "StatusCode": state,
        "Timestamps": [time(at) for at, _ in points],
        "Values": [value for _, value in points],
    }


def page(*results, **more):
    return {"MetricDataResults": list(results), **more}


def volume(name, *machines, since_ms=0):
    attachments = [
        {"InstanceId": machine, "AttachTime": time(since_ms), "VolumeId": name} for machine in machines
    ]
    return {"VolumeId": name, "Attachments": attachments}


def ask(script, clocks, *machines, metric="cpu.utilization", span=SPAN, period_ms=FIVE_MS):
    return list(script.source(clocks).averages(metric, machines, span, period_ms))


def test_the_question_is_what_was_documented(clocks):
    query = {
        "Id": "m0",
        "MetricStat": {
            "Metric": {
                "Namespace": "AWS/EC2",
                "MetricName": "CPUUtilization",
                "Dimensions": [{"Name": "InstanceId", "Value": "i-a"}],
            },
            "Period": 300,
            "Stat": "Average",
        },
    }
    expected = {
        "MetricDataQueries": [query],
        "StartTime": time(SPAN.start_ms),
        "EndTime": time(SPAN.end_ms),
        "ScanBy": "TimestampAscending",
        "MaxDatapoints": MAX_POINTS,
    }
    with scripted() as script:
        script.answer(*CLOUDWATCH, page(result(0, [(START_MS, 1.5)])), expected)
        (series,) = ask(script, clocks, "i-a")
    assert series.points == (Point(START_MS, FIVE_MS, Decimal("1.5")),)
    assert series.request_ids == ("REQ-1",)


def test_pages_of_partial_data_are_joined_in_order(clocks):
    with scripted() as script:
        script.answer(
            *CLOUDWATCH,
            page(
                result(0, [(START_MS + FIVE_MS, 2.0)], "PartialData"),
                result(1, [(START_MS, 9.0)]),
                NextToken="t1",
            ),
        )
        script.answer(*CLOUDWATCH, page(NextToken="t2"))
        script.answer(*CLOUDWATCH, page(result(0, [(START_MS, 1.0), (START_MS + FIVE_MS, 2.0)])))
        first, second = ask(script, clocks, "i-a", "i-b")
    assert [point.value for point in first.points] == [1, 2]
    assert [point.value for point in second.points] == [9]
    assert first.request_ids == ("REQ-1", "REQ-2", "REQ-3")
    assert clocks.pauses_s == []


@pytest.mark.parametrize("state", ["PartialData", "InternalError"])
def test_a_last_page_that_is_not_whole_is_asked_for_again(clocks, state):
    with scripted() as script:
        script.answer(*CLOUDWATCH, page(result(0, [(START_MS, 1.0)], state)))
        script.answer(*CLOUDWATCH, page(result(0, [(START_MS, 1.0), (START_MS + FIVE_MS, 2.0)])))
        (series,) = ask(script, clocks, "i-a")
    assert [point.value for point in series.points] == [1, 2]
    assert len(clocks.pauses_s) == 1


def test_data_that_stay_partial_are_no_answer(clocks):
    with scripted() as script:
        for _ in range(6):
            script.answer(*CLOUDWATCH, page(result(0, [(START_MS, 1.0)], "PartialData")))
        with pytest.raises(UnreachableError, match="in part only"):
            ask(script, clocks, "i-a")


@pytest.mark.parametrize(
    "results", [(), (result(0, []),), (result(0, []), result(1, [], "PartialData"), result(0, []))]
)
def test_a_result_that_never_completes_is_no_answer(clocks, results):
    with scripted() as script:
        script.answer(*CLOUDWATCH, page(*results, NextToken="t"))
        script.answer(*CLOUDWATCH, page())
        with pytest.raises(AnswerError, match="of 2 results are not complete after the last page"):
            ask(script, clocks, "i-a", "i-b")


def test_a_metric_that_may_not_be_read_names_the_permission(clocks):
    with scripted() as script:
        script.answer(*CLOUDWATCH, page(result(0, [], "Forbidden")))
        with pytest.raises(PermissionMissing) as caught:
            ask(script, clocks, "i-a")
    assert caught.value.permission == "cloudwatch:GetMetricData"


def test_pages_that_go_round_are_stopped(clocks):
    with scripted() as script:
        for _ in range(2):
            script.answer(*CLOUDWATCH, page(result(0, []), NextToken="again"))
        with pytest.raises(AnswerError, match="the same page token came twice"):
            ask(script, clocks, "i-a")


@pytest.mark.parametrize(
    ("body", "words"),
    [
        (page(result(7, [])), "a result that was not asked for"),
        (
            page({"Id": "m0", "StatusCode": "Complete", "Timestamps": [time(START_MS)], "Values": []}),
            "1 times for 0",
        ),
        (page(result(0, [(START_MS + 1000, 1.0)])), "begins no period"),
        (page(result(0, [(START_MS - FIVE_MS, 1.0)])), "begins no period"),
        (page(result(0, [(SPAN.end_ms, 1.0)])), "begins no period"),
        (page(result(0, [(START_MS, float("nan"))])), "not a usable number"),
        (page(result(0, [(START_MS, float("inf"))])), "not a usable number"),
        (page(result(0, [(START_MS, -0.5)])), "below zero"),
        (
            page(result(0, []), Messages=[{"Code": "MaxMetricsExceeded", "Value": "too many"}]),
            "MaxMetricsExceeded",
        ),
    ],
)
def test_an_answer_that_is_not_as_documented_is_refused(clocks, body, words):
    with scripted() as script:
        script.answer(*CLOUDWATCH, body)
        with pytest.raises(AnswerError, match=words):
            ask(script, clocks, "i-a")
    assert clocks.pauses_s == []


def test_two_values_of_one_period_are_refused(clocks):
    with scripted() as script:
        script.answer(*CLOUDWATCH, page(result(0, [(START_MS, 1.0), (START_MS, 2.0)])))
        with pytest.raises(ConflictingPoints, match="CPUUtilization in cn-north-1 of i-a"):
            ask(script, clocks, "i-a")


def test_integers_and_a_negative_zero_are_numbers(clocks):
    with scripted() as script:
        script.answer(*CLOUDWATCH, page(result(0, [(START_MS, 7), (START_MS + FIVE_MS, -0.0)])))
        (series,) = ask(script, clocks, "i-a")
    assert [point.value for point in series.points] == [7, 0]


def test_a_sum_is_cut_and_never_rounded_up(clocks):
    with scripted() as script:
        script.answer(*CLOUDWATCH, page(result(0, [(START_MS, 200.0)])))
        (series,) = ask(script, clocks, "i-a", metric="net.rx.rate")
    assert series.points[0].value == Decimal("0." + "6" * 40)
    assert (series.statistic, series.scope) == ("sum", "all_interfaces")


def test_nobody_is_asked_for_nothing(clocks):
    with scripted() as script:
        assert ask(script, clocks) == []
        assert ask(script, clocks, period_ms=0) == []


def test_five_hundred_and_one_machines_are_two_calls_and_one_named_twice_is_answered_once(clocks):
    machines = [f"i-{number:03}" for number in range(501)]
    with scripted() as script:
        script.answer(*CLOUDWATCH, page(*(result(place, [(START_MS, 1.0)]) for place in range(500))))
        script.answer(*CLOUDWATCH, page(result(0, [(START_MS, 2.0)])))
        answered = ask(script, clocks, *machines, "i-000")
        assert script.source(clocks).calls_for("cpu.utilization", 501, SPAN, FIVE_MS) == 2
    assert [series.instance for series in answered] == machines
    assert [series.points[0].value for series in answered] == [1] * 500 + [2]


@pytest.mark.parametrize(("days", "period_ms"), [(15, 60_000), (63, FIVE_MS), (455, HOUR_MS)])
def test_no_call_asks_for_more_points_than_one_page_has(days, period_ms):
    span = Span(NOW_MS - days * DAY_MS, NOW_MS)
    question = Question(TABLE["cpu.utilization"], span, period_ms)
    assert question.batch * span.length_ms // period_ms <= MAX_POINTS
    assert question.batch >= 4
    assert aws_series.calls(1000, question) == -(-1000 // question.batch)


def test_the_call_budget_counts_volumes_and_regions(clocks):
    with scripted() as script:
        source = script.source(clocks)
        source._regions = ("cn-north-1", "cn-northwest-1")
        assert source.calls_for("cpu.utilization", 1000, SPAN, FIVE_MS) == 2 + 1
        assert source.calls_for("disk.reads.rate", 1000, SPAN, FIVE_MS) == 2 * (2 + 1)
        assert source.calls_for("cpu.utilization", 0, SPAN, FIVE_MS) == 0


@pytest.mark.parametrize(
    ("age_days", "period_ms", "metric", "words"),
    [
        (1, 0, "cpu.utilization", "multiple of 60 s up to a day"),
        (1, 30_000, "cpu.utilization", "multiple of 60 s up to a day"),
        (1, 2 * DAY_MS, "cpu.utilization", "multiple of 60 s up to a day"),
        (16, 60_000, "cpu.utilization", "so old by 300 s"),
        (64, FIVE_MS, "cpu.utilization", "so old by 3600 s"),
        (456, HOUR_MS, "cpu.utilization", "the span begins at"),
        (1, FIVE_MS, "sessions.count", "aws has no metric sessions.count; it has cpu.utilization"),
    ],
)
def test_what_cloudwatch_would_answer_with_silence_is_refused(clocks, age_days, period_ms, metric, words):
    span = Span(NOW_MS - age_days * DAY_MS, NOW_MS)
    with scripted() as script, pytest.raises(RangeError, match=words):
        ask(script, clocks, "i-a", metric=metric, span=span, period_ms=period_ms)


@pytest.mark.parametrize(
    ("age_days", "period_ms"), [(15, 60_000), (16, 600_000), (63, FIVE_MS), (64, HOUR_MS), (455, HOUR_MS)]
)
def test_each_age_is_answered_by_the_period_it_is_kept_at(clocks, age_days, period_ms):
    start_ms = (NOW_MS - age_days * DAY_MS) // HOUR_MS * HOUR_MS
    with scripted() as script:
        script.answer(*CLOUDWATCH, page(result(0, [(start_ms, 1.0)])))
        (series,) = ask(script, clocks, "i-a", span=Span(start_ms, start_ms + HOUR_MS), period_ms=period_ms)
    assert series.points == (Point(start_ms, period_ms, Decimal(1)),)


@pytest.mark.parametrize(
    ("metric", "period_ms", "start_ms"),
    [("cpu.utilization", FIVE_MS, START_MS + 60_000), ("net.rx.rate", 60_000, START_MS + 60_000)],
)
def test_a_span_that_is_not_on_its_period_is_refused(clocks, metric, period_ms, start_ms):
    with scripted() as script, pytest.raises(RangeError, match="multiples of its period of 300000 ms"):
        ask(script, clocks, "i-a", metric=metric, span=Span(start_ms, SPAN.end_ms), period_ms=period_ms)


def test_volumes_count_since_they_were_attached_to_one_machine_alone(clocks):
    with scripted() as script:
        script.answer(*CLOUDWATCH, page(result(0, [])))
        script.answer(
            *VOLUMES,
            {
                "Volumes": [
                    volume("vol-shared", "i-a", "i-b"),
                    volume("vol-old", "i-a"),
                    volume("vol-elsewhere", "i-z"),
                ],
                "NextToken": "t",
            },
            {"Filters": [{"Name": "attachment.instance-id", "Values": ["i-a"]}], "MaxResults": 500},
        )
        script.answer(
            *VOLUMES, {"Volumes": [volume("vol-new", "i-a", since_ms=START_MS + 1), volume("vol-free")]}
        )
        points = [(START_MS, 300.0), (START_MS + FIVE_MS, 600.0)]
        script.answer(*CLOUDWATCH, page(result(0, points), result(1, points)))
        (series,) = ask(script, clocks, "i-a", metric="disk.writes.rate")
    assert [point.value for point in series.points] == [1, 4]
    assert series.request_ids == ("REQ-1", "REQ-2", "REQ-3", "REQ-4")
    assert (series.statistic, series.scope, series.unit) == ("sum", "", "operation/s")


@pytest.mark.parametrize(
    ("found", "words"),
    [
        ({"Attachments": [{"InstanceId": "i-a", "AttachTime": time(0)}]}, "a volume without VolumeId"),
        (
            {"VolumeId": "vol-1", "Attachments": [{"InstanceId": "i-a"}]},
            "vol-1 is attached, but not since when",
        ),
    ],
)
def test_volumes_that_are_not_as_documented_are_refused(clocks, found, words):
    with scripted() as script:
        script.answer(*CLOUDWATCH, page(result(0, [])))
        script.answer(*VOLUMES, {"Volumes": [found]})
        with pytest.raises(AnswerError, match=words):
            ask(script, clocks, "i-a", metric="disk.reads.rate")


def test_a_metric_without_volumes_is_never_summed_over_them(clocks):
    with scripted() as script:
        question = Question(TABLE["cpu.utilization"], SPAN, FIVE_MS)
        with pytest.raises(ValueError, match="has no counterpart of volumes"):
            list(aws_volumes.summed(script.source(clocks)._client, "cn-north-1", question, ["i-a"]))
