from __future__ import annotations

from dataclasses import fields, replace
from datetime import date
from fractions import Fraction

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from config import EXAMPLES
from verifier.scope import (
    Capacity,
    CostScope,
    DeclaredHost,
    DeclaredUsers,
    Exclusion,
    InvestmentScope,
    Scope,
    parse_scope,
)
from verifier.scope_difference import differences

EXAMPLE = (EXAMPLES / "scope.toml").read_bytes()
MBIT = 1_000_000


def day(text):
    return date.fromisoformat(text).toordinal()


SCOPE = Scope(
    enterprise="甲公司",
    timezone="Asia/Shanghai",
    edition="jiangsu-2018-trial",
    first_day=day("2026-11-01"),
    last_day=day("2026-11-30"),
    definitions={"cpu_utilization": "cpu.busy/1"},
    head_counts={"total": 320},
    hosts=(
        DeclaredHost(
            "erp-1", ("agent",), (Capacity(day("2026-11-01"), Fraction(100 * MBIT)),), Fraction(3000)
        ),
    ),
    exclusions=(Exclusion(day("2026-11-07"), day("2026-11-08"), "机房搬迁", "张三"),),
    sha256="0" * 64,
)
HOST = SCOPE.hosts[0]
EXCLUSION = SCOPE.exclusions[0]


def place(name, before, after):
    return {"place": name, "before": before, "after": after}


# For every field: another value, and the differences that it makes. `sha256` names the file itself.
SCOPE_CHANGES = {
    "enterprise": ("乙公司", [place("enterprise", "甲公司", "乙公司")]),
    "timezone": ("UTC", [place("timezone", "Asia/Shanghai", "UTC")]),
    "edition": ("other", [place("edition", "jiangsu-2018-trial", "other")]),
    "first_day": (
        day("2026-10-31"),
        [
            # The bandwidth held from the old first day on, so for the new one it is not declared.
            place("hosts erp-1 bandwidth_mbps", "100", ""),
            place("hosts erp-1 capacity 2026-11-01", "", "100"),
            place("window from", "2026-11-01", "2026-10-31"),
        ],
    ),
    "last_day": (day("2026-11-29"), [place("window to", "2026-11-30", "2026-11-29")]),
    "definitions": (
        {"daily_reads_writes": "reads_writes.block_io/1", "cpu_utilization": "cpu.busy/2"},
        [
            place("definitions cpu_utilization", "cpu.busy/1", "cpu.busy/2"),
            place("definitions daily_reads_writes", "", "reads_writes.block_io/1"),
        ],
    ),
    "users": (
        DeclaredUsers("total", (("erp-1", "login-log"),)),
        [place("users head_count", "", "total"), place("users sources", "", "erp-1/login-log")],
    ),
    "head_counts": (
        {"total": 319, "cloud_users": 260},
        [place("head_counts cloud_users", "", "260"), place("head_counts total", "320", "319")],
    ),
    "hosts": (
        (DeclaredHost("mes-1"),),
        [
            place("hosts erp-1", "declared", ""),
            place("hosts erp-1 bandwidth_mbps", "100", ""),
            place("hosts erp-1 iops_limit", "3000", ""),
            place("hosts erp-1 sources", "agent", ""),
            place("hosts mes-1", "", "declared"),
        ],
    ),
    "exclusions": (
        (),
        [
            place("exclusions 2026-11-07 to 2026-11-08 person", "张三", ""),
            place("exclusions 2026-11-07 to 2026-11-08 reason", "机房搬迁", ""),
        ],
    ),
    "sha256": ("1" * 64, []),
    "substitution": (
        {"cpu_utilization": "extreme_hour/1"},
        [place("substitution cpu_utilization", "", "extreme_hour/1")],
    ),
    "it_cost": (
        CostScope(("电费", "人员"), ("2025-01", "2025-12"), ("2026-01", "2026-10")),
        [
            place("it_cost after", "", "2026-01 to 2026-10"),
            place("it_cost before", "", "2025-01 to 2025-12"),
            place("it_cost items", "", "电费, 人员"),
        ],
    ),
    "investment": (
        InvestmentScope((day("2026-01-01"), day("2026-10-31")), ("device",)),
        [
            place("investment", "", "declared"),
            place("investment counts", "", "device"),
            place("investment from", "", "2026-01-01"),
            place("investment to", "", "2026-10-31"),
        ],
    ),
}
HOST_CHANGES = {
    "id": (
        "erp-2",
        [
            place("hosts erp-1", "declared", ""),
            place("hosts erp-1 bandwidth_mbps", "100", ""),
            place("hosts erp-1 iops_limit", "3000", ""),
            place("hosts erp-1 sources", "agent", ""),
            place("hosts erp-2", "", "declared"),
            place("hosts erp-2 bandwidth_mbps", "", "100"),
            place("hosts erp-2 iops_limit", "", "3000"),
            place("hosts erp-2 sources", "", "agent"),
        ],
    ),
    "sources": (("import", "agent"), [place("hosts erp-1 sources", "agent", "import, agent")]),
    "capacities": (
        (
            Capacity(day("2026-11-01"), Fraction(100 * MBIT)),
            Capacity(day("2026-11-16"), Fraction(5, 2) * MBIT),
        ),
        [
            place("hosts erp-1 bandwidth_mbps", "100", ""),
            place("hosts erp-1 capacity 2026-11-01", "", "100"),
            place("hosts erp-1 capacity 2026-11-16", "", "2.5"),
        ],
    ),
    "iops_limit": (None, [place("hosts erp-1 iops_limit", "3000", "")]),
}
EXCLUSION_CHANGES = {
    "first_day": (
        day("2026-11-06"),
        [
            place("exclusions 2026-11-06 to 2026-11-08 person", "", "张三"),
            place("exclusions 2026-11-06 to 2026-11-08 reason", "", "机房搬迁"),
            place("exclusions 2026-11-07 to 2026-11-08 person", "张三", ""),
            place("exclusions 2026-11-07 to 2026-11-08 reason", "机房搬迁", ""),
        ],
    ),
    "last_day": (
        day("2026-11-07"),
        [
            place("exclusions 2026-11-07 to 2026-11-07 person", "", "张三"),
            place("exclusions 2026-11-07 to 2026-11-07 reason", "", "机房搬迁"),
            place("exclusions 2026-11-07 to 2026-11-08 person", "张三", ""),
            place("exclusions 2026-11-07 to 2026-11-08 reason", "机房搬迁", ""),
        ],
    ),
    "reason": ("停电", [place("exclusions 2026-11-07 to 2026-11-08 reason", "机房搬迁", "停电")]),
    "person": ("李四", [place("exclusions 2026-11-07 to 2026-11-08 person", "张三", "李四")]),
}


@pytest.mark.parametrize(
    ("record", "changes"),
    [(Scope, SCOPE_CHANGES), (DeclaredHost, HOST_CHANGES), (Exclusion, EXCLUSION_CHANGES)],
)
def test_no_field_is_forgotten(record, changes):
    assert {field.name for field in fields(record)} == set(changes)
    assert {field.name for field in fields(Capacity)} == {"first_day", "bps"}


@pytest.mark.parametrize(("field", "change"), SCOPE_CHANGES.items())
def test_a_changed_field_of_the_scope_is_named(field, change):
    value, expected = change
    assert differences(SCOPE, replace(SCOPE, **{field: value})) == expected


@pytest.mark.parametrize(("field", "change"), HOST_CHANGES.items())
def test_a_changed_field_of_a_host_is_named(field, change):
    value, expected = change
    assert differences(SCOPE, replace(SCOPE, hosts=(replace(HOST, **{field: value}),))) == expected


@pytest.mark.parametrize(("field", "change"), EXCLUSION_CHANGES.items())
def test_a_changed_field_of_an_exclusion_is_named(field, change):
    value, expected = change
    assert differences(SCOPE, replace(SCOPE, exclusions=(replace(EXCLUSION, **{field: value}),))) == expected


def test_comments_and_the_order_of_hosts_and_exclusions_are_no_difference():
    host, other = replace(HOST, id="a"), replace(EXCLUSION, person="李四")
    one = replace(SCOPE, hosts=(HOST, host), exclusions=(EXCLUSION, other))
    two = replace(SCOPE, hosts=(host, HOST), exclusions=(other, EXCLUSION))
    assert differences(one, two) == []
    assert differences(parse_scope(EXAMPLE), parse_scope(EXAMPLE + b"# a comment\n")) == []


def test_a_month_later_the_same_bandwidth_is_no_difference():
    november = EXAMPLE.split(b"[[hosts]]")
    text = b"[[hosts]]".join(november[:2])
    later = text.replace(b"2026-11-01", b"2026-12-01").replace(b"2026-11-30", b"2026-12-31")
    assert [found["place"] for found in differences(parse_scope(text), parse_scope(later))] == [
        "window from",
        "window to",
    ]


def test_the_same_days_excluded_twice_are_counted():
    twice = replace(SCOPE, exclusions=(EXCLUSION, replace(EXCLUSION, reason="消防检查", person="李四")))
    assert differences(SCOPE, twice) == [
        place("exclusions 2026-11-07 to 2026-11-08 (2) person", "", "李四"),
        place("exclusions 2026-11-07 to 2026-11-08 (2) reason", "", "消防检查"),
    ]


def test_a_host_whose_name_looks_like_a_field_hides_nothing():
    odd = replace(SCOPE, hosts=(DeclaredHost("erp-1"), DeclaredHost("erp-1 sources")))
    odd = replace(odd, hosts=(odd.hosts[0], replace(odd.hosts[1], sources=("agent", "import"))))
    without = replace(SCOPE, hosts=(DeclaredHost("erp-1"),))
    assert differences(without, odd) == [
        place("hosts erp-1 sources", "", "declared"),
        place("hosts erp-1 sources sources", "", "agent, import"),
    ]


@pytest.mark.parametrize(
    ("written", "shown"),
    [
        ("100", "100"),
        ("100.0", "100"),
        ("2.50", "2.5"),
        ("0.000001", "0.000001"),
        ("100.00000000000000000001", "100.00000000000000000001"),
        ("1e2", "100"),
    ],
)
def test_a_number_is_shown_exactly(written, shown):
    before = parse_scope(EXAMPLE)
    after = parse_scope(EXAMPLE.replace(b"mbps = 50", f"mbps = {written}".encode()))
    assert differences(before, after) == [place("hosts mes-1 capacity 2026-11-16", "50", shown)]


def test_a_number_without_a_decimal_is_shown_as_a_fraction():
    after = replace(SCOPE, hosts=(replace(HOST, iops_limit=Fraction(10, 3)),))
    assert differences(SCOPE, after) == [place("hosts erp-1 iops_limit", "3000", "10/3")]


DAYS = st.integers(day("2026-10-30"), day("2026-11-03"))
TEXTS = st.sampled_from(["a", "b", "a (b)", "b) (a", "x; y"])
RATES = st.builds(Fraction, st.integers(1, 40), st.sampled_from([1, 2, 3, 10]))


@st.composite
def scopes(draw):
    first = draw(DAYS)
    names = draw(st.lists(st.sampled_from(["a", "b", "a sources", "a capacity"]), min_size=1, unique=True))
    capacities = st.lists(st.builds(Capacity, DAYS, RATES), max_size=3, unique_by=lambda c: c.first_day).map(
        lambda found: tuple(sorted(found, key=lambda c: c.first_day))
    )
    return Scope(
        enterprise=draw(TEXTS),
        timezone=draw(st.sampled_from(["UTC", "Asia/Shanghai"])),
        edition=draw(TEXTS),
        first_day=first,
        last_day=first + draw(st.integers(0, 2)),
        definitions=draw(st.dictionaries(TEXTS, TEXTS, max_size=2)),
        head_counts=draw(st.dictionaries(TEXTS, st.integers(1, 3), max_size=2)),
        hosts=tuple(
            DeclaredHost(
                name,
                draw(st.sampled_from([("agent",), ("import",), ("agent", "import"), ("import", "agent")])),
                draw(capacities),
                draw(st.none() | RATES),
            )
            for name in sorted(names)
        ),
        exclusions=tuple(
            sorted(
                draw(st.lists(st.builds(Exclusion, DAYS, DAYS, TEXTS, TEXTS), max_size=3)),
                key=lambda e: (e.first_day, e.last_day, e.reason, e.person),
            )
        ),
        sha256="0" * 64,
        substitution=draw(st.dictionaries(TEXTS, TEXTS, max_size=2)),
    )


@settings(deadline=None)
@given(scopes(), scopes())
def test_scopes_that_differ_have_a_difference_and_equal_ones_none(one, two):
    found = differences(one, two)
    assert bool(found) == (one != two)
    assert all(entry["before"] != entry["after"] for entry in found)
    assert all(isinstance(text, str) for entry in found for text in entry.values())
    back = [place(entry["place"], entry["after"], entry["before"]) for entry in found]
    assert differences(two, one) == back


@pytest.mark.parametrize("field", [field.name for field in fields(Scope)])
@settings(max_examples=30, deadline=None)
@given(scopes(), scopes())
def test_one_field_of_a_scope_changed_alone_is_never_overlooked(field, one, two):
    mixed = replace(one, **{field: getattr(two, field)})
    assert bool(differences(one, mixed)) == (one != mixed)


@pytest.mark.parametrize("field", [field.name for field in fields(DeclaredHost)])
@settings(max_examples=30, deadline=None)
@given(scopes(), scopes())
def test_one_field_of_a_host_changed_alone_is_never_overlooked(field, one, two):
    mixed = replace(one.hosts[0], **{field: getattr(two.hosts[0], field)})
    before, after = replace(one, hosts=one.hosts[:1]), replace(one, hosts=(mixed,))
    assert bool(differences(before, after)) == (before != after)


@pytest.mark.parametrize("field", [field.name for field in fields(Exclusion)])
@settings(max_examples=30, deadline=None)
@given(
    scopes(), st.builds(Exclusion, DAYS, DAYS, TEXTS, TEXTS), st.builds(Exclusion, DAYS, DAYS, TEXTS, TEXTS)
)
def test_one_field_of_an_exclusion_changed_alone_is_never_overlooked(field, scope, one, two):
    mixed = replace(one, **{field: getattr(two, field)})
    before, after = replace(scope, exclusions=(one,)), replace(scope, exclusions=(mixed,))
    assert bool(differences(before, after)) == (before != after)


def test_what_money_leaves_to_the_definition_is_no_difference_of_its_own():
    after = replace(SCOPE, it_cost=CostScope(("电费",), ("2025-01", "2025-12")), investment=InvestmentScope())
    assert differences(SCOPE, after) == [
        place("investment", "", "declared"),
        place("it_cost before", "", "2025-01 to 2025-12"),
        place("it_cost items", "", "电费"),
    ]
