from __future__ import annotations

import hashlib
from datetime import date
from fractions import Fraction

import pytest

from config import EXAMPLES
from verifier import toml_table
from verifier.errors import ScopeError
from verifier.scope import Exclusion, parse_scope

EXAMPLE = (EXAMPLES / "scope.toml").read_bytes()
SMALL = """
schema = "starproof/scope/1"
enterprise = "示例企业"
timezone = "Asia/Shanghai"
edition = "jiangsu-2018-trial"
window = { from = 2026-11-01, to = 2026-11-30 }
[[hosts]]
id = "web-1"
"""


def small(more="", **changes):
    text = SMALL + more
    for old, new in changes.values():
        assert old in text
        text = text.replace(old, new, 1)
    return text.encode()


def day(text):
    return date.fromisoformat(text).toordinal()


def test_the_example_says_what_its_comments_say():
    scope = parse_scope(EXAMPLE)
    assert scope.enterprise == "江苏示例科技有限公司"
    assert (scope.first_day, scope.last_day) == (day("2026-11-01"), day("2026-11-30"))
    assert scope.head_counts == {"total": 320, "cloud_users": 260}
    assert scope.exclusions == (
        Exclusion(day("2026-11-07"), day("2026-11-08"), "机房搬迁", "张三（信息部）"),
    )
    erp, mes = scope.hosts
    assert (erp.id, erp.sources, erp.iops_limit) == ("erp-1", ("agent",), 3000)
    assert erp.capacity_bps(day("2026-11-20")) == 100_000_000
    assert [mes.capacity_bps(day(text)) for text in ("2026-11-01", "2026-11-15", "2026-11-16")] == [
        20_000_000,
        20_000_000,
        50_000_000,
    ]
    assert scope.sha256 == hashlib.sha256(EXAMPLE).hexdigest()


def test_what_is_optional_may_be_left_out():
    scope = parse_scope(small())
    host = scope.hosts[0]
    assert (host.sources, host.capacities, host.iops_limit) == ((), (), None)
    assert (scope.definitions, scope.head_counts, scope.exclusions) == ({}, {}, ())


def test_the_sources_of_a_host_are_declared_in_order_of_preference():
    host = parse_scope(small("sources = ['aliyun', 'agent', 'mymonitor2']")).hosts[0]
    assert host.sources == ("aliyun", "agent", "mymonitor2")
    assert host.preference(["agent", "zabbix"]) == host.sources


def test_without_a_declared_order_the_agent_comes_first_then_imports_then_all_others_by_name():
    present = ["zabbix", "import", "aliyun", "agent", "zabbix"]
    assert parse_scope(small()).hosts[0].preference(present) == ("agent", "import", "aliyun", "zabbix")


def test_a_substitution_rule_is_declared_by_indicator_and_off_by_default():
    assert parse_scope(small()).substitution == {}
    more = "[substitution]\ncpu_utilization = 'extreme_hour/1'"
    assert parse_scope(small(more)).substitution == {"cpu_utilization": "extreme_hour/1"}


def test_a_bandwidth_is_read_exactly():
    assert parse_scope(small("bandwidth_mbps = 0.1")).hosts[0].capacities[0].bps == Fraction(100_000)


CAPACITY = "[[hosts.capacity]]\nfrom = {}\nmbps = 10\n"
EXCLUSION = "[[exclusions]]\nfrom = {}\nto = {}\nreason = 'x'\nperson = 'y'\n"


@pytest.mark.parametrize(
    ("more", "message"),
    [
        (
            "bandwith_mbps = 5",
            r"scope: \[\[hosts\]\] number 1: unknown key 'bandwith_mbps' \(did you mean bandwidth_mbps",
        ),
        ("zzz = 5", "unknown key 'zzz'$"),
        ("bandwidth_mbps = 0", "bandwidth_mbps must be a number above 0"),
        ("bandwidth_mbps = -5", "must be a number above 0"),
        ("bandwidth_mbps = '100'", "such as bandwidth_mbps = 100 or 2.5"),
        ("bandwidth_mbps = true", "must be a number above 0"),
        ("bandwidth_mbps = nan", "must be a number above 0"),
        ("bandwidth_mbps = inf", "must be a number above 0"),
        ("bandwidth_mbps = 1e-999999999", "must be a number above 0"),
        ("bandwidth_mbps = 1e999999999", "must be a number above 0"),
        ("iops_limit = 0.5e99", "at most 1000000000"),
        (f"iops_limit = 1.{'0' * 39}1", "iops_limit has more than 40 digits; round it"),
        ("sources = 'agent'", "sources must be a list of texts"),
        (
            "sources = []",
            r"must name 1 to 16 sources, in order of preference, such as \[\"agent\", \"aliyun\"\]",
        ),
        (f"sources = {[f'a{number}' for number in range(17)]}", "must name 1 to 16 sources"),
        ("sources = ['agent', 'agent']", "sources names one source twice"),
        ("sources = ['log-in']", "sources holds 'log-in'; a source is named by a lower-case letter"),
        ("sources = [1]", "sources: entry 1 must be a text"),
        ("sources = ['agent', 'import', 'agent']", "sources names one source twice"),
        ("[[hosts]]\nid = 'web-1'", "the host 'web-1' is declared twice"),
        (f"[[hosts]]\nid = '{'x' * 129}'", "id has 129 characters, at most 128"),
        ("bandwidth_mbps = 1\n" + CAPACITY.format("2026-11-01"), "either bandwidth_mbps or"),
        (CAPACITY.format("2026-11-02"), "must hold on the window's first day: from = 2026-11-01 or earlier"),
        (CAPACITY.format("2026-11-01") * 2, "in order of their day, each day once"),
        ("capacity = []", "must hold on the window's first day"),
        ("capacity = 5", r"capacity must be a list of tables, each written \[\[capacity\]\]"),
        (CAPACITY.format("'2026-11-01'"), "from must be a date without quotes"),
        (CAPACITY.format("2026-11-01T00:00:00"), "from must be a date without quotes"),
        (CAPACITY.format("1999-12-31"), "from is 1999-12-31; days from 2000-01-01 to 2099-12-31 are known"),
        ("[definitions]\ncpu_utilization = 5", "cpu_utilization must be a text"),
        (
            "[substitution]\ncpu_utilization = 'extreme_hour/2'",
            "cpu_utilization is 'extreme_hour/2'; write one of extreme_hour/1",
        ),
        ("[head_counts]\ntotal = 1.5", "total must be an integer from 0"),
        ("[head_counts]\ntotal = true", "total must be an integer from 0"),
        ("[head_counts]\ntotal = -1", "total must be an integer from 0"),
        ("[head_counts]\ntotal = 5\ncloud_users = 6", "cloud_users is above total"),
        (
            "[head_counts]\ntotal = 0",
            r"\[head_counts\]: total is 0, and a share of nobody is no figure; write",
        ),
        ("[head_counts]\ntotal = 5\ncloud_users = 0", "cloud_users is 0, and"),
        (
            CAPACITY.format("2026-11-01") + CAPACITY.format("2026-12-01"),
            "from 2026-12-01 begins after the window, which ends on 2026-11-30; correct the day",
        ),
        (
            EXCLUSION.format("2026-10-30", "2026-10-31"),
            "no day of it lies in the window, 2026-11-01 to 2026-11-30",
        ),
        (EXCLUSION.format("2027-11-07", "2027-11-08"), "number 1: no day of it lies in the window"),
        (
            "[[exclusions]]\nfrom = 2026-11-02\nto = 2026-11-01\nreason = 'x'\nperson = 'y'",
            "ends on 2026-11-01, before it begins",
        ),
        ("[[exclusions]]\nfrom = 2026-11-02\nto = 2026-11-02\nreason = 'x'", "the key 'person' is missing"),
    ],
)
def test_a_faulty_scope_is_refused_with_what_to_write(more, message):
    with pytest.raises(ScopeError, match=message):
        parse_scope(small(more))


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("Asia/Shanghai", "Asia/Nowhere", "time zone 'Asia/Nowhere' is not in the time zone database"),
        ("to = 2026-11-30", "to = 2026-10-31", r"scope: \[window\]: it ends on 2026-10-31"),
        ("window = {", "widow = {", r"unknown key 'widow' \(did you mean window\?\)"),
        ('[[hosts]]\nid = "web-1"', "hosts = []", r"declare at least one host, each written \[\[hosts\]\]"),
        ('id = "web-1"', "", "the key 'id' is missing"),
        ('enterprise = "示例企业"', "enterprise = ['x']", "enterprise must be a text"),
    ],
)
def test_a_faulty_top_of_a_scope_is_refused(old, new, message):
    with pytest.raises(ScopeError, match=message):
        parse_scope(small(change=(old, new)))


@pytest.mark.parametrize("days", [("2026-10-20", "2026-11-01"), ("2026-11-30", "2026-12-05")])
def test_an_exclusion_may_reach_beyond_the_window(days):
    (exclusion,) = parse_scope(small(EXCLUSION.format(*days))).exclusions
    assert (exclusion.first_day, exclusion.last_day) == tuple(day(text) for text in days)


def test_a_capacity_may_change_on_the_last_day():
    (host,) = parse_scope(small(CAPACITY.format("2026-11-01") + CAPACITY.format("2026-11-30"))).hosts
    assert len(host.capacities) == 2


def test_a_list_that_is_too_long_is_refused(monkeypatch):
    monkeypatch.setattr(toml_table, "MAX_ENTRIES", 1)
    with pytest.raises(ScopeError, match="hosts has 2 entries, at most 1"):
        parse_scope(small("[[hosts]]\nid = 'web-2'"))


def test_deep_nesting_is_refused_and_does_not_crash():
    with pytest.raises(ScopeError):
        parse_scope(b"a = " + b"[" * 100_000)


def test_a_number_of_thousands_of_digits_is_refused():
    with pytest.raises(ScopeError):
        parse_scope(small("bandwidth_mbps = " + "9" * 5_000))
