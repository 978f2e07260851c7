"""How often a substitution rule is wrong, and how often it decides: counted over gap patterns."""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field
from fractions import Fraction

from gaps import Cut, Month

from verifier.substitution import settle
from verifier.verdict import Verdict, judge

SEED = 20180401
NEAREST = Fraction(1, 10**9)
DISTANCES = (NEAREST, Fraction(1, 1000), Fraction(1, 100), Fraction(1, 20))
"""How far from the truth an adverse threshold lies, as a share of the truth."""
USUAL = tuple(Fraction(share, 100) for share in (80, 90, 95, 105, 110, 125))
"""Thresholds, as shares of the truth, at which it is counted how often the rule decides."""


@dataclass
class Tally:
    """Counts over patterns. ``passed`` and ``failed`` are wrong verdicts by distance of the threshold."""

    patterns: int = 0
    applied: int = 0
    passed: Counter[Fraction] = field(default_factory=Counter)
    failed: Counter[Fraction] = field(default_factory=Counter)
    by_month: Counter[str] = field(default_factory=Counter)
    open: int = 0
    decided: int = 0
    above: Fraction = Fraction(0)
    below: Fraction = Fraction(0)
    """The most that a low end lay above the truth, and a high end below it, as shares of the truth."""

    def wrong(self, counts: Counter[Fraction]) -> Fraction:
        """Return the share of wrong verdicts at the worst distance."""
        return Fraction(max(counts.values(), default=0), self.patterns)

    def add(self, found: Month, gone: set[int]) -> None:
        """Try one pattern at every threshold."""
        hard, substitution = found.without(gone)
        bounds, truth = substitution.bounds or hard.bounds, found.truth
        assert bounds.low is not None
        assert hard.bounds.low is not None
        assert hard.bounds.low <= bounds.low
        assert hard.bounds.high is None or (bounds.high is not None and bounds.high <= hard.bounds.high)
        self.patterns += 1
        self.applied += substitution.bounds is not None
        for distance in DISTANCES:
            verdict, _ = settle(hard.bounds, bounds, truth * (1 + distance))
            self.passed[distance] += verdict is Verdict.PASS
            self.by_month[found.name] += verdict is Verdict.PASS and distance == NEAREST
            # An inclusive threshold: the truth itself reaches it.
            least = truth if distance == NEAREST else truth * (1 - distance)
            verdict, _ = settle(hard.bounds, bounds, least)
            self.failed[distance] += verdict is Verdict.FAIL
        for share in USUAL:
            if judge(hard.bounds, truth * share) is Verdict.INCONCLUSIVE:
                self.open += 1
                self.decided += settle(hard.bounds, bounds, truth * share)[1]
        self.above = max(self.above, bounds.low / truth - 1)
        if bounds.high is not None:
            self.below = max(self.below, 1 - bounds.high / truth)


def tally(months: Iterable[Month], cut: Cut, patterns: int) -> Tally:
    """Try ``patterns`` patterns of one kind on every month whose truth is above 0."""
    counted = Tally()
    for found in months:
        randomness = random.Random(f"{SEED} {found.definition} {found.name} {cut.__name__}")
        for _ in range(patterns if found.truth else 0):
            counted.add(found, cut(randomness, found))
    return counted
