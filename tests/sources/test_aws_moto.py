"""Machines and averages of moto's server: real HTTP, boto3's own protocols, other people's double."""

from __future__ import annotations

import urllib.request
from collections.abc import Iterator
from datetime import datetime, timezone
from decimal import Decimal

import pytest
from sources.aws_account import DAY_MS, FIVE_MS, HOUR_MS, boto, opened
from sources.nab import nab_names, nab_texts
from sources.still_clocks import StillClocks

from collector.sources.interface import Point, Span

pytest.importorskip(
    "moto.server", reason="moto is not installed: pip install 'moto[server,ec2,cloudwatch,ce]'"
)

from moto.server import ThreadedMotoServer

NOW_MS = 1_700_000_400_000 // HOUR_MS * HOUR_MS
START_MS = NOW_MS - DAY_MS
SPAN = Span(START_MS, START_MS + HOUR_MS)


@pytest.fixture(scope="module")
def server() -> Iterator[str]:
    found = ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
    found.start()
    host, port = found.get_host_and_port()
    yield f"http://{host}:{port}"
    found.stop()


@pytest.fixture
def address(server: str) -> str:
    with urllib.request.urlopen(urllib.request.Request(f"{server}/moto-api/reset", method="POST")) as answer:
        assert answer.status == 200
    return server


@pytest.fixture
def clocks() -> StillClocks:
    return StillClocks(NOW_MS)


def put(address, namespace, name, dimension, points, region="cn-north-1"):
    data = [
        {
            "MetricName": name,
            "Dimensions": [{"Name": dimension[0], "Value": dimension[1]}],
            "Timestamp": datetime.fromtimestamp(start_ms // 1000, tz=timezone.utc),
            "Value": value,
        }
        for start_ms, value in points
    ]
    client = boto(address, "cloudwatch", region)
    for first in range(0, len(data), 1000):
        client.put_metric_data(Namespace=namespace, MetricData=data[first : first + 1000])


def machine(address, region="cn-north-1"):
    ec2 = boto(address, "ec2", region)
    image = ec2.describe_images(Owners=["amazon"])["Images"][0]["ImageId"]
    tags = [{"ResourceType": "instance", "Tags": [{"Key": "Name", "Value": "web"}]}]
    answer = ec2.run_instances(
        ImageId=image, MinCount=1, MaxCount=1, InstanceType="m5.large", TagSpecifications=tags
    )
    return answer["Instances"][0]


def test_machines_are_listed_with_name_and_addresses(address, clocks):
    made = machine(address)
    (found,) = opened(address, clocks).inventory()
    assert (found.id, found.name, found.region) == (made["InstanceId"], "web", "cn-north-1")
    assert found.state in ("pending", "running")
    assert made["PrivateIpAddress"] in found.addresses
    assert found.cpus is None  # moto does not say
    assert found.bandwidths == ()
    assert len(found.request_ids) == 1


def test_machines_of_several_regions_are_asked_for_where_they_are(address, clocks):
    here, there = machine(address)["InstanceId"], machine(address, "cn-northwest-1")["InstanceId"]
    for name, region, value in ((here, "cn-north-1", 1.5), (there, "cn-northwest-1", 2.5)):
        put(address, "AWS/EC2", "CPUUtilization", ("InstanceId", name), [(START_MS, value)], region)
    source = opened(address, clocks, regions=["cn-north-1", "cn-northwest-1"])
    answered = source.averages("cpu.utilization", [there, here, "i-0123456789abcdef0"], SPAN, FIVE_MS)
    assert {series.instance: [str(point.value) for point in series.points] for series in answered} == {
        here: ["1.5"],
        there: ["2.5"],
        "i-0123456789abcdef0": [],
    }


def test_averages_keep_their_gaps(address, clocks):
    points = [(START_MS, 0.1), (START_MS + 3 * FIVE_MS, 0.30000000000000004)]
    put(address, "AWS/EC2", "CPUUtilization", ("InstanceId", "i-a"), points)
    (series,) = opened(address, clocks).averages("cpu.utilization", ["i-a"], SPAN, FIVE_MS)
    assert series.points == (
        Point(START_MS, FIVE_MS, Decimal("0.1")),
        Point(START_MS + 3 * FIVE_MS, FIVE_MS, Decimal("0.30000000000000004")),
    )
    assert (series.statistic, series.scope, series.unit) == ("average", "", "percent")
    assert (series.asked, series.answered) == (SPAN, SPAN)
    assert len(series.request_ids) == 1


def test_the_start_of_a_span_belongs_to_it_and_its_end_does_not(address, clocks):
    points = [(start_ms, 1.0) for start_ms in range(START_MS - FIVE_MS, SPAN.end_ms + 2 * FIVE_MS, FIVE_MS)]
    put(address, "AWS/EC2", "CPUUtilization", ("InstanceId", "i-a"), points)
    (series,) = opened(address, clocks).averages("cpu.utilization", ["i-a"], SPAN, FIVE_MS)
    assert (series.points[0].start_ms, series.points[-1].end_ms) == (SPAN.start_ms, SPAN.end_ms)
    assert len(series.points) == 12


def test_five_samples_of_a_minute_are_one_sum_of_all_interfaces(address, clocks):
    points = [(START_MS + minute * 60_000, 300.0) for minute in range(5)]
    put(address, "AWS/EC2", "NetworkIn", ("InstanceId", "i-a"), points)
    (series,) = opened(address, clocks).averages("net.rx.rate", ["i-a"], SPAN, FIVE_MS)
    assert series.points == (Point(START_MS, FIVE_MS, Decimal(5)),)
    assert (series.statistic, series.scope, series.unit) == ("sum", "all_interfaces", "byte/s")


def test_a_sum_by_the_minute_is_answered_by_five_minutes(address, clocks):
    put(address, "AWS/EC2", "NetworkOut", ("InstanceId", "i-a"), [(START_MS, 3000.0)])
    (series,) = opened(address, clocks).averages("net.tx.rate", ["i-a"], SPAN, 60_000)
    assert series.points == (Point(START_MS, FIVE_MS, Decimal(10)),)
    assert series.period_ms == FIVE_MS


def test_operations_of_a_nitro_machine_are_its_own_and_of_another_its_volumes(address, clocks):
    ec2 = boto(address, "ec2")
    nitro, old = machine(address)["InstanceId"], machine(address)["InstanceId"]
    zone = ec2.describe_availability_zones()["AvailabilityZones"][0]["ZoneName"]
    for name in (nitro, old):
        volume = ec2.create_volume(AvailabilityZone=zone, Size=8)["VolumeId"]
        ec2.attach_volume(VolumeId=volume, InstanceId=name, Device="/dev/sdf")
    owned = {
        volume["VolumeId"]: volume["Attachments"][0]["InstanceId"]
        for volume in ec2.describe_volumes()["Volumes"]
        if volume["Attachments"]
    }
    assert len(owned) == 4
    clocks.now_ms = None  # the volumes were attached just now, by the server's clock
    end_ms = clocks.clocks().wall_ms() // FIVE_MS * FIVE_MS + HOUR_MS
    span = Span(end_ms - HOUR_MS, end_ms)
    start_ms = end_ms - FIVE_MS
    for volume in owned:
        put(
            address,
            "AWS/EBS",
            "VolumeReadOps",
            ("VolumeId", volume),
            [(start_ms, 600.0), (span.start_ms - FIVE_MS, 9.0)],
        )
    put(address, "AWS/EC2", "EBSReadOps", ("InstanceId", nitro), [(start_ms, 1500.0)])
    put(address, "AWS/EC2", "DiskReadOps", ("InstanceId", old), [(start_ms, 99999.0)])
    answered = opened(address, clocks).averages("disk.reads.rate", [nitro, old], span, FIVE_MS)
    values = {series.instance: [point.value for point in series.points] for series in answered}
    assert values == {nitro: [Decimal(5)], old: [Decimal(4)]}


def test_a_machine_without_volumes_and_points_has_no_operations(address, clocks):
    (series,) = opened(address, clocks).averages("disk.writes.rate", ["i-0123456789abcdef0"], SPAN, FIVE_MS)
    assert series.points == ()
    assert len(series.request_ids) == 2


@pytest.mark.parametrize("name", nab_names("ec2_cpu", "ec2_network_in_257", "rds_cpu"))
def test_a_real_series_of_cloudwatch_comes_out_exactly(address, name):
    served = nab_texts(name)
    metric, ours = (
        ("NetworkIn", "net.rx.rate") if "network" in name else ("CPUUtilization", "cpu.utilization")
    )
    put(
        address,
        "AWS/EC2",
        metric,
        ("InstanceId", "i-nab"),
        [(at, float(text)) for at, text in served.items()],
    )
    first_ms, last_ms = min(served) // DAY_MS * DAY_MS, max(served)
    source = opened(address, StillClocks(first_ms + 60 * DAY_MS))
    got: dict[int, Decimal] = {}
    for start_ms in range(first_ms, last_ms + 1, DAY_MS):
        (series,) = source.averages(ours, ["i-nab"], Span(start_ms, start_ms + DAY_MS), FIVE_MS)
        got |= {point.start_ms: point.value for point in series.points}
    expected = {at // FIVE_MS * FIVE_MS: Decimal(text) for at, text in served.items()}
    assert len(expected) == len(served) > 4000
    # A sum comes as a rate of 40 digits; times the period and rounded to 28 it is the sum again.
    assert {at: value * 300 if "network" in name else value for at, value in got.items()} == expected
