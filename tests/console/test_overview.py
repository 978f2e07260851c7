"""The overview: the verifier's own figures, one scale for all, projections apart from figures."""

from __future__ import annotations

import pytest
from console_examples import MONTH
from console_world import NOW
from sqlalchemy import func, select

from collector.alerts.hosts import State
from collector.alerts.matters import decide
from collector.alerts.situation import Disk, HostFacts, Situation
from collector.store import schema
from console.access.roles import Role
from console.pages.overview import months
from console.pages.overview.months import seen_by, with_today
from console.reading.archives import EnterpriseAlone
from console.reading.attention import attention
from console.reading.changes import Changes
from console.reading.figures import Days, fleet_figures
from console.reading.month import read_figures, span_of
from console.reading.rules import rules_of
from console.reading.scale import gauge
from evidence.calendar import LocalCalendar
from evidence.errors import MalformedError
from starproof.rules import read_rules
from starproof.session import archive
from verifier.document import document
from verifier.figures import measure

ZONE = "Asia/Shanghai"
THRESHOLDS = {"3": "5", "4": "10", "5": "25"}


def _gauge(low, value, high, thresholds=THRESHOLDS):
    return gauge(
        {"thresholds": thresholds, "low": low, "value": value, "high": high}, ["3", "4", "5"], likely=None
    )


def test_the_page_shows_the_very_figures_that_verify_computes(filled, signed_in):
    span = span_of(ZONE, NOW, MONTH)
    month = read_figures(filled.store, span, now_ms=NOW)
    with archive(filled.store.engine.url.render_as_string()) as given:
        rules = read_rules(given.scope_versions())
        expected = document(
            measure(
                given,
                month=MONTH,
                edition=rules.declared.edition,
                scope=rules.declared.scope,
                scopes=rules.declared.scopes,
            )
        )
    for mine, official in zip(month.indicators, expected["indicators"], strict=True):
        for name in ("id", "value", "low", "high", "verdicts", "coverage"):
            assert mine[name] == official[name], (official["id"], name)
    text = signed_in(Role.VIEWER).get(f"/?month={MONTH}").text
    assert "20.60" in text
    assert "46.88" in text
    assert "3,906,265" in text
    assert "三星：5 / 6 项达标" in text


def test_a_running_month_ends_with_the_last_day_that_is_over():
    calendar = LocalCalendar(ZONE)
    first, after = calendar.month("2026-11")
    span = span_of(ZONE, calendar.day_start(first + 9) + 3_600_000)
    assert (span.past, span.days, span.over) == (9, 30, False)
    begun = span_of(ZONE, calendar.day_start(first) + 1)
    assert (begun.past, begun.last_day) == (1, first)
    done = span_of(ZONE, calendar.day_start(after), "2026-11")
    assert done.over
    assert span_of(ZONE, NOW, "2027-01") is None
    with pytest.raises(MalformedError):
        span_of(ZONE, NOW, "2026-13")


@pytest.mark.parametrize("month", ["2026-13", "2030-01", "x", "2026-1", "../../etc"])
def test_a_month_that_is_none_or_has_not_begun_is_not_found(signed_in, month):
    assert signed_in(Role.VIEWER).get("/", params={"month": month}).status_code == 404


def test_the_scale_has_a_star_each_quarter_and_numbers_lie_between():
    shown = _gauge("2.5", "5", "7.5")
    assert [(mark.at, mark.text) for mark in shown.marks] == [(25.0, "5"), (50.0, "10"), (75.0, "25")]
    assert (shown.low, shown.value, shown.high) == (12.5, 25.0, 37.5)
    assert _gauge("0", "25", "1000").high == 100.0
    assert _gauge("0", "0", None).high == 100.0
    assert _gauge(None, None, None).value is None


def test_a_threshold_that_stars_share_stands_where_the_highest_does():
    shown = _gauge("-3", "29", "30", {"3": "30", "4": "30", "5": "30"})
    assert [(mark.at, mark.stars) for mark in shown.marks] == [(75.0, ["3", "4", "5"])]
    assert shown.low == 0.0
    assert shown.value < 75.0 <= shown.high


def test_an_empty_store_says_how_to_begin(administrator):
    text = administrator.get("/").text
    assert "从接入第一台主机开始" in text
    assert administrator.get("/hosts").status_code == 200


def test_a_figure_is_projected_only_while_the_month_runs(filled):
    calendar = LocalCalendar(ZONE)
    first, after = calendar.month(MONTH)
    over = read_figures(filled.store, span_of(ZONE, calendar.day_start(after), MONTH), now_ms=NOW)
    assert over.projections == {}
    for past in (3, 20):
        running = read_figures(filled.store, span_of(ZONE, calendar.day_start(first + past)), now_ms=NOW)
        assert set(running.projections) == {"cpu_utilization", "bandwidth_utilization", "daily_reads_writes"}
        value = next(one["value"] for one in running.indicators if one["id"] == "cpu_utilization")
        same = running.projections["cpu_utilization"].value == value
        assert same is (past == 3)


def test_matters_of_the_month_are_told_beside_what_the_alerts_decide(filled):
    month = read_figures(filled.store, span_of(ZONE, NOW), now_ms=NOW)
    found = [one.code for one in attention(month, seen_by(filled))]
    assert "scope_outside" in found
    assert "no_data" in found  # of this month there is nothing
    declared = read_figures(filled.store, span_of(ZONE, NOW, MONTH), now_ms=NOW)
    assert "scope_late" in [one.code for one in attention(declared, seen_by(filled))]


def test_the_overview_shows_the_services_last_look_and_does_not_look_itself(signed_in, filled, monkeypatch):
    situation = Situation(
        made_ms=NOW,
        month="2026-11",
        percent=90,
        hosts=tuple(HostFacts(f"<b>{name}", State.SILENT, arrived_ms=NOW - 7_200_000) for name in "abcd"),
        disk=Disk(1, 1000),
    )
    monkeypatch.setattr(months, "_look", lambda _console: pytest.fail("the service has looked already"))
    monkeypatch.setitem(vars(filled), "seen", lambda: (situation, decide(situation)))
    browser = signed_in(Role.VIEWER)
    text = browser.get("/").text
    assert "&lt;b&gt;a：最近一次上报在 2 小时 0 分前" in text
    assert "&lt;b&gt;d" not in text
    assert '<a href="/hosts?state=silent">主机没有上报</a>' in text
    assert "在主机上运行 starproof doctor" in text
    assert "采集端磁盘将满" in text
    assert "store：" not in text
    browser.post("/language", page="/account", language="en", next="/")
    try:
        assert "last heard of 2 h 0 min ago" in browser.get("/").text
    finally:
        browser.post("/language", page="/account", language="zh", next="/")


def test_a_fleet_measured_in_batches_has_the_figures_of_one_call(filled):
    span = span_of(ZONE, NOW, MONTH)
    rules = rules_of(EnterpriseAlone(filled.store), MONTH)
    days = [Days(MONTH, span.first_day, span.last_day), Days(MONTH, span.last_day - 6, span.last_day)]
    whole = fleet_figures(filled.store, rules, rules.scope.hosts, days)
    parts = fleet_figures(filled.store, rules, rules.scope.hosts, days, batch=2)
    for one, other in zip(whole, parts, strict=True):
        first, second = document(one), document(other)
        for mine, theirs in zip(first["indicators"], second["indicators"], strict=True):
            mine.pop("beside", None)
            assert mine == theirs


def test_figures_of_past_days_are_kept_while_only_today_moves(console):
    changes = Changes(console.store)
    opened = console.opened.identity.calendar
    end_ms = opened.day_start(opened.day_of(NOW))
    _chunk(console, end_ms + 3)
    before = changes.before(end_ms)
    _chunk(console, end_ms + 1)
    assert changes.before(end_ms) == before
    _chunk(console, end_ms - 1)
    late = changes.before(end_ms)
    assert late != before
    _chunk(console, end_ms + 2)
    assert changes.before(end_ms) == late
    assert changes.before(end_ms + 86_400_000) != late


def _chunk(console, start_ms):
    """Put a row of a chunk into the store; only its place in time is looked at."""
    with console.store.writing() as connection:
        number = connection.execute(select(func.count()).select_from(schema.chunk)).scalar() + 1
        connection.exec_driver_sql("PRAGMA defer_foreign_keys=ON")
        if number == 1:
            connection.execute(schema.host.insert().values(id=1, name="web-1"))
            connection.execute(
                schema.enrolment.insert().values(
                    id=1,
                    host_id=1,
                    source="agent",
                    epoch=0,
                    key_id="k",
                    record=b"",
                    signature=b"",
                    previous_signature=b"",
                    hash="h",
                    received_ms=0,
                )
            )
        connection.execute(
            schema.chunk.insert().values(
                host_id=1,
                source="agent",
                enrolment_id=1,
                epoch=0,
                seq=number,
                hash="h",
                metric="",
                start_ms=start_ms,
                end_ms=start_ms + 1,
                received_ms=0,
                month=202611,
            )
        )


def test_who_has_just_begun_sees_today_and_everybody_else_the_days_that_are_over(console):
    today = console.opened.identity.calendar.day_of(NOW)
    span = span_of(ZONE, NOW)
    assert with_today(console, span) == span  # nothing was measured yet
    _chunk(console, NOW)
    with console.store.writing() as connection:
        values = {column.name: 0 for column in schema.day_sum.c} | {"host_id": 1, "metric": "cpu.busy"}
        connection.execute(schema.day_sum.insert().values(**values | {"source": "agent", "day": today}))
    assert with_today(console, span).last_day == today
    assert with_today(console, span, host_id=1).last_day == today
    assert with_today(console, span, host_id=2) == span
    over = span_of(ZONE, NOW, MONTH)
    assert with_today(console, over) == over
    with console.store.writing() as connection:
        connection.execute(schema.day_sum.insert().values(**values | {"source": "agent", "day": today - 1}))
    assert with_today(console, span) == span
