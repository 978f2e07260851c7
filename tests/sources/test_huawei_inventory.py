"""华为云: machines with what was bought for them, and bills by service."""

from __future__ import annotations

import json
from decimal import Decimal

import pytest
from sources.doubles.huawei import DOMAIN, PROJECTS, HuaweiCloud
from sources.doubles.numbers import Number
from sources.signed_accounts import HOUR_MS, NOW_MS, TOKEN, now_s, open_huawei

from collector.errors import SettingsError
from collector.sources.errors import AnswerError, PermissionMissing
from collector.sources.interface import Bandwidth, Source, Span

PROJECT = PROJECTS["cn-east-3"]


@pytest.fixture
def cloud():
    return HuaweiCloud(clock=now_s)


def server(name, *ports, **more):
    interfaces = [
        {"addr": f"192.168.0.{number}", "OS-EXT-IPS:type": "fixed", "OS-EXT-IPS:port_id": port}
        for number, port in enumerate(ports, 4)
    ]
    return {
        "id": name,
        "name": f"业务 {name}",
        "status": "ACTIVE",
        "flavor": {"vcpus": "8"},
        "addresses": {"vpc-1": interfaces},
    } | more


def eip(name, port, bandwidth, size=10):
    return {
        "id": name,
        "port_id": port,
        "public_ip_address": f"198.51.100.{len(name)}",
        "bandwidth_id": bandwidth,
        "bandwidth_size": size,
        "bandwidth_share_type": "PER",
    }


def listed(cloud, **settings):
    with cloud.serve() as double:
        return list(open_huawei(double, **settings).inventory())


def test_a_machine_is_described_with_addresses_bandwidth_and_request_ids(cloud):
    cloud.servers = {PROJECT: [server("ecs-a", "port-1", "port-2")]}
    cloud.publicips = {PROJECT: [eip("eip-1", "port-2", "bw-1", 20)]}
    cloud.bandwidths = {PROJECT: [{"id": "bw-1", "charge_mode": "bandwidth"}]}
    (found,) = listed(cloud)
    assert (found.id, found.name, found.region, found.state, found.cpus) == (
        "ecs-a",
        "业务 ecs-a",
        "cn-east-3",
        "ACTIVE",
        8,
    )
    assert found.addresses == ("192.168.0.4", "192.168.0.5", "198.51.100.5")
    assert found.bandwidths == (Bandwidth(Decimal(20), "committed", "public", "bw-1"),)
    assert len(found.request_ids) == 2


@pytest.mark.parametrize(
    ("listing", "kind"),
    [
        ([{"id": "bw-1", "charge_mode": "bandwidth"}], "committed"),
        ([{"id": "bw-1"}], "committed"),
        ([{"id": "bw-1", "charge_mode": ""}], "committed"),
        ([{"id": "bw-1", "charge_mode": "traffic"}], "traffic_cap"),
        ([{"id": "bw-1", "charge_mode": "95peak_plus"}], "traffic_cap"),
        ([], "traffic_cap"),
    ],
    ids=["bandwidth", "not said", "empty", "traffic", "95th percentile", "not listed"],
)
def test_only_bandwidth_that_is_paid_for_as_such_is_a_commitment(cloud, listing, kind):
    cloud.servers = {PROJECT: [server("ecs-a", "port-1")]}
    cloud.publicips = {PROJECT: [eip("eip-1", "port-1", "bw-1")]}
    cloud.bandwidths = {PROJECT: listing}
    (found,) = listed(cloud)
    assert [bandwidth.kind for bandwidth in found.bandwidths] == [kind]


def test_a_shared_bandwidth_has_one_name_at_all_machines_that_use_it(cloud):
    cloud.servers = {PROJECT: [server("ecs-a", "port-1"), server("ecs-b", "port-2")]}
    cloud.publicips = {PROJECT: [eip("eip-1", "port-1", "bw-s", 100), eip("eip-2", "port-2", "bw-s", 100)]}
    cloud.bandwidths = {PROJECT: [{"id": "bw-s", "charge_mode": "bandwidth"}]}
    first, second = listed(cloud)
    assert first.bandwidths == second.bandwidths
    assert first.bandwidths[0].resource == "bw-s"


def test_a_machine_without_public_address_has_no_bandwidth(cloud):
    cloud.servers = {PROJECT: [server("ecs-a", "port-1"), server("ecs-b", addresses=None, flavor=None)]}
    assert [(one.bandwidths, one.cpus) for one in listed(cloud)] == [((), 8), ((), None)]


def test_all_pages_are_read_even_if_they_are_smaller_than_asked_for(cloud):
    cloud.page_size = 7
    cloud.servers = {PROJECT: [server(f"ecs-{number}", f"port-{number}") for number in range(20)]}
    cloud.publicips = {PROJECT: [eip(f"eip-{n}", f"port-{n}", f"bw-{n}") for n in range(20)]}
    cloud.bandwidths = {PROJECT: [{"id": f"bw-{n}"} for n in range(20)]}
    found = listed(cloud)
    assert [one.id for one in found] == [f"ecs-{number}" for number in range(20)]
    assert {one.bandwidths[0].kind for one in found} == {"committed"}


def test_a_marker_that_is_ignored_does_not_go_round_for_ever(cloud):
    cloud.publicips = {PROJECT: [eip("eip-1", "port-1", "bw-1")]}
    cloud.bent = lambda document: {"publicips": cloud.publicips[PROJECT]} if "publicips" in document else None
    with pytest.raises(AnswerError, match="the same page token came twice"):
        listed(cloud)


def test_a_region_whose_project_the_key_may_not_use_is_named(cloud):
    with pytest.raises(PermissionMissing, match="cn-south-1") as caught:
        listed(cloud, regions=["cn-south-1"])
    assert caught.value.permission == "project cn-south-1"


def charged(service, amount, kind=1, **more):
    return {
        "service_type_code": f"hws.service.type.{service}",
        "service_type_name": service.upper(),
        "consume_amount": Number(amount),
        "bill_type": kind,
        "measure_id": 1,
    } | more


def billed(cloud, *months):
    with cloud.serve() as double:
        found = list(open_huawei(double).bills(months))
        cloud.seen = [asked for asked in double.asked if "bills" in asked.path]
    return found


def test_amounts_of_a_month_are_added_up_by_service_and_kind(cloud):
    cloud.page_size = 2
    cloud.bills = {
        "2025-11": [
            charged("ec2", "100.10"),
            charged("ec2", "0.05000000"),
            charged("ec2", "-30.5", 2),
            charged("vpc", "12", service_type_name=None),
            charged("ec2", "-1", 3),
        ]
    }
    found = billed(cloud, "2025-11")
    assert [(bill.product, str(bill.amount), bill.kind) for bill in found] == [
        ("EC2", "100.15000000", "charge"),
        ("EC2", "-30.5", "refund"),
        ("hws.service.type.vpc", "12", "charge"),
        ("EC2", "-1", "adjustment"),
    ]
    assert {(bill.currency, bill.basis, bill.final) for bill in found} == {("CNY", "cash", True)}
    assert len(found[0].request_ids) == 3
    assert {asked.query["method"] for asked in cloud.seen} == {"oneself"}
    assert {asked.headers["x-domain-id"] for asked in cloud.seen} == {DOMAIN}


def test_a_refund_is_negative_however_the_provider_writes_it(cloud):
    cloud.bills = {"2025-11": [charged("ec2", "30.5", 2)]}
    assert [bill.amount for bill in billed(cloud, "2025-11")] == [Decimal("-30.5")]


def test_last_month_is_not_final_yet(cloud):
    cloud.bills = {"2025-12": [charged("ec2", "1")]}
    assert [bill.final for bill in billed(cloud, "2025-12")] == [False]


def test_a_month_without_bills_has_none(cloud):
    assert billed(cloud, "2025-11") == []


@pytest.mark.parametrize(
    ("row", "said"),
    [
        (charged("ec2", "1", 7), "bill_type 7 is not documented"),
        (charged("ec2", "1", measure_id=3), "measure_id is 3"),
        (charged("ec2", '"much"'), "consume_amount: not a usable number"),
    ],
    ids=["kind", "unit", "amount"],
)
def test_a_bill_that_cannot_be_understood_is_an_error(cloud, row, said):
    cloud.bills = {"2025-11": [row]}
    with pytest.raises(AnswerError, match=said):
        billed(cloud, "2025-11")


def test_an_error_that_comes_with_http_200_is_an_error(cloud):
    cloud.bent = lambda document: (
        {"error_code": "CBC.0100", "error_msg": "参数错误"} if "bill_sums" in document else None
    )
    with pytest.raises(AnswerError, match=r"CBC\.0100: 参数错误"):
        billed(cloud, "2025-11")


def test_more_accounts_than_one_are_not_guessed_between(cloud):
    cloud.bent = lambda document: {"domains": []} if "domains" in document else None
    with pytest.raises(AnswerError, match="one account was expected, not 0"):
        billed(cloud, "2025-11")


def test_the_policies_allow_exactly_what_is_called(cloud):
    cloud.servers = {PROJECT: [server("ecs-a", "port-1")]}
    with cloud.serve() as double:
        source = open_huawei(double)
        assert isinstance(source, Source)
        assert (source.name, source.experimental) == ("huawei", False)
        probes = list(source.probe())
        list(source.averages("net.tx.rate", ["ecs-a"], Span(NOW_MS - HOUR_MS, NOW_MS), 300_000))
        called = {asked.path.rstrip("/").rpartition("/")[2] for asked in double.asked}
    policies = json.loads(source.policy())
    actions = {
        name: policy["Statement"][0]["Action"]
        for name, policy in policies.items()
        if policy["Version"] == "1.1"
    }
    assert actions == {
        "starproof-project": [
            "ces:metricData:list",
            "ecs:cloudServers:list",
            "vpc:publicIps:list",
            "vpc:bandwidths:list",
        ],
        "starproof-account": ["bss:bill:view"],
    }
    assert called == {
        "projects",
        "domains",
        "detail",
        "publicips",
        "bandwidths",
        "batch-query-metric-data",
        "monthly-sum",
    }
    assert [probe.ok for probe in probes] == [True] * 5


def test_a_probe_names_each_permission_that_is_missing(cloud):
    cloud.denied = {"batch_query", "monthly_sum"}
    with cloud.serve() as double:
        found = {
            probe.what: probe.permission_missing for probe in open_huawei(double).probe() if not probe.ok
        }
    assert found == {"averages cn-east-3": "ces:metricData:list", "bills of 2025-12": "bss:bill:view"}


def test_temporary_keys_send_their_token(cloud):
    cloud.token = TOKEN
    cloud.servers = {PROJECT: [server("ecs-a")]}
    assert len(listed(cloud, token="file:/run/token")) == 1


def test_a_network_that_is_neither_public_nor_all_is_refused(cloud):
    with cloud.serve() as double, pytest.raises(SettingsError, match="public or all_interfaces"):
        open_huawei(double, network="private")
