"""天翼云, from its documentation: averages with the unit the answer states, machines, and no guesses."""

from __future__ import annotations

from decimal import Decimal

import pytest
from sources.doubles.ctyun import REGION, Ctyun
from sources.signed_accounts import DAY_MS, HOUR_MS, NOW_MS, now_s, open_ctyun

from collector.sources.errors import AnswerError, ConflictingPoints, RangeError
from collector.sources.interface import Bandwidth, Source, Span

FIVE_MS = 300_000
START_MS = NOW_MS - 3 * DAY_MS
SPAN = Span(START_MS, START_MS + HOUR_MS)


@pytest.fixture
def cloud():
    return Ctyun(clock=now_s)


def put(cloud, item, name, *values, first_ms=START_MS):
    known = cloud.series.setdefault((item, name), {})
    known.update(
        {(first_ms + n * FIVE_MS) // 1000: text for n, text in enumerate(values) if text is not None}
    )


def ask(cloud, metric="cpu.utilization", instances=("vm-a",), span=SPAN, period_ms=FIVE_MS, **settings):
    with cloud.serve() as double:
        series = list(open_ctyun(double, **settings).averages(metric, list(instances), span, period_ms))
        cloud.seen = [asked.document for asked in double.asked if "history" in asked.path]
    return series


def test_averages_come_exactly_as_written_and_only_averages_are_asked_for(cloud):
    put(cloud, "cpu_util", "vm-a", "12.30", None, "0.1")
    (series,) = ask(cloud)
    assert [(point.start_ms - START_MS, str(point.value)) for point in series.points] == [
        (0, "12.30"),
        (2 * FIVE_MS, "0.1"),
    ]
    assert (series.statistic, series.scope, series.asked, series.answered) == ("average", "", SPAN, SPAN)
    assert len(series.request_ids) == 1
    assert {document["fun"] for document in cloud.seen} == {"avg"}


@pytest.mark.parametrize(
    ("unit", "value"),
    [("B/s", "8"), ("Byte/s", "8"), ("bit/s", "1"), ("bps", "1")],
)
def test_network_rates_are_read_in_the_unit_the_answer_states(cloud, unit, value):
    cloud.units["net_out_bytes_rate"] = unit
    put(cloud, "net_out_bytes_rate", "vm-a", "8")
    (series,) = ask(cloud, "net.tx.rate")
    assert series.points[0].value == Decimal(value)
    assert series.scope == "all_interfaces"


@pytest.mark.parametrize("unit", ["", "b/s", "KB/s"])
def test_a_unit_that_is_not_stated_or_not_known_is_not_guessed(cloud, unit):
    cloud.units["net_in_bytes_rate"] = unit
    put(cloud, "net_in_bytes_rate", "vm-a", "8")
    with pytest.raises(AnswerError, match="its numbers cannot be used"):
        ask(cloud, "net.rx.rate")


def test_what_was_not_measured_is_missing(cloud):
    put(cloud, "disk_read_requests_rate", "vm-a", "1", "-1", "3")
    (series,) = ask(cloud, "disk.reads.rate")
    assert [point.value for point in series.points] == [1, 3]


@pytest.mark.parametrize("how", ["descending", "doubled"])
def test_order_and_repetition_of_points_do_not_matter(cloud, how):
    put(cloud, "cpu_util", "vm-a", "1", "2", "3")
    setattr(cloud, how, True)
    (series,) = ask(cloud)
    assert [point.value for point in series.points] == [1, 2, 3]


def test_two_values_for_one_instant_are_an_error(cloud):
    put(cloud, "cpu_util", "vm-a", "1", "2")

    def contradicting(document):
        for row in document["returnObj"]["itemList"]:
            row["itemData"][1]["samplingTime"] = row["itemData"][0]["samplingTime"]

    cloud.bent = contradicting
    with pytest.raises(ConflictingPoints):
        ask(cloud)


def test_many_machines_over_days_are_asked_in_parts_as_often_as_was_said(cloud):
    names = [f"vm-{number:02}" for number in range(45)]
    span = Span(START_MS, START_MS + DAY_MS + HOUR_MS)
    for name in names:
        put(cloud, "cpu_util", name, *map(str, range(300)))
    series = ask(cloud, instances=names, span=span)
    assert [one.instance for one in series] == names
    assert all([point.value for point in one.points] == list(range(300)) for one in series)
    with cloud.serve() as double:
        assert open_ctyun(double).calls_for("cpu.utilization", 45, span, FIVE_MS) == len(cloud.seen) == 6


@pytest.mark.parametrize(
    ("bent", "said"),
    [
        (lambda row: row.update(itemName="mem_util"), "mem_util was not asked for"),
        (lambda row: row["dimensions"][0].update(value="vm-z"), "was not asked for"),
        (lambda row: row["dimensions"][0].update(name="ip"), "points without uuid"),
        (lambda row: row["itemData"][0].update(value="-3"), "a negative average"),
        (lambda row: row["itemData"][0].update(value=""), "value: not a usable number"),
        (lambda row: row["itemData"][0].pop("samplingTime"), "samplingTime: a whole number"),
    ],
    ids=["item", "machine", "dimension", "negative", "empty", "time"],
)
def test_an_answer_of_another_shape_is_an_error_that_says_where(cloud, bent, said):
    put(cloud, "cpu_util", "vm-a", "1")

    def bend(document):
        for row in document["returnObj"]["itemList"]:
            bent(row)

    cloud.bent = bend
    with pytest.raises(AnswerError, match=said):
        ask(cloud)


def test_a_failure_that_comes_with_http_200_is_an_error(cloud):
    cloud.bent = lambda _: {"statusCode": "900", "errorCode": "Monitor.Query.Failed", "message": "failed"}
    with pytest.raises(AnswerError, match=r"statusCode 900: Monitor\.Query\.Failed: failed"):
        ask(cloud)


def test_a_status_code_written_as_text_is_a_success_too(cloud):
    put(cloud, "cpu_util", "vm-a", "1")
    cloud.bent = lambda document: document | {"statusCode": "800"}
    assert len(ask(cloud)[0].points) == 1


@pytest.mark.parametrize(
    ("metric", "span", "period_ms", "said"),
    [
        ("memory", SPAN, FIVE_MS, "not among its metrics"),
        ("cpu.utilization", SPAN, 60_000, "ask for 300, 3600 s"),
        ("cpu.utilization", Span(NOW_MS - 181 * DAY_MS, NOW_MS), FIVE_MS, "are kept since"),
    ],
    ids=["metric", "period", "too old"],
)
def test_a_question_that_cannot_be_answered_is_refused_before_anything_is_sent(
    cloud, metric, span, period_ms, said
):
    with pytest.raises(RangeError, match=said):
        ask(cloud, metric, span=span, period_ms=period_ms)
    assert cloud.requests == 0


def machine(name, **more):
    return {
        "instanceID": name,
        "displayName": f"业务 {name}",
        "instanceName": "ecs-1",
        "instanceStatus": "running",
        "privateIP": "192.168.0.4",
        "floatingIp": "",
        "flavor": {"flavorCPU": 2},
    } | more


def address(name, owner, **more):
    return {
        "ID": name,
        "eipAddress": f"198.51.100.{len(name)}",
        "associationID": owner,
        "bandwidth": 5,
        "bandwidthType": "standalone",
    } | more


def listed(cloud, **settings):
    with cloud.serve() as double:
        return list(open_ctyun(double, **settings).inventory())


def test_a_machine_is_described_with_addresses_bandwidth_and_request_ids(cloud):
    cloud.instances = [machine("vm-a"), machine("vm-b", displayName="", flavor=None)]
    cloud.addresses = [address("eip-1", "vm-a"), address("eip-2", None)]
    first, second = listed(cloud)
    assert (first.id, first.name, first.region, first.state, first.cpus) == (
        "vm-a",
        "业务 vm-a",
        REGION,
        "running",
        2,
    )
    assert first.addresses == ("198.51.100.5", "192.168.0.4")
    assert first.bandwidths == (Bandwidth(Decimal(5), "committed", "public", "eip-1"),)
    assert len(first.request_ids) == 2
    assert (second.name, second.cpus, second.bandwidths) == ("ecs-1", None, ())


@pytest.mark.parametrize(
    ("more", "kind", "resource"),
    [
        ({}, "committed", "eip-1"),
        ({"bandwidthType": "upflowc"}, "traffic_cap", "eip-1"),
        ({"bandwidthID": "bandwidth-s"}, "traffic_cap", "bandwidth-s"),
    ],
    ids=["by bandwidth", "by traffic", "shared"],
)
def test_only_bandwidth_of_its_own_is_a_commitment(cloud, more, kind, resource):
    cloud.instances = [machine("vm-a")]
    cloud.addresses = [address("eip-1", "vm-a", **more)]
    (found,) = listed(cloud)
    assert [(one.kind, one.resource) for one in found.bandwidths] == [(kind, resource)]


def test_an_address_without_a_stated_bandwidth_has_none(cloud):
    cloud.instances = [machine("vm-a")]
    cloud.addresses = [address("eip-1", "vm-a", bandwidth=None)]
    assert listed(cloud)[0].bandwidths == ()


def test_all_pages_are_read_and_each_machine_stands_once(cloud):
    cloud.instances = [machine(f"vm-{number}") for number in range(120)] + [machine("vm-5")]
    assert [one.id for one in listed(cloud)] == [f"vm-{number}" for number in range(120)]


def test_it_says_that_it_is_experimental_and_that_bills_are_not_documented(cloud):
    cloud.denied = {"/v4/eip/new-list"}
    with cloud.serve() as double:
        source = open_ctyun(double)
        assert isinstance(source, Source)
        assert (source.name, source.experimental, source.policy()) == ("ctyun", True, "")
        assert list(source.bills(["2025-11"])) == []
        found = {probe.what: probe.ok for probe in source.probe()}
        assert len(source.metrics()) == 5
        assert source.retention()[0].keeps_ms == 180 * DAY_MS
    assert found == {
        f"machines {REGION}": True,
        f"addresses {REGION}": False,
        f"averages {REGION}": True,
        "bills": False,
    }


def test_machines_of_two_regions_are_looked_up(cloud):
    put(cloud, "cpu_util", "vm-a", "1")
    cloud.instances = [machine("vm-a")]
    other = "0" * 32
    cloud.known_regions = (REGION, other)
    series = ask(cloud, regions=[REGION, other])
    assert series[0].points[0].value == 1
