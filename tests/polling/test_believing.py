"""A mark is believed only under the settings and by the clock that it was made with."""

from __future__ import annotations

from dataclasses import replace

import pytest
from sources.fake import DAY, HOUR, MINUTE, machine

from collector.polling import backoff, believing
from collector.polling.backoff import SLACK_MS
from collector.polling.standing import standing
from collector.sources.errors import RangeError, UnreachableError
from collector.sources.interface import CPU, NET_RX, Retention
from collector.store import polls, readings


@pytest.fixture(autouse=True)
def _little(bench):
    bench.fake.keeps = (Retention(5 * MINUTE, 3 * DAY),)


def nothing(series):
    """What a wrong device filter gives: every instance answered, without points."""
    return [type(one)(**{**vars(one), "points": ()}) for one in series]


def test_history_that_a_wrong_filter_hid_is_read_when_the_filter_is_mended(bench):
    bench.fake.spoil = nothing
    report = bench.poll(bench.account(settings={"net_devices": "eth9"}))
    assert report.barren == (CPU,)
    assert bench.marks()
    bench.fake.spoil = None
    report = bench.poll(bench.account(settings={"net_devices": "eth0"}))
    assert "everything is asked for again" in report.notes[0]
    assert bench.log.named("source_again")
    assert report.barren == ()
    assert len(bench.sealed()["web-1", CPU]) > 800
    assert bench.poll(bench.account(settings={"net_devices": "eth0"})).notes == (), "once"


@pytest.mark.parametrize(("first", "then"), [(1, 2), (1, None), (0, 1)])
def test_history_that_a_small_backfill_left_out_is_read_when_it_goes_further_back(bench, first, then):
    bench.poll(bench.account(backfill_days=first))
    before = min(bench.sealed().get(("web-1", CPU), {(bench.clock.now_ms, 0): None}))
    account = bench.account(backfill_days=then)
    seen = standing(bench.world(), account, (account,))
    assert seen.notes == (believing.DEEPER,)
    assert bench.poll(account).notes == (believing.DEEPER,)
    assert min(bench.sealed()["web-1", CPU])[0] <= before[0] - 20 * HOUR
    assert bench.poll(account).notes == (), "once"


@pytest.mark.parametrize(
    ("first", "then", "notes"),
    [(2, 2, ()), (2, 1, ()), (None, None, ()), (None, 93, ()), (None, 94, (believing.DEEPER,))],
    ids=["same", "less", "none", "what was read where nothing was set", "more than that"],
)
def test_a_backfill_that_goes_no_further_back_asks_nothing_again(bench, first, then, notes):
    bench.fake.keeps = (Retention(HOUR, 3 * DAY),)
    bench.poll(bench.account(backfill_days=first))
    assert bench.poll(bench.account(backfill_days=then)).notes == notes


def test_marks_of_a_version_that_kept_no_reach_are_believed(bench):
    account = bench.account(backfill_days=1)
    bench.poll(account)
    with bench.opened.store.writing() as connection:
        known = readings.read(connection, "main")
        readings.keep(connection, "main", replace(known, backfill_days=readings.REACH_UNKNOWN))
    assert bench.poll(bench.account()).notes == ()
    assert bench.poll(bench.account(backfill_days=1)).notes == ()
    assert bench.poll(bench.account()).notes == (believing.DEEPER,)


def test_the_way_to_a_source_and_the_secrets_decide_nothing(bench):
    bench.poll(
        bench.account(settings={"ca_file": "/a", "token": "env:A", "deep": {"password": "env:A", "x": 1}})
    )
    asked = len(bench.fake.asked)
    account = bench.account(
        settings={"ca_file": "/b", "token": "env:B", "deep": {"password": "env:B", "x": 1}}
    )
    assert bench.poll(account).notes == ()
    assert len(bench.fake.asked) == asked
    assert believing.fingerprint(account) != believing.fingerprint(bench.account(settings={"deep": {"x": 2}}))


def test_an_instance_that_is_mapped_to_another_host_is_read_again_and_no_other_is(bench):
    bench.poll()
    bench.fake.asked.clear()
    account = bench.account(hosts={"i-web-1": "erp-1"})
    with bench.opened.store.reading() as connection:
        assert "hosts have changed" in believing.doubts(connection, account, now_ms=bench.clock.now_ms)[0]
    report = bench.poll(account)
    assert "1 instances are mapped to other hosts" in report.notes[0]
    assert {ones for _, ones, _, _ in bench.fake.asked} == {("i-web-1",)}
    assert bench.sealed()["erp-1", CPU] == bench.sealed()["web-1", CPU]


def test_again_asks_for_everything_and_seals_nothing_twice(bench):
    bench.fake.offers = (CPU, NET_RX)
    first = bench.poll()
    report = bench.poll(again=())
    assert (report.counts.points, report.counts.known, report.counts.sealed) == (
        first.counts.points,
        first.counts.points,
        0,
    )
    bench.fake.asked.clear()
    bench.poll(again=[NET_RX])
    assert {metric for metric, _, _, _ in bench.fake.asked} == {NET_RX}


def test_nothing_found_again_is_said_though_there_were_points_before(bench):
    bench.poll()
    bench.fake.spoil = nothing
    assert bench.poll(again=()).barren == (CPU,)
    account = bench.account()
    assert standing(bench.world(), account, (account,)).barren == (CPU,)


def test_a_clock_that_was_ahead_leaves_nothing_waiting_for_it(bench):
    now = bench.clock.now_ms
    bench.fake.instances.append(machine("gone"))
    bench.clock.now_ms = now + 300 * DAY
    bench.fake.spoil = nothing
    bench.poll()
    bench.fake.faults = [UnreachableError("no")]
    bench.clock.now_ms += HOUR
    bench.poll()
    assert bench.marks()["i-web-1"] > now
    bench.clock.now_ms = now
    bench.fake.spoil = None
    bench.fake.instances.pop()
    account = bench.account()
    seen = standing(bench.world(), account, (account,))
    assert any("the clock was ahead" in text for text in seen.notes)
    report = bench.poll(only_due=True)
    assert any("the clock was ahead" in text for text in report.notes)
    assert report.failed == 0
    assert max(bench.marks().values()) <= now
    assert len(bench.sealed()["web-1", CPU]) > 800
    assert standing(bench.world(), account, (account,)).instances == 2


def test_an_account_that_is_asked_every_minute_is_asked_at_every_look(bench):
    account = bench.account(every_ms=MINUTE, metrics=(CPU,))
    poller = bench.poller(account)
    poller.run(account)
    begun = bench.questions()[-1].time_ms
    bench.clock.now_ms = begun + 5 * MINUTE
    poller.run(account)
    assert bench.questions()[-1].time_ms == begun + 5 * MINUTE
    bench.clock.now_ms += MINUTE - 100  # the question was asked a tenth of a second into its look
    with bench.opened.store.reading() as connection:
        latest = polls.latest(connection, "main", polls.AVERAGES, CPU)
    due = backoff.due_ms(latest, every_ms=MINUTE, now_ms=bench.clock.now_ms)
    assert due <= bench.clock.now_ms
    assert (
        backoff.due_ms(latest, every_ms=HOUR, now_ms=bench.clock.now_ms) == latest.time_ms + HOUR - SLACK_MS
    )


def test_a_period_that_is_not_kept_is_out_of_range_and_stops_nobody_else(bench):
    broken, good = bench.account(alias="broken", period_ms=77_000), bench.account(alias="good")
    poller = bench.poller(broken, good)
    assert "period_s is one of 300" in poller.run(broken).problems[0]
    assert [row.outcome for row in bench.questions()] == ["SOURCE_RANGE"]
    assert bench.questions(polls.ACCOUNT) == []
    assert poller.run(good).counts.sealed > 0


def test_a_system_that_does_not_say_what_it_keeps_is_asked_in_the_finest_period_that_it_answers(bench):
    bench.fake.keeps = ()
    bench.poll(bench.account(backfill_days=1))
    assert {period for _, _, _, period in bench.fake.asked} == {5 * MINUTE}
    real, bench.fake.asked = bench.fake.calls_for, []

    def calls_for(metric, instances, span, period_ms):
        if period_ms % (12 * MINUTE):
            raise RangeError("samples are four minutes apart")
        return real(metric, instances, span, period_ms)

    bench.fake.calls_for = calls_for
    bench.poll(bench.account(alias="coarse", backfill_days=1, hosts={"i-web-1": "a", "i-web-2": "b"}))
    assert {period for _, _, _, period in bench.fake.asked} == {12 * MINUTE}
    report = bench.poll(bench.account(alias="wrong", period_ms=7 * MINUTE))
    assert report.problems == ["averages: samples are four minutes apart"]
