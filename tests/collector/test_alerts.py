"""What somebody must look at: coverage that can be lost, rules, and alerts that are told once."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest
from prometheus_client import CollectorRegistry, generate_latest

from collector.alerts.certificate import Standing as Certificate
from collector.alerts.certificate import certificate_of
from collector.alerts.coverage import Coverage, better, month_of, of_agent, of_averages
from collector.alerts.declared import declared
from collector.alerts.desk import CLEAR_MS, HOLD_MS, UNSEEN_MS, Desk
from collector.alerts.histories import _history, read_histories
from collector.alerts.hosts import State, state_of
from collector.alerts.matters import CODES, Matter, decide
from collector.alerts.metrics import AlertMetrics
from collector.alerts.reading import Holes, _coverages, read
from collector.alerts.settings import Webhook, parse_alerts
from collector.alerts.situation import AnchorFacts, Disk, History, HostFacts, Situation
from collector.alerts.words import LANGUAGES, WORDS, said
from collector.errors import SettingsError
from collector.opening import open_store
from collector.polling.accounts import Account
from collector.polling.opening import Keys
from collector.polling.standing import MetricStanding
from collector.polling.standing import Standing as AccountStanding
from collector.settings import Settings
from collector.sources.calling import real_clocks
from collector.sources.registry import Plugins
from collector.sources.secrets import read_secret
from collector.store import alerts, engine, polls, scopes
from collector.store.polls import Counts, Question
from collector.store.standing import Newest, Standing, standings
from collector.tls.interface import Served
from collector.tls.settings import Tls
from collector.tls.sources import OwnAuthority, utc_now
from evidence.calendar import LocalCalendar
from verifier.document import coverage_share
from verifier.scope import parse_scope
from verifier.window import TimeClasses

ROOT = Path(__file__).resolve().parents[2]
HOUR, DAY, MINUTE = 3_600_000, 86_400_000, 60_000
T0 = 1_793_462_400_000  # 2026-11-01 00:00 in Shanghai
SHANGHAI = LocalCalendar("Asia/Shanghai")
HOOK = Webhook("duty", "json", "env:URL")


def _month(now_ms=T0, **more):
    return month_of(SHANGHAI, now_ms, **more)


def test_the_month_is_the_local_one_without_days_that_do_not_count():
    assert _month(T0 - 1).name == "2026-10"
    assert _month().counted_ms == 30 * DAY
    first = SHANGHAI.day_of(T0)
    cut = _month(days=(first + 1, first + 9), excluded=frozenset({first + 3}))
    assert cut.counted_ms == 8 * DAY
    assert cut.elapsed_ms(T0 + 5 * DAY) == 3 * DAY
    assert _month(days=(first + 90, first + 99)).stretches == ()


def test_coverage_is_lost_to_the_millisecond_and_not_one_before():
    """95 % of 30 days leaves 36 hours; whatever is off does not count."""
    spare = 36 * HOUR
    exactly = of_agent(
        _month(), covered_ms=DAY, downtime_ms=0, newest_ms=T0 + DAY + spare, holes_ms=0, now_ms=T0 + 3 * DAY
    )
    assert exactly.lost_ms == spare
    assert exactly.can_reach(95)
    assert not replace(exactly, lost_ms=spare + 1).can_reach(95)
    assert exactly.best_text() == "95.00"
    assert replace(exactly, lost_ms=spare + 1).best_text() == "94.99"
    off = of_agent(
        _month(),
        covered_ms=DAY,
        downtime_ms=spare,
        newest_ms=T0 + DAY + spare,
        holes_ms=0,
        now_ms=T0 + 3 * DAY,
    )
    assert (off.lost_ms, off.outstanding_ms) == (0, 12 * HOUR)


def test_what_can_still_come_is_outstanding_and_not_lost():
    silent = of_agent(
        _month(), covered_ms=DAY, downtime_ms=0, newest_ms=T0 + DAY, holes_ms=0, now_ms=T0 + 4 * DAY
    )
    assert (silent.lost_ms, silent.outstanding_ms) == (0, 3 * DAY)
    assert silent.can_reach(95)
    assert not silent.reaches_without(95)
    holes = of_agent(
        _month(), covered_ms=DAY, downtime_ms=0, newest_ms=T0 + 4 * DAY, holes_ms=2 * DAY, now_ms=T0 + 4 * DAY
    )
    assert (holes.lost_ms, holes.outstanding_ms) == (DAY, 2 * DAY)
    cloud = of_averages(_month(), covered_ms=DAY, now_ms=T0 + 4 * DAY, behind_ms=2 * DAY)
    assert (cloud.lost_ms, cloud.outstanding_ms) == (0, DAY)


def test_the_best_that_is_left_is_what_the_verifier_computes_if_the_rest_is_measured():
    one = Coverage(30 * DAY, downtime_ms=DAY, lost_ms=40 * HOUR, outstanding_ms=0)
    times = TimeClasses(
        observed_ms=29 * DAY - 40 * HOUR, downtime_ms=DAY, missing_ms=40 * HOUR, excluded_ms=0
    )
    share = coverage_share(times)
    assert share is not None
    assert share.startswith("0.9425")
    assert one.best_text() == "94.25"


def test_the_scope_is_read_as_the_verifier_reads_it():
    file = (ROOT / "config/examples/scope.toml").read_bytes()
    ours, theirs = declared(file), parse_scope(file)
    assert ours is not None
    assert dict(ours.hosts) == {host.id: host.sources for host in theirs.hosts}
    assert (ours.first_day, ours.last_day) == (theirs.first_day, theirs.last_day)
    assert ours.excluded == {
        day for one in theirs.exclusions for day in range(one.first_day, one.last_day + 1)
    }
    for wrong in (b"", b"\xff", b"window = 3\nhosts = []", b"[window]\nfrom = 1\nto = 2\n[[hosts]]\nid='a'"):
        assert declared(wrong) is None


def test_a_gap_between_numbers_that_follow_is_lost_and_a_missing_number_is_not(opened, web, take):
    day_rows = 24 * 60 + 1
    first = web.next(T0, day_rows)
    lost = web.next(T0 + 4 * DAY, day_rows)  # three days without readings
    take(first, lost)
    now = T0 + 5 * DAY
    facts = _host(opened, now)
    assert facts.coverage.lost_ms == 3 * DAY
    assert [m.code for m in decide(_situation(opened, now)) if m.code.startswith("coverage")] == [
        "coverage_lost"
    ]
    on_its_way = web.next(T0 + 5 * DAY, day_rows)
    after = web.next(T0 + 9 * DAY, day_rows)
    take(after)
    assert _host(opened, T0 + 10 * DAY).coverage.lost_ms == 3 * DAY, "the number between may still come"
    assert _host(opened, T0 + 10 * DAY).coverage.outstanding_ms == 4 * DAY
    take(on_its_way)
    assert _host(opened, T0 + 10 * DAY).coverage.lost_ms == 6 * DAY


def test_a_declared_host_that_nobody_saw_and_declared_days_count(opened, web, take):
    take(web.next(T0, 61))
    scope = (ROOT / "config/examples/scope.toml").read_bytes().replace(b'"erp-1"', b'"web-1"')
    scopes.declare(opened.store, scope, record=lambda *_: b"record", clock=lambda: T0)
    found = {one.name: one for one in _situation(opened, T0 + 10 * DAY).hosts}
    assert found["mes-1"].state is State.UNKNOWN
    assert found["mes-1"].coverage.counted_ms == 28 * DAY, "two days are excluded"
    assert found["web-1"].coverage.outstanding_ms == 8 * DAY - HOUR
    later = _situation(opened, T0 + 40 * DAY)
    assert "mes-1" not in {one.name for one in later.hosts}, "the scope says nothing of that month"


def _situation(opened, now_ms):
    return read(opened, now_ms=now_ms, holes=Holes())


def _host(opened, now_ms):
    return next(one for one in _situation(opened, now_ms).hosts if one.name == "web-1")


LOST = Coverage(30 * DAY, 0, 2 * DAY, 0)
RISK = Coverage(30 * DAY, 0, 0, 2 * DAY)
BASE = Situation(made_ms=T0 + 5 * DAY, month="2026-11")


@pytest.mark.parametrize(
    ("change", "code", "words"),
    [
        (
            {"hosts": (HostFacts("a", State.SILENT, arrived_ms=T0 + 5 * DAY - 2 * HOUR),)},
            "silent",
            "2 小时 0 分前",
        ),
        ({"hosts": (HostFacts("a", State.BEHIND, read_ms=T0 + 4 * DAY),)}, "behind", "24 小时"),
        ({"hosts": (HostFacts("a", State.NEVER),)}, "never", "从未上报"),
        ({"hosts": (HostFacts("a", State.UNKNOWN),)}, "unknown", "没有接入"),
        ({"hosts": (HostFacts("a", State.REPORTING, clock_offset_ms=-7_900),)}, "clock", "-7 秒"),
        (
            {"hosts": (HostFacts("a", State.REPORTING, coverage=LOST),)},
            "coverage_lost",
            "最多还能达到 93.33 %",
        ),
        (
            {"hosts": (HostFacts("a", State.SILENT, coverage=RISK),)},
            "coverage_risk",
            "48 小时 0 分的数据尚未到达",
        ),
        ({"histories": (History("ali", 6, "cpu.utilization"),)}, "history", "还有 6 天"),
        ({"histories": (History("ali", 0, "cpu.utilization"),)}, "history", "或已有丢失"),
        ({"histories": (History("s.toml", problem="line 3", broken=True),)}, "source_file", "line 3"),
        ({"histories": (History("ali", None, problem="no key", failures=3),)}, "source", "no key"),
        ({"histories": (History("ali", unread_ms=25 * HOUR, every_ms=HOUR),)}, "source", "只采集到 1 天前"),
        ({"anchors": (AnchorFacts("mail", 2, 3, T0 + 4 * DAY, T0 + 4 * DAY),)}, "unanchored", "2 个检查点"),
        ({"hosts": (HostFacts("a", State.SILENT, arrived_ms=T0 + 9 * DAY),)}, "silent", "时钟拨回之前"),
        ({"began_ms": T0}, "anchor_missing", "没有配置"),
        ({"began_ms": T0, "anchors_configured": 1}, "anchor_missing", "120 小时"),
        (
            {
                "began_ms": T0,
                "anchors_configured": 1,
                "anchors": (AnchorFacts("mail", 0, 0, None, T0 + 365 * DAY),),
            },
            "anchor_missing",
            "8640 小时",
        ),
        ({"days_unmarked": 2}, "unmarked", "2 天"),
        ({"findings": {"CONFLICT": 4}}, "findings", "4 条"),
        ({"disk": Disk(4, 100)}, "disk", "0 MiB"),
        ({"certificate_ends_ms": T0 + 18 * DAY}, "certificate", "还有 13 天到期"),
        ({"certificate_begins_ms": T0 + 5 * DAY + HOUR}, "certificate", "1 小时 0 分后才生效"),
        ({"certificate_ends_ms": T0 + 5 * DAY}, "certificate", "已过期"),
    ],
)
def test_each_rule_speaks_up(change, code, words):
    found = [one for one in decide(replace(BASE, **change)) if one.code == code]
    assert len(found) == 1
    assert words in found[0].zh
    assert found[0].en.isascii()


@pytest.mark.parametrize(
    "change",
    [
        {
            "hosts": (
                HostFacts(
                    "a", State.REPORTING, clock_offset_ms=5_000, coverage=Coverage(30 * DAY, 0, 0, HOUR)
                ),
            )
        },
        {"hosts": (HostFacts("a", State.IMPORTED),)},
        {"hosts": (HostFacts("a", State.REPORTING, coverage=Coverage(0, 0, 0, 0)),)},
        {"histories": (History("ali", 7, "cpu"), History("new", None, failures=2))},
        {
            "histories": (
                History("a", unread_ms=DAY, every_ms=0),
                History("b", unread_ms=3 * DAY, every_ms=DAY),
            )
        },
        {"certificate_begins_ms": T0 + 5 * DAY, "certificate_ends_ms": T0 + 19 * DAY},
        {"began_ms": T0, "anchors_configured": None},
        {
            "began_ms": T0,
            "anchors": (AnchorFacts("mail", 0, 0, None, T0 + 4 * DAY),),
            "anchors_configured": 1,
        },
        {"disk": Disk(5, 100)},
    ],
)
def test_what_is_well_or_unknown_is_not_a_matter(change):
    assert decide(replace(BASE, **change)) == ()


def test_every_code_has_words_in_both_languages_and_urgent_matters_come_first():
    assert set(WORDS) == set(CODES)
    assert said("coverage_lost", "zh", percent=95).title == "本月覆盖率已不可能达到 95 %"
    assert all(said(code, language, percent=95).remedy for code in CODES for language in LANGUAGES)
    found = decide(replace(BASE, hosts=(HostFacts("a", State.NEVER), HostFacts("b", State.SILENT))))
    assert [one.code for one in found] == ["silent", "never"]


def test_prometheus_is_told_the_same_matters_and_unknown_numbers_are_left_out():
    situation = replace(
        BASE,
        hosts=(HostFacts("a", State.SILENT, arrived_ms=T0, coverage=LOST), HostFacts("b", State.NEVER)),
        disk=Disk(1, 100),
    )
    registry = CollectorRegistry()
    registry.register(AlertMetrics(lambda: (situation, decide(situation))))
    told = generate_latest(registry).decode()
    assert 'starproof_attention_subject{code="coverage_lost",kind="bad",subject="a"} 1.0' in told
    assert 'starproof_attention{code="behind",kind="warn"} 0.0' in told
    assert 'starproof_host_lost_seconds{host="a"} 172800.0' in told
    assert 'starproof_host_last_arrival_timestamp_seconds{host="b"}' not in told
    empty = CollectorRegistry()
    empty.register(AlertMetrics(lambda: None))
    assert generate_latest(empty) == b""


# Alerts in the store

SILENT = Matter("silent", "web-1", "久", "long")


def _note(desk, matters, mono_ms, *, hooks=(HOOK,), month="2026-11"):
    desk.note(matters, hooks, month=month, now_ms=T0 + mono_ms, mono_ms=mono_ms)


def _waiting(store, alias="duty"):
    with store.reading() as connection:
        return [(one.alert.code, one.closing) for one in alerts.waiting(connection, alias)]


def _sent(store, alias="duty"):
    with store.writing() as connection:
        ids = [one.id for one in alerts.waiting(connection, alias)]
        alerts.finish(connection, ids, now_ms=T0, outcome=alerts.SENT)


def test_an_alert_is_queued_once_it_has_lasted_and_again_only_when_it_is_over(store):
    desk = Desk(store)
    _note(desk, [SILENT], 0)
    _note(desk, [SILENT], HOLD_MS["silent"] - 1)
    assert _waiting(store) == []
    for later in (0, MINUTE, 60 * MINUTE):
        _note(desk, [SILENT], HOLD_MS["silent"] + later)
    assert _waiting(store) == [("silent", False)]
    _sent(store)
    restarted = Desk(store)
    _note(restarted, [SILENT], 0)
    _note(restarted, [SILENT], HOLD_MS["silent"])
    assert _waiting(store) == [], "a restart repeats nothing"
    _note(restarted, [], HOLD_MS["silent"])
    _note(restarted, [SILENT], HOLD_MS["silent"] + MINUTE)
    _note(restarted, [], HOLD_MS["silent"] + 2 * MINUTE)
    _note(restarted, [], HOLD_MS["silent"] + 2 * MINUTE + CLEAR_MS - 1)
    assert _waiting(store) == [], "it came back in between"
    _note(restarted, [], HOLD_MS["silent"] + 2 * MINUTE + CLEAR_MS)
    assert _waiting(store) == [("silent", True)]


def test_a_collector_that_is_restarted_all_the_time_still_tells_what_is_over(store):
    first = Desk(store)
    _note(first, [SILENT], 0)
    _note(first, [SILENT], HOLD_MS["silent"])
    begun = _waiting(store)
    assert begun
    ends = HOLD_MS["silent"] + MINUTE
    for looked in range(6):
        _note(Desk(store), [], ends + looked * MINUTE)
        assert (_waiting(store) != begun) == (looked * MINUTE >= CLEAR_MS), looked


def test_a_collector_that_is_restarted_all_the_time_still_tells_what_lasts(store):
    for minute in range(16):
        assert _waiting(store) == []
        _note(Desk(store), [SILENT], minute * MINUTE)
    assert _waiting(store) == [("silent", False)]


def test_what_began_anew_and_what_nobody_saw_for_long_have_not_lasted(store):
    _note(Desk(store), [SILENT], 0)
    _note(Desk(store), [], MINUTE)
    _note(Desk(store), [SILENT], HOLD_MS["silent"])
    assert _waiting(store) == [], "it was away in between"
    after = Desk(store)
    _note(after, [SILENT], 9 * DAY)
    _note(after, [SILENT], 9 * DAY + HOLD_MS["silent"] - UNSEEN_MS - MINUTE)
    assert _waiting(store) == [], "its hosts have time to come back"
    _note(after, [SILENT], 9 * DAY + HOLD_MS["silent"] - UNSEEN_MS)
    assert _waiting(store) == [("silent", False)]


def test_what_earlier_releases_gave_up_is_told_if_it_is_still_there(store):
    desk = Desk(store)
    _note(desk, [Matter("disk", "store", "", "")], 0)
    _note(desk, [Matter("disk", "store", "", "")], HOLD_MS["disk"])
    with store.writing() as connection:
        ids = [one.id for one in alerts.waiting(connection, "duty")]
        alerts.finish(connection, ids, now_ms=T0, outcome=alerts.GIVEN_UP)
    _note(desk, [Matter("disk", "store", "", "")], HOLD_MS["disk"] + MINUTE)
    assert _waiting(store) == [("disk", False)]


def test_the_alerts_of_a_store_of_before_go_on(url, monkeypatch):
    with monkeypatch.context() as before:
        before.setattr(engine, "HEAD", "0014")
        old = open_store(url)
        with old.store.writing() as connection:
            for subject in ("store", "gone"):
                alerts.open_new(connection, "disk", subject, month="2026-11", zh="", en="", now_ms=T0)
            alerts.queue_opened(connection, "duty", ["disk"], now_ms=T0)
            (first, second) = alerts.waiting(connection, "duty")
            alerts.finish(connection, [first.id], now_ms=T0, outcome=alerts.GIVEN_UP)
            alerts.finish(connection, [second.id], now_ms=T0, outcome=alerts.SENT)
        old.store.close()
    now = open_store(url)
    desk = Desk(now.store)
    for minute in range(CLEAR_MS // MINUTE + 2):
        _note(desk, [Matter("disk", "store", "", ""), SILENT], minute * MINUTE)
    with now.store.reading() as connection:
        told = [(one.alert.subject, one.closing) for one in alerts.waiting(connection, "duty")]
        assert set(alerts.pending(connection)) == {("silent", SILENT.subject)}
    assert sorted(told) == [("gone", True), ("store", False)]
    now.store.close()


def test_who_was_not_told_that_it_began_is_not_told_that_it_is_over(store):
    desk = Desk(store)
    _note(desk, [SILENT], 0)
    _note(desk, [SILENT], HOLD_MS["silent"])
    _note(desk, [], HOLD_MS["silent"])
    _note(desk, [], HOLD_MS["silent"] + CLEAR_MS)
    assert _waiting(store) == []


def test_what_is_about_a_month_ends_with_it_without_a_word(store):
    risk = Matter("coverage_risk", "web-1", "久", "long")
    for month, expected in (("2026-11", [("coverage_risk", True)]), ("2026-12", [])):
        desk = Desk(store)
        _note(desk, [risk], 0)
        _note(desk, [risk], HOLD_MS["coverage_risk"])
        _sent(store)
        _note(desk, [], HOLD_MS["coverage_risk"], month=month)
        _note(desk, [], HOLD_MS["coverage_risk"] + CLEAR_MS, month=month)
        assert _waiting(store) == expected
        _sent(store)


def test_a_webhook_that_is_added_is_told_what_is_open_and_only_what_it_wants(store):
    desk = Desk(store)
    full = Matter("unmarked", "log", "x", "x")
    _note(desk, [full], 0)
    bad_only = replace(HOOK, alias="night", codes=("unmarked",))
    other = replace(HOOK, alias="disk", codes=("disk",))
    _note(desk, [full], MINUTE, hooks=(HOOK, bad_only, other))
    assert (_waiting(store), _waiting(store, "night"), _waiting(store, "disk")) == (
        [("unmarked", False)],
        [("unmarked", False)],
        [],
    )


def test_old_alerts_are_forgotten(store):
    desk = Desk(store)
    full = Matter("unmarked", "log", "x", "x")
    _note(desk, [full], 0)
    _sent(store)
    _note(desk, [], MINUTE)
    _note(desk, [], MINUTE + CLEAR_MS)
    with store.writing() as connection:
        alerts.forget(connection, T0 + MINUTE + CLEAR_MS)
        assert len(alerts.waiting(connection, "duty")) == 1, "closed at that instant, not before"
        alerts.forget(connection, T0 + MINUTE + CLEAR_MS + 1)
        assert alerts.waiting(connection, "duty") == []


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("x = ", "not a TOML file"),
        ("webhook = []", "did you mean 'webhooks'"),
        ("coverage_percent = 101", "1 to 100"),
        ("webhooks = 3", r"\[\[webhooks\]\]"),
        ('[[webhooks]]\nkind = "json"', "alias is needed"),
        ('[[webhooks]]\nalias = "a"\nkind = "slack"', "kind is one of"),
        ('[[webhooks]]\nalias = "a"\nurl = "env:U"', "kind is one of"),
        ('[[webhooks]]\nalias = "a"\nkind = "json"\nurl = "https://x/?key=1"', "says where the secret is"),
        ('[[webhooks]]\nalias = "a"\nkind = "wecom"\nurl = "env:U"\nsecret = "env:S"', "takes no secret"),
        ('[[webhooks]]\nalias = "a"\nkind = "json"\nurl = "env:U"\ncodes = ["silence"]', "'silent'"),
        ('[[webhooks]]\nalias = "a"\nkind = "json"\nurl = "env:U"\ncodes = []', "codes is a list"),
        ('[[webhooks]]\nalias = "a"\nkind = "json"\nurl = "env:U"\nproxy = "http://u:p@h"', "without user"),
        ('[[webhooks]]\nalias = "a"\nkind = "json"\nurl = "env:U"\nurls = 1', "unknown key"),
        ('[[webhooks]]\nalias = "a"\nkind = "json"\nurl = "env:U"\n' * 2, "stands twice"),
        ('[[webhooks]]\nalias = "a"\nkind = "json"\nurl = "env:U"\n' * 17, "at most 16"),
    ],
)
def test_a_wrong_file_is_refused_with_the_key(text, words):
    with pytest.raises(SettingsError, match=words) as refused:
        parse_alerts(text, where="alerts.toml")
    assert "key=1" not in str(refused.value)


def test_the_least_urgency_leaves_codes_out():
    (hook,) = parse_alerts(
        '[[webhooks]]\nalias = "a"\nkind = "dingtalk"\nurl = "env:U"\nsecret = "env:S"\nleast = "bad"\nlanguage = "en"',
        where="",
    ).webhooks
    assert "behind" not in hook.codes
    assert "silent" in hook.codes
    assert hook.language == "en"


# Clouds and monitors


def test_a_host_that_a_cloud_tells_of_has_lost_nothing_and_the_better_source_counts(opened):
    month = _month()
    with opened.store.reading() as connection:
        found = _coverages(
            connection,
            [
                Standing(1, "db-1", {"aliyun": "x", "import": "x"}, None),
                Standing(2, "oa", {"accounts": "x"}, None),
            ],
            None,
            month,
            holes=Holes(),
            percent=95,
            now_ms=T0 + 4 * DAY,
        )
    assert found == {"db-1": Coverage(30 * DAY, 0, 0, 2 * DAY)}
    agent, cloud = Coverage(30 * DAY, 0, 3 * DAY, 0), Coverage(30 * DAY, 0, 0, DAY)
    assert better(agent, cloud) == better(cloud, agent) == cloud
    assert better(cloud, replace(cloud, outstanding_ms=0)).outstanding_ms == 0


def test_a_silent_cloud_has_two_days_and_files_none():
    def state(sources, age_ms):
        newest = Newest(sources[0], T0 - MINUTE, T0, T0, None)
        return state_of(Standing(1, "a", dict.fromkeys(sources, ""), newest), T0 + age_ms)

    assert state(("aliyun",), 2 * DAY) is State.REPORTING
    assert state(("aliyun",), 2 * DAY + 1) is State.SILENT
    assert state(("import",), 99 * DAY) is State.IMPORTED
    assert state(("agent",), 31 * MINUTE) is State.SILENT
    assert state(("agent",), -31 * MINUTE) is State.SILENT, "it arrived before the clock was set back"


def test_an_agent_is_silent_also_beside_a_reader_that_lives_and_so_is_a_reader_beside_an_agent(  # noqa: PLR0917
    opened, api, token, web, take, clock
):
    api.enrol(token(), "web-2")
    database = api.enrol(token("web-1"), "web-1", source="database")
    first = [host.next(T0, 11, source=name) for host, name in ((web, "agent"), (database, "database"))]

    def told(*frames, at_ms):
        clock.now_ms = at_ms
        assert take(*frames) == [("stored", "")] * len(frames)
        found = [m for m in decide(_situation(opened, at_ms + MINUTE)) if m.code == "silent"]
        return [(m.subject, m.en) for m in found]

    later = T0 + 10 * HOUR
    assert told(*first, at_ms=T0 + 11 * MINUTE) == []
    assert told(database.next(later, 11, source="database"), at_ms=later + 11 * MINUTE) == [
        ("web-1", "last heard of 10 h 1 min ago")
    ]
    assert told(web.next(later + 5 * HOUR, 11), at_ms=later + 5 * HOUR + 11 * MINUTE) == [
        ("web-1 database", "database was last heard of 5 h 1 min ago")
    ]
    only_reader = Standing(
        1, "a", {"agent": "", "login-log": ""}, Newest("login-log", T0 - MINUTE, T0, T0, None)
    )
    assert state_of(only_reader, T0) is State.NEVER


def test_a_chunk_that_spans_an_interruption_gives_its_host_no_weeks(opened, web, take):
    take(web.next(T0, 41))
    with opened.store.reading() as connection:
        (one,) = standings(connection)
    assert one.newest.filled_ms == 40 * MINUTE
    # The host was off for a week: the first chunk after it begins before it.
    newest = replace(one.newest, start_ms=one.newest.end_ms - 7 * DAY, received_ms=T0 + 8 * DAY)

    def state(after_ms):
        return state_of(replace(one, newest=newest), T0 + 8 * DAY + after_ms)

    assert state(2 * HOUR) is not State.SILENT
    assert state(2 * HOUR + 1) is State.SILENT
    endless = Newest("agent", T0 - 90 * DAY, T0, T0, None)
    assert state_of(Standing(1, "a", {"agent": ""}, endless), T0 + 3 * DAY + 1) is State.SILENT


def test_a_chunk_of_a_time_when_both_clocks_were_ahead_makes_no_host_silent(opened, web, take, clock):
    year = 365 * DAY
    for start_ms in (T0, T0 + year, T0 + 20 * MINUTE):
        clock.now_ms = start_ms + 10 * MINUTE
        assert take(web.next(start_ms, 11)) == [("stored", "")]
    with opened.store.reading() as connection:
        (one,) = standings(connection, now_ms=T0 + 31 * MINUTE)
        (all_,) = standings(connection)
    assert state_of(one, T0 + 31 * MINUTE) is State.REPORTING
    assert all_.newest.end_ms > T0 + year


def test_accounts_that_fail_and_files_that_cannot_be_used_are_told(opened, tmp_path, events):
    def told():
        return read_histories(
            opened,
            file,
            keys=Keys(read_secret),
            clocks=replace(real_clocks(), wall_ms=lambda: T0),
            log=events,
            plugins=Plugins({}, ()),
        )

    file = tmp_path / "sources.toml"
    assert told() == ()
    file.write_text("sources = 3")
    assert told()[0].broken
    file.write_text(
        '[[sources]]\nalias = "ali"\nprovider = "aliyun"\n[[sources]]\nalias = "ali"\nprovider = "aliyun"\n'
    )
    with opened.store.writing() as connection:
        for _ in range(3):
            number = polls.begin(connection, Question("ali", "aliyun", polls.ACCOUNT), now_ms=T0)
            polls.finish(connection, number, Counts(), now_ms=T0, outcome="AUTH", detail="no key")
    broken, ali = told()
    assert "ali" in broken.problem
    assert (ali.alias, ali.failures, ali.problem) == ("ali", 3, "no key")


def _standing(account, *metrics):
    return AccountStanding(
        account,
        1,
        None,
        None,
        0,
        tuple(MetricStanding(name, mark, None, days) for name, mark, days in metrics),
    )


def test_the_metric_that_is_forgotten_first_counts_and_one_that_was_never_read_does_not():
    account = Account("ali", "prometheus", every_ms=HOUR)
    metrics = (("a", T0 - DAY, 9), ("b", T0, 4), ("c", None, 0), ("d", T0, None))
    one = _history(_standing(account, *metrics), now_ms=T0)
    assert (one.metric, one.left_days, one.failures, one.unread_ms, one.every_ms) == ("b", 4, 0, DAY, HOUR)
    assert _history(_standing(account, *metrics[2:]), now_ms=T0).left_days is None
    assert _history(_standing(account, metrics[2]), now_ms=T0).unread_ms is None


@pytest.mark.parametrize(
    ("account", "age_days", "left"),
    [
        (Account("a", "aliyun"), 84, 7),
        (Account("a", "aliyun"), 92, 0),
        (Account("a", "prometheus", settings={"keeps_days": 15}), 14, 1),
        (Account("a", "prometheus"), 400, None),
        (Account("a", "aliyun", period_ms=7), 84, None),
    ],
)
def test_a_provider_that_cannot_be_asked_forgets_all_the_same(account, age_days, left):
    """Aliyun keeps averages over five minutes for 91 days: a key that is gone does not keep them longer."""
    one = _history(_standing(account, ("cpu", T0 - age_days * DAY, None)), now_ms=T0)
    assert one.left_days == left


def test_the_servers_certificate_is_read_from_its_files_and_from_what_is_served(opened, url, tmp_path):
    source = OwnAuthority(opened.keyring.directory, ["localhost"], now=utc_now)
    assert certificate_of(Settings(db=url, tls=Tls(mode="own"))) == Certificate(), (
        "made when the service starts"
    )
    loaded = source.load()
    since, until = loaded.since, loaded.until
    assert certificate_of(Settings(db=url)) == Certificate()
    own = certificate_of(Settings(db=url, tls=Tls(mode="own")))
    assert own == Certificate(int(since.timestamp()) * 1000, int(until.timestamp()) * 1000)
    given, other = tmp_path / "given.pem", tmp_path / "other.pem"
    settings = Settings(db=url, tls=Tls(mode="files", certificate=given, key=given))
    assert "cannot read" in certificate_of(settings).problem
    given.write_text("no certificate")
    assert "no certificate in PEM form" in certificate_of(settings).problem
    given.write_bytes((opened.keyring.directory / "server.pem").read_bytes())
    assert certificate_of(settings) == own
    # Renewed, and the key forgotten: the one before stays in force, and that is what ends.
    other.write_bytes((opened.keyring.directory / "ca.key").read_bytes())
    soon = until - timedelta(days=300)
    found = certificate_of(
        replace(settings, tls=Tls(mode="files", certificate=given, key=other)), lambda: Served(soon, soon)
    )
    assert found.begins_ms == found.ends_ms
    assert found.ends_ms == int(soon.timestamp()) * 1000
    assert "do not belong together" in found.problem
    (opened.keyring.directory / "ca.pem").write_text("x")
    assert "ca.pem holds no certificate" in certificate_of(Settings(db=url, tls=Tls(mode="own"))).problem


def test_a_certificate_that_cannot_be_used_is_told_with_how_long_the_one_before_holds():
    (one,) = decide(replace(BASE, certificate_ends_ms=T0 + 5 * DAY, certificate_problem="no pair"))
    assert one.code == "certificate"
    assert "已过期" in one.zh
    assert "no pair" in one.zh
    assert "no pair" in one.en
