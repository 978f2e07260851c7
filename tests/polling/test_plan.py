from __future__ import annotations

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from collector.polling import plan
from collector.polling.accounts import Account
from collector.polling.plan import BEHIND_MS, OVERLAP_MS, STRETCH_POINTS, ladder, oldest_ms, stretches
from collector.sources.errors import RangeError
from collector.sources.interface import Retention

MINUTE = 60_000
HOUR = 60 * MINUTE
DAY = 24 * HOUR
NOW = 20_000 * DAY + 7 * HOUR + 13 * MINUTE + 5
AWS = (Retention(MINUTE, 15 * DAY), Retention(5 * MINUTE, 63 * DAY), Retention(HOUR, 455 * DAY))
ALIYUN = (Retention(MINUTE, 31 * DAY), Retention(5 * MINUTE, 91 * DAY))
TENCENT = (
    Retention(MINUTE, 31 * DAY),
    Retention(5 * MINUTE, 31 * DAY),
    Retention(HOUR, 93 * DAY),
    Retention(DAY, 186 * DAY),
)


def account(**changes):
    return Account("a", "aws", **changes)


def test_five_minutes_are_the_finest_period_unless_told_otherwise():
    assert [rung.period_ms for rung in ladder(account(), AWS)] == [5 * MINUTE, HOUR]
    assert [rung.period_ms for rung in ladder(account(period_ms=MINUTE), AWS)] == [MINUTE, 5 * MINUTE, HOUR]
    assert [rung.period_ms for rung in ladder(account(), (Retention(MINUTE, DAY),))] == [MINUTE]


def test_a_coarser_period_that_is_kept_no_longer_is_left_out():
    assert [rung.period_ms for rung in ladder(account(period_ms=MINUTE), TENCENT)] == [MINUTE, HOUR, DAY]


def test_a_period_that_is_not_kept_is_refused_with_those_that_are():
    with pytest.raises(RangeError, match="period_s is one of 60, 300, 3600"):
        ladder(account(period_ms=2 * MINUTE), AWS)


def test_a_system_that_does_not_say_what_it_keeps_is_asked_for_three_months():
    assert ladder(account(), ()) == (Retention(5 * MINUTE, 93 * DAY),)
    assert ladder(account(period_ms=MINUTE, backfill_days=7), ()) == (Retention(MINUTE, 7 * DAY),)
    assert ladder(account(backfill_days=0), ()) == (Retention(5 * MINUTE, plan.MARGIN_MS),)


def test_how_far_back_a_source_goes_is_its_coarsest_period():
    assert oldest_ms(AWS, NOW) == NOW - 455 * DAY


def check(found, *, now_ms, rungs):
    keeps = {rung.period_ms: rung.keeps_ms for rung in rungs}
    for one in found:
        assert one.span.start_ms % one.period_ms == one.span.end_ms % one.period_ms == 0
        assert one.span.start_ms % (5 * MINUTE) == one.span.end_ms % (5 * MINUTE) == 0, "sums of five minutes"
        assert one.span.start_ms >= now_ms - keeps[one.period_ms], "it may be forgotten"
        assert one.span.end_ms <= now_ms - BEHIND_MS
        assert one.span.length_ms <= STRETCH_POINTS * one.period_ms
    for before, after in zip(found, found[1:], strict=False):
        assert before.span.end_ms == after.span.start_ms, "no hole and no overlap between questions"
        assert before.period_ms >= after.period_ms


def test_without_a_mark_all_that_is_kept_is_asked_for_in_the_finest_period_there_is():
    rungs = ladder(account(period_ms=MINUTE), AWS)
    found = list(stretches(rungs, None, now_ms=NOW))
    check(found, now_ms=NOW, rungs=rungs)
    assert found[0].span.start_ms < NOW - 454 * DAY
    assert found[-1].span.end_ms == (NOW - BEHIND_MS) // (5 * MINUTE) * (5 * MINUTE)
    fine = min(one.span.start_ms for one in found if one.period_ms == MINUTE)
    assert NOW - 15 * DAY < fine < NOW - 14 * DAY


@settings(deadline=None, max_examples=60, suppress_health_check=[HealthCheck.too_slow])
@pytest.mark.parametrize("kept", [AWS, ALIYUN, TENCENT])
@given(
    now_ms=st.integers(19_000 * DAY, 21_000 * DAY),
    behind_ms=st.none() | st.integers(0, 500 * DAY),
    period_ms=st.sampled_from([None, MINUTE, 5 * MINUTE]),
    days=st.none() | st.integers(0, 400),
)
def test_questions_are_aligned_within_what_is_kept_and_without_holes(
    kept, now_ms, behind_ms, period_ms, days
):
    rungs = ladder(account(period_ms=period_ms), kept)
    mark_ms = None if behind_ms is None else now_ms - behind_ms
    found = list(stretches(rungs, mark_ms, now_ms=now_ms, backfill_days=days))
    check(found, now_ms=now_ms, rungs=rungs)
    end_ms = (now_ms - BEHIND_MS) // (5 * MINUTE) * (5 * MINUTE)
    if mark_ms is not None and mark_ms >= end_ms:
        assert found == []
    elif found:
        assert found[-1].span.end_ms == end_ms
        if mark_ms is not None:
            assert found[0].span.start_ms <= max(mark_ms, now_ms - rungs[-1].keeps_ms + 2 * DAY)


def test_the_overlap_is_half_an_hour_to_an_hour():
    rungs = ladder(account(), ALIYUN)
    end = (NOW - BEHIND_MS) // (5 * MINUTE) * 5 * MINUTE
    for lag in range(5 * MINUTE, 3 * HOUR, 5 * MINUTE):
        (one,) = stretches(rungs, end - lag, now_ms=NOW)
        assert OVERLAP_MS <= end - lag - one.span.start_ms < 2 * OVERLAP_MS
        assert one.span.end_ms == end


def test_instances_that_are_nearly_level_are_asked_together():
    rungs = ladder(account(), ALIYUN)
    end = (NOW - 3 * HOUR) // OVERLAP_MS * OVERLAP_MS
    found = {tuple(stretches(rungs, end + step * MINUTE, now_ms=NOW)) for step in range(0, 30, 5)}
    assert len(found) == 1


def test_backfill_days_limit_the_first_run_only():
    rungs = ladder(account(), ALIYUN)
    first = next(iter(stretches(rungs, None, now_ms=NOW, backfill_days=3)))
    assert NOW - 4 * DAY < first.span.start_ms <= NOW - 3 * DAY
    later = next(iter(stretches(rungs, NOW - 20 * DAY, now_ms=NOW, backfill_days=3)))
    assert later.span.start_ms < NOW - 20 * DAY
