"""A host's day hour by hour, today's column of the calendar, and what a page says of too little data."""

from __future__ import annotations

import re
from dataclasses import replace
from datetime import date
from decimal import Decimal
from importlib import import_module

import pytest
from console_examples import MONTH
from console_world import NOW

from agent.linux.disks import FAMILIES
from agent.linux.network import STACKED
from collector.store import standing
from console.access.roles import Role
from console.pages.apply.faults import said_in as declared_in
from console.pages.evidence.said import KNOWN as CHECKED
from console.pages.hosts.reasons import reason_in
from console.pages.ledger.faults import said_in
from console.reading.host import read_host
from console.reading.hours import read_hours
from console.reading.month import read_figures, span_of
from console.translation import translated

ZONE = "Asia/Shanghai"
HOURS = 24


@pytest.fixture(scope="module")
def host(filled):
    with filled.store.reading() as connection:
        stands = standing.standings(connection)
    name = next(one for one in stands if "<" not in one.name)
    return read_host(filled.store, name.id, name.name, span_of(ZONE, NOW, MONTH))


def _sources(host):
    return {one["id"]: one["hosts"][0]["source"] for one in host.indicators if one["hosts"][0]["source"]}


def test_the_hours_of_a_day_have_the_mean_of_the_day(filled, host):
    day = date.fromisoformat(f"{MONTH}-10")
    hours = read_hours(filled.store, host.standing.name, day.toordinal(), _sources(host))
    assert set(hours.series) == set(_sources(host))
    for name, series in hours.series.items():
        of_day = next(one for one in host.series[name]["days"] if one["day"] == day.isoformat())
        found = [one for one in series["days"] if one["value"] is not None]
        assert len(series["days"]) == HOURS
        assert [one["name"] for one in series["days"]] == [str(number) for number in range(HOURS)]
        weights = [Decimal(one["share"]) for one in found]
        mean = sum(Decimal(one["value"]) * w for one, w in zip(found, weights, strict=True)) / sum(weights)
        assert abs(mean - Decimal(of_day["value"])) <= Decimal("0.02") * max(1, Decimal(of_day["value"]))


def test_the_page_of_a_day_draws_its_hours_and_is_linked_from_month_and_calendar(filled, signed_in, host):
    viewer, number = signed_in(Role.VIEWER), host.standing.id
    address = f"/hosts/{number}/{MONTH}-10"
    shown = viewer.get(address)
    assert shown.status_code == 200
    assert shown.text.count('<svg class="drawn"') == len(_sources(host))
    assert "小时值" in shown.text
    assert "逐时" in shown.text
    for page in (f"/hosts/{number}?month={MONTH}", f"/coverage?month={MONTH}", f"/coverage/{MONTH}-10"):
        assert f'href="{address}"' in viewer.get(page).text, page
    for wrong in (f"{MONTH}-32", f"{MONTH}-1", "2999-01-01", "x", "20250101"):
        assert viewer.get(f"/hosts/{number}/{wrong}").status_code == 404
    assert viewer.get(f"/hosts/999/{MONTH}-10").status_code == 404


def test_a_month_seen_for_less_than_a_day_is_not_projected_and_says_so(filled, signed_in, monkeypatch):
    first = span_of(ZONE, NOW, MONTH).first_day
    running = replace(span_of(ZONE, NOW, MONTH), last_day=first + 1)
    measured = {"cpu_utilization", "bandwidth_utilization", "daily_reads_writes"}
    enough = read_figures(filled.store, running, now_ms=NOW)
    assert (set(enough.projections), set(enough.thin)) == (measured, set())
    monkeypatch.setattr("console.reading.projection.LEAST_COVERED_MS", 3 * 86_400_000)
    little = read_figures(filled.store, running, now_ms=NOW)
    assert (dict(little.projections), set(little.thin)) == ({}, measured)
    viewer = signed_in(Role.VIEWER)
    for page in ("/", "/figures"):
        assert "数据太少" not in viewer.get(f"{page}?month={MONTH}").text
        module = import_module(f"console.pages.{'overview' if page == '/' else 'figures'}.routes")
        monkeypatch.setattr(module, "month_of", lambda *_: little)
        assert viewer.get(f"{page}?month={MONTH}").text.count("数据太少") == len(measured)


def test_messages_of_the_rules_are_said_in_chinese_and_unknown_ones_as_they_are(signed_in):
    for english, chinese in (
        ("loopback: never leaves the host", "回环接口，流量不出本机"),
        ("a device-mapper layer: the disks below it count (sda, sdb)", "设备映射层，计入其下的磁盘（sda, sdb）"),
        ("excluded by configuration: eth*; without it: loopback: never leaves the host", "按配置排除（eth*）；否则：回环接口，流量不出本机"),
        ("something new", "something new"),
    ):  # fmt: skip
        assert reason_in(english, "zh") == chinese
        assert reason_in(english, "en") == english
    for prefix, text in FAMILIES:
        assert reason_in(text, "zh") != text, prefix
    for text in STACKED.values():
        assert reason_in(text, "zh") != text
    assert said_in("t.xlsx: a cell holds more than a spreadsheet can; remove it", "zh").startswith(
        "t.xlsx 里有一格"
    )
    assert translated("23 days have no mark: 2026-11-01", "zh", CHECKED) == "23 天没有日标记：2026-11-01"
    assert declared_in("hosts, line 2: Mbit/s and operations a second are plain numbers, such as 20", "zh").startswith("主机第 2 行")  # fmt: skip
    operator = signed_in(Role.OPERATOR)
    refused = operator.post("/apply/editions", page="/apply/scope")
    assert refused.status_code == 422
    assert "评定版本没有添加" in refused.text
    assert "请选择评定版本的 TOML 文件" in refused.text
    assert "没有声明，请按" not in refused.text


def test_what_stands_above_the_figures_follows_the_data_too(signed_in):
    viewer = signed_in(Role.VIEWER)
    for page in ("/", "/hosts", "/coverage", "/figures", "/figures/cpu_utilization"):
        text = viewer.get(f"{page}?month={MONTH}").text
        assert re.search(r'<div id="head" data-live[^>]*>.*?<h1', text, re.DOTALL) or page == "/hosts", page
    assert re.search(r'id="states" data-live><label for="state">', viewer.get("/hosts").text)
