"""The source as a whole: what it promises, its settings, its policy, its probe."""

from __future__ import annotations

import json
from importlib.metadata import EntryPoint

import pytest
from sources.aliyun_account import HOUR_MS, opened
from sources.doubles.aliyun import DAY_MS, Aliyun, served
from sources.still_clocks import StillClocks

from collector.errors import SettingsError
from collector.sources import registry
from collector.sources.aliyun.endpoints import endpoints
from collector.sources.aliyun.source import open_source
from collector.sources.errors import RangeError
from collector.sources.interface import METRICS, Source, Span

NOW_MS = 1_700_000_400_000 // HOUR_MS * HOUR_MS
PERMISSIONS = {
    "DescribeMetricList": "cms:QueryMetricList",
    "DescribeInstances": "ecs:DescribeInstances",
    "DescribeEipAddresses": "vpc:DescribeEipAddresses",
    "DescribeCommonBandwidthPackages": "vpc:DescribeCommonBandwidthPackages",
    "QueryBillOverview": "bss:DescribeBillList",
}


@pytest.fixture
def account():
    return Aliyun(
        now_ms=lambda: NOW_MS,
        addresses=[
            {
                "AllocationId": "eip-1",
                "RegionId": "cn-hangzhou",
                "InstanceId": "i-1",
                "BandwidthPackageId": "cbwp-1",
            }
        ],
        packages=[{"BandwidthPackageId": "cbwp-1", "RegionId": "cn-hangzhou", "Bandwidth": "1"}],
    )


def test_it_is_a_source_with_the_five_metrics(account):
    source = opened(account, "http://127.0.0.1:9")
    assert isinstance(source, Source)
    assert (source.name, source.experimental, tuple(source.metrics())) == ("aliyun", False, METRICS)
    assert [(kept.period_ms, kept.keeps_ms // DAY_MS) for kept in source.retention()] == [
        (60_000, 31),
        (300_000, 91),
    ]


def test_the_plug_in_is_found_and_opened(account):
    point = EntryPoint("aliyun", "collector.sources.aliyun.source:open_source", registry.GROUP)
    plugins = registry.load([point])
    assert plugins.broken == ()
    tools = StillClocks(NOW_MS).tools({"env:KEY": "x"})
    settings = {"key_id": "LTAI", "secret": "env:KEY", "regions": ["cn-hangzhou"]}
    assert plugins.open("aliyun", settings, tools).name == "aliyun"


def test_a_probe_tries_everything(account):
    with served(account) as address:
        probes = list(opened(account, address).probe())
    assert [(probe.what, probe.ok) for probe in probes] == [
        ("machines in cn-hangzhou", True),
        ("addresses in cn-hangzhou", True),
        ("averages in cn-hangzhou", True),
        ("bills of 2023-10", True),
    ]
    assert set(account.calls) == set(PERMISSIONS)
    assert sum(account.calls.values()) == 5


@pytest.mark.parametrize("action", PERMISSIONS)
def test_a_probe_names_the_permission_that_is_missing_and_the_policy_grants_it(account, action):
    account.denied = {action}
    with served(account) as address:
        source = opened(account, address)
        missing = [probe for probe in source.probe() if not probe.ok]
    assert [probe.permission_missing for probe in missing] == [PERMISSIONS[action]]
    assert PERMISSIONS[action] in missing[0].detail
    (statement,) = json.loads(source.policy())["Statement"]
    assert PERMISSIONS[action] in statement["Action"]


def test_a_probe_with_a_wrong_key_misses_no_permission(account):
    with served(account) as address:
        probes = list(opened(account, address, secret="wrong").probe())
    assert [(probe.ok, probe.permission_missing) for probe in probes] == [(False, "")] * 4


def test_the_policy_reads_and_does_nothing_else(account):
    policy = json.loads(opened(account, "http://127.0.0.1:9").policy())
    assert policy["Version"] == "1"
    (statement,) = policy["Statement"]
    assert statement["Effect"] == "Allow"
    assert set(statement["Action"]) == {*PERMISSIONS.values(), "bssapi:QueryBillOverview"}
    assert all(action.partition(":")[2].startswith(("Query", "Describe")) for action in statement["Action"])


def test_services_answer_over_https_in_their_region():
    found = endpoints(["cn-nanjing"], site="international")
    assert {service: (where.host, where.secure) for (service, _), where in found.items()} == {
        "cms": ("metrics.cn-nanjing.aliyuncs.com", True),
        "ecs": ("ecs.cn-nanjing.aliyuncs.com", True),
        "vpc": ("vpc.cn-nanjing.aliyuncs.com", True),
        "business": ("business.ap-southeast-1.aliyuncs.com", True),
    }
    assert endpoints(["cn-nanjing"])["business", "cn-nanjing"].host == "business.aliyuncs.com"


@pytest.mark.parametrize(
    ("settings", "words"),
    [
        ({"key_idd": "x"}, "unknown key 'key_idd'; did you mean 'key_id'"),
        ({"key_id": ""}, "key_id is a text"),
        ({"key_id": 7}, "key_id is a text"),
        ({"key_id": None}, "key_id is missing"),
        ({"secret": None}, "secret is missing"),
        ({"regions": []}, "1 to 64 regions"),
        ({"regions": None}, "list of texts"),
        ({"regions": [f"r{number}" for number in range(65)]}, "1 to 64 regions"),
        ({"regions": "cn-hangzhou"}, "list of texts"),
        ({"regions": ["cn-hangzhou/evil.example"]}, "not the id of a region"),
        ({"regions": ["cn-hangzhou.evil"]}, "not the id of a region"),
        ({"regions": ["Evil\n"]}, "not the id of a region"),
        ({"site": "mars"}, "site is one of china, international"),
        ({"classic": [1]}, "classic is a list of texts"),
        ({"endpoints": []}, "endpoints is a table"),
        ({"endpoints": {"cm": "https://x"}}, "unknown service 'cm'; did you mean 'cms'"),
        ({"endpoints": {"cms": 7}}, "an address such as"),
        ({"endpoints": {"cms": "metrics.example"}}, "an address such as"),
        ({"endpoints": {"cms": "ftp://metrics.example"}}, "an address such as"),
        ({"endpoints": {"cms": "https://[::1"}}, "an address such as"),
        ({"endpoints": {"cms": "https://a:b@metrics.example"}}, "scheme, host and port only"),
        ({"endpoints": {"cms": "https://metrics.example/path"}}, "scheme, host and port only"),
        ({"endpoints": {"cms": "https://metrics.example?x=1"}}, "scheme, host and port only"),
        ({"endpoints": {"cms": "http://metrics.example"}}, "over https:// only"),
        ({"endpoints": {"cms": "http://203.0.113.9"}}, "over https:// only"),
        ({"endpoints": {"cms": "https://203.0.113.9"}}, "name the host"),
    ],
)
def test_settings_that_cannot_be_used_are_refused(settings, words):
    table = {"key_id": "LTAI", "secret": "env:KEY", "regions": ["cn-hangzhou"], **settings}
    with pytest.raises(SettingsError, match=words):
        open_source(table, StillClocks(NOW_MS).tools({"env:KEY": "x"}))


def test_the_call_budget_grows_by_the_questions_that_regions_and_networks_leave_half_full(account):
    span = Span(NOW_MS - 40 * DAY_MS, NOW_MS)
    one = opened(account, "http://127.0.0.1:9")
    more = opened(account, "http://127.0.0.1:9", regions=["cn-hangzhou", "cn-shanghai"], classic=["i-1"])
    base = one.calls_for("net.tx.rate", 100, span, 300_000)
    assert base > 0
    assert more.calls_for("net.tx.rate", 100, span, 300_000) == base + 3 * 2
    assert more.calls_for("net.tx.rate", 0, span, 300_000) == 0
    with pytest.raises(RangeError):
        one.calls_for("cpu.utilization", 1, span, 900_000)
