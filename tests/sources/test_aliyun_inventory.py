"""Machines, addresses and purchased bandwidth through the real SDK."""

from __future__ import annotations

from decimal import Decimal

import pytest
from sources.aliyun_account import opened
from sources.doubles.aliyun import Aliyun, Reply, served

from collector.sources.errors import AnswerError
from collector.sources.interface import Bandwidth


def machine(number: int, **fields: object) -> dict[str, object]:
    return {
        "InstanceId": f"i-{number:03}",
        "InstanceName": f"web {number}",
        "RegionId": "cn-hangzhou",
        "Status": "Running",
        "Cpu": 4,
        "InternetMaxBandwidthOut": 0,
        "InternetMaxBandwidthIn": 200,
        "InternetChargeType": "PayByTraffic",
        "PublicIpAddress": {"IpAddress": []},
        "EipAddress": {"IpAddress": "", "AllocationId": "", "InternetChargeType": ""},
        "InnerIpAddress": {"IpAddress": []},
        "VpcAttributes": {"PrivateIpAddress": {"IpAddress": [f"10.0.0.{number}"]}},
        "NetworkInterfaces": {"NetworkInterface": [{"NetworkInterfaceId": f"eni-{number:03}"}]},
        **fields,
    }


def address(number: int, holder: str, **fields: object) -> dict[str, object]:
    return {
        "AllocationId": f"eip-{number:03}",
        "IpAddress": f"203.0.113.{number}",
        "RegionId": "cn-hangzhou",
        "Bandwidth": "5",
        "InternetChargeType": "PayByBandwidth",
        "InstanceId": holder,
        "InstanceType": "EcsInstance",
        "BandwidthPackageId": "",
        **fields,
    }


def listed(account: Aliyun, **settings: object):
    with served(account) as where:
        return list(opened(account, where, **settings).inventory())


def test_two_hundred_and_fifty_machines_come_in_three_pages():
    account = Aliyun(instances=[machine(number) for number in range(250)])
    found = listed(account)
    assert [one.id for one in found] == [f"i-{number:03}" for number in range(250)]
    assert account.calls["DescribeInstances"] == 3
    assert found[0].request_ids == ("REQ-2", "REQ-1")
    assert (found[7].name, found[7].region, found[7].state, found[7].cpus) == (
        "web 7",
        "cn-hangzhou",
        "Running",
        4,
    )
    assert found[7].addresses == ("10.0.0.7",)
    assert found[7].bandwidths == ()


def test_a_fixed_address_paid_by_bandwidth_is_a_purchase_and_by_traffic_a_cap():
    fixed = {"PublicIpAddress": {"IpAddress": ["198.51.100.7"]}, "InternetMaxBandwidthOut": 20}
    account = Aliyun(
        instances=[machine(1, **fixed, InternetChargeType="PayByBandwidth"), machine(2, **fixed)]
    )
    bought, capped = listed(account)
    assert bought.bandwidths == (Bandwidth(Decimal(20), "committed", "public", "i-001"),)
    assert capped.bandwidths == (Bandwidth(Decimal(20), "traffic_cap", "public", "i-002"),)
    assert bought.addresses == ("198.51.100.7", "10.0.0.1")


def test_a_fixed_address_with_no_outward_bandwidth_has_none():
    account = Aliyun(instances=[machine(1, PublicIpAddress={"IpAddress": ["198.51.100.7"]})])
    assert listed(account)[0].bandwidths == ()


def test_an_elastic_address_belongs_to_the_machine_or_to_one_of_its_network_cards():
    account = Aliyun(
        instances=[machine(1, EipAddress={"IpAddress": "203.0.113.1"}), machine(2)],
        addresses=[
            address(1, "i-001", Bandwidth="100", InternetChargeType="PayByTraffic"),
            address(2, "eni-001"),
            address(3, "ngw-1"),
            address(4, ""),
        ],
    )
    first, second = listed(account)
    assert first.bandwidths == (
        Bandwidth(Decimal(100), "traffic_cap", "public", "eip-001"),
        Bandwidth(Decimal(5), "committed", "public", "eip-002"),
    )
    assert first.addresses == ("203.0.113.1", "10.0.0.1")
    assert second.bandwidths == ()
    assert account.calls["DescribeCommonBandwidthPackages"] == 0


def test_addresses_in_a_shared_bandwidth_share_one_resource():
    account = Aliyun(
        instances=[machine(1), machine(2)],
        addresses=[
            address(1, "i-001", BandwidthPackageId="cbwp-1"),
            address(2, "i-002", BandwidthPackageId="cbwp-1"),
            address(3, "eni-002", BandwidthPackageId="cbwp-1"),
            address(4, "i-002", BandwidthPackageId="cbwp-2"),
        ],
        packages=[
            {
                "BandwidthPackageId": f"cbwp-{number}",
                "RegionId": "cn-hangzhou",
                "Bandwidth": "200",
                "InternetChargeType": charge,
            }
            for number, charge in ((1, "PayByBandwidth"), (2, "PayBy95"))
        ],
    )
    first, second = listed(account)
    shared = Bandwidth(Decimal(200), "committed", "public", "cbwp-1")
    assert first.bandwidths == (shared,)
    assert second.bandwidths == (shared, Bandwidth(Decimal(200), "traffic_cap", "public", "cbwp-2"))


def test_two_hundred_and_one_addresses_come_in_three_pages():
    account = Aliyun(instances=[machine(1)], addresses=[address(number, "i-001") for number in range(201)])
    assert len(listed(account)[0].bandwidths) == 201
    assert account.calls["DescribeEipAddresses"] == 3


def test_every_region_is_listed():
    account = Aliyun(
        instances=[machine(1), machine(2, RegionId="cn-shanghai")],
        addresses=[address(1, "i-002", RegionId="cn-shanghai")],
    )
    first, second = listed(account, regions=["cn-hangzhou", "cn-shanghai"])
    assert (first.region, second.region) == ("cn-hangzhou", "cn-shanghai")
    assert (len(first.bandwidths), len(second.bandwidths)) == (0, 1)


def test_what_was_listed_is_not_looked_up_again():
    account = Aliyun(instances=[machine(1), machine(2, RegionId="cn-shanghai")])
    with served(account) as where:
        source = opened(account, where, regions=["cn-hangzhou", "cn-shanghai"])
        list(source.inventory())
        before = account.calls["DescribeInstances"]
        source._places.by_region(("i-002", "i-001"))
        assert account.calls["DescribeInstances"] == before
        placed = source._places.by_region(("i-002", "i-gone"))
    assert placed == {"cn-shanghai": ("i-002",), "cn-hangzhou": ("i-gone",)}
    assert account.calls["DescribeInstances"] == before + 2


def test_hundreds_of_unknown_machines_are_looked_up_a_hundred_at_a_time():
    account = Aliyun(instances=[machine(number) for number in range(250)])
    with served(account) as where:
        source = opened(account, where, regions=["cn-shanghai", "cn-hangzhou"])
        placed = source._places.by_region(tuple(f"i-{number:03}" for number in range(250)))
    assert {region: len(found) for region, found in placed.items()} == {"cn-hangzhou": 250}
    assert account.calls["DescribeInstances"] == 3 + 3


@pytest.mark.parametrize("cpus", [None, 0, True, "4"])
def test_a_count_of_processors_that_is_not_told_is_not_made_up(cpus):
    assert listed(Aliyun(instances=[machine(1, Cpu=cpus)]))[0].cpus is None


def test_a_machine_with_nothing_but_its_id_is_listed():
    (found,) = listed(Aliyun(instances=[{"InstanceId": "i-1", "RegionId": "cn-hangzhou"}]))
    assert (found.id, found.name, found.state, found.addresses, found.cpus) == ("i-1", "", "", (), None)


@pytest.mark.parametrize(
    ("action", "text", "words"),
    [
        ("DescribeInstances", '{"Instances":{"Instance":{}}}', "Instances.Instance is not a list of objects"),
        ("DescribeInstances", '{"Instances":[]}', "Instances.Instance is not a list of objects"),
        ("DescribeInstances", '{"Instances":{"Instance":[{}]}}', "a machine without InstanceId"),
        ("DescribeInstances", '{"Instances":{"Instance":[]},"NextToken":1}', "NextToken is not a text"),
        ("DescribeEipAddresses", '{"EipAddresses":{"EipAddress":[]}}', "TotalCount is not a whole number"),
        ("DescribeEipAddresses", '{"TotalCount":true}', "TotalCount is not a whole number"),
        ("DescribeEipAddresses", '{"TotalCount":3,"EipAddresses":{"EipAddress":[]}}', "0 rows where 3"),
        (
            "DescribeEipAddresses",
            '{"TotalCount":1,"EipAddresses":{"EipAddress":[{"InstanceId":"i-1","Bandwidth":"?","AllocationId":"eip-1"}]}}',
            "Bandwidth of eip-1: not a usable number",
        ),
        (
            "DescribeEipAddresses",
            '{"TotalCount":1,"EipAddresses":{"EipAddress":[{"InstanceId":"i-001","Bandwidth":"5"}]}}',
            "AllocationId .* is missing",
        ),
        (
            "DescribeEipAddresses",
            '{"TotalCount":1,"EipAddresses":{"EipAddress":[{"InstanceId":"i-001","BandwidthPackageId":"cbwp-9"}]}}',
            "cbwp-9 of an address is not listed",
        ),
    ],
)
def test_an_inventory_that_is_not_as_documented_is_refused(action, text, words):
    account = Aliyun(instances=[machine(1)], script={action: [Reply(body=text)]})
    with pytest.raises(AnswerError, match=words):
        listed(account)
