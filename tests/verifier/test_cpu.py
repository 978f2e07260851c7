from __future__ import annotations

from fractions import Fraction

import pytest
from host_months import DAY_MS, HOUR_MS, MONTH_MS, averaged, covered, every_day, host_month
from hypothesis import given
from hypothesis import strategies as st

from evidence.day_sum import WHOLE_AVERAGE_MS, DaySum
from verifier.bounds import Fill
from verifier.indicators import cpu
from verifier.window import TimeClasses

CPU, IMPORTED = ("agent", "cpu"), ("import", "cpu.utilization")


def test_busy_over_total_is_the_figure_of_a_month_without_gaps():
    found = cpu.figure(host_month({CPU: every_day(covered(25, whole=200))}))
    assert found.bounds.low == found.bounds.value == found.bounds.high == Fraction(25, 2)
    assert (found.source, found.marks) == ("agent", ())


def test_half_a_month_missing_opens_the_bounds_and_leaves_the_value():
    """Missing time may hold up to a quarter more ticks: 15 days count as 18.75."""
    found = cpu.figure(host_month({CPU: {day: covered(25, whole=100) for day in range(15)}}))
    assert (found.bounds.low, found.bounds.value, found.bounds.high) == (
        Fraction(25 * 15 * 4, 135),
        25,
        Fraction((25 * 15 + 100 * Fraction(75, 4)) * 4, 135),
    )


def test_missing_time_with_more_ticks_than_the_rest_stays_in_the_bounds():
    """Readings are accepted with a tenth more or fewer ticks; the busy half may hold fewer."""
    busy, idle = covered(90, whole=90), covered(0, whole=110)
    truth = Fraction(100 * 90, 200)
    for kept in (busy, idle):
        found = cpu.figure(host_month({CPU: dict.fromkeys(range(15), kept)}))
        assert found.bounds.low <= truth <= found.bounds.high


def test_downtime_counts_as_zero_and_is_not_missing():
    half = covered(50, ms=DAY_MS // 2, whole=100, down=DAY_MS // 2)
    found = cpu.figure(host_month({CPU: every_day(half)}))
    assert (found.bounds.low, found.bounds.value, found.bounds.high) == (25, 25, 25)
    assert found.bounds.running == 50


def test_a_host_that_was_off_all_month_has_the_value_zero():
    found = cpu.figure(host_month({CPU: every_day(DaySum(downtime_ms=DAY_MS))}))
    assert (found.bounds.value, found.bounds.running) == (0, None)


def test_bridged_time_counts_like_observed_time():
    found = cpu.figure(host_month({CPU: every_day(covered(1, ms=0, bridged=DAY_MS, whole=4))}))
    assert found.bounds.low == 25


def test_imported_averages_are_weighted_by_time():
    found = cpu.figure(host_month({IMPORTED: {0: averaged(80 * 10**9 * HOUR_MS, ms=HOUR_MS)}}))
    assert (found.bounds.value, found.source) == (80, "import")
    assert found.bounds.low == Fraction(80 * HOUR_MS, MONTH_MS + WHOLE_AVERAGE_MS)
    assert [mark.code for mark in found.marks] == ["NOT_ATTESTED"]


def test_the_agent_is_preferred_unless_the_scope_says_otherwise():
    both = {CPU: every_day(covered(1, whole=4)), IMPORTED: every_day(averaged(50 * 10**9 * DAY_MS))}
    assert cpu.figure(host_month(both)).bounds.value == 25
    assert cpu.figure(host_month(both, sources=("import", "agent"))).bounds.value == 50
    assert cpu.figure(host_month(both, sources=("import",))).source == "import"


@pytest.mark.parametrize("source", ["aliyun", "prometheus", "mymonitor2"])
def test_averages_of_any_source_are_counted_alike(source):
    found = cpu.figure(host_month({(source, "cpu.utilization"): every_day(averaged(50 * 10**9 * DAY_MS))}))
    assert (found.bounds.value, found.source) == (50, source)
    assert [mark.code for mark in found.marks] == ["NOT_ATTESTED"]


def test_a_declared_source_that_gives_way_is_noted():
    metrics = {("aliyun", "cpu.utilization"): every_day(averaged(50 * 10**9 * DAY_MS))}
    found = cpu.figure(host_month(metrics, sources=("agent", "aliyun")))
    assert [mark.code for mark in found.marks] == ["NOT_ATTESTED", "SECOND_SOURCE"]
    first = cpu.figure(host_month(metrics, sources=("aliyun", "agent")))
    assert [mark.code for mark in first.marks] == ["NOT_ATTESTED"]
    nothing = cpu.figure(host_month({}, sources=("agent", "aliyun")))
    assert [mark.code for mark in nothing.marks] == ["NO_DATA"]


def test_other_sources_of_a_host_count_for_nothing():
    mine = {CPU: every_day(covered(1, whole=4))}
    others = {
        ("aliyun", "cpu.utilization"): every_day(averaged(90 * 10**9 * DAY_MS)),
        IMPORTED: {0: covered(7)},
    }
    assert cpu.figure(host_month({**mine, **others})) == cpu.figure(host_month(mine))


def test_a_source_that_knows_nothing_gives_way_to_the_next():
    found = cpu.figure(
        host_month({CPU: {0: DaySum(suspect_ms=5)}, IMPORTED: every_day(averaged(50 * 10**9 * DAY_MS))})
    )
    assert found.source == "import"


def test_a_source_that_the_scope_does_not_name_is_not_used():
    found = cpu.figure(host_month({IMPORTED: every_day(covered(1))}, sources=("agent",)))
    assert (found.source, found.bounds.value, found.bounds.low, found.bounds.high) == (None, None, 0, 100)
    assert [mark.code for mark in found.marks] == ["NO_DATA"]


def test_suspect_time_is_missing_and_is_named():
    found = cpu.figure(host_month({CPU: {0: covered(1, ms=HOUR_MS, whole=4, suspect=HOUR_MS)}}))
    assert found.times.missing_ms == MONTH_MS - HOUR_MS
    assert found.times.suspect_ms == HOUR_MS
    assert [mark.code for mark in found.marks] == ["SUSPECT_TIME"]


def test_time_without_a_single_tick_is_missing():
    found = cpu.figure(host_month({CPU: {0: covered(0, ms=1)}}))
    assert found.bounds.value is None
    assert found.times.missing_ms == MONTH_MS


def test_steal_is_shown_beside_the_figure():
    metrics = {
        CPU: every_day(covered(50, whole=100)),
        ("agent", "cpu.steal"): every_day(covered(20, whole=100)),
    }
    assert cpu.figure(host_month(metrics)).steal == 20
    assert cpu.figure(host_month({CPU: every_day(covered(50, whole=100))})).steal is None


@pytest.mark.parametrize("days", [30, 29])
def test_imported_averages_above_one_hundred_are_no_reason_for_an_upper_bound(days):
    found = cpu.figure(host_month({IMPORTED: {day: averaged(150 * 10**9 * DAY_MS) for day in range(days)}}))
    assert found.bounds.high == (150 if days == 30 else None)
    assert "LIMIT_EXCEEDED" in [mark.code for mark in found.marks]


STRETCHES = st.lists(
    st.tuples(st.integers(0, 1000), st.integers(1, DAY_MS // 4), st.integers(0, DAY_MS // 4)),
    min_size=1,
    max_size=30,
)


@given(STRETCHES, st.data())
def test_whatever_is_cut_out_the_full_figure_lies_in_the_bounds(stretches, data):
    def sums(stretch):
        busy, ms, down = stretch
        return DaySum(busy * ms, 1000 * ms, observed_ms=ms, downtime_ms=down)

    days = {day: sums(stretch) for day, stretch in enumerate(stretches)}
    kept = {day: value for day, value in days.items() if data.draw(st.booleans())}
    full = cpu.figure(host_month({CPU: days})).bounds
    cut = cpu.figure(host_month({CPU: kept})).bounds
    assert cut.low <= full.low
    assert full.high <= cut.high
    if kept:
        assert cut.low <= cut.value <= cut.high


def test_a_fill_never_moves_an_end_towards_the_mean():
    """Half of the time off, 80 % busy while it ran: missing time at 50 % cannot lower the high end."""
    whole = 720 * 3_600_000
    times = TimeClasses(
        observed_ms=whole * 475 // 1_000, downtime_ms=whole * 475 // 1_000, missing_ms=whole * 50 // 1_000
    )
    filled = cpu._counted(Fraction(80), times, Fill(Fraction(30), Fraction(50), Fraction(0)))
    at_the_highest = (Fraction(80) * times.observed_ms + Fraction(50) * times.missing_ms) / times.counted_ms
    assert filled.high >= at_the_highest
    high_fill = cpu._counted(Fraction(20), times, Fill(Fraction(30), Fraction(50), Fraction(0)))
    at_the_mean = Fraction(20) * (times.observed_ms + times.missing_ms) / times.counted_ms
    assert high_fill.low <= at_the_mean
