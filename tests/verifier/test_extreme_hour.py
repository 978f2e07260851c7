from __future__ import annotations

from fractions import Fraction

import pytest
from host_months import CALENDAR, DAY_MS, FIRST, HOUR_MS

from evidence.day_sum import DaySum
from verifier.amounts import MetricMonth
from verifier.bounds import Fill
from verifier.extreme_hour import COVERAGE, DAYS, HOURS, ExtremeHour, GateError, hard_share
from verifier.hours import hour_of
from verifier.scope import Exclusion
from verifier.window import Window, month_window

KEY = "agent", "disk.reads"
GATE = Fraction(9, 10)
GONE = DaySum()
MINUTE = HOUR_MS // 60


def hour(amount=100, *, ms=HOUR_MS, **fields):
    return DaySum(amount, observed_ms=ms, **fields)


def month(changes, *, window: Window | None = None, days=range(30)):
    """Every hour of November 100 operations, but for ``changes`` by (day, hour), both from 0."""
    window = window or month_window(CALENDAR, "2026-11")
    hours = {
        hour_of(FIRST + day, number): changes.get((day, number), hour())
        for day in days
        for number in range(24)
    }
    sums: dict[int, DaySum] = {}
    for name, value in hours.items():
        if name // 32 in window.lengths:
            sums[name // 32] = sums.get(name // 32, DaySum()) + value
    return ExtremeHour(window, {KEY: MetricMonth(sums)}, {KEY: hours}, gate=GATE)


def fill(rule, *, each=lambda _: 1):
    return rule(KEY, done=lambda sums: sums.amount * HOUR_MS, each=each)


def gone(*places):
    return dict.fromkeys(places, GONE)


def whole_days(*days):
    return gone(*((day, number) for day in days for number in range(24)))


def refused(rule):
    with pytest.raises(GateError) as caught:
        fill(rule)
    assert not rule.filled
    return caught.value.args[0]


def test_missing_time_takes_the_lowest_and_the_highest_hour():
    rule = month({**gone((3, 7), (3, 8)), (9, 2): hour(40), (20, 20): hour(900)})
    assert fill(rule) == Fill(Fraction(40), Fraction(900), Fraction(0))
    assert rule.filled


def test_an_hour_is_weighed_with_the_weight_of_its_day():
    rule = month({**gone((3, 7), (3, 8)), (9, 2): hour(40), (20, 20): hour(900)})
    assert fill(rule, each=lambda day: 10 if day == FIRST + 20 else 1) == Fill(
        Fraction(10), Fraction(100), Fraction(0)
    )


def test_an_hour_of_downtime_is_an_hour_in_which_nothing_was_done():
    off = DaySum(0, downtime_ms=HOUR_MS)
    assert fill(month({**gone((3, 7)), (9, 2): off})).low == 0
    half = hour(10, ms=HOUR_MS // 2, downtime_ms=HOUR_MS // 2)
    assert fill(month({**gone((3, 7)), (9, 2): half})).low == 10


def test_for_the_high_end_missing_time_may_have_been_without_downtime():
    half = hour(100, ms=HOUR_MS // 2, downtime_ms=HOUR_MS // 2)
    assert fill(month({**gone((3, 7)), (9, 2): half})).high == 200
    off = DaySum(0, downtime_ms=HOUR_MS)
    assert fill(month({**gone((3, 7)), (9, 2): off})).high == 100


def test_an_hour_counts_when_three_quarters_of_it_were_observed_and_bridged_time_does_not():
    seen = hour(9, ms=HOUR_MS * 3 // 4)
    assert fill(month({**gone((3, 7)), (9, 2): seen})).low == 12
    hardly = hour(9, ms=HOUR_MS * 3 // 4 - 1)
    assert fill(month({**gone((3, 7)), (9, 2): hardly})).low == 100
    bridged = hour(9, ms=HOUR_MS * 3 // 4 - 1, bridged_ms=HOUR_MS // 4 + 1)
    assert fill(month({**gone((3, 7)), (9, 2): bridged})).low == 100


def test_an_hour_whose_averages_all_began_before_it_has_no_value():
    source = "import", "disk.reads.rate"
    rule = month({**gone((3, 7)), (9, 2): hour(0)})
    whole = {name: DaySum(s.amount, s.covered_ms * (s.amount > 0), s.observed_ms) for name, s in
             rule._hours[KEY].items()}  # fmt: skip
    rule = ExtremeHour(rule._window, {source: rule._amounts[KEY]}, {source: whole}, gate=GATE)
    assert rule(source, done=lambda s: s.amount * HOUR_MS, each=lambda _: 1).low == 100


def test_less_than_an_hour_is_not_substituted():
    rule = month({(3, 7): hour(ms=1)})
    assert fill(rule) is None
    assert not rule.filled
    assert fill(month({(3, 7): GONE})) is not None


def test_nothing_is_substituted_below_the_coverage_gate():
    days = [(day, number) for day in range(2, 29) for number in (day % 24, (day + 5) % 24)]
    more = [(day, (day + 11) % 24) for day in range(2, 20)]
    assert len(days) + len(more) == 72
    assert fill(month(gone(*days, *more))) is not None
    assert refused(month(gone(*days, *more, (25, 0)))) == COVERAGE


def test_downtime_lowers_what_must_be_covered():
    off = {(day, number): DaySum(0, downtime_ms=HOUR_MS) for day in range(2, 29) for number in range(12, 24)}
    some = [(day, number) for day, number in zip(range(2, 29), range(27), strict=True)]
    spread = gone(
        *((day, number % 12) for day, number in some),
        *((day, (number + 4) % 12) for day, number in some[:12]),
    )
    assert fill(month({**off, **spread})) is not None
    assert refused(month({**off, **spread, (1, 1): GONE, (1, 2): GONE, (1, 3): GONE})) == COVERAGE


LONG = month_window(CALENDAR, "2026-11")
QUARTER = Window(
    LONG.first_day,
    LONG.first_day + 92,
    LONG.start_ms,
    LONG.start_ms + 92 * DAY_MS,
    dict.fromkeys(range(LONG.first_day, LONG.first_day + 92), DAY_MS),
    0,
)


def quarter(*days):
    return month(whole_days(*days), window=QUARTER, days=range(92))


def test_at_most_three_days_on_end_and_five_of_a_calendar_month_may_be_missing():
    assert fill(quarter(3, 4, 5)) is not None
    assert refused(quarter(3, 4, 5, 6)) == DAYS
    assert fill(quarter(28, 29, 30)) is not None
    assert refused(quarter(28, 29, 30, 31)) == DAYS
    assert fill(quarter(2, 4, 6, 8, 10, 40, 42, 44)) is not None
    assert refused(quarter(2, 4, 6, 8, 10, 12)) == DAYS


def test_a_day_is_missing_when_more_than_half_of_it_is():
    half = [(day, number) for day in (3, 4, 5, 6) for number in range(12)]
    rule = month(gone(*half), window=QUARTER, days=range(92))
    assert fill(rule) is not None
    more = [(day, 12) for day in (3, 4, 5, 6)]
    assert refused(month(gone(*half, *more), window=QUARTER, days=range(92))) == DAYS


def test_an_excluded_day_does_not_end_a_run_of_missing_days():
    lengths = {day: ms for day, ms in QUARTER.lengths.items() if day != FIRST + 5}
    window = Window(QUARTER.first_day, QUARTER.after_day, QUARTER.start_ms, QUARTER.end_ms, lengths, DAY_MS)
    assert refused(month(whole_days(3, 4, 6, 7), window=window, days=range(92))) == DAYS


def test_a_week_of_hours_must_have_been_seen():
    window = month_window(CALENDAR, "2026-11", days=(FIRST, FIRST + 7))
    spread = [(day, 3 * day + part) for day in range(1, 7) for part in (0, 1, 2)]
    bridged = {(0, number): hour(bridged_ms=HOUR_MS, ms=0) for number in range(6)}
    assert fill(month({**gone(*spread), **bridged}, window=window)) is not None
    bridged[0, 6] = hour(bridged_ms=HOUR_MS, ms=0)
    assert refused(month({**gone(*spread), **bridged}, window=window)) == HOURS


def test_a_metric_without_any_data_is_refused():
    rule = ExtremeHour(month_window(CALENDAR, "2026-11"), {}, {}, gate=GATE)
    assert refused(rule) == COVERAGE


def test_time_that_ends_with_a_boot_keeps_its_hard_ends():
    boot = hour(restarts=1)
    assert fill(month({**gone((3, 7), (3, 8), (9, 9), (9, 10)), (3, 9): boot})).hard == Fraction(1, 2)


def test_a_boot_within_an_hour_reaches_back_into_the_last_hour_seen_and_no_further():
    down = {
        (3, 6): hour(ms=50 * MINUTE), (3, 7): GONE, (3, 8): hour(ms=10 * MINUTE, restarts=1),
        (3, 5): hour(ms=50 * MINUTE),
    }  # fmt: skip
    assert fill(month(down)).hard == Fraction(10 + 60 + 50, 10 + 10 + 60 + 50)


def test_a_bridged_hour_ends_what_a_boot_reaches_back_to():
    whole = hour(ms=0, bridged_ms=HOUR_MS)
    assert fill(month({**gone((3, 5), (3, 7)), (3, 6): whole, (3, 8): hour(restarts=1)})).hard == Fraction(
        1, 2
    )


def test_time_before_the_first_and_after_the_last_reading_keeps_its_hard_ends():
    early = gone((0, 0), (0, 1), (29, 23), (9, 9))
    assert fill(month({**early, (29, 22): hour(ms=30 * MINUTE)})).hard == Fraction(210, 270)


def test_hours_of_the_day_that_are_mostly_missing_keep_their_hard_ends():
    nights = gone(*((day, 3) for day in range(16)))
    assert fill(month({**nights, **gone((9, 9), (10, 10))})).hard == Fraction(16, 18)
    nights = gone(*((day, 3) for day in range(15)))
    assert fill(month({**nights, **gone((9, 9), (10, 10))})).hard == 0


def test_the_hard_share_is_weighed_as_the_figure_is():
    rule = month(gone((0, 0), (9, 9)))
    assert fill(rule, each=lambda day: 3 if day == FIRST else 1).hard == Fraction(3, 4)


def test_hours_that_know_of_no_missing_time_let_nothing_be_substituted():
    assert hard_share([], lambda _: 1) == 1


def test_an_excluded_day_is_no_part_of_the_hours():
    window = month_window(CALENDAR, "2026-11", exclusions=[Exclusion(FIRST + 2, FIRST + 2, "x", "y")])
    assert fill(month({**gone((3, 7)), (2, 5): hour(1)}, window=window)).low == 100
