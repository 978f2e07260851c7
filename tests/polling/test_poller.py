from __future__ import annotations

from sources.fake import DAY, HOUR, MINUTE, truth

PERIOD = 5 * MINUTE


def expected(bench, instance, *, start_ms, end_ms, period_ms=PERIOD):
    return {
        (at, period_ms): truth(instance, "cpu.utilization", at, period_ms)
        for at in range(start_ms, end_ms, period_ms)
        if (instance, at) not in bench.fake.gaps
    }


def edges(now_ms):
    """Where history begins (hours), where five minutes begin, and where both end."""
    up = lambda at, step: -(-at // step) * step  # noqa: E731 - one line
    oldest = up(now_ms - 40 * DAY + HOUR, HOUR)
    fine = up(now_ms - 10 * DAY + HOUR, HOUR)
    return oldest, fine, (now_ms - 10 * MINUTE) // PERIOD * PERIOD


def whole(bench, instance, now_ms):
    oldest, fine, end = edges(now_ms)
    return {
        **expected(bench, instance, start_ms=oldest, end_ms=fine, period_ms=HOUR),
        **expected(bench, instance, start_ms=fine, end_ms=end),
    }


def test_the_first_run_seals_everything_that_the_provider_still_has(bench):
    report = bench.poll()
    sealed = bench.sealed()
    assert report.failed == 0, report.problems
    assert sealed["web-1", "cpu.utilization"] == whole(bench, "i-web-1", bench.clock.now_ms)
    assert sealed["web-2", "cpu.utilization"] == whole(bench, "i-web-2", bench.clock.now_ms)
