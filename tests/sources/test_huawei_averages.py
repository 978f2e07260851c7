"""华为云: averages as written, and a beginning that was moved silently does not go unnoticed."""

from __future__ import annotations

from decimal import Decimal

import pytest
from sources.doubles.huawei import PROJECTS, HuaweiCloud
from sources.signed_accounts import DAY_MS, HOUR_MS, NOW_MS, now_s, open_huawei

from collector.sources.errors import AnswerError, ConflictingPoints, RangeError
from collector.sources.interface import Span

FIVE_MS = 300_000
START_MS = NOW_MS - 3 * DAY_MS
SPAN = Span(START_MS, START_MS + HOUR_MS)
PROJECT = PROJECTS["cn-east-3"]


@pytest.fixture
def cloud():
    return HuaweiCloud(clock=now_s)


def put(cloud, metric, name, *values, first_ms=START_MS, period_ms=FIVE_MS):
    known = cloud.series.setdefault((metric, name), {})
    known.update(
        {first_ms + number * period_ms: text for number, text in enumerate(values) if text is not None}
    )


def ask(cloud, metric="cpu.utilization", instances=("ecs-a",), span=SPAN, period_ms=FIVE_MS, **settings):
    with cloud.serve() as double:
        series = list(open_huawei(double, **settings).averages(metric, list(instances), span, period_ms))
        cloud.seen = [asked.document for asked in double.asked if asked.path.endswith("metric-data")]
    return series


def test_averages_come_exactly_as_written_at_the_start_of_their_period(cloud):
    put(cloud, "cpu_util", "ecs-a", "12.30", "0.1")
    (series,) = ask(cloud)
    assert [(point.start_ms, point.length_ms, str(point.value)) for point in series.points] == [
        (START_MS, FIVE_MS, "12.30"),
        (START_MS + FIVE_MS, FIVE_MS, "0.1"),
    ]
    assert (series.statistic, series.scope, series.unit) == ("average", "", "percent")
    assert series.answered == series.asked == SPAN
    assert series.request_ids == ("request-2",)
    assert {document["filter"] for document in cloud.seen} == {"average"}


def test_a_point_without_an_average_is_an_error_whatever_else_it_has(cloud):
    put(cloud, "cpu_util", "ecs-a", "12")

    def only_maxima(document):
        for row in document.get("metrics", ()):
            row["datapoints"] = [{"max": 12, "timestamp": point["timestamp"]} for point in row["datapoints"]]

    cloud.bent = only_maxima
    with pytest.raises(AnswerError, match="average: not a usable number"):
        ask(cloud)


def test_a_beginning_that_was_moved_is_seen_and_the_rest_can_be_asked_for(cloud):
    put(cloud, "cpu_util", "ecs-a", *map(str, range(12)))
    put(cloud, "cpu_util", "ecs-b", *map(str, range(12)))
    cloud.window_ms = 3 * FIVE_MS  # nobody announced that; the beginning is rounded down to a period
    moved_ms = SPAN.end_ms - 4 * FIVE_MS
    series = ask(cloud, instances=("ecs-a", "ecs-b"))
    for one in series:
        assert one.asked == SPAN
        assert one.answered == Span(moved_ms, SPAN.end_ms)
        assert [point.value for point in one.points] == [8, 9, 10, 11]
    rest = Span(SPAN.start_ms, moved_ms)
    (again, _) = ask(cloud, instances=("ecs-a", "ecs-b"), span=rest)
    assert again.answered == Span(moved_ms - 4 * FIVE_MS, moved_ms)
    assert [point.value for point in again.points] == [4, 5, 6, 7]


def test_a_gap_at_the_beginning_is_not_taken_for_a_moved_beginning(cloud):
    put(cloud, "cpu_util", "ecs-a", None, None, None, "4")
    (series,) = ask(cloud)
    assert series.answered == SPAN
    assert [point.start_ms for point in series.points] == [START_MS + 3 * FIVE_MS]
    assert len(cloud.seen) == 2


def test_one_machine_with_the_first_point_shows_that_nothing_was_moved(cloud):
    put(cloud, "cpu_util", "ecs-a", None, None, "3")
    put(cloud, "cpu_util", "ecs-b", "1")
    series = ask(cloud, instances=("ecs-a", "ecs-b"))
    assert [len(one.points) for one in series] == [1, 1]
    assert len(cloud.seen) == 1


def test_an_answer_without_any_point_is_looked_into_once(cloud):
    put(cloud, "cpu_util", "ecs-a", "1", "2")
    cloud.window_ms = FIVE_MS * 6
    (series,) = ask(cloud)
    assert series.points == ()
    assert series.answered == Span(SPAN.end_ms - FIVE_MS, SPAN.end_ms)


def test_a_stopped_machine_has_no_points_and_its_span_was_answered(cloud):
    (series,) = ask(cloud)
    assert (series.points, series.answered) == ((), SPAN)
    assert len(cloud.seen) == 2


def test_a_single_period_has_no_first_half_to_look_into(cloud):
    (series,) = ask(cloud, span=Span(START_MS, START_MS + FIVE_MS))
    assert (series.points, len(cloud.seen)) == ((), 1)


def test_long_spans_are_cut_so_that_the_documented_limits_move_nothing(cloud):
    names = [f"ecs-{number:02}" for number in range(25)]
    span = Span(NOW_MS - 9 * DAY_MS, NOW_MS - 6 * DAY_MS)
    for name in names:
        put(cloud, "cpu_util", name, *map(str, range(864)), first_ms=span.start_ms)
    series = ask(cloud, instances=names, span=span)
    assert [one.instance for one in series] == names
    assert all([point.value for point in one.points] == list(range(864)) for one in series)
    assert all(one.answered == span for one in series)
    assert len(cloud.seen) == 3 * 3
    assert all(len(document["metrics"]) * 288 <= 3000 for document in cloud.seen)
    assert all(document["to"] - document["from"] < DAY_MS for document in cloud.seen)
    with cloud.serve() as double:
        assert open_huawei(double).calls_for("cpu.utilization", 25, span, FIVE_MS) == 2 * len(cloud.seen)


def test_a_span_that_was_shortened_in_its_middle_keeps_only_what_is_contiguous(cloud):
    span = Span(START_MS, START_MS + 2 * DAY_MS)
    put(cloud, "cpu_util", "ecs-a", *map(str, range(576)))
    cloud.window_ms = DAY_MS - 2 * FIVE_MS
    (series,) = ask(cloud, span=span)
    assert series.answered == Span(START_MS + DAY_MS + FIVE_MS, span.end_ms)
    assert [point.value for point in series.points] == list(range(289, 576))
    assert len(cloud.seen) == 2


def test_hourly_polls_ask_for_many_machines_at_once(cloud):
    names = [f"ecs-{number:03}" for number in range(250)]
    for name in names:
        put(cloud, "cpu_util", name, "1")
    assert len(ask(cloud, instances=names)) == 250
    assert len(cloud.seen) == 1


@pytest.mark.parametrize("how", ["descending", "doubled"])
def test_order_and_repetition_of_points_do_not_matter(cloud, how):
    put(cloud, "cpu_util", "ecs-a", "1", "2", "3")
    setattr(cloud, how, True)
    (series,) = ask(cloud)
    assert [point.value for point in series.points] == [1, 2, 3]


def test_two_values_for_one_instant_are_an_error(cloud):
    put(cloud, "cpu_util", "ecs-a", "1", "2")

    def contradicting(document):
        for row in document.get("metrics", ()):
            row["datapoints"][1]["timestamp"] = row["datapoints"][0]["timestamp"]

    cloud.bent = contradicting
    with pytest.raises(ConflictingPoints, match=r"ecs-a cpu\.utilization"):
        ask(cloud)


def test_points_before_the_span_that_come_along_are_left_out(cloud):
    put(cloud, "cpu_util", "ecs-a", "0", "1", first_ms=START_MS - FIVE_MS)

    def earlier(document):
        for row in document.get("metrics", ()):
            row["datapoints"].insert(0, {"average": 0, "timestamp": START_MS - FIVE_MS})

    cloud.bent = earlier
    (series,) = ask(cloud)
    assert [point.value for point in series.points] == [1]


@pytest.mark.parametrize(
    ("bent", "said"),
    [
        (lambda row: row.update(unit="MByte/s"), "it is in 'MByte/s', expected '%'"),
        (lambda row: row.update(unit=None), "it is in ''"),
        (lambda row: row.update(metric_name="mem_util"), "mem_util of ecs-a, which was not asked for"),
        (lambda row: row["dimensions"][0].update(value="ecs-z"), "of ecs-z, which was not asked for"),
        (lambda row: row["dimensions"][0].update(name="disk"), "points without instance_id"),
        (lambda row: row["datapoints"][0].update(average=-1), "a negative average"),
        (lambda row: row["datapoints"][0].update(timestamp=None), "timestamp: a whole number"),
    ],
    ids=["unit", "no unit", "metric", "machine", "dimension", "negative", "time"],
)
def test_an_answer_of_another_shape_is_an_error_that_says_where(cloud, bent, said):
    put(cloud, "cpu_util", "ecs-a", "1")

    def bend(document):
        for row in document.get("metrics", ()):
            bent(row)

    cloud.bent = bend
    with pytest.raises(AnswerError, match=said):
        ask(cloud)


def server(name, *ports):
    interfaces = [{"addr": f"192.168.0.{len(port)}", "OS-EXT-IPS:port_id": port} for port in ports]
    return {"id": name, "name": name, "status": "ACTIVE", "addresses": {"vpc-1": interfaces}}


def eip(name, port, created="2020-01-01 00:00:00", **more):
    return {
        "id": name,
        "port_id": port,
        "create_time": created,
        "public_ip_address": f"198.51.100.{len(name)}",
        "bandwidth_id": f"bw-{name}",
        "bandwidth_size": 10,
    } | more


def test_public_traffic_is_that_of_the_elastic_addresses_in_bytes(cloud):
    cloud.servers = {PROJECT: [server("ecs-a", "port-1", "port-22"), server("ecs-b", "port-333")]}
    cloud.publicips = {PROJECT: [eip("eip-1", "port-1"), eip("eip-2", "port-22"), eip("eip-9", "")]}
    put(cloud, "upstream_bandwidth", "eip-1", "8000", "1", "16")
    put(cloud, "upstream_bandwidth", "eip-2", "80", None, "8")
    first, second = ask(cloud, "net.tx.rate", instances=("ecs-a", "ecs-b"))
    assert [(point.start_ms, point.value) for point in first.points] == [
        (START_MS, 1010),
        (START_MS + 2 * FIVE_MS, 3),
    ]
    assert (first.scope, first.unit) == ("public", "byte/s")
    assert (second.instance, second.points, second.answered) == ("ecs-b", (), SPAN)


def test_an_address_need_not_have_points_from_before_it_was_bought(cloud):
    cloud.servers = {PROJECT: [server("ecs-a", "port-1", "port-22")]}
    bought = eip("eip-2", "port-22", "2025-12-29 01:10:00")  # two periods after the beginning, UTC
    cloud.publicips = {PROJECT: [eip("eip-1", "port-1"), bought]}
    put(cloud, "downstream_bandwidth", "eip-1", "8", "8", "8")
    put(cloud, "downstream_bandwidth", "eip-2", None, None, "8")
    (series,) = ask(cloud, "net.rx.rate")
    assert [point.value for point in series.points] == [1, 1, 2]


def test_a_moved_beginning_of_public_traffic_is_seen_too(cloud):
    cloud.servers = {PROJECT: [server("ecs-a", "port-1")]}
    cloud.publicips = {PROJECT: [eip("eip-1", "port-1", "at some time")]}
    put(cloud, "upstream_bandwidth", "eip-1", *["8"] * 12)
    cloud.window_ms = 3 * FIVE_MS
    (series,) = ask(cloud, "net.tx.rate")
    assert series.answered == Span(SPAN.end_ms - 4 * FIVE_MS, SPAN.end_ms)
    assert len(series.points) == 4


def test_all_traffic_can_be_chosen_and_is_labelled(cloud):
    put(cloud, "network_outgoing_bytes_aggregate_rate", "ecs-a", "1000.5")
    (series,) = ask(cloud, "net.tx.rate", network="all_interfaces")
    assert series.points[0].value == Decimal("1000.5")
    assert series.scope == "all_interfaces"


def test_operations_of_the_machine_come_from_the_hypervisor(cloud):
    put(cloud, "disk_read_requests_rate", "ecs-a", "7.5")
    (series,) = ask(cloud, "disk.reads.rate")
    assert (series.points[0].value, series.unit) == (Decimal("7.5"), "operation/s")


def test_machines_are_asked_for_in_their_own_project(cloud):
    cloud.servers = {PROJECT: [server("ecs-a")], PROJECTS["cn-north-4"]: [server("ecs-b")]}
    put(cloud, "cpu_util", "ecs-a", "1")
    put(cloud, "cpu_util", "ecs-b", "2")
    with cloud.serve() as double:
        source = open_huawei(double, regions=["cn-east-3", "cn-north-4"])
        found = {
            one.instance: one.points[0].value
            for one in source.averages("cpu.utilization", ["ecs-b", "ecs-a"], SPAN, FIVE_MS)
        }
        asked = [
            (one.path.split("/")[2], one.headers["x-project-id"])
            for one in double.asked
            if "V1.0" in one.path
        ]
    assert found == {"ecs-a": 1, "ecs-b": 2}
    assert {project for project, _ in asked} == set(PROJECTS.values())
    assert all(path == header for path, header in asked)


@pytest.mark.parametrize(
    ("metric", "span", "period_ms", "said"),
    [
        ("memory", SPAN, FIVE_MS, "not among its metrics"),
        ("cpu.utilization", SPAN, 60_000, "ask for 300, 1200, 3600, 14400, 86400 s"),
        ("cpu.utilization", Span(NOW_MS - 11 * DAY_MS, NOW_MS), FIVE_MS, "are kept since"),
    ],
    ids=["metric", "period", "too old"],
)
def test_a_question_that_cannot_be_answered_is_refused_before_anything_is_sent(
    cloud, metric, span, period_ms, said
):
    with pytest.raises(RangeError, match=said):
        ask(cloud, metric, span=span, period_ms=period_ms)
    assert cloud.requests == 0


def test_calls_of_public_traffic_allow_for_all_addresses_and_regions(cloud):
    with cloud.serve() as double:
        one = open_huawei(double)
        two = open_huawei(double, regions=["cn-east-3", "cn-north-4"])
    assert one.calls_for("net.tx.rate", 10, SPAN, FIVE_MS) >= one.calls_for(
        "cpu.utilization", 10, SPAN, FIVE_MS
    )
    assert two.calls_for("cpu.utilization", 10, SPAN, FIVE_MS) == 4
    with pytest.raises(RangeError):
        one.calls_for("cpu.utilization", 10, SPAN, 60_000)
    assert one.retention()[0].period_ms == FIVE_MS
    assert len(one.metrics()) == 5
