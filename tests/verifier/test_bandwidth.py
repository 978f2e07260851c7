from __future__ import annotations

from fractions import Fraction

from host_months import DAY_MS, FIRST, HOUR_MS, MEGABIT, averaged, covered, every_day, host_month, window
from hypothesis import given
from hypothesis import strategies as st

from evidence.day_sum import DaySum
from verifier.indicators import bandwidth
from verifier.scope import Exclusion

RX, TX, CAPACITY = ("agent", "net.rx"), ("agent", "net.tx"), ("agent", "net.capacity")
DAY_BYTES = MEGABIT // 8 * 86_400
"""What a day carries at 1 Mbit/s."""


def codes(found):
    return [mark.code for mark in found.marks]


def test_the_busier_direction_over_the_declared_capacity_is_the_figure():
    metrics = {RX: every_day(covered(30 * DAY_BYTES)), TX: every_day(covered(40 * DAY_BYTES))}
    found = bandwidth.figure(host_month(metrics, mbps=[(0, 100)]))
    assert found.bounds.low == found.bounds.value == found.bounds.high == found.bounds.running == 40
    assert (found.weight, codes(found)) == (100 * MEGABIT, [])


def test_a_change_of_capacity_splits_the_month():
    metrics = {RX: every_day(covered(30 * DAY_BYTES)), TX: every_day(covered(0))}
    found = bandwidth.figure(host_month(metrics, mbps=[(-5, 100), (10, 40)]))
    assert found.weight == 60 * MEGABIT
    assert found.bounds.value == 50


def test_each_bound_is_the_greater_of_both_directions():
    metrics = {
        RX: {day: covered(80 * DAY_BYTES) for day in range(15)},
        TX: {day: covered(50 * DAY_BYTES) for day in range(30)},
    }
    found = bandwidth.figure(host_month(metrics, mbps=[(0, 100)]))
    assert (found.bounds.low, found.bounds.value, found.bounds.high) == (50, 80, 90)
    assert found.times.covered_ms == 15 * DAY_MS


def test_a_direction_without_data_may_have_been_idle_or_full():
    found = bandwidth.figure(host_month({TX: every_day(covered(10 * DAY_BYTES))}, mbps=[(0, 100)]))
    assert (found.bounds.low, found.bounds.value, found.bounds.high) == (10, 10, 100)
    assert codes(found) == ["ONE_DIRECTION_ONLY"]
    assert found.times.covered_ms == 0


def test_downtime_counts_with_its_capacity():
    half = covered(40 * DAY_BYTES // 2, ms=DAY_MS // 2, down=DAY_MS // 2)
    found = bandwidth.figure(host_month({RX: every_day(half), TX: every_day(half)}, mbps=[(0, 100)]))
    assert (found.bounds.low, found.bounds.value, found.bounds.running) == (20, 20, 40)


def test_imported_rates_are_bytes_per_second():
    rate = averaged(10 * MEGABIT // 8 * 10**9 * DAY_MS)
    metrics = {("import", "net.rx.rate"): every_day(rate), ("import", "net.tx.rate"): every_day(rate)}
    found = bandwidth.figure(host_month(metrics, mbps=[(0, 100)]))
    assert (found.bounds.value, codes(found)) == (10, ["NOT_ATTESTED"])


def test_without_any_capacity_there_is_no_figure():
    metrics = {RX: every_day(covered(1)), TX: every_day(covered(1))}
    found = bandwidth.figure(host_month(metrics))
    assert (found.bounds.value, found.bounds.low, found.weight) == (None, None, None)
    assert codes(found) == ["CAPACITY_UNKNOWN"]
    assert found.times.covered_ms == 30 * DAY_MS


def test_an_import_does_not_borrow_the_capacity_of_the_agent():
    metrics = {("import", "net.rx.rate"): every_day(covered(1)), CAPACITY: every_day(covered(1))}
    assert codes(bandwidth.figure(host_month(metrics)))[-1] == "CAPACITY_UNKNOWN"


def test_the_link_speed_that_the_agent_read_serves_as_capacity():
    speed = {day: covered((100 if day < 10 else 40) * MEGABIT * DAY_MS) for day in range(20)}
    used = {day: covered(20 * DAY_BYTES) for day in range(20)}
    found = bandwidth.figure(host_month({RX: used, TX: used, CAPACITY: speed}))
    # 10 days at 100, 10 at 40; the 10 days without readings take the mean of 70.
    assert found.weight == 70 * MEGABIT
    assert found.bounds.value == Fraction(100 * 20 * 20, 10 * 100 + 10 * 40)
    assert found.bounds.low == Fraction(100 * 20 * 20, 30 * 70)
    assert codes(found) == ["CAPACITY_MEASURED"]


def test_a_day_whose_link_speed_was_never_read_takes_the_mean():
    speed = {0: covered(100 * MEGABIT * DAY_MS), 1: DaySum(downtime_ms=DAY_MS)}
    used = {0: covered(DAY_BYTES), 1: DaySum(downtime_ms=DAY_MS)}
    assert bandwidth.figure(host_month({RX: used, TX: used, CAPACITY: speed})).weight == 100 * MEGABIT


def test_a_link_of_speed_zero_has_no_capacity():
    used = every_day(covered(0))
    assert codes(bandwidth.figure(host_month({RX: used, TX: used, CAPACITY: used}))) == ["CAPACITY_UNKNOWN"]


def test_a_capacity_that_was_exceeded_cannot_be_true_and_gives_no_figure():
    used = {day: covered((120 if day == 3 else 10) * DAY_BYTES) for day in range(30)}
    found = bandwidth.figure(host_month({RX: used, TX: used}, mbps=[(0, 100)]))
    assert [(mark.code, mark.days) for mark in found.marks] == [("CAPACITY_EXCEEDED", (FIRST + 3,))]
    assert (found.bounds.low, found.bounds.value, found.bounds.high) == (None, None, None)


def test_exactly_the_capacity_is_not_above_it():
    used = every_day(covered(100 * DAY_BYTES))
    found = bandwidth.figure(host_month({RX: used, TX: used}, mbps=[(0, 100)]))
    assert (found.bounds.value, codes(found)) == (100, [])


def test_a_host_without_data_keeps_its_weight_and_the_widest_bounds():
    found = bandwidth.figure(host_month({}, mbps=[(0, 100)]))
    assert (found.source, found.bounds.value, found.bounds.low, found.bounds.high) == (None, None, 0, 100)
    assert found.weight == 100 * MEGABIT


def test_a_window_without_a_counted_day_has_no_figure():
    days = window([Exclusion(FIRST, FIRST + 29, "x", "y")])
    found = bandwidth.figure(host_month({}, mbps=[(0, 100)], days=days))
    assert (found.bounds.value, found.bounds.low, found.weight) == (None, None, None)


DAYS = st.lists(
    st.tuples(st.integers(0, 100), st.integers(0, 100), st.integers(0, 20)), min_size=1, max_size=30
)


@given(DAYS, st.sampled_from([[(0, 100)], [(0, 100), (7, 300)]]), st.data())
def test_whatever_is_cut_out_the_full_figure_lies_in_the_bounds(days, mbps, data):
    def sums(share, hours_down):
        up = DAY_MS - hours_down * HOUR_MS
        return covered(share * DAY_BYTES * (24 - hours_down) // 24, ms=up, down=hours_down * HOUR_MS)

    rx = {day: sums(share, down) for day, (share, _, down) in enumerate(days)}
    tx = {day: sums(share, down) for day, (_, share, down) in enumerate(days)}
    full = bandwidth.figure(host_month({RX: rx, TX: tx}, mbps=mbps)).bounds
    kept = {
        key: {day: value for day, value in by_day.items() if data.draw(st.booleans())}
        for key, by_day in ((RX, rx), (TX, tx))
    }
    cut = bandwidth.figure(host_month(kept, mbps=mbps)).bounds
    assert cut.low <= full.low
    assert full.high <= cut.high
    if cut.value is not None:
        assert cut.low <= cut.value <= cut.high
