"""When something is wrong: a busy store, figures that take long, evidence that contradicts itself, a fault."""

from __future__ import annotations

import threading

import pytest
from console_examples import MONTH
from console_world import NOW, Browser

from collector.alerts.matters import CODES as DECIDED
from collector.alerts.matters import Matter
from collector.alerts.situation import Situation
from collector.errors import DroppedMonthError, StoreBusyError, StoreError
from console.access.roles import Role
from console.app import application
from console.pages import TABLE
from console.reading import snapshots as reading
from console.reading.attention import CODES, attention
from console.reading.month import MonthFigures, read_figures, span_of
from console.reading.rules import Rules
from verifier.editions import load_edition
from verifier.errors import ArchiveError

PATHS = {page.path for page in TABLE}


@pytest.mark.parametrize("error", [StoreBusyError("busy"), StoreError("gone")])
def test_a_store_that_cannot_be_used_is_said_and_logged(console, administrator, events, monkeypatch, error):
    def broken(*_args, **_more):
        raise error

    monkeypatch.setattr(type(console.snapshots), "get", broken)
    answer = administrator.get("/")
    assert (answer.status_code, answer.headers["retry-after"]) == (503, "5")
    assert "数据库正忙或暂不可用" in answer.text
    assert events.lines[-1]["event"] == "store_unavailable"
    assert events.lines[-1]["level"] == ("warning" if isinstance(error, StoreBusyError) else "error")


def test_a_month_whose_chunks_were_dropped_is_said_with_its_pack(console, administrator, monkeypatch):
    def gone(*_args, **_more):
        raise DroppedMonthError("they are in the pack 2026-11.zip with SHA-256 0abc")

    monkeypatch.setattr(type(console.snapshots), "get", gone)
    answer = administrator.get("/")
    assert answer.status_code == 410
    assert "已导出到证据包" in answer.text
    assert "2026-11.zip with SHA-256 0abc" in answer.text


def test_who_comes_while_figures_are_computed_for_the_first_time_is_not_kept_waiting(
    console, administrator, monkeypatch
):
    monkeypatch.setattr(reading, "PATIENCE_S", 0.05)
    begun, go_on = threading.Event(), threading.Event()

    def slow():
        begun.set()
        go_on.wait(20)
        return 1

    span = span_of(console.zone, NOW)
    other = threading.Thread(target=lambda: console.snapshots.get(("figures", span.month), slow))
    other.start()
    begun.wait(20)
    answer = administrator.get("/")
    go_on.set()
    other.join()
    assert (answer.status_code, answer.headers["retry-after"]) == (202, "5")
    assert "正在计算" in answer.text
    assert "data-again" in answer.text
    assert '<noscript><meta http-equiv="refresh"' in answer.text


def test_evidence_that_contradicts_itself_is_named_with_what_to_run(signed_in, filled, monkeypatch):
    def broken(*_args, **_more):
        raise ArchiveError("web-1: no day can have <these> sums")

    monkeypatch.setattr(type(filled.snapshots), "get", broken)
    for path in ("/", "/hosts"):
        text = signed_in(Role.VIEWER).get(path, params={"month": MONTH}).text
        assert "starproof audit" in text
        assert "no day can have &lt;these&gt; sums" in text


def test_a_fault_of_ours_shows_a_page_and_no_traceback(console, administrator, monkeypatch):
    monkeypatch.setattr(type(console.snapshots), "get", lambda *_a, **_m: 1 / 0)
    browser = Browser(application(console))
    browser.http = type(browser.http)(
        application(console), base_url="http://console.test", raise_server_exceptions=False
    )
    browser.http.cookies.update(administrator.http.cookies)
    answer = browser.get("/")
    assert answer.status_code == 500
    assert "ZeroDivisionError" not in answer.text
    assert "控制台出错了" in answer.text
    assert "default-src 'none'" in answer.headers["content-security-policy"]


def test_everything_that_needs_attention_is_told_worst_first(filled):
    month = read_figures(filled.store, span_of(filled.zone, NOW, MONTH), now_ms=NOW)
    matters = tuple(Matter(code, code, "怎样", "how") for code in DECIDED)
    situation = Situation(made_ms=NOW, month=MONTH)
    open_ = {**month.document, "indicators": [_open(one) for one in month.indicators]}
    seen = set()
    for rules, document in (
        (Rules(load_edition(), None, (), declared=False, problem=""), _without_anything(month)),
        (Rules(load_edition(), None, (), declared=True, problem="outside"), open_),
        (Rules(load_edition(), None, (), declared=True, problem="the scope is damaged"), open_),
        (month.rules, month.document),
    ):
        found = attention(MonthFigures(month.span, NOW, rules, document, {}), (situation, matters))
        kinds = [one.kind for one in found]
        assert kinds == sorted(kinds, key=["bad", "warn", "info"].index)
        assert all(not one.link or one.link.partition("?")[0] in PATHS for one in found)
        assert all(one.words or one.code in CODES for one in found)
        seen |= {one.code for one in found}
    assert seen == {*CODES, *DECIDED}


def _open(one):
    return {**one, "verdicts": dict.fromkeys(one["verdicts"], "INCONCLUSIVE")}


def _without_anything(month):
    changed = [
        {**one, "value": None, "hosts": [{**host, "capacity_bps": None} for host in one["hosts"]]}
        for one in month.indicators
    ]
    changed[1] = {**changed[1], "value": None}
    return {**month.document, "indicators": changed}
