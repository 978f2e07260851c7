"""Patterns in five-minute values: pure functions, whole numbers only.

Thresholds are those whose rates of false questions are known (docs/questions.md, bench/flag_rates.py).
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from fractions import Fraction
from itertools import accumulate, compress
from operator import and_, sub
from typing import NamedTuple

from verifier.questions.bins import CPU, NANO, READS, RX, TX, WRITES, Bins

HOUR_BINS = 12
LEAST_DISTINCT = 10
"""Of the twelve values of a repeated hour: a flat hour repeats by itself."""
BUSY: Mapping[str, int] = {
    CPU: 5 * NANO,
    RX: 10_000 * NANO,
    TX: 10_000 * NANO,
    READS: 5 * NANO,
    WRITES: 5 * NANO,
}
"""Mean above which an hour is busy: percent, bytes a second, operations a second."""
WEEK_BINS = 7 * 24 * HOUR_BINS
MONDAY_BINS = 4 * 24 * HOUR_BINS
"""1970-01-05 was a Monday."""
WEEK_SEEN_PERCENT = 80
STEADY_MEAN = 10 * NANO
STEADY_VARIATION_PERCENT = 5
STEP_POINTS = 15
"""Percentage points."""
STEP_DAYS = 2
STEP_REACH = 3
"""Days after the start of the window; what was before it is not in the pack."""


class Stretch(NamedTuple):
    """Bins [first, after), and the value or mean over them."""

    first: int
    after: int
    value: int


class Repeat(NamedTuple):
    """The hour that begins with bin ``again`` has the values of the one that begins with ``first``."""

    first: int
    again: int


def repeated_hours(bins: Bins, *, busy: int) -> list[Repeat]:
    """Return busy hours whose twelve values stood in the same order in an earlier hour. No two overlap."""
    # a block with a value that stands only once was nowhere before
    again = {value for value, count in Counter(bins.values()).items() if count > 1}
    seen: dict[tuple[int, ...], int] = {}
    found: list[Repeat] = []
    for first, values in _runs(bins):
        totals, free = list(accumulate(values, initial=0)), 0
        hours = map(sub, totals[HOUR_BINS:], totals)
        there = [value in again for value in values]
        both = map(and_, there, there[HOUR_BINS - 1 :])
        for place, amount in compress(enumerate(hours), both):
            if place < free or amount <= busy * HOUR_BINS:
                continue
            block, at = tuple(values[place : place + HOUR_BINS]), first + place
            earlier = seen.setdefault(block, at)
            # Only of a block that is there twice it matters whether it is flat.
            if earlier + HOUR_BINS <= at and len(set(block)) >= LEAST_DISTINCT:
                found.append(Repeat(earlier, at))
                free = place + HOUR_BINS
    return found


def constant_stretches(bins: Bins, *, busy: int) -> list[Stretch]:
    """Return stretches of an hour or longer in which a value above ``busy`` does not change."""
    found: list[Stretch] = []
    for first, values in _runs(bins):
        begin = 0
        for place in range(1, len(values) + 1):
            if place < len(values) and values[place] == values[begin]:
                continue
            if place - begin >= HOUR_BINS and values[begin] > busy:
                found.append(Stretch(first + begin, first + place, values[begin]))
            begin = place
    return found


def weeks(bins: Bins) -> Iterator[tuple[int, Sequence[int]]]:
    """Yield first bin and values of every week (from Monday, UTC) that was seen for the most part."""
    by_week: dict[int, list[int]] = {}
    for number in sorted(bins):
        by_week.setdefault((number - MONDAY_BINS) // WEEK_BINS, []).append(bins[number])
    for week, values in sorted(by_week.items()):
        if len(values) * 100 >= WEEK_BINS * WEEK_SEEN_PERCENT:
            yield week * WEEK_BINS + MONDAY_BINS, values


def steady(values: Sequence[int]) -> bool:
    """Return whether busy values vary by less than 5 % of their mean (standard deviation)."""
    count, total = len(values), sum(values)
    if total <= STEADY_MEAN * count:
        return False
    squares = sum(value * value for value in values)
    return (count * squares - total * total) * 100 * 100 < (STEADY_VARIATION_PERCENT * total) ** 2


def _runs(bins: Bins) -> Iterator[tuple[int, list[int]]]:
    """Yield first bin and values of every stretch without a hole."""
    numbers = sorted(bins)
    if numbers and numbers[-1] - numbers[0] < len(numbers):
        yield numbers[0], [bins[number] for number in numbers]
        return
    begin = 0
    for place in range(1, len(numbers) + 1):
        if place == len(numbers) or numbers[place] != numbers[place - 1] + 1:
            yield numbers[begin], [bins[number] for number in numbers[begin:place]]
            begin = place


class Step(NamedTuple):
    """The mean of the two days from ``day`` on (0: the first of the window) lies above that of the two before."""

    day: int
    before: Fraction
    after: Fraction


def step_at_start(days: Sequence[Fraction | None]) -> Step | None:
    """Return the greatest rise at most three days after the window's start, ``None`` if none is great.

    Args:
        days: mean busy percent of the window's first days, ``None`` for a day that was hardly seen.
    """
    found: Step | None = None
    for day in range(STEP_DAYS, STEP_REACH + 1):
        around = days[day - STEP_DAYS : day + STEP_DAYS]
        seen = [value for value in around if value is not None]
        if len(seen) < 2 * STEP_DAYS:
            continue
        step = Step(
            day,
            sum(seen[:STEP_DAYS], Fraction(0)) / STEP_DAYS,
            sum(seen[STEP_DAYS:], Fraction(0)) / STEP_DAYS,
        )
        rise = step.after - step.before
        if rise > STEP_POINTS and (found is None or rise > found.after - found.before):
            found = step
    return found
