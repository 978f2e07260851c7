"""腾讯云: only averages are averaged, every point is where it belongs, and nothing is filled in."""

from __future__ import annotations

from decimal import Decimal

import pytest
from sources.doubles.tencent import AVERAGES, SUMS, TencentCloud
from sources.signed_accounts import DAY_MS, HOUR_MS, MINUTE_MS, NOW_MS, now_s, open_tencent
from sources.still_clocks import StillClocks

from collector.polling.accounts import Account
from collector.polling.plan import ladder, stretches
from collector.sources.errors import AnswerError, ConflictingPoints, RangeError
from collector.sources.interface import Span

START_MS = NOW_MS - DAY_MS
SPAN = Span(START_MS, START_MS + HOUR_MS)
START_S = START_MS // 1000


@pytest.fixture
def cloud():
    return TencentCloud(clock=now_s)


def put(cloud, metric, name, *values, period_s=60, first_s=START_S):
    known = cloud.series.setdefault((metric, name), {})
    known.update(
        {first_s + number * period_s: text for number, text in enumerate(values) if text is not None}
    )


def ask(cloud, metric="cpu.utilization", instances=("ins-a",), span=SPAN, period_ms=MINUTE_MS, **settings):
    with cloud.serve() as double:
        series = list(open_tencent(double, **settings).averages(metric, list(instances), span, period_ms))
        cloud.seen = double.asked
    return series


def monitor_calls(cloud):
    return [asked.document for asked in cloud.seen if asked.headers["x-tc-action"] == "GetMonitorData"]


def test_averages_are_asked_for_by_name_and_come_exactly_as_written(cloud):
    put(cloud, "CPUUsage", "ins-a", "12.30", "0.1", "99.999999999999999999")
    (series,) = ask(cloud)
    assert [(point.start_ms, point.length_ms, str(point.value)) for point in series.points] == [
        (START_MS, MINUTE_MS, "12.30"),
        (START_MS + MINUTE_MS, MINUTE_MS, "0.1"),
        (START_MS + 2 * MINUTE_MS, MINUTE_MS, "99.999999999999999999"),
    ]
    assert (series.statistic, series.scope, series.unit, series.asked) == ("average", "", "percent", SPAN)
    assert series.answered == SPAN
    assert series.request_ids == ("request-2",)
    assert [call["SpecifyStatistics"] for call in monitor_calls(cloud)] == [1]


@pytest.mark.parametrize("period_s", [300, 3600, 86_400])
def test_a_period_that_has_only_maxima_is_refused_and_never_asked_for(cloud, period_s):
    put(cloud, "CPUUsage", "ins-a", "88", period_s=period_s)
    start_ms = NOW_MS - NOW_MS % DAY_MS - 2 * DAY_MS
    with pytest.raises(RangeError, match=r"maxima.*averages exist over \(s\): 10, 60"):
        ask(cloud, span=Span(start_ms, start_ms + DAY_MS), period_ms=period_s * 1000)
    assert cloud.requests == 1


def test_a_period_whose_averages_the_provider_starts_to_offer_is_answered(cloud):
    cloud.statistics["CPUUsage"] = AVERAGES | {"300": ["max", "avg"]}
    put(cloud, "CPUUsage", "ins-a", "5", period_s=300)
    (series,) = ask(cloud, period_ms=300_000)
    assert [point.value for point in series.points] == [5]


def test_values_without_a_name_are_never_taken_for_averages(cloud):
    put(cloud, "CPUUsage", "ins-a", "5")

    def without_averages(document):
        for row in document.get("DataPoints", ()):
            row["Values"], row["AvgValues"] = row["AvgValues"], None

    cloud.bent = without_averages
    with pytest.raises(AnswerError, match="1 times but 0 values in AvgValues"):
        ask(cloud)


def test_bandwidth_is_public_and_in_bytes(cloud):
    put(cloud, "WanOuttraffic", "ins-a", "8", "0.000001")
    (series,) = ask(cloud, "net.tx.rate")
    assert [point.value for point in series.points] == [1_000_000, Decimal("0.125")]
    assert (series.scope, series.unit) == ("public", "byte/s")


def test_traffic_is_divided_by_its_period_where_bandwidth_has_only_maxima(cloud):
    put(cloud, "AccIntraffic", "ins-a", "30", "0.0001", period_s=300)
    (series,) = ask(cloud, "net.rx.rate", period_ms=300_000)
    assert [str(point.value) for point in series.points] == ["100000", "0." + "3" * 40]
    assert series.statistic == "sum"
    assert "SpecifyStatistics" not in monitor_calls(cloud)[0]


def test_traffic_that_has_maxima_too_is_not_taken_for_a_sum(cloud):
    cloud.statistics["AccIntraffic"] = SUMS | {"300": ["max", "sum"]}
    with pytest.raises(RangeError, match="maxima"):
        ask(cloud, "net.rx.rate", period_ms=300_000)


def test_a_unit_that_changed_is_an_error(cloud):
    cloud.units["WanOuttraffic"] = "Gbps"
    with pytest.raises(AnswerError, match="'Gbps', expected 'Mbps'"):
        ask(cloud, "net.tx.rate")


def test_missing_points_stay_missing_and_late_ones_come_with_the_next_question(cloud):
    put(cloud, "CPUUsage", "ins-a", "1", None, "3")
    with cloud.serve() as double:
        source = open_tencent(double)
        (before,) = source.averages("cpu.utilization", ["ins-a"], SPAN, MINUTE_MS)
        put(cloud, "CPUUsage", "ins-a", "1", "2", "3")
        (after,) = source.averages("cpu.utilization", ["ins-a"], SPAN, MINUTE_MS)
    assert [(point.start_ms - START_MS, point.value) for point in before.points] == [
        (0, 1),
        (2 * MINUTE_MS, 3),
    ]
    assert [point.value for point in after.points] == [1, 2, 3]


def test_a_value_of_null_is_missing(cloud):
    put(cloud, "CPUUsage", "ins-a", "1", "null", "3")
    (series,) = ask(cloud)
    assert [point.value for point in series.points] == [1, 3]


def test_an_instance_without_data_is_answered_without_points(cloud):
    put(cloud, "CPUUsage", "ins-a", "1")
    series = ask(cloud, instances=("ins-b", "ins-a"))
    assert [(one.instance, len(one.points)) for one in series] == [("ins-b", 0), ("ins-a", 1)]


@pytest.mark.parametrize("how", ["descending", "doubled"])
def test_order_and_repetition_of_points_do_not_matter(cloud, how):
    put(cloud, "CPUUsage", "ins-a", "1", "2", "3")
    setattr(cloud, how, True)
    (series,) = ask(cloud)
    assert [point.value for point in series.points] == [1, 2, 3]


def test_two_values_for_one_instant_are_an_error(cloud):
    put(cloud, "CPUUsage", "ins-a", "1", "2")

    def contradicting(document):
        for row in document.get("DataPoints", ()):
            row["Timestamps"][1] = row["Timestamps"][0]

    cloud.bent = contradicting
    with pytest.raises(ConflictingPoints, match=r"ins-a cpu\.utilization"):
        ask(cloud)


def test_points_outside_of_the_span_are_left_out(cloud):
    put(cloud, "CPUUsage", "ins-a", "1", "2")

    def early(document):
        for row in document.get("DataPoints", ()):
            row["Timestamps"][0] -= 7200

    cloud.bent = early
    (series,) = ask(cloud)
    assert [point.value for point in series.points] == [2]


@pytest.mark.parametrize(
    ("bent", "said"),
    [
        (lambda row: row["Dimensions"][0].update(Value="ins-z"), "ins-z, which was not asked for"),
        (lambda row: row["Dimensions"][0].update(Name="other"), "points without InstanceId"),
        (lambda row: row.update(Timestamps=[1]), "1 times but 2 values"),
        (lambda row: row.update(AvgValues=[1, -1]), "negative"),
        (lambda row: row.update(AvgValues=[1, "many"]), "not a usable number"),
        (lambda row: row.update(Timestamps=[1.5, 2]), "a whole number was expected"),
        (lambda row: row.update(Timestamps="soon"), "Timestamps is not a list"),
        (lambda row: row.update(Dimensions=[7]), "an object was expected"),
    ],
    ids=["foreign", "dimension", "short", "negative", "text", "half a second", "no list", "no object"],
)
def test_an_answer_of_another_shape_is_an_error_that_says_where(cloud, bent, said):
    put(cloud, "CPUUsage", "ins-a", "1", "2")

    def bend(document):
        for row in document.get("DataPoints", ()):
            bent(row)

    cloud.bent = bend
    with pytest.raises(AnswerError, match=said):
        ask(cloud)


def test_a_month_of_many_machines_is_asked_within_the_limits_and_as_often_as_was_said(cloud):
    names = [f"ins-{number:03}" for number in range(120)]
    span = Span(START_MS, START_MS + 6 * HOUR_MS)
    for name in names:
        put(cloud, "CPUUsage", name, *map(str, range(360)))
    series = ask(cloud, instances=names, span=span)
    assert [one.instance for one in series] == names
    assert all([point.value for point in one.points] == list(range(360)) for one in series)
    with cloud.serve() as double:
        said = open_tencent(double).calls_for("cpu.utilization", 120, span, MINUTE_MS)
    assert len(monitor_calls(cloud)) == said == 7
    assert len(set(series[0].request_ids)) == 3


def test_the_same_instance_twice_is_asked_for_once(cloud):
    put(cloud, "CPUUsage", "ins-a", "1")
    assert len(ask(cloud, instances=("ins-a", "ins-a"))) == 1


@pytest.mark.parametrize(
    ("metric", "span", "period_ms", "said"),
    [
        ("memory", SPAN, MINUTE_MS, "not among its metrics"),
        ("cpu.utilization", SPAN, 90_000, "ask for 60, 300, 3600, 86400 s"),
        ("cpu.utilization", Span(START_MS, START_MS + 90_000), MINUTE_MS, "whole periods"),
        ("cpu.utilization", Span(START_MS + 1, START_MS + 1 + HOUR_MS), MINUTE_MS, "whole periods"),
        ("cpu.utilization", Span(NOW_MS - 32 * DAY_MS, NOW_MS), MINUTE_MS, "are kept since"),
    ],
    ids=["metric", "period", "length", "beginning", "too old"],
)
def test_a_question_that_cannot_be_answered_is_refused_before_anything_is_sent(
    cloud, metric, span, period_ms, said
):
    with pytest.raises(RangeError, match=said):
        ask(cloud, metric, span=span, period_ms=period_ms)
    assert cloud.requests == 0


def test_machines_are_asked_for_in_their_own_region(cloud):
    cloud.instances = {"ap-nanjing": [{"InstanceId": "ins-a"}], "ap-shanghai": [{"InstanceId": "ins-b"}]}
    put(cloud, "CPUUsage", "ins-a", "1")
    put(cloud, "CPUUsage", "ins-b", "2")
    series = ask(cloud, instances=("ins-b", "ins-a"), regions=["ap-nanjing", "ap-shanghai"])
    assert {one.instance: one.points[0].value for one in series} == {"ins-a": 1, "ins-b": 2}
    regions = [
        (asked.headers["x-tc-region"], asked.document["Instances"][0]["Dimensions"][0]["Value"])
        for asked in cloud.seen
        if asked.headers["x-tc-action"] == "GetMonitorData"
    ]
    assert sorted(regions) == [("ap-nanjing", "ins-a"), ("ap-shanghai", "ins-b")]


def disk(name, machine, created="2020-01-01 00:00:00", **more):
    return {"DiskId": name, "InstanceId": machine, "CreateTime": created, "Shareable": False} | more


def machine(name, kind="CLOUD_PREMIUM"):
    return {"InstanceId": name, "SystemDisk": {"DiskType": kind}, "DataDisks": [{"DiskType": "CLOUD_SSD"}]}


def test_operations_are_the_sum_over_the_disks_and_missing_where_one_is_missing(cloud):
    cloud.instances = {"ap-nanjing": [machine("ins-a")]}
    cloud.disks = {"ap-nanjing": [disk("disk-1", "ins-a"), disk("disk-2", "ins-a"), disk("disk-9", "ins-z")]}
    put(cloud, "DiskReadIops", "disk-1", "1", "2", "3")
    put(cloud, "DiskReadIops", "disk-2", "10", None, "30.5")
    (series,) = ask(cloud, "disk.reads.rate")
    assert [(point.start_ms - START_MS, point.value) for point in series.points] == [
        (0, 11),
        (2 * MINUTE_MS, Decimal("33.5")),
    ]
    assert series.unit == "operation/s"


def test_a_disk_need_not_have_points_from_before_it_was_created(cloud):
    cloud.instances = {"ap-nanjing": [machine("ins-a")]}
    new = disk("disk-2", "ins-a", "2025-12-31 09:02:00")  # 01:02 UTC, two minutes after the beginning
    cloud.disks = {"ap-nanjing": [disk("disk-1", "ins-a"), new]}
    put(cloud, "DiskWriteIops", "disk-1", "1", "2", "3", "4")
    put(cloud, "DiskWriteIops", "disk-2", None, None, None, "10")
    (series,) = ask(cloud, "disk.writes.rate")
    assert [point.value for point in series.points] == [1, 2, 14]


def test_a_disk_of_unknown_age_must_have_all_points(cloud):
    cloud.instances = {"ap-nanjing": [machine("ins-a")]}
    cloud.disks = {"ap-nanjing": [disk("disk-1", "ins-a"), disk("disk-2", "ins-a", "yesterday")]}
    put(cloud, "DiskWriteIops", "disk-1", "1", "2")
    put(cloud, "DiskWriteIops", "disk-2", None, "10")
    (series,) = ask(cloud, "disk.writes.rate")
    assert [point.value for point in series.points] == [12]


def test_a_machine_with_a_local_or_shared_disk_has_no_sum(cloud):
    cloud.instances = {"ap-nanjing": [machine("ins-a", "LOCAL_BASIC"), machine("ins-b"), machine("ins-c")]}
    shared = disk("disk-s", "", Shareable=True, InstanceIdList=["ins-b"])
    cloud.disks = {"ap-nanjing": [disk(f"disk-{name}", f"ins-{name}") for name in "abc"] + [shared]}
    for name in "abcs":
        put(cloud, "DiskReadIops", f"disk-{name}", "1")
    series = ask(cloud, "disk.reads.rate", instances=("ins-a", "ins-b", "ins-c"))
    assert [len(one.points) for one in series] == [0, 0, 1]


def test_disks_of_many_machines_are_asked_for_together(cloud):
    names = [f"ins-{number:02}" for number in range(30)]
    cloud.instances = {"ap-nanjing": [machine(name) for name in names]}
    cloud.disks = {"ap-nanjing": [disk(f"disk-{name}-{part}", name) for name in names for part in range(2)]}
    for row in cloud.disks["ap-nanjing"]:
        put(cloud, "DiskReadIops", row["DiskId"], "1.5")
    series = ask(cloud, "disk.reads.rate", instances=names)
    assert [one.points[0].value for one in series] == [3] * 30
    assert len(monitor_calls(cloud)) == 2
    with cloud.serve() as double:
        assert open_tencent(double).calls_for("disk.reads.rate", 30, SPAN, MINUTE_MS) >= 2


def test_the_poller_chooses_by_itself_a_period_that_has_averages_of_the_processor(cloud):
    put(cloud, "CPUUsage", "ins-a", "12.5", first_s=NOW_MS // 1000 - 3600)
    with cloud.serve() as double:
        source = open_tencent(double)
        assert [(kept.period_ms // 1000, kept.keeps_ms // DAY_MS) for kept in source.retention()] == [
            (60, 31)
        ]
        rungs = ladder(Account("a", "tencent"), source.retention())
        found = [
            point.value
            for stretch in stretches(rungs, None, now_ms=NOW_MS)
            for one in source.averages("cpu.utilization", ["ins-a"], stretch.span, stretch.period_ms)
            for point in one.points
        ]
        assert found == [Decimal("12.5")]
        assert len(source.metrics()) == 5
        assert (source.name, source.experimental) == ("tencent", False)


def test_calls_for_more_regions_allow_for_batches_that_are_not_full(cloud):
    with cloud.serve() as double:
        source = open_tencent(double, regions=["ap-nanjing", "ap-shanghai"])
        assert source.calls_for("cpu.utilization", 50, SPAN, MINUTE_MS) >= 2
        with pytest.raises(RangeError, match="not among its metrics"):
            source.calls_for("memory", 50, SPAN, MINUTE_MS)


def test_another_metric_in_the_description_is_passed_over(cloud):
    put(cloud, "CPUUsage", "ins-a", "1")

    def with_another(document):
        if "MetricSet" in document:
            document["MetricSet"].insert(0, {"MetricName": "CPUUsageOfSomethingElse"})

    cloud.bent = with_another
    assert len(ask(cloud)[0].points) == 1


def test_a_metric_that_is_not_described_has_no_averages(cloud):
    del cloud.statistics["CPUUsage"]
    with pytest.raises(RangeError, match=r"averages exist over \(s\): no period"):
        ask(cloud)


def test_the_clock_of_the_request_is_the_one_handed_over(cloud):
    put(cloud, "CPUUsage", "ins-a", "1")
    with pytest.raises(Exception, match="SignatureExpire"):
        ask(cloud, clocks=StillClocks(NOW_MS + HOUR_MS))


def test_numbers_beyond_a_double_keep_their_digits(cloud):
    put(cloud, "CPUUsage", "ins-a", "0.1000000000000000055511151231257827")
    (series,) = ask(cloud)
    assert str(series.points[0].value) == "0.1000000000000000055511151231257827"
