"""When to read and when to seal."""

import pytest

from agent.errors import ConfigError
from agent.schedule import LONGEST_WAIT_MS, Schedule, Ticker, next_multiple

MINUTE = 60_000


def wait_out(ticker, now_ms):
    """Return the wall clock at the next tick if nobody touches it."""
    while wait := ticker.wait_ms(now_ms):
        assert 0 < wait <= LONGEST_WAIT_MS
        now_ms += wait
    return now_ms


def test_readings_fall_on_wall_clock_multiples():
    ticker, now_ms = Ticker(MINUTE, 1_767_585_612_345), 1_767_585_612_345
    ticks = []
    for _ in range(3):
        now_ms = wait_out(ticker, now_ms)
        ticks.append(now_ms)
        now_ms += 7
    assert ticks == [1_767_585_660_000, 1_767_585_720_000, 1_767_585_780_000]


def test_midnight_in_shanghai_is_a_multiple_of_every_step_that_divides_an_hour():
    midnight_ms = 1_767_542_400_000  # 2026-01-05T00:00+08:00
    for seconds in (1, 5, 10, 60, 600, 3600):
        assert next_multiple(midnight_ms - 1, seconds * 1000) == midnight_ms


def test_a_clock_that_steps_back_does_not_stop_the_readings():
    ticker = Ticker(MINUTE, 10 * MINUTE)
    assert wait_out(ticker, 3 * MINUTE + 5) == 4 * MINUTE


def test_a_clock_that_steps_forward_gives_one_reading_not_many():
    ticker = Ticker(MINUTE, 0)
    assert ticker.wait_ms(100 * MINUTE + 1) == 0
    assert ticker.wait_ms(100 * MINUTE + 2) > 0
    assert wait_out(ticker, 100 * MINUTE + 2) == 101 * MINUTE


def test_a_chunk_is_sealed_at_the_first_reading_at_or_after_the_multiple():
    schedule = Schedule(7_000, 10_000)
    readings = [0, 7_003, 14_002, 21_001, 28_004, 35_000]
    sealed = [after for before, after in zip(readings, readings[1:]) if schedule.seals_between(before, after)]
    assert sealed == [14_002, 21_001, 35_000]


@pytest.mark.parametrize(
    ("interval", "seal"), [(500, 1000), (1000, 86_401_000), (60_000, 30_000), (1500, 3000)]
)
def test_steps_outside_their_limits_are_refused(interval, seal):
    with pytest.raises(ConfigError, match=r"interval|seal"):
        Schedule(interval, seal)


def test_one_second_and_one_day_are_allowed():
    assert Schedule(1_000, 86_400_000).seals_between(86_399_999, 86_400_000)
