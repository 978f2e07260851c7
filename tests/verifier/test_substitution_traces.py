"""The risk of ``extreme_hour/1`` on real machines: gaps whose truth is known, thresholds placed adversely.

The larger table is ``bench/substitution_risk.py``; the stated risk is that of ADR 0010.
"""

from __future__ import annotations

from collections.abc import Iterator
from fractions import Fraction
from functools import lru_cache
from math import comb

import gaps
import pytest
import risk
from fleet import Fleet

from evidence.calendar import LocalCalendar
from verifier import recompute
from verifier.amounts import collect
from verifier.substitution import APPLIED

STATED_RISK = Fraction(1, 100)
"""Of wrong verdicts at the worst threshold, for gaps that nobody chose, over all machines."""
PATTERNS = 4
"""Of each kind on each month. Too few for the stated risk itself, which the larger table counts."""
MOST_RISK = 3 * STATED_RISK
SURE = Fraction(99, 100)
"""How sure it must be that the risk is less than ``MOST_RISK``, from these few patterns alone."""
A_FIGURE = {"cpu": gaps.cpu_months, "bandwidth": gaps.bandwidth_months, "disk": gaps.disk_months}
UTC = LocalCalendar("UTC")


def chance_of_at_most(wrong: int, patterns: int, share: Fraction) -> float:
    """Return how likely so few wrong verdicts are if this share of all patterns goes wrong."""
    return sum(
        comb(patterns, k) * float(share) ** k * float(1 - share) ** (patterns - k) for k in range(wrong + 1)
    )


@lru_cache
def months(figure: str) -> list[gaps.Month]:
    return list(A_FIGURE[figure]())


def tallies(figure: str, cuts: tuple[gaps.Cut, ...], patterns: int = PATTERNS) -> Iterator[risk.Tally]:
    return (risk.tally(months(figure), cut, patterns) for cut in cuts)


@pytest.mark.no_cover
@pytest.mark.slow
@pytest.mark.parametrize(("figure", "least_decided"), [("cpu", 0.35), ("bandwidth", 0.05), ("disk", 0.08)])
def test_gaps_that_nobody_chose_give_wrong_verdicts_no_more_often_than_stated(figure, least_decided):
    found = list(tallies(figure, gaps.AT_RANDOM))
    patterns = sum(one.patterns for one in found)
    assert patterns >= 400
    for counts in ("passed", "failed"):
        wrong = sum(max(getattr(one, counts).values()) for one in found)
        assert Fraction(wrong, patterns) <= STATED_RISK
        assert chance_of_at_most(wrong, patterns, MOST_RISK) < 1 - SURE
    decided = sum(one.decided for one in found) / sum(one.open for one in found)
    assert decided > least_decided, "a rule that never decides anything is safe and useless"


@pytest.mark.no_cover
@pytest.mark.slow
def test_gaps_at_the_same_hour_of_every_night_decide_nothing():
    for figure in A_FIGURE:
        (found,) = tallies(figure, (gaps.nightly,), 1)
        assert found.applied
        assert (found.decided, found.above) == (0, 0)


@pytest.mark.no_cover
@pytest.mark.slow
def test_an_adversary_who_chooses_the_gaps_does_gain_and_it_is_known_how_much():
    (idlest,) = tallies("cpu", (gaps.idlest,), 4)
    assert idlest.wrong(idlest.passed) > Fraction(1, 4), "if this were rare, the rule needed no declaration"
    assert 0 < idlest.above < Fraction(1, 20)
    (busiest,) = tallies("cpu", (gaps.busiest,), 2)
    assert busiest.passed.total() == 0


def test_a_real_month_is_decided_from_its_chunks():
    """The whole way: sealed chunks with a hole, day sums and hour sums from them, the rule's bounds."""
    month = next(found for found in months("cpu") if found.name == "ec2_cpu_utilization_5f5533")
    kept = [place for place in range(month.steps) if not 5 * gaps.DAY + 30 <= place < 5 * gaps.DAY + 130]
    fleet = Fleet("示例企业", "UTC")
    for day in range(len(month.days)):
        samples = [
            (month.start_ms(place), gaps.STEP_MS, month.series["cpu.utilization"][place])
            for place in kept
            if place // gaps.DAY == day
        ]
        fleet.averages("vm", "cpu.utilization", samples, scale=9)
    archive = fleet.archive()
    amounts = collect(archive.day_sums(month.days[0], month.days[-1] + 1), month.window)["vm"]
    hours = recompute.hour_reader(archive, UTC, month.window)("vm")
    gone = set(range(month.steps)) - set(kept)
    assert (amounts, hours) == month.left(gone)
    hard, found = month.without(gone)
    assert found.reason == APPLIED
    assert hard.bounds.low < found.bounds.low < month.truth < found.bounds.high < hard.bounds.high
