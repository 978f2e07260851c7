from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from evidence.day_sum import WHOLE_AVERAGE_MS, DaySum
from verifier.weights import stands_for_ms, weigh

DAY = 86_400_000
LENGTHS = {1: DAY, 2: DAY}


def test_counters_weigh_the_time_they_cover() -> None:
    days = {1: DaySum(5, 7, observed_ms=10, bridged_ms=20, downtime_ms=30)}
    weights = weigh(days, LENGTHS, source="agent")
    assert (weights.covered, weights.known, weights.missing) == (30, 60, 2 * DAY - 60)
    assert stands_for_ms(days[1], "agent") == 30


def test_averages_weigh_the_time_they_stand_for() -> None:
    """The last one begins on the second day and reaches out of it; the first minute is another month's."""
    days = {1: DaySum(5, DAY - 60_000, observed_ms=DAY), 2: DaySum(5, DAY + 60_000, observed_ms=DAY)}
    weights = weigh(days, LENGTHS, source="import")
    assert (weights.covered, weights.known, weights.missing) == (2 * DAY, 2 * DAY, 0)


def test_as_soon_as_anything_is_missing_one_more_average_may_be() -> None:
    days = {1: DaySum(5, DAY, observed_ms=DAY - 240_000), 2: DaySum(5, DAY, observed_ms=DAY)}
    assert weigh(days, LENGTHS, source="import").missing == 240_000 + WHOLE_AVERAGE_MS
    days = {1: DaySum(5, DAY - 300_000, observed_ms=DAY - 60_000), 2: DaySum(5, DAY, observed_ms=DAY)}
    assert weigh(days, LENGTHS, source="import").missing == 300_000 + WHOLE_AVERAGE_MS


def test_days_may_weigh_differently() -> None:
    weights = weigh(
        {1: DaySum(0, DAY, observed_ms=DAY)}, LENGTHS, source="import", each={1: 3, 2: 5}.__getitem__
    )
    assert (weights.covered, weights.missing) == (3 * DAY, 5 * DAY + 5 * WHOLE_AVERAGE_MS)


def samples_of(drawn: bytes) -> list[tuple[int, int, bool]]:
    """Return a length of up to 900 s, a value of up to 100 and whether it is kept, of every four bytes."""
    fours = (drawn[at : at + 4] for at in range(0, len(drawn) - 3, 4))
    return [(1 + int.from_bytes(four[:2], "big") % 900, four[2] % 101, bool(four[3] % 2)) for four in fours]


# Of bytes, because drawing hundreds of numbers one by one takes a hundred times as long as the test.
SAMPLES = st.binary(min_size=4 * 300, max_size=4 * 400).map(samples_of)


@given(SAMPLES, st.integers(0, 900))
def test_the_mean_of_all_averages_lies_in_the_bounds_of_some(
    samples: list[tuple[int, int, bool]], first: int
) -> None:
    """Irregular averages over the edges of a day, of which some are lost."""
    whole = amount = kept_whole = kept_amount = seen = 0
    at = -first
    for length, value, kept in samples:
        begin, end = at, at + length
        at = end
        inside = max(0, min(end, 86_400) - max(begin, 0))
        seen += inside * 1000 if kept else 0
        if 0 <= begin < 86_400:
            whole, amount = whole + length * 1000, amount + length * 1000 * value
            if kept:
                kept_whole, kept_amount = kept_whole + length * 1000, kept_amount + length * 1000 * value
    if not whole:
        return
    days = {1: DaySum(kept_amount, kept_whole, observed_ms=seen)}
    weights = weigh(days, {1: DAY}, source="import")
    counted = weights.known + weights.missing
    # Time that no sample covers is missing in both views; it takes the same extremes.
    low, high = kept_amount / counted, (kept_amount + 100 * weights.missing) / counted
    assert low <= amount / whole + 1e-9
    assert high >= amount / whole - 1e-9
