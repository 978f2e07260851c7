"""腾讯云: machines with what was bought for them, and bills by product."""

from __future__ import annotations

import json
from decimal import Decimal

import pytest
from sources.doubles.tencent import TencentCloud
from sources.signed_accounts import HOUR_MS, NOW_MS, TOKEN, now_s, open_tencent
from sources.still_clocks import StillClocks

from collector.sources.errors import AnswerError, RangeError, ThrottledError
from collector.sources.interface import Bandwidth, Source, Span


@pytest.fixture
def cloud():
    return TencentCloud(clock=now_s)


def machine(name, **more):
    return {
        "InstanceId": name,
        "InstanceName": f"业务 {name}",
        "InstanceState": "RUNNING",
        "CPU": 4,
        "PrivateIpAddresses": ["10.0.0.4"],
        "PublicIpAddresses": None,
        "InternetAccessible": {"InternetChargeType": "BANDWIDTH_PREPAID", "InternetMaxBandwidthOut": 0},
    } | more


def address(name, owner, **more):
    return {
        "AddressId": name,
        "AddressIp": f"203.0.113.{len(name)}",
        "InstanceId": owner,
        "Bandwidth": 20,
        "InternetChargeType": "BANDWIDTH_POSTPAID_BY_HOUR",
    } | more


def listed(cloud, **settings):
    with cloud.serve() as double:
        return list(open_tencent(double, **settings).inventory())


def test_a_machine_is_described_with_its_addresses_and_request_ids(cloud):
    bought = {"InternetChargeType": "BANDWIDTH_PREPAID", "InternetMaxBandwidthOut": 5}
    cloud.instances = {
        "ap-nanjing": [machine("ins-a", PublicIpAddresses=["203.0.113.9"], InternetAccessible=bought)]
    }
    (found,) = listed(cloud)
    assert (found.id, found.name, found.region, found.state) == (
        "ins-a",
        "业务 ins-a",
        "ap-nanjing",
        "RUNNING",
    )
    assert found.addresses == ("203.0.113.9", "10.0.0.4")
    assert found.bandwidths == (Bandwidth(Decimal(5), "committed", "public", "ins-a"),)
    assert found.cpus == 4
    assert found.request_ids == ("request-2",)


@pytest.mark.parametrize(
    ("charged", "kind"),
    [
        ("BANDWIDTH_PREPAID", "committed"),
        ("BANDWIDTH_POSTPAID_BY_HOUR", "committed"),
        ("TRAFFIC_POSTPAID_BY_HOUR", "traffic_cap"),
        ("BANDWIDTH_PACKAGE", "traffic_cap"),
        ("SOMETHING_NEW", "traffic_cap"),
    ],
)
def test_only_bandwidth_that_is_paid_for_as_such_is_a_commitment(cloud, charged, kind):
    bought = {"InternetChargeType": charged, "InternetMaxBandwidthOut": 100}
    cloud.instances = {"ap-nanjing": [machine("ins-a", InternetAccessible=bought)]}
    (found,) = listed(cloud)
    assert [bandwidth.kind for bandwidth in found.bandwidths] == [kind]


def test_an_elastic_address_counts_by_itself_and_not_twice(cloud):
    shown = {"InternetChargeType": "BANDWIDTH_POSTPAID_BY_HOUR", "InternetMaxBandwidthOut": 20}
    cloud.instances = {
        "ap-nanjing": [machine("ins-a", PublicIpAddresses=["203.0.113.5"], InternetAccessible=shown)]
    }
    cloud.addresses = {"ap-nanjing": [address("eip-1", "ins-a"), address("eip-22", "ins-z")]}
    (found,) = listed(cloud)
    assert found.bandwidths == (Bandwidth(Decimal(20), "committed", "public", "eip-1"),)
    assert found.request_ids == ("request-2", "request-1")


def test_an_ordinary_public_address_beside_an_elastic_one_counts_too(cloud):
    own = {"InternetChargeType": "TRAFFIC_POSTPAID_BY_HOUR", "InternetMaxBandwidthOut": 100}
    cloud.instances = {
        "ap-nanjing": [
            machine("ins-a", PublicIpAddresses=["203.0.113.5", "198.51.100.1"], InternetAccessible=own)
        ]
    }
    cloud.addresses = {"ap-nanjing": [address("eip-1", "ins-a")]}
    (found,) = listed(cloud)
    assert [(one.resource, one.kind) for one in found.bandwidths] == [
        ("eip-1", "committed"),
        ("ins-a", "traffic_cap"),
    ]


def test_traditional_accounts_have_the_bandwidth_at_the_machine(cloud):
    own = {"InternetChargeType": "BANDWIDTH_PREPAID", "InternetMaxBandwidthOut": 10}
    cloud.instances = {
        "ap-nanjing": [machine("ins-a", PublicIpAddresses=["203.0.113.5"], InternetAccessible=own)]
    }
    cloud.addresses = {"ap-nanjing": [address("eip-1", "ins-a", Bandwidth=None, InternetChargeType=None)]}
    (found,) = listed(cloud)
    assert [(one.resource, one.mbps) for one in found.bandwidths] == [("ins-a", 10)]


def test_a_machine_without_public_access_has_no_bandwidth(cloud):
    cloud.instances = {"ap-nanjing": [machine("ins-a"), machine("ins-b", InternetAccessible=None, CPU=None)]}
    assert [(one.bandwidths, one.cpus) for one in listed(cloud)] == [((), 4), ((), None)]


def test_all_pages_of_all_regions_are_read_and_each_machine_stands_once(cloud):
    cloud.page_size = 7
    cloud.instances = {
        "ap-nanjing": [machine(f"ins-{number}") for number in range(20)],
        "ap-shanghai": [machine("ins-s")],
    }
    cloud.instances["ap-nanjing"].append(machine("ins-6"))
    found = listed(cloud, regions=["ap-nanjing", "ap-shanghai"])
    assert [one.id for one in found] == [f"ins-{number}" for number in range(20)] + ["ins-s"]
    assert found[-1].region == "ap-shanghai"


def test_pages_that_end_before_the_announced_total_are_an_error(cloud):
    cloud.instances = {"ap-nanjing": [machine("ins-a")]}

    def more(document):
        if "InstanceSet" in document:
            document["TotalCount"] = 3

    cloud.bent = more
    with pytest.raises(AnswerError, match="3 items were announced"):
        listed(cloud)


def summary(*rows, ready=1):
    return {
        "Ready": ready,
        "SummaryTotal": {"RealTotalCost": "0"},
        "SummaryOverview": [
            {"BusinessCode": code, "BusinessCodeName": name, "RealTotalCost": cost}
            for code, name, cost in rows
        ],
    }


def billed(cloud, *months, clocks=None, **settings):
    with cloud.serve() as double:
        return list(open_tencent(double, clocks, **settings).bills(months))


def test_charges_refunds_and_adjustments_of_a_month_stand_apart(cloud):
    cloud.bills = {
        ("2025-11", "consume"): summary(("p_cvm", "云服务器 CVM", "1234.56780000"), ("p_cbs", "", "0.1")),
        ("2025-11", "refund"): summary(("p_cvm", "云服务器 CVM", "-34.5")),
        ("2025-11", "adjustment"): summary(("p_cvm", "云服务器 CVM", "-1")),
    }
    found = billed(cloud, "2025-11")
    assert [(bill.product, str(bill.amount), bill.kind) for bill in found] == [
        ("云服务器 CVM", "1234.56780000", "charge"),
        ("p_cbs", "0.1", "charge"),
        ("云服务器 CVM", "-34.5", "refund"),
        ("云服务器 CVM", "-1", "adjustment"),
    ]
    assert {(bill.month, bill.currency, bill.basis, bill.final) for bill in found} == {
        ("2025-11", "CNY", "cash", True)
    }
    assert found[0].request_ids == ("request-1",)


def test_a_refund_is_negative_however_the_provider_writes_it(cloud):
    cloud.bills = {("2025-11", "refund"): summary(("p_cvm", "CVM", "34.5"))}
    assert [bill.amount for bill in billed(cloud, "2025-11")] == [Decimal("-34.5")]


def test_months_before_charges_were_told_apart_are_asked_for_once(cloud):
    cloud.bills = {("2021-04", ""): summary(("p_cvm", "CVM", "10"), ("p_cbs", "CBS", "-2"))}
    found = billed(cloud, "2021-04")
    assert [(bill.amount, bill.kind) for bill in found] == [(10, "charge"), (-2, "refund")]
    assert cloud.requests == 1


@pytest.mark.parametrize(
    ("now_ms", "final"),
    [(1_767_491_999_000, False), (1_767_492_000_000, True)],
    ids=["before the 4th, 10:00", "at the 4th, 10:00"],
)
def test_a_month_is_final_on_the_fourth_of_the_next_in_beijing(cloud, now_ms, final):
    cloud.clock = lambda: now_ms / 1000
    cloud.bills = {("2025-12", "consume"): summary(("p_cvm", "CVM", "10"))}
    (bill,) = billed(cloud, "2025-12", clocks=StillClocks(now_ms))
    assert bill.final is final


def test_bills_that_are_being_prepared_are_to_be_asked_for_in_ten_minutes(cloud):
    cloud.bills = {("2025-11", "consume"): summary(ready=0)}
    with pytest.raises(ThrottledError, match="in 10 minutes") as caught:
        billed(cloud, "2025-11")
    assert caught.value.retry_after_s == 600


def test_a_product_without_a_figure_is_an_error_and_not_nothing(cloud):
    cloud.bills = {("2025-11", "consume"): summary(("p_cvm", "CVM", "-"))}
    with pytest.raises(AnswerError, match="no figure for CVM; enter the cost by hand"):
        billed(cloud, "2025-11")


@pytest.mark.parametrize("month", ["2025-13", "202511", "2025-1", "1999-01", "2025-11\n"])
def test_a_month_that_is_not_one_is_refused(cloud, month):
    with pytest.raises(RangeError, match="a month is written like"):
        billed(cloud, month)


def test_a_bill_in_another_currency_says_so(cloud):
    cloud.bills = {("2025-11", "consume"): summary(("p_cvm", "CVM", "10"))}
    (bill,) = billed(cloud, "2025-11", currency="USD")
    assert bill.currency == "USD"


def test_the_policy_allows_exactly_what_is_called(cloud):
    cloud.instances = {"ap-nanjing": [machine("ins-a")]}
    with cloud.serve() as double:
        source = open_tencent(double)
        assert isinstance(source, Source)
        probes = list(source.probe())
        list(source.inventory())
        list(source.bills(["2025-11"]))
        list(source.averages("disk.reads.rate", ["ins-a"], _last_hour(), 60_000))
        list(source.averages("cpu.utilization", ["ins-a"], _last_hour(), 60_000))
        called = {
            f"{asked.headers['authorization'].split('/')[2]}:{asked.headers['x-tc-action']}"
            for asked in double.asked
        }
    document = json.loads(source.policy())
    (statement,) = document["statement"]
    assert {action.replace("finance:", "billing:") for action in statement["action"]} == called
    assert (document["version"], statement["effect"]) == ("2.0", "allow")
    assert [probe.ok for probe in probes] == [True] * 6


def _last_hour():
    return Span(NOW_MS - HOUR_MS, NOW_MS)


def test_a_probe_names_each_permission_that_is_missing(cloud):
    cloud.denied = {"GetMonitorData", "DescribeBillSummaryByProduct"}
    with cloud.serve() as double:
        found = {probe.what: probe for probe in open_tencent(double).probe()}
    refused = {what: probe.permission_missing for what, probe in found.items() if not probe.ok}
    assert refused == {
        "monitor GetMonitorData": "monitor:GetMonitorData",
        "bills of 2025-12": "finance:DescribeBillSummaryByProduct",
    }


def test_temporary_keys_send_their_token(cloud):
    cloud.token = TOKEN
    cloud.instances = {"ap-nanjing": [machine("ins-a")]}
    assert len(listed(cloud, token="file:/run/token")) == 1
