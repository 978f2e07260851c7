"""Which items make a metric: the usual templates, units that surprise, and items of the user's own."""

from __future__ import annotations

import re
from decimal import Decimal

import pytest
from sources.doubles.zabbix import Zabbix, served
from sources.zabbix_world import (
    DAY,
    HOUR_MS,
    PER_SECOND,
    START_S,
    TIMES_8,
    linux,
    one,
    opened,
    values,
    windows,
)

from collector.sources.errors import AnswerError
from collector.sources.interface import CPU, DISK_READS, DISK_WRITES, METRICS, NET_RX, NET_TX
from collector.sources.zabbix.recipes import PARTS_OF_DISKS, VIRTUAL_NICS, Recipe, Unusable

HOST = "10001"


@pytest.fixture
def zabbix() -> Zabbix:
    return Zabbix()


def made(zabbix: Zabbix, metric: str, host: str = HOST, **settings):
    with served(zabbix) as url:
        return opened(url, **settings).recipes(metric, [host])[host]


def keys(found) -> list[str]:
    assert isinstance(found, Recipe), found
    return [term.item.written_key for term in found.terms]


def reason(found) -> str:
    assert isinstance(found, Unusable)
    return found.reason


def step(kind: int, params: str = "", handler: str = "0") -> dict[str, str]:
    return {"type": str(kind), "params": params, "error_handler": handler}


def empty(zabbix: Zabbix) -> str:
    return zabbix.host(10_001, "web01")


# The usual templates.


def test_linux_is_busy_when_neither_idle_nor_waiting_for_disks(zabbix):
    linux(zabbix)
    found = made(zabbix, CPU)
    assert keys(found) == ["system.cpu.util[,idle]", "system.cpu.util[,iowait]"]
    assert (found.constant, [term.factor for term in found.terms]) == (100, [-1, -1])


def test_without_iowait_the_template_s_own_item_counts_and_then_idle_alone(zabbix):
    items = linux(zabbix)
    of = {item["itemid"]: item for item in zabbix.items}
    of[items["iowait"]]["status"] = "1"
    found = made(zabbix, CPU)
    assert keys(found) == ["system.cpu.util"]
    assert found.interval_s == 60, "a dependent item has its master's interval"
    of[items["util"]]["status"] = "1"
    found = made(zabbix, CPU)
    assert keys(found) == ["system.cpu.util[,idle]"]
    assert found.constant == 100


@pytest.mark.parametrize("metric", METRICS)
def test_a_windows_host_has_all_metrics(zabbix, metric):
    windows(zabbix)
    assert isinstance(made(zabbix, metric, "10002"), Recipe)


def test_windows_disks_are_the_physical_ones_without_the_total(zabbix):
    windows(zabbix)
    assert [re.findall(r"\((.+)\)", key) for key in keys(made(zabbix, DISK_WRITES, "10002"))] == [
        ["0 C:"],
        ["1 D:"],
    ]


@pytest.mark.parametrize("agent", ["0", "7"])
def test_the_bare_key_of_an_agent_that_may_be_linux_is_not_taken_for_all_work(zabbix, agent):
    host = empty(zabbix)
    zabbix.item(host, "system.cpu.util", type=agent, units="%")
    assert "user time only" in reason(made(zabbix, CPU))
    zabbix.item(host, 'wmi.get[root/cimv2,"select a from b"]', type=agent, value_type="3")
    assert keys(made(zabbix, CPU)) == ["system.cpu.util"]


def test_a_utilization_from_snmp_counts_as_it_is(zabbix):
    zabbix.item(empty(zabbix), "system.cpu.util", type="20", units="%")
    assert keys(made(zabbix, CPU)) == ["system.cpu.util"]


@pytest.mark.parametrize(
    "key", ["system.cpu.util[,idle,avg15]", "system.cpu.util[0,idle]", "system.cpu.load"]
)
def test_other_states_of_the_processor_are_not_the_whole(zabbix, key):
    zabbix.item(empty(zabbix), key, units="%")
    assert "no enabled item" in reason(made(zabbix, CPU))


def test_idle_in_whole_percent_is_not_taken_off_because_it_is_cut_off(zabbix):
    items = linux(zabbix)
    of = {item["itemid"]: item for item in zabbix.items}
    of[items["idle"]]["value_type"] = "3"
    of[items["util"]]["status"] = "1"
    assert "make it a float" in reason(made(zabbix, CPU))
    of[items["util"]]["status"] = "0"
    assert keys(made(zabbix, CPU)) == ["system.cpu.util"]


# What must not be counted.


@pytest.mark.parametrize(
    "name",
    ["lo", "lo0", "veth1a2b3c@if4", "docker0", "docker_gwbridge", "br-0f3c", "virbr0", "vnet7", "tun0", "tap1",
     "cali12ab", "flannel.1", "cni0", "kube-ipvs0", "bond0", "team0", "eth0.100", "eth0:1", "ens3@if2", "wg0",
     "dummy0", "Loopback Pseudo-Interface 1", "Teredo Tunneling", "isatap.{1}", "sit0", "ovs-system", "lxcbr0"],
)  # fmt: skip
def test_virtual_interfaces_do_not_count(name):
    assert VIRTUAL_NICS.fullmatch(name)


@pytest.mark.parametrize(
    "name", ["eth0", "ens192", "enp1s0f1", "eno1", "em1", "p1p2", "ib0", "venet0", "enP4p65s0",
             "Intel(R) 82574L Gigabit Network Connection", "{8E7A3C11-52C4-4D0A-9B5E-0A1B2C3D4E5F}", "以太网"],
)  # fmt: skip
def test_real_interfaces_count(name):
    assert not VIRTUAL_NICS.fullmatch(name)


@pytest.mark.parametrize(
    "name", ["sda1", "vdb12", "xvda1", "hda1", "nvme0n1p3", "mmcblk0p1", "dm-0", "md127", "md0p1", "loop3", "ram0",
             "zram0", "sr0", "fd0", "nbd5", "_Total"],
)  # fmt: skip
def test_parts_of_disks_do_not_count(name):
    assert PARTS_OF_DISKS.fullmatch(name)


@pytest.mark.parametrize(
    "name", ["sda", "sdaa", "vdb", "xvdf", "nvme0n1", "nvme10n2", "mmcblk0", "0 C:", "dasda"]
)
def test_whole_disks_count(name):
    assert not PARTS_OF_DISKS.fullmatch(name)


def test_the_user_says_which_devices_count_and_which_are_public(zabbix):
    items = linux(zabbix)
    zabbix.trend(items["in docker0"], START_S, "80", 20)
    settings = {"net_devices": "docker[0-9]", "net_scope": "public", "disk_devices": "sd[b-z]"}
    assert keys(made(zabbix, NET_RX, **settings)) == ['net.if.in["docker0"]']
    assert "there are: sda" in reason(made(zabbix, DISK_READS, **settings))
    with served(zabbix) as url:
        series = one(opened(url, **settings).averages(NET_RX, [HOST], DAY, HOUR_MS))
    assert series.scope == "public"
    assert values(series) == [(0, 3600, "10.000")]


def test_of_two_items_for_one_device_one_counts(zabbix):
    host = empty(zabbix)
    for key in ("net.if.in[eth0]", 'net.if.in["eth0",bytes]', 'net.if.in[ "eth1" , bytes]'):
        zabbix.item(host, key, units="Bps", preprocessing=[PER_SECOND])
    assert keys(made(zabbix, NET_RX)) == ["net.if.in[eth0]", 'net.if.in[ "eth1" , bytes]']


@pytest.mark.parametrize("mode", ["packets", "errors", "dropped", "overruns", "multicast"])
def test_packets_and_errors_are_not_bytes(zabbix, mode):
    zabbix.item(empty(zabbix), f"net.if.in[eth0,{mode}]", units="bps", preprocessing=[PER_SECOND, TIMES_8])
    assert "no enabled item" in reason(made(zabbix, NET_RX))


def test_a_host_with_too_many_devices_needs_to_be_told_which_count(zabbix):
    host = empty(zabbix)
    for number in range(65):
        zabbix.item(host, f"net.if.out[p{number}]", units="Bps", preprocessing=[PER_SECOND])
    assert "more than 64 devices" in reason(made(zabbix, NET_TX))


@pytest.mark.parametrize("metric", METRICS)
def test_a_host_without_items_says_which_are_missing(zabbix, metric):
    empty(zabbix)
    assert "no enabled item" in reason(made(zabbix, metric))


def test_disabled_items_do_not_count_and_unsupported_ones_keep_their_past(zabbix):
    items = linux(zabbix)
    of = {item["itemid"]: item for item in zabbix.items}
    of[items["in eth0"]]["status"] = "1"
    assert "no enabled item" in reason(made(zabbix, NET_RX))
    of[items["out eth0"]]["state"] = "1"
    assert keys(made(zabbix, NET_TX)) == ['net.if.out["eth0"]']


# Units.


@pytest.mark.parametrize(
    ("units", "steps", "expected"),
    [
        ("bps", [PER_SECOND, TIMES_8], "100.000"),
        ("!bps", [PER_SECOND, TIMES_8], "100.000"),
        ("bit/s", [PER_SECOND, TIMES_8], "100.000"),
        ("Bps", [PER_SECOND], "800"),
        ("B/s", [PER_SECOND], "800"),
        ("kbps", [PER_SECOND, step(1, "0.008")], "100000"),
        ("bps", [PER_SECOND, step(1, "{$FACTOR}")], "100.000"),
        ("bps", [PER_SECOND, step(21, "return value * 8")], "100.000"),
    ],
)
def test_the_unit_of_an_item_decides_what_its_values_are(zabbix, units, steps, expected):
    item = zabbix.item(empty(zabbix), "net.if.in[eth0]", units=units, preprocessing=steps)
    zabbix.trend(item, START_S, "800")
    with served(zabbix) as url:
        assert values(one(opened(url).averages(NET_RX, [HOST], DAY, HOUR_MS))) == [(0, 3600, expected)]


@pytest.mark.parametrize(
    ("units", "steps", "match"),
    [
        ("B", [PER_SECOND], "the unit 'B'"),
        ("", [PER_SECOND], "the unit ''"),
        ("%", [PER_SECOND], "the unit '%'"),
        ("BPS", [PER_SECOND], "the unit 'BPS'"),
        ("bps", [PER_SECOND], "times 1 is not bps"),
        ("Bps", [PER_SECOND, TIMES_8], "times 8 is not Bps"),
        ("bps", [TIMES_8], "needs the step Change per second"),
        ("Bps", [], "needs the step Change per second"),
        ("bps", [step(9), TIMES_8], "needs the step Change per second"),
        ("bps", [PER_SECOND, TIMES_8, step(19)], "discards unchanged"),
        ("bps", [PER_SECOND, TIMES_8, step(20, "1h")], "discards unchanged"),
        ("bps", [step(26, "", "2"), PER_SECOND, TIMES_8], "sets a value when it fails"),
    ],
)
def test_bits_that_are_bytes_and_counters_that_are_no_rates_are_refused(zabbix, units, steps, match):
    zabbix.item(empty(zabbix), "net.if.in[eth0]", units=units, preprocessing=steps)
    assert match in reason(made(zabbix, NET_RX))


@pytest.mark.parametrize(
    ("key", "more", "match"),
    [
        ("vfs.dev.read.rate[sda]", {"units": "!r/s", "preprocessing": [PER_SECOND]}, None),
        ("vfs.dev.read.rate[sda]", {"units": "ops", "preprocessing": [PER_SECOND]}, None),
        ("vfs.dev.read[sda,ops]", {}, None),
        ("vfs.dev.read[/dev/sda,ops,avg1]", {"units": "iops"}, None),
        ("vfs.dev.read[sda,operations]", {"preprocessing": [PER_SECOND]}, None),
        ("vfs.dev.read[sda,operations]", {}, "Change per second"),
        ("vfs.dev.read.rate[sda]", {}, "Change per second"),
        ("vfs.dev.read[sda,ops]", {"preprocessing": [PER_SECOND]}, "no rate"),
        ("vfs.dev.read[sda,ops]", {"preprocessing": [step(1, "60")]}, "multiplied"),
        ("vfs.dev.read[sda,ops]", {"units": "B"}, "the unit 'B'"),
        ("vfs.dev.read[sda,sps]", {}, "there is no enabled item"),
        ("vfs.dev.read[all,ops]", {}, "there is no enabled item"),
        ("vfs.dev.read[,ops]", {}, "there is no enabled item"),
        ("vfs.dev.read[sda,ops,avg15]", {}, "there is no enabled item"),
        ("vfs.dev.read[sda]", {}, "there is no enabled item"),
        ("vfs.dev.read.rate[sda1]", {"preprocessing": [PER_SECOND]}, "there are: sda1"),
        (
            "vfs.dev.read.rate[diskIOReads.1]",
            {"type": "20", "preprocessing": [PER_SECOND]},
            "no enabled item",
        ),
        (r'perf_counter["\PhysicalDisk(0 C:)\Disk Reads/sec"]', {"units": "r/s"}, None),
        (r'perf_counter_en["\PhysicalDisk(_Total)\Disk Reads/sec"]', {"units": "r/s"}, "there are: _Total"),
        (r'perf_counter_en["\LogicalDisk(C:)\Disk Reads/sec"]', {"units": "r/s"}, "no enabled item"),
        (r'perf_counter_en["\PhysicalDisk(0 C:)\Disk Writes/sec"]', {"units": "r/s"}, "no enabled item"),
    ],
)
def test_reads_are_completed_operations_of_whole_disks_a_second(zabbix, key, more, match):
    zabbix.item(empty(zabbix), key, **more)
    found = made(zabbix, DISK_READS)
    if match is None:
        assert keys(found) == [key]
        assert [term.factor for term in found.terms] == [1]
    else:
        assert match in reason(found)


def test_one_family_of_disk_items_counts_and_not_two_for_the_same_disks(zabbix):
    host = empty(zabbix)
    zabbix.item(host, "vfs.dev.write[sda,ops]")
    zabbix.item(host, "vfs.dev.write.rate[sda]", preprocessing=[PER_SECOND])
    assert keys(made(zabbix, DISK_WRITES)) == ["vfs.dev.write.rate[sda]"]


@pytest.mark.parametrize(
    ("more", "match"),
    [
        ({"units": ""}, "the unit ''"),
        ({"units": "s"}, "the unit 's'"),
        ({"units": "%", "value_type": "4"}, "not numeric"),
        ({"units": "%", "delay": "0"}, "the time between its values is not known"),
        ({"units": "%", "delay": "{$UNKNOWN}"}, "the time between its values is not known"),
        ({"units": "%", "delay": "1m;wd1-5h9"}, "the time between its values is not known"),
        ({"units": "%", "type": "18", "delay": "0", "master_itemid": "999999"}, "is not known"),
    ],
)
def test_items_that_say_too_little_are_refused(zabbix, more, match):
    zabbix.item(empty(zabbix), "system.cpu.util", **{"type": "20", **more})
    assert match in reason(made(zabbix, CPU))


def test_what_discards_values_counts_along_the_whole_chain_of_masters(zabbix):
    host = empty(zabbix)
    first = zabbix.item(host, "raw", preprocessing=[step(20, "1h")])
    second = zabbix.item(host, "parsed", type="18", delay="0", master_itemid=first)
    zabbix.item(host, "system.cpu.util", type="18", delay="0", units="%", master_itemid=second)
    assert "discards unchanged" in reason(made(zabbix, CPU))
    zabbix.items[0]["preprocessing"] = []
    assert made(zabbix, CPU).interval_s == 60


def test_masters_that_go_round_are_not_followed_for_ever(zabbix):
    host = empty(zabbix)
    item = zabbix.item(host, "system.cpu.util", type="18", delay="0", units="%")
    zabbix.items[0]["master_itemid"] = item
    assert "is not known" in reason(made(zabbix, CPU))


@pytest.mark.parametrize(
    ("delay", "seconds"),
    [("30", 30), ("90s", 90), ("1m", 60), ("2h", 7200), ("1m;20s/1-5,09:00-18:00", 20), ("0;50s/1-7,00:00-24:00", 50),
     ("1m;0/6-7,00:00-24:00", 60)],
)  # fmt: skip
def test_the_shortest_interval_asks_for_the_most_values(zabbix, delay, seconds):
    zabbix.item(empty(zabbix), "system.cpu.util", type="20", units="%", delay=delay)
    assert made(zabbix, CPU).interval_s == seconds


# Macros.


def test_macros_mean_what_the_nearest_place_says(zabbix):
    host = zabbix.host(10_001, "web01", templates=["12", "9"])
    zabbix.templates = {"9": ["20"], "12": [], "20": ["9"]}
    zabbix.item(host, "system.cpu.util", type="20", units="%", delay="{$D}", trends="{$T:web}")

    def macro(place: str | None, name: str, value: str, kind: str = "0") -> None:
        zabbix.macros.append(
            {"macro": name, "value": value, "type": kind, **({"hostid": place} if place else {})}
        )

    macro(None, "{$D}", "1h")
    macro(None, "{$T}", "9d")
    assert made(zabbix, CPU).interval_s == 3600
    macro("20", "{$D}", "50s")
    assert made(zabbix, CPU).interval_s == 50
    macro("12", "{$D}", "40s")
    assert made(zabbix, CPU).interval_s == 40
    macro("9", "{$D}", "30s")
    assert made(zabbix, CPU).interval_s == 30
    macro("10001", "{$D}", "20s")
    assert made(zabbix, CPU).interval_s == 20
    assert made(zabbix, CPU).terms[0].item.trends_s == 9 * 86_400
    macro(None, "{$T:web}", "2d")
    assert made(zabbix, CPU).terms[0].item.trends_s == 2 * 86_400


def test_a_secret_macro_leaves_the_interval_unknown_instead_of_taking_another_one(zabbix):
    zabbix.item(empty(zabbix), "system.cpu.util", type="20", units="%", delay="{$D}")
    zabbix.macros = [
        {"macro": "{$D}", "value": "1m", "type": "0"},
        {"macro": "{$D}", "type": "1", "hostid": "10001"},
    ]
    assert "is not known" in reason(made(zabbix, CPU))


def test_templates_of_templates_are_followed_to_a_bounded_depth(zabbix):
    host = zabbix.host(10_001, "web01", templates=["1"])
    zabbix.templates = {str(number): [str(number + 1)] for number in range(1, 30)}
    zabbix.item(host, "system.cpu.util", type="20", units="%", delay="{$D}")
    zabbix.macros = [{"macro": "{$D}", "value": "1m", "type": "0", "hostid": "20"}]
    assert "is not known" in reason(made(zabbix, CPU))
    assert len(zabbix.calls("template.get")) == 8


def test_macros_are_asked_for_only_where_there_are_some(zabbix):
    linux(zabbix)
    made(zabbix, CPU)
    assert zabbix.calls("usermacro.get") == []


# Items of the user's own.


def test_items_of_the_user_s_own_are_used_instead_of_ours(zabbix):
    items = linux(zabbix)
    own = zabbix.item(items["host"], "aix.cpu.busy[all]", type="2", delay="0")
    zabbix.trend(own, START_S, "42", 30)
    mapped = {CPU: {"keys": ["aix.cpu.busy[*]"], "unit": "%", "interval_s": 120}}
    assert keys(made(zabbix, CPU, items=mapped)) == ["aix.cpu.busy[all]"]
    with served(zabbix) as url:
        assert values(one(opened(url, items=mapped).averages(CPU, [HOST], DAY, HOUR_MS))) == [(0, 3600, "42")]


def test_rates_of_the_user_s_own_are_added_with_their_unit(zabbix):
    host = empty(zabbix)
    for port in ("1", "2"):
        zabbix.item(host, f"net.if.in[ifHCInOctets.{port}]", type="20", units="kbps")
    found = made(zabbix, NET_RX, items={NET_RX: {"keys": ["net.if.in[ifHCInOctets.*]"]}})
    assert [term.factor for term in found.terms] == [Decimal(125), Decimal(125)]


@pytest.mark.parametrize(
    ("keys_", "match"),
    [
        (["nothing.fits"], "no enabled item fits"),
        (["load[*]"], "2 items fit"),
        (["off"], "no enabled item fits"),
    ],
)
def test_a_mapping_that_fits_none_or_too_many_gives_no_data(zabbix, keys_, match):
    host = empty(zabbix)
    zabbix.item(host, "load[a]", units="%")
    zabbix.item(host, "load[b]", units="%")
    zabbix.item(host, "off", units="%", status="1")
    assert match in reason(made(zabbix, CPU, items={CPU: {"keys": keys_}}))


def test_discarding_is_refused_for_mapped_items_too(zabbix):
    zabbix.item(empty(zabbix), "own", units="%", preprocessing=[step(19)])
    assert "discards" in reason(made(zabbix, CPU, items={CPU: {"keys": ["own"]}}))


# Answers that are not what is documented.


def test_keys_that_are_none_and_items_of_other_hosts_are_left_out(zabbix):
    linux(zabbix)
    zabbix.item(HOST, "system.cpu.util[,idle")
    assert len(keys(made(zabbix, CPU))) == 2


@pytest.mark.parametrize(
    "change",
    [{"units": None}, {"itemid": "x"}, {"delay": 1.5}, {"preprocessing": [{"type": "1"}]}, {"type": ""}],
)
def test_items_of_another_shape_are_an_error(zabbix, change):
    zabbix.item(empty(zabbix), "system.cpu.util", **change)
    with pytest.raises(AnswerError, match=r"item\.get"):
        made(zabbix, CPU)
