from __future__ import annotations

from sources.fake import DAY, HOUR, MINUTE, RETENTION, Fake

from collector.polling import budget
from collector.polling.accounts import Account
from collector.polling.budget import Budget, batch_sizes
from collector.sources.interface import CPU, METRICS, Retention

NOW = 20_000 * DAY


class Counting(Fake):
    """Takes one call for each question, whatever its size."""

    def calls_for(self, metric, instances, span, period_ms):
        assert 0 < instances <= budget.INSTANCES_AT_ONCE
        return 1


def test_a_month_for_a_thousand_hosts_is_questions_times_runs():
    source = Counting(keeps=(Retention(5 * MINUTE, DAY),))
    marks = {metric: [NOW] * 1000 for metric in METRICS}
    found = budget.budget(Account("a", "aliyun"), source, marks, now_ms=NOW)
    assert found == Budget(instances=1000, metrics=5, monthly=20 * 5 * 720, first_run=0, free=1_000_000)
    assert not found.exceeds


def test_the_history_that_is_not_read_yet_is_counted():
    source = Counting(keeps=RETENTION)
    found = budget.budget(Account("a", "fake"), source, {CPU: [None] * 51}, now_ms=NOW)
    stretches = -(-(30 * DAY) // (84 * DAY)) + -(-(10 * DAY) // (7 * DAY))
    assert found.first_run == 2 * stretches
    assert found.free is None
    assert not found.exceeds


def test_more_calls_than_are_free_are_noticed():
    source = Counting(keeps=(Retention(5 * MINUTE, DAY),))
    account = Account("a", "tencent", every_ms=MINUTE)
    assert budget.budget(account, source, {CPU: [NOW] * 2000}, now_ms=NOW).exceeds


def test_nothing_to_poll_takes_no_calls():
    assert budget.budget(Account("a", "x"), Counting(), {}, now_ms=NOW) == Budget(0, 0, 0, 0, None)
    assert batch_sizes(0) == []
    assert batch_sizes(101) == [50, 50, 1]


def test_polling_less_often_than_an_hour_takes_fewer_runs():
    source = Counting(keeps=(Retention(5 * MINUTE, DAY),))
    hourly, daily = (
        budget.budget(Account("a", "x", every_ms=every), source, {CPU: [NOW]}, now_ms=NOW).monthly
        for every in (HOUR, DAY)
    )
    assert (hourly, daily) == (720, 30)
