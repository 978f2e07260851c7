"""Inventory: which hosts, and what Zabbix says of them."""

from __future__ import annotations

from decimal import Decimal

import pytest
from sources.doubles.zabbix import Zabbix, served
from sources.zabbix_world import linux, opened, windows

from collector.sources.errors import AnswerError, RangeError
from collector.sources.interface import ALL_INTERFACES, COMMITTED, PUBLIC, Bandwidth, Instance, Retention

FACES = [
    {"ip": "10.0.0.7", "dns": ""},
    {"ip": "", "dns": "web01.example.com"},
    {"ip": "10.0.0.7", "dns": "x"},
]


@pytest.fixture
def zabbix() -> Zabbix:
    return Zabbix()


def found(zabbix: Zabbix, **settings) -> list[Instance]:
    with served(zabbix) as url:
        return list(opened(url, **settings).inventory())


def test_a_host_is_described_with_what_zabbix_knows(zabbix):
    zabbix.host(
        10_001,
        "web01",
        name="网站一",
        interfaces=FACES,
        inventory={"location": "南京", "os": "Linux"},
        status="1",
    )
    zabbix.item("10001", "system.cpu.num", value_type="3", lastvalue="8")
    assert found(zabbix) == [
        Instance(
            id="10001",
            name="网站一",
            region="南京",
            state="disabled",
            addresses=("10.0.0.7", "web01.example.com"),
            bandwidths=(),
            cpus=8,
            request_ids=(),
        )
    ]


def test_what_zabbix_does_not_know_is_left_open(zabbix):
    zabbix.host(10_001, "web01", name="")
    (host,) = found(zabbix)
    assert (host.name, host.region, host.state, host.addresses, host.cpus) == (
        "web01",
        "",
        "monitored",
        (),
        None,
    )


@pytest.mark.parametrize(
    ("key", "last", "cpus"),
    [
        ("system.cpu.num[online]", "4", 4),
        ('wmi.get[root/cimv2,"Select NumberOfLogicalProcessors from Win32_ComputerSystem"]', "16", 16),
        ("system.cpu.num[max]", "240", None),
        ("system.cpu.num", "0", None),
        ("system.cpu.num", "", None),
        ("system.cpu.num", "²", None),
        ("system.cpu.num", "99999999999", None),
    ],
)
def test_processors_are_counted_only_from_an_item_that_counts_them(zabbix, key, last, cpus):
    zabbix.host(10_001, "web01")
    zabbix.item("10001", key, lastvalue=last)
    assert found(zabbix)[0].cpus == cpus


def test_hosts_come_in_the_order_of_their_ids_and_in_parts(zabbix, monkeypatch):
    monkeypatch.setattr("collector.sources.zabbix.hosts.MAX_HOSTS_A_CALL", 2)
    for number in (30, 4, 100, 22, 5):
        zabbix.host(number, f"h{number}")
    assert [host.id for host in found(zabbix)] == ["4", "5", "22", "30", "100"]
    assert [len(call["hostids"]) for call in zabbix.calls("host.get") if "hostids" in call] == [2, 2, 1]


@pytest.mark.parametrize(
    ("settings", "names"),
    [
        ({}, ["web01", "web02", "db01"]),
        ({"groups": ["业务"]}, ["web01", "web02"]),
        ({"groups": ["业务", "数据库"]}, ["web01", "web02", "db01"]),
        ({"tags": [{"tag": "app", "value": "erp"}]}, ["web01", "db01"]),
        ({"groups": ["业务"], "tags": [{"tag": "app", "value": "erp"}]}, ["web01"]),
        ({"hosts": ["db01", "web02"]}, ["web02", "db01"]),
        ({"hosts": ["nothing"]}, []),
    ],
)
def test_groups_tags_and_names_choose_hosts(zabbix, settings, names):
    zabbix.groups = {"业务": "5", "数据库": "6"}
    zabbix.host(1, "web01", groups=["业务"], tags={"app": "erp"})
    zabbix.host(2, "web02", groups=["业务"], tags={"app": "oa"})
    zabbix.host(3, "db01", groups=["数据库"], tags={"app": "erp"})
    assert [host.name for host in found(zabbix, **settings)] == names


def test_a_group_that_cannot_be_read_is_an_error_and_not_all_hosts(zabbix):
    zabbix.host(1, "web01")
    with pytest.raises(RangeError, match="no host group '业务'"):
        found(zabbix, groups=["业务"])


@pytest.mark.parametrize(
    ("settings", "scope"), [({}, ALL_INTERFACES), ({"net_scope": "public", "net_devices": "eth0"}, PUBLIC)]
)
def test_a_macro_says_what_bandwidth_was_bought(zabbix, settings, scope):
    zabbix.templates = {"9": []}
    zabbix.host(1, "web01", templates=["9"])
    zabbix.host(2, "web02")
    zabbix.macros = [{"macro": "{$BW}", "value": "12.5", "type": "0", "hostid": "9"}]
    first, second = found(zabbix, bandwidth_macro="{$BW}", **settings)
    assert first.bandwidths == (Bandwidth(Decimal("12.5"), COMMITTED, scope, "{$BW}"),)
    assert second.bandwidths == ()


@pytest.mark.parametrize("value", ["0", "-5", "100M", ""])
def test_a_bandwidth_that_is_none_is_an_error(zabbix, value):
    zabbix.host(1, "web01")
    zabbix.macros = [{"macro": "{$BW}", "value": value, "type": "0"}]
    with pytest.raises(AnswerError, match=r"host 1: \{\$BW\}"):
        found(zabbix, bandwidth_macro="{$BW}")


@pytest.mark.parametrize(
    "change", [{"hostid": "x"}, {"status": None}, {"interfaces": ["10.0.0.1"]}, {"interfaces": [{}]}]
)
def test_hosts_of_another_shape_are_an_error(zabbix, change):
    zabbix.host(1, "web01")
    zabbix.hosts[0].update(change)
    with pytest.raises(AnswerError, match=r"host\.get"):
        found(zabbix)


# How far back.

DAY_MS = 86_400_000


def kept(zabbix: Zabbix, **settings) -> tuple[Retention, ...]:
    with served(zabbix) as url:
        return tuple(opened(url, **settings).retention())


def test_the_item_that_keeps_longest_says_how_far_back_it_is_worth_asking(zabbix):
    linux(zabbix)
    items = windows(zabbix)
    for item in zabbix.items:
        if item["itemid"] == items["util"]:
            item.update(history="30d", trends="730d")
    assert kept(zabbix) == (Retention(300_000, 30 * DAY_MS), Retention(3_600_000, 730 * DAY_MS))


def test_the_housekeeper_overrides_the_items(zabbix):
    linux(zabbix)
    zabbix.housekeeping = {
        "hk_history_global": "1",
        "hk_history": "31d",
        "hk_trends_global": "1",
        "hk_trends": "90d",
    }
    assert kept(zabbix, fine_period_s=900) == (
        Retention(900_000, 31 * DAY_MS),
        Retention(3_600_000, 90 * DAY_MS),
    )


def test_what_is_not_kept_is_not_offered(zabbix):
    linux(zabbix)
    for item in zabbix.items:
        item.update(history="0")
    assert kept(zabbix) == (Retention(3_600_000, 365 * DAY_MS),)
    zabbix.housekeeping = {"hk_history_global": "1", "hk_history": "31d"}
    assert kept(zabbix) == (Retention(3_600_000, 365 * DAY_MS),), (
        "an override does not bring back what is off"
    )
    for item in zabbix.items:
        item.update(trends="0", history="7d")
    assert [one.keeps_ms for one in kept(zabbix)] == [31 * DAY_MS, 31 * DAY_MS], "hours are made of values"
    for item in zabbix.items:
        item.update(trends="{$UNKNOWN}", history="0")
    assert kept(zabbix) == ()


def test_hosts_without_usable_items_do_not_matter(zabbix):
    zabbix.host(1, "empty")
    linux(zabbix)
    assert kept(zabbix) == (Retention(300_000, 7 * DAY_MS), Retention(3_600_000, 365 * DAY_MS))


def test_without_hosts_nothing_is_kept(zabbix):
    assert kept(zabbix) == ()


@pytest.mark.parametrize("result", [[], None, {"hk_history_global": "0"}])
def test_a_housekeeper_of_another_shape_is_an_error(zabbix, monkeypatch, result):
    monkeypatch.setattr(Zabbix, "_housekeeping_get", lambda _self, _params: result)
    with pytest.raises(AnswerError, match=r"housekeeping\.get"):
        kept(zabbix)
