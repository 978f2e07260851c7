from __future__ import annotations

from fractions import Fraction

from hypothesis import given
from hypothesis import strategies as st

from verifier.bounds import NOTHING_KNOWN, Bounds
from verifier.fleet import aggregate, exact_sum
from verifier.indicators.interface import HostFigure
from verifier.window import TimeClasses

MEAN, SUM, WEIGHTED = "mean_over_hosts", "sum_over_hosts", "capacity_weighted"
SILENT = Bounds(low=Fraction(0), high=Fraction(100))


def host(*ends, weight=None, bounds=None):
    made = bounds or Bounds(*map(Fraction, ends), running=Fraction(ends[1]))
    return HostFigure("h", "agent", made, TimeClasses(), None if weight is None else Fraction(weight))


def test_every_host_counts_once_in_a_mean():
    assert aggregate([host(10, 20, 30), host(30, 40, 50)], MEAN) == Bounds(*map(Fraction, (20, 30, 40, 30)))


def test_a_host_without_data_pulls_the_mean_down_and_the_upper_bound_up():
    found = aggregate([host(40, 40, 40), host(bounds=SILENT)], MEAN)
    assert (found.low, found.value, found.high) == (20, 20, 70)


def test_sums_have_no_upper_bound_when_one_host_has_none():
    silent = host(bounds=Bounds(low=Fraction(0)))
    found = aggregate([host(5, 6, 7), silent], SUM)
    assert (found.low, found.value, found.high) == (5, 6, None)


def test_capacities_are_the_weights_of_a_weighted_mean():
    found = aggregate([host(10, 10, 10, weight=300), host(50, 50, 50, weight=100)], WEIGHTED)
    assert (found.low, found.value, found.high) == (20, 20, 20)


def test_one_unknown_capacity_leaves_the_weighted_mean_unknown():
    assert aggregate([host(10, 10, 10, weight=300), host(bounds=NOTHING_KNOWN)], WEIGHTED) == NOTHING_KNOWN


def test_without_any_data_there_is_no_figure():
    for aggregation in (MEAN, SUM, WEIGHTED):
        assert aggregate([host(bounds=SILENT)], aggregation) == NOTHING_KNOWN
        assert aggregate([], aggregation) == NOTHING_KNOWN


def test_hosts_that_were_off_have_no_figure_while_running():
    off = Bounds(Fraction(0), Fraction(0), Fraction(0))
    assert aggregate([host(bounds=off)], MEAN) == off


@given(st.lists(st.fractions(), max_size=20))
def test_the_sum_of_fractions_is_exact(numbers):
    assert exact_sum(numbers) == sum(numbers, Fraction(0))


ENDS = st.lists(st.fractions(min_value=0, max_value=100), min_size=3, max_size=3).map(sorted)


@given(st.lists(st.tuples(ENDS | st.none(), st.integers(1, 1000)), min_size=1, max_size=6))
def test_the_three_ends_keep_their_order_in_every_aggregation(parts):
    hosts = [
        host(*ends, weight=weight) if ends else host(bounds=SILENT, weight=weight) for ends, weight in parts
    ]
    for aggregation in (MEAN, SUM, WEIGHTED):
        found = aggregate(hosts, aggregation)
        if found.value is not None:
            assert found.low <= found.value <= found.high
