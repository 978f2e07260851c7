"""A host's day hour by hour, today's column of the calendar, and what a page says of too little data."""

from __future__ import annotations

import re
from dataclasses import replace
from datetime import date
from decimal import Decimal

import pytest
from console_examples import MONTH
from console_world import NOW

from collector.store import standing
from console.access.roles import Role
from console.reading.host import read_host
from console.reading.hours import read_hours
from console.reading.month import read_figures, span_of

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
    assert shown.text.count("<svg class=\"drawn\"") == len(_sources(host))
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
    for page in ("/", "/figures"):
        viewer = signed_in(Role.VIEWER)
        assert "数据太少" not in viewer.get(f"{page}?month={MONTH}").text
        monkeypatch.setattr(f"console.pages.{'overview' if page == '/' else 'figures'}.routes.month_of", lambda *_: little)
        assert viewer.get(f"{page}?month={MONTH}").text.count("数据太少") == len(measured)


def test_what_stands_above_the_figures_follows_the_data_too(signed_in):
    viewer = signed_in(Role.VIEWER)
    for page in ("/", "/hosts", "/coverage", "/figures", "/figures/cpu_utilization"):
        text = viewer.get(f"{page}?month={MONTH}").text
        assert re.search(r'<div id="head" data-live[^>]*>.*?<h1', text, re.S) or page == "/hosts", page
    assert re.search(r'id="states" data-live><label for="state">', viewer.get("/hosts").text)
