"""The kernel's clocks and what it says about their discipline."""

import time

import pytest

from agent.linux.clock import LinuxClocks, kernel_timex
from evidence.chunk import CLOCK_STATES


def raising():
    raise PermissionError(1, "filtered")


@pytest.mark.parametrize(
    ("timex", "state"),
    [
        (lambda: (0, 0x2001), "synchronized"),
        (lambda: (0, 0x0040), "unsynchronized"),
        (lambda: (5, 0), "unsynchronized"),
        (raising, "unknown"),
    ],
)
def test_the_state_of_the_clock_is_what_the_kernel_says(timex, state):
    assert LinuxClocks(timex).state() == state


def test_the_real_kernel_answers_with_a_known_state():
    assert LinuxClocks().state() in CLOCK_STATES


def test_the_real_call_returns_what_it_returned_a_moment_ago():
    ask = kernel_timex()
    assert ask() == ask()


def test_a_library_without_the_call_is_an_error_and_then_unknown():
    class Library:
        pass

    ask = kernel_timex(Library())
    with pytest.raises(OSError, match="no adjtimex"):
        ask()
    assert LinuxClocks(ask).state() == "unknown"


def test_a_call_that_is_refused_is_unknown():
    class Library:
        @staticmethod
        def adjtimex(_timex):
            return -1

    assert LinuxClocks(kernel_timex(Library())).state() == "unknown"


def test_the_three_clocks_are_milliseconds_and_suspension_is_in_the_second():
    before = time.time_ns() // 1_000_000
    instant = LinuxClocks().now()
    after = time.time_ns() // 1_000_000
    assert before <= instant.wall_ms <= after
    assert instant.boot_ms >= instant.mono_ms > 0
    assert abs(instant.boot_ms - time.clock_gettime_ns(time.CLOCK_BOOTTIME) // 1_000_000) < 1_000
    assert abs(instant.mono_ms - time.clock_gettime_ns(time.CLOCK_MONOTONIC) // 1_000_000) < 1_000
