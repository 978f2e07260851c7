from __future__ import annotations

import hashlib
from dataclasses import replace
from decimal import Decimal

import pytest
from sources.fake import DAY, HOUR, MINUTE, machine, truth

from collector.code import running_code
from collector.errors import StoreBusyError, StoreError
from collector.polling import asking, plan, samples
from collector.polling.backoff import SLACK_MS
from collector.polling.plan import BEHIND_MS, LATE_MS
from collector.polling.world import patiently_writing
from collector.sources.errors import (
    AnswerError,
    AuthError,
    PermissionMissing,
    QuotaExhaustedError,
    RangeError,
    ThrottledError,
    UnreachableError,
)
from collector.sources.interface import AVERAGE, CPU, LAST, NET_RX, SUM, Point, Retention, Series, Span
from collector.sources.registry import Plugins
from collector.store import findings, polls, registry, schema
from collector.store.archive import StoreArchive
from collector.store.engine import open_engine
from evidence.crediting import credited
from evidence.enrolment import parse

pytestmark = pytest.mark.both_stores

PERIOD = 5 * MINUTE


def expected(bench, instance, *, start_ms, end_ms, period_ms=PERIOD, metric=CPU):
    return {
        (at, period_ms): bench.fake.changed.get((instance, at), truth(instance, metric, at, period_ms))
        for at in range(start_ms, end_ms, period_ms)
        if (instance, at) not in bench.fake.gaps
    }


def up(instant, step):
    return -(-instant // step) * step


def newest(now_ms):
    return (now_ms - BEHIND_MS) // PERIOD * PERIOD


def whole(bench, instance, now_ms, metric=CPU):
    """Hours as far back as they are kept, five minutes as far as these are, until ten minutes ago."""
    oldest = up(now_ms - 40 * DAY + HOUR, HOUR)
    fine = up(now_ms - 10 * DAY + HOUR, HOUR)
    return {
        **expected(bench, instance, start_ms=oldest, end_ms=fine, period_ms=HOUR, metric=metric),
        **expected(bench, instance, start_ms=fine, end_ms=newest(now_ms), metric=metric),
    }


def recent_only(bench):
    """Keep little history, so that a test is quick."""
    bench.fake.keeps = (Retention(PERIOD, DAY),)


def test_the_first_run_seals_everything_that_the_provider_still_has(bench):
    bench.fake.offers = (CPU, NET_RX)
    report = bench.poll()
    sealed = bench.sealed()
    assert report.problems == []
    for host in ("web-1", "web-2"):
        for metric in (CPU, NET_RX):
            assert sealed[host, metric] == whole(bench, f"i-{host}", bench.clock.now_ms, metric)
    assert bench.marks() == dict.fromkeys(("i-web-1", "i-web-2"), newest(bench.clock.now_ms))


def test_a_second_run_at_once_asks_nothing(bench):
    recent_only(bench)
    bench.poll()
    asked = len(bench.fake.asked)
    report = bench.poll()
    assert len(bench.fake.asked) == asked
    assert report.counts.points == 0


def test_the_next_run_asks_from_the_mark_with_an_overlap_and_seals_only_what_is_new(bench):
    recent_only(bench)
    bench.poll()
    before = len(bench.averages())
    mark = newest(bench.clock.now_ms)
    bench.fake.asked.clear()
    bench.clock.now_ms += HOUR
    report = bench.poll()
    ((_, instances, span, period),) = bench.fake.asked
    assert (instances, period, span.end_ms) == (("i-web-1", "i-web-2"), PERIOD, newest(bench.clock.now_ms))
    assert mark - 2 * plan.OVERLAP_MS < span.start_ms <= mark - plan.OVERLAP_MS
    assert report.counts.sealed == 2 * 12
    assert report.counts.known == 2 * (mark - span.start_ms) // PERIOD
    assert len(bench.averages()) == before + 2  # one for each host
    bench.sealed()


def test_the_newest_ten_minutes_are_left_alone(bench):
    recent_only(bench)
    bench.poll()
    assert max(span.end_ms for _, _, span, _ in bench.fake.asked) <= bench.clock.now_ms - 10 * MINUTE


def test_a_week_without_polling_is_caught_up(bench):
    bench.fake.keeps = (Retention(PERIOD, 30 * DAY),)
    first = bench.clock.now_ms
    bench.poll(bench.account(backfill_days=1))
    bench.clock.now_ms += 8 * DAY
    bench.poll(bench.account(backfill_days=1))
    start = (first - DAY - BEHIND_MS) // plan.OVERLAP_MS * plan.OVERLAP_MS
    found = bench.sealed()["web-1", CPU]
    assert found == expected(bench, "i-web-1", start_ms=start, end_ms=newest(bench.clock.now_ms))


def test_what_is_too_old_for_the_fine_period_is_read_in_the_coarse_one(bench):
    recent = newest(bench.clock.now_ms)
    bench.poll()
    bench.clock.now_ms += 20 * DAY  # five minutes are kept for ten days only
    bench.poll()
    found = bench.sealed()["web-1", CPU]
    fine = up(bench.clock.now_ms - 10 * DAY + HOUR, HOUR)
    assert any(length == HOUR and at >= recent for at, length in found)
    assert {place: v for place, v in found.items() if place[0] >= fine} == expected(
        bench, "i-web-1", start_ms=fine, end_ms=newest(bench.clock.now_ms)
    )
    covered = sorted(found)
    gaps = [(a + n, b) for (a, n), (b, _) in zip(covered, covered[1:], strict=False) if a + n != b]
    assert all(end - start < HOUR for start, end in gaps), "at most what is left of one hour is lost"


def test_a_gap_stays_missing_and_is_never_filled(bench):
    recent_only(bench)
    hole = newest(bench.clock.now_ms) - 6 * HOUR
    bench.fake.gaps = {("i-web-1", hole + step * PERIOD) for step in range(12)}
    bench.poll()
    found = bench.sealed()
    assert not [at for at, _ in found["web-1", CPU] if hole <= at < hole + HOUR]
    assert len(found["web-2", CPU]) - len(found["web-1", CPU]) == 12


def test_a_point_that_comes_late_is_sealed_when_it_comes(bench):
    recent_only(bench)
    late = newest(bench.clock.now_ms) - 3 * PERIOD
    bench.fake.late = {("i-web-1", late): bench.clock.now_ms + 20 * MINUTE}
    bench.poll()
    assert (late, PERIOD) not in bench.sealed()["web-1", CPU]
    bench.clock.now_ms += 30 * MINUTE
    report = bench.poll()
    assert bench.sealed()["web-1", CPU][late, PERIOD] == truth("i-web-1", CPU, late, PERIOD)
    assert report.counts.conflicts == 0


def test_an_end_that_is_late_as_a_whole_is_asked_for_again(bench):
    recent_only(bench)
    end = newest(bench.clock.now_ms)
    there = bench.clock.now_ms + 100 * MINUTE
    bench.fake.late = {("i-web-1", end - step * PERIOD): there for step in range(1, 19)}  # 90 minutes
    bench.poll()
    assert bench.marks() == {"i-web-1": end - 18 * PERIOD, "i-web-2": end}
    bench.clock.now_ms += 101 * MINUTE
    bench.poll()
    assert len(bench.sealed()["web-1", CPU]) == len(bench.sealed()["web-2", CPU])


def test_a_machine_that_is_off_does_not_hold_its_mark_for_ever(bench):
    recent_only(bench)
    bench.fake.gaps = {
        ("i-web-1", at)
        for at in range(up(bench.clock.now_ms - 2 * DAY, PERIOD), bench.clock.now_ms + 2 * DAY, PERIOD)
    }
    bench.poll()
    assert bench.marks()["i-web-1"] == bench.clock.now_ms - LATE_MS
    assert ("web-1", CPU) not in bench.sealed()


def test_a_changed_point_is_a_finding_and_the_sealed_one_stays(bench):
    recent_only(bench)
    bench.poll()
    at = newest(bench.clock.now_ms) - 2 * PERIOD
    was = bench.sealed()["web-1", CPU][at, PERIOD]
    bench.fake.changed = {("i-web-1", at): was + 1}
    bench.clock.now_ms += HOUR
    report = bench.poll()
    assert bench.sealed()["web-1", CPU][at, PERIOD] == was
    (finding,) = [one for one in bench.findings() if one.code == findings.SOURCE_CONFLICT]
    assert (finding.host, finding.source) == ("web-1", "fake")
    assert f"{was.normalize():f} is sealed, {(was + 1).normalize():f} was answered later" in finding.detail
    assert report.counts.conflicts == 1
    assert [row.conflicts for row in bench.questions()][-1] == 1
    bench.clock.now_ms += 10 * MINUTE
    bench.poll()
    assert len(bench.findings()) == 1, "seen again it is the same finding"


def test_more_conflicts_than_are_shown_are_counted(bench, monkeypatch):
    monkeypatch.setattr("collector.polling.storing.MAX_CONFLICTS_SHOWN", 2)
    recent_only(bench)
    bench.poll()
    end = newest(bench.clock.now_ms)
    bench.fake.changed = {("i-web-1", end - step * PERIOD): Decimal(99) for step in range(1, 5)}
    bench.clock.now_ms += HOUR
    assert bench.poll().counts.conflicts == 4
    assert len(bench.findings()) == 2


def test_the_same_value_written_otherwise_is_the_same_value(bench):
    recent_only(bench)
    bench.poll()
    at = newest(bench.clock.now_ms) - PERIOD
    bench.fake.changed = {("i-web-1", at): Decimal(f"{truth('i-web-1', CPU, at, PERIOD)}000")}
    bench.clock.now_ms += HOUR
    assert bench.poll().counts.conflicts == 0


def test_another_period_over_sealed_time_adds_nothing_and_is_no_conflict(bench):
    bench.fake.keeps = (Retention(PERIOD, DAY), Retention(HOUR, DAY + HOUR))
    bench.poll()
    chunks = len(bench.averages())
    bench.clock.now_ms += 10 * MINUTE
    report = bench.poll(bench.account(period_ms=HOUR))
    assert report.counts.covered >= 2
    assert (report.counts.conflicts, len(bench.averages())) == (0, chunks)


def test_a_processor_above_100_counts_as_100_and_a_negative_value_is_missing(bench):
    recent_only(bench)
    end = newest(bench.clock.now_ms)
    bench.fake.changed = {
        ("i-web-1", end - PERIOD): Decimal("100.7"),
        ("i-web-1", end - 2 * PERIOD): Decimal(-1),
        ("i-web-1", end - 3 * PERIOD): Decimal("1e30"),
    }
    report = bench.poll()
    found = bench.sealed()["web-1", CPU]
    assert found[end - PERIOD, PERIOD] == 100
    assert (end - 2 * PERIOD, PERIOD) not in found
    assert (report.counts.capped, report.counts.refused) == (1, 2)
    assert "2 points have no usable value; 1 points were above 100 %" in bench.questions()[-1].detail


def test_a_rate_above_100_stays_what_it_is(bench):
    recent_only(bench)
    bench.fake.offers = (NET_RX,)
    at = newest(bench.clock.now_ms) - PERIOD
    bench.fake.changed = {("i-web-1", at): Decimal("123456789.123456789")}
    bench.poll()
    assert bench.sealed()["web-1", NET_RX][at, PERIOD] == Decimal("123456789.123456789")


def test_chunks_say_where_they_come_from_and_the_ids_stand_in_the_store(bench):
    recent_only(bench)
    bench.fake.offers = (NET_RX,)
    bench.fake.statistic = SUM
    bench.poll()
    chunk = bench.chunks()[0]
    ids = ("request-1-a", "request-1-b")
    digest = hashlib.sha256("\n".join(ids).encode()).hexdigest()
    assert dict(chunk.manifest.host) == {
        "attested": "no",
        "statistic": "sum",
        "scope": "all_interfaces",
        "request_ids": digest,
    }
    assert chunk.manifest.interval_ms == PERIOD
    assert (chunk.manifest.columns[-1].statistic, chunk.header.source) == (AVERAGE, "fake")
    assert chunk.header.code == running_code()
    with bench.opened.store.reading() as connection:
        assert polls.requests(connection, digest) == ids
        assert polls.requests(connection, "0" * 64) == ()
    record = parse(bench.rows(schema.enrolment)[0].record)
    assert record.facts == {
        "attested": "no",
        "provider": "fake",
        "alias": "main",
        "region": "east",
        "instance": "i-web-1",
    }
    assert record.key == bench.opened.keyring.source_key("fake").public.raw.hex()


def test_a_source_without_request_ids_names_none(bench):
    recent_only(bench)
    bench.fake.spoil = lambda series: [replace(one, request_ids=()) for one in series]
    bench.poll()
    assert dict(bench.chunks()[0].manifest.host) == {"attested": "no", "statistic": "average"}


def test_the_chain_goes_on_from_run_to_run_and_day_sums_are_those_of_the_chunks(bench):
    recent_only(bench)
    for _ in range(3):
        bench.poll()
        bench.clock.now_ms += HOUR
    chain = [chunk for chunk in bench.chunks() if chunk.header.host == "web-1"]
    assert [chunk.header.seq for chunk in chain] == list(range(len(chain)))
    assert [after.header.prev for after in chain[1:]] == [before.hash for before in chain[:-1]]
    archive = StoreArchive(bench.opened.store)
    stored = {(row.metric, row.day): row.sums for row in archive.day_sums(0, 10**6) if row.host == "web-1"}
    assert stored == credited(chain, bench.opened.identity.calendar)


def test_another_instance_of_the_same_name_begins_another_enrolment(bench):
    recent_only(bench)
    bench.poll()
    bench.fake.instances = [machine("web-1", id="i-new"), machine("web-2")]
    bench.clock.now_ms += 7 * HOUR
    report = bench.poll()
    assert report.refused == ()
    with bench.opened.store.reading() as connection:
        keys = registry.enrolments_of(connection, "web-1", "fake")
    assert [key.epoch for key in keys] == [0, 1]
    assert not [one for one in bench.findings() if one.code == findings.KEY_BREAK]


def test_a_lost_key_of_the_collector_is_a_finding(bench):
    recent_only(bench)
    bench.poll()
    for name in ("source-fake.key", "source-fake.pub"):
        (bench.directory / name).unlink()
    bench.clock.now_ms += HOUR
    bench.poll()
    assert {one.host for one in bench.findings() if one.code == findings.KEY_BREAK} == {"web-1", "web-2"}


def test_a_machine_that_is_gone_is_read_to_its_end_and_then_left_alone(bench):
    recent_only(bench)
    bench.poll()
    bench.clock.now_ms += 7 * HOUR
    bench.fake.instances = [machine("web-2")]
    bench.poll()
    assert bench.marks()["i-web-1"] == newest(bench.clock.now_ms), "its past was still there"
    bench.clock.now_ms += 7 * HOUR
    bench.fake.asked.clear()
    bench.poll()
    assert {instances for _, instances, _, _ in bench.fake.asked} == {("i-web-2",)}
    assert len(bench.rows(schema.enrolment)) == 2, "an unknown region is no other instance"


def test_a_mapped_instance_is_asked_for_even_if_the_inventory_lacks_it(bench):
    recent_only(bench)
    bench.fake.instances = []
    bench.poll(bench.account(hosts={"i-old": "erp-1"}))
    assert ("erp-1", CPU) in bench.sealed()


def test_a_new_machine_is_read_from_its_beginning_without_asking_again_for_the_others(bench):
    recent_only(bench)
    bench.poll()
    bench.clock.now_ms += 7 * HOUR
    bench.fake.instances = [*bench.fake.instances, machine("web-3")]
    bench.fake.asked.clear()
    bench.poll()
    spans = {instances: span for _, instances, span, _ in bench.fake.asked}
    assert spans["i-web-3",].length_ms > 20 * HOUR
    assert spans["i-web-1", "i-web-2"].length_ms < 9 * HOUR


def test_a_moved_beginning_is_asked_for_in_halves(bench):
    recent_only(bench)
    bench.fake.longest_ms = 8 * HOUR
    report = bench.poll()
    found = bench.sealed()["web-1", CPU]
    start = up(bench.clock.now_ms - DAY + HOUR, PERIOD)
    assert found == expected(bench, "i-web-1", start_ms=start, end_ms=newest(bench.clock.now_ms))
    assert report.counts.conflicts == 0
    assert len(bench.questions()) == 1, "the halves belong to one question"


def test_a_beginning_that_never_comes_is_noted_and_the_rest_is_kept(bench, monkeypatch):
    monkeypatch.setattr(asking, "MAX_HALVINGS", 1)
    recent_only(bench)
    bench.fake.longest_ms = 4 * HOUR
    bench.poll()
    assert "the source does not answer from the beginning" in bench.questions()[-1].detail
    times = [at for at, _ in bench.sealed()["web-1", CPU]]
    assert len(times) == 2 * 4 * 12
    assert bench.marks()["i-web-1"] == newest(bench.clock.now_ms)


def test_a_single_period_is_not_halved(bench):
    stretch = plan.Stretch(Span(0, PERIOD), PERIOD)
    assert asking._halves(stretch) == []


def test_an_answer_that_ends_early_is_gone_on_with_in_the_next_run(bench):
    bench.fake.keeps = (Retention(PERIOD, 9 * DAY),)  # two questions
    bench.fake.instances = [machine("web-1")]
    bench.fake.ends_early_ms = HOUR
    bench.poll()
    assert len(bench.fake.asked) == 1
    (_, _, span, _), mark = bench.fake.asked[0], bench.marks()["i-web-1"]
    assert mark == span.end_ms - HOUR
    bench.fake.ends_early_ms = 0
    bench.poll()
    start = up(bench.clock.now_ms - 9 * DAY + HOUR, PERIOD)
    assert bench.sealed()["web-1", CPU] == expected(
        bench, "i-web-1", start_ms=start, end_ms=newest(bench.clock.now_ms)
    )


@pytest.mark.parametrize(
    ("spoil", "words"),
    [
        (
            lambda series: [one for one in series if one.instance == "i-web-1"],
            "no answer about 1 of 2 instances",
        ),
        (lambda series: [series[0], series[0]], "not asked for"),
        (lambda series: [replace(series[0], instance="i-other"), *series[1:]], "not asked for"),
        (lambda series: [replace(series[0], metric=NET_RX), *series[1:]], "not asked for"),
        (lambda series: [replace(series[0], statistic=LAST), *series[1:]], "last values are no averages"),
    ],
)
def test_an_answer_that_was_not_asked_for_is_refused_and_the_marks_stay(bench, spoil, words):
    recent_only(bench)
    bench.fake.spoil = spoil
    report = bench.poll()
    assert words in report.problems[0]
    assert bench.questions()[0].outcome == "SOURCE_ANSWER"
    assert len(bench.marks()) < 2


def test_more_points_than_were_asked_for_are_refused(bench, monkeypatch):
    monkeypatch.setattr(asking, "MAX_POINTS", 10)
    recent_only(bench)
    assert "points of one instance; at most 10" in bench.poll().problems[0]


def test_points_outside_of_what_was_asked_for_are_left_out(bench):
    recent_only(bench)

    def spoil(series):
        ahead = [Point(at, PERIOD, Decimal(1)) for at in range(series[0].asked.end_ms, NEVER, PERIOD)]
        return [replace(one, points=(*one.points, *ahead)) for one in series]

    NEVER = newest(bench.clock.now_ms) + 3 * PERIOD  # noqa: N806 - so far the points reach
    bench.fake.spoil = spoil
    report = bench.poll()
    assert report.counts.outside == 2 * 3
    assert max(at for at, _ in bench.sealed()["web-1", CPU]) < newest(bench.clock.now_ms)


def test_one_bad_answer_does_not_keep_the_other_instances_from_being_read(bench):
    bench.fake.instances = [machine(f"web-{number}") for number in range(7)]
    bench.fake.keeps = (Retention(PERIOD, 9 * DAY),)  # two questions for each
    bench.fake.spoil = lambda series: [one for one in series if one.instance != "i-web-3"]
    report = bench.poll()
    assert set(bench.marks()) == {f"i-web-{number}" for number in (0, 1, 2, 4, 5, 6)}
    assert all(mark == newest(bench.clock.now_ms) for mark in bench.marks().values())
    assert report.failed > 1, "found by halves"
    assert ("i-web-3",) in [instances for _, instances, _, _ in bench.fake.asked]
    late = max(span.start_ms for _, _, span, _ in bench.fake.asked)
    assert not [1 for _, ones, span, _ in bench.fake.asked if span.start_ms == late and "i-web-3" in ones], (
        "what comes later of it is not asked for first"
    )
    bench.fake.spoil = None
    bench.poll()
    assert len({len(points) for points in bench.sealed().values()}) == 1


def test_a_bad_answer_about_one_does_not_make_the_others_wait_for_longer_than_usual(bench):
    recent_only(bench)
    bench.fake.spoil = lambda series: [one for one in series if one.instance != "i-web-1"]
    poller, account = bench.poller(), bench.account(every_ms=60_000)
    for _ in range(6):
        poller.run(account)
        bench.clock.now_ms += 5 * MINUTE
    assert bench.marks()["i-web-2"] >= newest(bench.clock.now_ms - 5 * MINUTE)


def test_history_in_a_period_that_a_metric_does_not_have_is_left_out(bench):
    real = bench.fake.averages

    def averages(metric, instances, span, period_ms):
        if period_ms == HOUR:
            raise RangeError("no hours of this metric")
        return real(metric, instances, span, period_ms)

    bench.fake.averages = averages
    report = bench.poll()
    fine = up(bench.clock.now_ms - 10 * DAY + HOUR, HOUR)
    assert bench.sealed()["web-1", CPU] == expected(
        bench, "i-web-1", start_ms=fine, end_ms=newest(bench.clock.now_ms)
    )
    assert report.problems == ["averages cpu.utilization: no hours of this metric"]
    assert bench.poll().failed == 0, "it is not asked for again"


def test_a_metric_that_cannot_be_asked_for_at_all_ends(bench):
    recent_only(bench)
    bench.fake.faults = [RangeError("not this metric")]
    report = bench.poll()
    assert (report.failed, report.counts.points) == (1, 0)


def test_what_came_before_a_fault_is_kept(bench, monkeypatch):
    monkeypatch.setattr(asking, "SERIES_AT_ONCE", 1)
    recent_only(bench)
    bench.fake.faults = [UnreachableError("gone")]
    bench.fake.fault_after = 1
    bench.poll()
    assert set(bench.marks()) == {"i-web-1"}
    bench.poll()
    assert len(bench.sealed()["web-1", CPU]) == len(bench.sealed()["web-2", CPU])


def test_a_wrong_key_stops_the_account_and_is_told_once(bench):
    bench.fake.offers = (CPU, NET_RX)
    recent_only(bench)
    bench.fake.faults = [AuthError("wrong key")]
    report = bench.poll()
    assert len(bench.fake.asked) == 1
    assert report.problems == ["averages cpu.utilization: wrong key"]
    assert [row.outcome for row in bench.questions(polls.ACCOUNT)] == ["SOURCE_AUTH"]
    assert bench.log.named("source_failed")[0]["code"] == "SOURCE_AUTH"


def test_a_missing_permission_stops_only_the_metric(bench):
    bench.fake.offers = (CPU, NET_RX)
    recent_only(bench)
    bench.fake.faults = [PermissionMissing("may not", permission="fake:Read")]
    report = bench.poll()
    assert report.failed == 1
    assert set(bench.marks(NET_RX)) == {"i-web-1", "i-web-2"}
    assert bench.questions(polls.ACCOUNT) == []


def test_a_plugin_that_raises_anything_is_an_error_of_the_plugin(bench):
    recent_only(bench)
    bench.fake.faults = [ZeroDivisionError("oops")]
    assert "ZeroDivisionError: oops" in bench.poll().problems[0]


@pytest.mark.sqlite_only("it puts other tables in place")
def test_a_fault_of_the_store_is_no_fault_of_the_source(bench):
    recent_only(bench)
    with bench.opened.store.writing() as connection:
        connection.exec_driver_sql("DROP TABLE source_mark")
        connection.exec_driver_sql(
            "CREATE TABLE source_mark (alias TEXT, metric TEXT, instance TEXT, mark_ms INTEGER)"
        )
    with pytest.raises(StoreError):
        bench.poll()
    assert bench.log.named("source_failed") == []
    assert bench.chunks() == []


def test_failures_are_left_alone_for_longer_and_longer(bench):
    recent_only(bench)
    poller, account = bench.poller(), bench.account()
    waits = []
    for _ in range(4):
        bench.fake.faults = [UnreachableError("gone")]
        poller.run(account)
        retry = bench.questions(polls.ACCOUNT)[-1].retry_ms
        waits.append((retry - bench.clock.now_ms) // 1000)
        bench.clock.now_ms = retry - 1
        asked = len(bench.fake.asked)
        poller.run(account)
        assert len(bench.fake.asked) == asked, "not before"
        bench.clock.now_ms = retry
    assert waits == [45, 90, 180, 360]
    report = poller.run(account)
    assert report.counts.sealed > 0
    assert bench.questions(polls.ACCOUNT)[-1].outcome == polls.OK, "it is not left alone any longer"


def test_a_restart_does_not_shorten_the_pause_after_a_failure(bench):
    recent_only(bench)
    bench.fake.faults = [ThrottledError("slow down", retry_after_s=1000)]
    bench.poller().run(bench.account())
    bench.clock.now_ms += 999_000
    bench.poller().run(bench.account())
    assert len(bench.fake.asked) == 1
    bench.clock.now_ms += 1000
    bench.poller().run(bench.account())
    assert len(bench.fake.asked) == 2


def test_a_used_up_quota_is_tried_once_a_day(bench):
    recent_only(bench)
    bench.fake.faults = [QuotaExhaustedError("used up")]
    bench.poller().run(bench.account())
    assert bench.questions(polls.ACCOUNT)[-1].retry_ms == bench.clock.now_ms + DAY


def test_an_account_is_asked_again_when_it_is_due_and_not_before(bench):
    recent_only(bench)
    poller, account = bench.poller(), bench.account()
    poller.run(account)
    bench.fake.asked.clear()
    bench.clock.now_ms += HOUR - SLACK_MS - 1
    poller.run(account)
    assert bench.fake.asked == []
    bench.clock.now_ms += 1
    poller.run(account)
    assert len(bench.fake.asked) == 1


def test_after_a_restart_the_account_is_looked_at_at_once(bench):
    recent_only(bench)
    bench.poller().run(bench.account())
    bench.clock.now_ms += 20 * MINUTE
    bench.fake.asked.clear()
    bench.poller().run(bench.account())
    assert len(bench.fake.asked) == 1


def test_a_stop_ends_the_run_between_two_questions_and_the_next_run_goes_on(bench):
    def stop_now(_done, _total):
        bench.stop = True

    report = bench.poll(progress=stop_now)
    assert (report.stopped, len(bench.fake.asked)) == (True, 1)
    bench.stop = False
    bench.poll()
    assert bench.sealed()["web-1", CPU] == whole(bench, "i-web-1", bench.clock.now_ms)


def test_progress_reaches_its_total(bench):
    told = []
    bench.poll(progress=lambda done, total: told.append((done, total)))
    assert len(told) > 2
    assert told[-1][0] == told[-1][1]
    assert [done for done, _ in told] == sorted(done for done, _ in told)


def test_a_killed_question_is_marked_when_the_account_is_next_polled(bench):
    recent_only(bench)

    class Killed(BaseException):
        pass

    bench.fake.faults = [Killed()]
    with pytest.raises(Killed):
        bench.poll()
    assert bench.questions()[-1].outcome == polls.RUNNING
    bench.poll()
    assert [row.outcome for row in bench.questions()] == [polls.INTERRUPTED, polls.OK]


def test_two_instances_for_one_host_are_refused_and_the_others_are_polled(bench):
    recent_only(bench)
    bench.fake.instances = [machine("web-1"), machine("web-1", id="i-twin"), machine("web-2")]
    report = bench.poll()
    assert "i-twin, i-web-1 would all be the host 'web-1'" in report.refused[0]
    assert {host for host, _ in bench.sealed()} == {"web-2"}
    bench.poll(bench.account(hosts={"i-twin": "web-9"}))
    assert {host for host, _ in bench.sealed()} == {"web-1", "web-2", "web-9"}


def test_a_host_of_another_account_of_the_same_provider_is_refused(bench):
    recent_only(bench)
    first, second = bench.account(alias="one"), bench.account(alias="two")
    poller = bench.poller(first, second)
    poller.run(first)
    report = poller.run(second)
    assert "i-web-1, i-web-1 of one would all be the host 'web-1'" in report.refused[0]
    assert bench.marks(alias="two") == {}


def test_a_metric_that_the_source_does_not_have_is_told(bench):
    report = bench.poll(bench.account(metrics=(NET_RX,)))
    assert "fake does not measure net.rx.rate; it has cpu.utilization" in report.problems[0]


def test_a_period_that_the_source_does_not_have_is_told(bench):
    report = bench.poll(bench.account(period_ms=MINUTE))
    assert "period_s is one of 300, 3600 for fake" in report.problems[0]


def test_only_mapped_instances_are_polled_if_the_settings_say_so(bench):
    recent_only(bench)
    bench.poll(bench.account(hosts={"i-web-2": "erp-1"}, only_mapped=True))
    assert {host for host, _ in bench.sealed()} == {"erp-1"}


def test_the_store_refuses_what_it_would_refuse_of_anybody(bench, monkeypatch):
    recent_only(bench)
    monkeypatch.setattr("collector.admission.CLOCK_AHEAD_MS", -10 * DAY)
    report = bench.poll()
    assert "after the collector's clock" in report.problems[0]
    assert bench.chunks() == []
    assert bench.marks() == {}


@pytest.fixture
def held(tmp_path, monkeypatch):
    """A store that somebody else is writing to."""
    monkeypatch.setattr("collector.store.sqlite.BUSY_TIMEOUT_S", 0)
    store = open_engine(f"sqlite:///{tmp_path / 'held.db'}")
    other = store.engine.raw_connection()
    other.execute("BEGIN IMMEDIATE")
    yield store, other
    other.close()
    store.close()


def test_a_busy_store_is_waited_for(bench, held):
    store, other = held
    clocks = replace(
        bench.world().clocks, sleep=lambda seconds: (bench.clock.sleep(seconds), other.rollback())
    )
    with patiently_writing(store, clocks) as connection:
        registry.note(connection, now_ms=1, actor="test", action="WAITED", detail="")
    assert bench.clock.slept == [2]


def test_a_store_that_stays_busy_is_an_error(bench, held):
    with pytest.raises(StoreBusyError), patiently_writing(held[0], bench.world().clocks):
        pass
    assert len(bench.clock.slept) == 5


def test_an_error_while_writing_undoes_everything(bench):
    before = bench.rows(schema.audit_trail)

    def written_and_failed():
        with patiently_writing(bench.opened.store, bench.world().clocks) as connection:
            registry.note(connection, now_ms=1, actor="test", action="UNDONE", detail="")
            divmod(1, 0)

    with pytest.raises(ZeroDivisionError):
        written_and_failed()
    assert bench.rows(schema.audit_trail) == before


def test_a_count_of_calls_that_fails_fails_the_question(bench):
    recent_only(bench)
    counted = iter([1, 1])
    real = bench.fake.calls_for

    def calls_for(*asked):
        if next(counted, None) is None:
            raise RangeError("not in this period")
        return real(*asked)

    bench.fake.calls_for = calls_for
    report = bench.poll()
    assert report.problems == ["averages cpu.utilization: not in this period"]
    assert bench.fake.asked == []


def test_a_source_that_does_not_open_is_tried_again_later(bench):
    def opening(_settings, _tools):
        raise AnswerError("a version that is not known")

    poller = bench.poller(plugins=Plugins({"fake": opening}, ()))
    report = poller.run(bench.account())
    assert report.problems == ["account: a version that is not known"]
    assert poller.run(bench.account()).problems == [], "it is left alone"
    bench.clock.now_ms += 60_000
    assert poller.run(bench.account()).failed == 1


def test_a_series_of_nothing_but_known_points_needs_no_enrolment():
    series = Series("i", CPU, AVERAGE, "", PERIOD, (), (), Span(0, PERIOD), Span(0, PERIOD))
    assert samples.new_samples(series, samples.Sealed(), now_ms=DAY) == ([], [], polls.Counts())


def test_an_error_of_the_inventory_does_not_stop_the_averages_of_what_is_known(bench):
    recent_only(bench)
    bench.poll()
    bench.clock.now_ms += 7 * HOUR
    bench.fake.inventory_faults = [AnswerError("nonsense")]
    report = bench.poll()
    assert report.problems == ["inventory: nonsense"]
    assert bench.marks()["i-web-1"] == newest(bench.clock.now_ms)


def test_an_inventory_with_one_instance_twice_is_refused(bench):
    bench.fake.instances = [machine("web-1"), machine("web-1")]
    assert "has the instance i-web-1 twice" in bench.poll().problems[0]


def test_an_inventory_without_end_is_refused(bench, monkeypatch):
    monkeypatch.setattr("collector.polling.offers.MAX_INSTANCES", 1)
    assert "more than 1 instances" in bench.poll().problems[0]


def test_the_inventory_is_read_every_six_hours(bench):
    recent_only(bench)
    poller, account = bench.poller(), bench.account()
    for _ in range(8):
        poller.run(account)
        bench.clock.now_ms += HOUR
    assert len(bench.questions(polls.INVENTORY)) == 2
