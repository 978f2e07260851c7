from __future__ import annotations

from fractions import Fraction

from hypothesis import given
from hypothesis import strategies as st

from verifier.bounds import NOTHING_KNOWN, Bounds, added, bound, greatest

TIMES = st.integers(0, 10**6)
SHARES = st.fractions(min_value=0, max_value=1, max_denominator=1000)


@given(times=st.tuples(TIMES, TIMES, TIMES), load=SHARES, hidden=SHARES, off=SHARES)
def test_the_full_figure_lies_in_the_bounds_whatever_was_missing(times, load, hidden, off):
    covered, down, missing = times
    done = 100 * load * covered
    found = bound(done, covered=covered, known=covered + down, missing=missing, limit=100)
    whole = covered + down + missing
    if whole == 0:
        assert found == NOTHING_KNOWN
        return
    full = (done + 100 * hidden * (1 - off) * missing) / whole
    assert found.low <= full <= found.high
    if covered + down:
        assert found.low <= found.value <= found.high
        assert found.running is None or found.running >= found.value
    else:
        assert found.value is None


def test_with_everything_seen_value_and_both_ends_are_equal():
    assert bound(300, covered=10, known=10, missing=0, limit=None) == Bounds(*[Fraction(30)] * 4)


def test_downtime_lowers_the_value_but_not_the_figure_while_running():
    found = bound(300, covered=10, known=20, missing=0, limit=100)
    assert (found.value, found.running) == (15, 30)


def test_without_a_limit_there_is_no_upper_bound_while_time_is_missing():
    assert bound(300, covered=10, known=10, missing=1, limit=None).high is None


def test_a_limit_that_was_exceeded_is_no_upper_bound():
    assert bound(1001, covered=10, known=10, missing=1, limit=100).high is None
    assert bound(1000, covered=10, known=10, missing=1, limit=100).high == 100


def test_a_host_without_data_lies_between_zero_and_the_limit():
    assert bound(0, covered=0, known=0, missing=5, limit=100) == Bounds(low=Fraction(0), high=Fraction(100))


@given(st.lists(st.tuples(SHARES, SHARES, SHARES), min_size=1, max_size=4))
def test_sums_and_maxima_keep_the_order_of_the_three_ends(parts):
    made = [Bounds(*sorted(part), running=max(part)) for part in parts]
    for joined in (greatest(made), added(made)):
        assert joined.low <= joined.value <= joined.high
    assert greatest(made).high == max(part.high for part in made)
    assert added(made).value == sum(part.value for part in made)


def test_one_part_without_an_upper_bound_leaves_none():
    half = Bounds(Fraction(1), Fraction(1), Fraction(1), Fraction(1))
    assert added([half, Bounds(Fraction(0))]) == Bounds(Fraction(1), Fraction(1), None, Fraction(1))
    assert greatest([NOTHING_KNOWN, NOTHING_KNOWN]) == NOTHING_KNOWN
