"""Settings: each that cannot be used is named, with what to write."""

from __future__ import annotations

import re
from importlib.metadata import EntryPoint

import pytest
import tomllib
from processes import ROOT
from sources.zabbix_world import opened, tools

from collector.errors import SettingsError
from collector.sources.registry import GROUP, load
from collector.sources.secrets import Secret
from collector.sources.zabbix import keys, opening
from collector.sources.zabbix.intervals import seconds, shortest_interval_s
from collector.sources.zabbix.opening import open_source

URL = "https://zabbix.example.com"
CPU_TABLE = {"keys": ["own"]}


@pytest.mark.parametrize(
    ("settings", "match"),
    [
        ({"grups": []}, "unknown setting 'grups'.*groups"),
        ({"groups": "业务"}, "groups is a list"),
        ({"groups": [5]}, "groups is a list of texts"),
        ({"hosts": [""]}, "hosts is a list of texts"),
        ({"tags": ["app"]}, "tags are written as"),
        ({"tags": [{"tag": "app"}]}, "tags are written as"),
        ({"tags": [{"tag": "app", "value": 5}]}, "tags are written as"),
        ({"allow_plain_http": 1}, "allow_plain_http is a bool"),
        ({"token": "env:TOKEN", "user": "u", "password": "env:PASSWORD"}, "not both"),
        ({"user": "u", "password": ""}, "user with password"),
        ({"user": "", "password": "env:PASSWORD"}, "user with password"),
        ({"user": "", "password": ""}, "give token"),
        ({"token": "env:PASSWORD"}, "ASCII"),
        ({"url": ""}, "begins with https"),
        ({"url": "ftp://x"}, "begins with https"),
        ({"url": "https://u:p@x"}, "no user or password"),
        ({"url": "http://zabbix.example.com"}, "unencrypted"),
        ({"net_scope": "private"}, "net_scope is public or all_interfaces"),
        ({"net_scope": "public"}, "needs net_devices"),
        ({"net_devices": "("}, "not a regular expression"),
        ({"disk_devices": "x" * 1001}, "more than 1000 characters"),
        ({"fine_period_s": 30}, "fine_period_s is 60 to 1800"),
        ({"fine_period_s": 3600}, "fine_period_s is 60 to 1800"),
        ({"fine_period_s": 420}, "fine_period_s is 60 to 1800"),
        ({"bandwidth_macro": "BW"}, "is written as"),
        ({"items": {"cpu": CPU_TABLE}}, "unknown metric 'cpu'"),
        ({"items": {"cpu.utilization": []}}, "write \\[items"),
        ({"items": {"cpu.utilization": {"key": ["own"]}}}, "unknown setting 'key'.*keys"),
        ({"items": {"cpu.utilization": {}}}, "one key or more"),
        ({"items": {"cpu.utilization": {"keys": ["*"]}}}, "none of which begins with"),
        ({"items": {"cpu.utilization": {**CPU_TABLE, "unit": "bps"}}}, "unit is one of %"),
        ({"items": {"cpu.utilization": {**CPU_TABLE, "interval_s": -1}}}, "interval_s is 1 to"),
        ({"items": {"cpu.utilization": {**CPU_TABLE, "interval_s": 86_401}}}, "interval_s is 1 to"),
        ({"ca_file": "/nonexistent.pem"}, "cannot use ca_file"),
    ],
)
def test_settings_that_cannot_be_used_are_named(settings, match):
    with pytest.raises(SettingsError, match=match):
        opened(**{"url": URL, **settings})


@pytest.mark.parametrize(
    "settings",
    [
        {},
        {"proxy": "http://127.0.0.1:3128"},
        {"url": "http://zabbix.example.com", "allow_plain_http": True},
        {"url": "http://127.0.0.1:8080/zabbix/"},
        {"net_scope": "public", "items": {"net.rx.rate": CPU_TABLE}},
        {"fine_period_s": 60, "bandwidth_macro": "{$BANDWIDTH_MBPS}"},
    ],
)
def test_settings_that_can_be_used_open_a_source(settings):
    assert opened(**{"url": URL, **settings}).name == "zabbix"


def test_the_secret_is_not_read_before_the_address_is_checked():
    def unread(_reference: str) -> Secret:
        pytest.fail("read too early")

    given = tools()
    with pytest.raises(SettingsError):
        open_source({"url": "", "token": "env:TOKEN"}, type(given)(given.clocks, unread))


def test_the_entry_point_is_found():
    place = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["entry-points"][GROUP]["zabbix"]
    plugins = load([EntryPoint("zabbix", place, GROUP)])
    assert plugins.factories["zabbix"] is open_source


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("system.cpu.util", ("system.cpu.util", ())),
        ("system.cpu.util[]", ("system.cpu.util", ("",))),
        ("system.cpu.util[,idle]", ("system.cpu.util", ("", "idle"))),
        ('net.if.in["eth0"]', ("net.if.in", ("eth0",))),
        ('net.if.in[ "eth0" , bytes]', ("net.if.in", ("eth0", "bytes"))),
        (r'k["a \"b\" c"]', ("k", ('a "b" c',))),
        (r'perf_counter_en["\PhysicalDisk(0 C:)\Disk Reads/sec",60]',
         ("perf_counter_en", (r"\PhysicalDisk(0 C:)\Disk Reads/sec", "60"))),
        ('wmi.get[root/cimv2,"Select a,b from c"]', ("wmi.get", ("root/cimv2", "Select a,b from c"))),
        ("k[[a,b],c]", ("k", ("[a,b]", "c"))),
        ("k[a,,c]", ("k", ("a", "", "c"))),
        ("k[a b]", ("k", ("a b",))),
        ("k[a,]", ("k", ("a", ""))),
        ("k[a", None),
        ("[a]", None),
        ("", None),
        ('k["a" b]', None),
    ],
)  # fmt: skip
def test_keys_are_taken_apart_as_zabbix_writes_them(text, expected):
    found = keys.parse(text)
    assert (found and (found.name, found.parameters)) == expected


@pytest.mark.parametrize(
    ("pattern", "key", "fits"),
    [
        ("a[*]", "a[b,c]", True),
        ("a[*]", "ab[c]", False),
        ("a.b", "axb", False),
        ("a*b*", "a1b2", True),
        ("a", "ab", False),
        ("net.if.in[*,bytes]", 'net.if.in["eth0",bytes]', True),
    ],
)
def test_a_star_in_a_key_stands_for_any_text_and_nothing_else_is_special(pattern, key, fits):
    assert keys.KeyPattern(pattern).fits(key) is fits
    assert key.startswith(keys.KeyPattern(pattern).beginning) or not fits


@pytest.mark.parametrize(
    ("text", "expected"),
    [("0", 0), ("90", 90), ("1m", 60), ("2h", 7200), ("7d", 604_800), ("1w", 604_800), ("1y", None), ("", None),
     ("-5", None), ("1.5m", None), ("{$X}", None), ("١", None), (None, None)],
)  # fmt: skip
def test_times_are_read_as_zabbix_writes_them(text, expected):
    assert seconds(text) == expected


@pytest.mark.parametrize(
    ("text", "expected"),
    [("0", None), (None, None), ("1m;5s/1-7,00:00-24:00", 5), ("1m;x/1-7,00:00-24:00", None), ("{$A}", None),
     ("5m;wd1-5h9-18", None), ("0;h9m30", None)],
)  # fmt: skip
def test_an_interval_that_is_not_sure_is_unknown(text, expected):
    assert shortest_interval_s(text) == expected


def test_the_example_of_the_settings_opens_a_source():
    """The text at the head of the module is TOML that works."""
    text = opening.__doc__.split("\n\n", 1)[1]
    text = re.sub(r"^(ca_file|token) = .*$", "", text, flags=re.MULTILINE)
    assert opened(**tomllib.loads(text), token="env:TOKEN").name == "zabbix"
