"""``extreme_hour/1``: missing time takes the lowest, and the highest, hour that was seen.

For the low end missing time takes the lowest hourly value of the same host in the same window, for
the high end the highest, in place of 0 and of the limit (both directions of the maximum in the
look-back of 40 CFR 75.33). It may, if what was seen can speak for what was not:

1. Coverage before substitution reaches the edition's gate (data capture; Directive 2008/50/EC: 0.9).
2. At most ``MOST_DAYS_RUNNING`` days on end, and ``MOST_DAYS_A_MONTH`` of a calendar month, are
   missing (WMO, monthly means). A day is missing if more than half of it is (CalTRACK 2.0).
3. At least ``LEAST_HOURS`` hours were seen. An hour is seen if ``SEEN_SHARE`` of it was observed or
   is known downtime; bridged time is no part of that, its place in time is not known.
4. An hour or more is missing in all: single minutes vary more than hours do.

Even then these stretches keep 0 and the limit, because nothing that was seen speaks for them:

5. Missing time that ends with a boot: the host may have been off (a cut of power, a crash).
6. Missing time before the first or after the last reading of the window.
7. Hours of the day that were seen on less than half of the days: a gap every night hides the nights.

Why these, and what they are worth: docs/adr/0010-substitution-by-extreme-hour.md.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from datetime import date
from fractions import Fraction
from functools import cached_property

from evidence.day_sum import DaySum
from verifier.amounts import NOTHING, HostAmounts
from verifier.bounds import Fill, Number
from verifier.hours import HOUR_MS, HostHours, day_and_number, hour_lengths
from verifier.weights import stands_for_ms
from verifier.window import Window

SEEN_SHARE = Fraction(3, 4)
LEAST_HOURS = 168
"""A week: every hour of the day and every day of the week once."""
MOST_DAYS_RUNNING = 3
MOST_DAYS_A_MONTH = 5
MISSING_DAY_SHARE = Fraction(1, 2)
LEAST_MISSING_MS = HOUR_MS
NUMBER_SEEN_SHARE = Fraction(1, 2)
"""Of the days, those on which an hour of the day must have been seen."""

COVERAGE, DAYS, HOURS = "SUBSTITUTION_COVERAGE", "SUBSTITUTION_DAYS", "SUBSTITUTION_HOURS"
"""Why the rule may not be applied to a host: steps 1, 2 and 3. The texts are ``verifier.notes``'."""

_UNSEEN = DaySum()


class GateError(Exception):
    """What was seen of a host cannot speak for what was not; ``args[0]`` is the reason code."""


@dataclass(frozen=True)
class _Hour:
    name: int
    length_ms: int
    sums: DaySum

    @property
    def known_ms(self) -> int:
        return self.sums.covered_ms + self.sums.downtime_ms

    @property
    def missing_ms(self) -> int:
        return self.length_ms - self.known_ms

    @cached_property
    def seen(self) -> bool:
        told_ms = self.sums.observed_ms + self.sums.downtime_ms
        # In integers: this is asked of every hour of a fleet's month.
        return told_ms * SEEN_SHARE.denominator >= SEEN_SHARE.numerator * self.length_ms


class ExtremeHour:
    """The rule for one host: a ``verifier.indicators.interface.Filler``.

    Args:
        window: the window of the figure.
        amounts: the host's day sums in it.
        hours: the host's hour sums in it.
        gate: the least coverage share, from the edition.
    """

    def __init__(self, window: Window, amounts: HostAmounts, hours: HostHours, *, gate: Fraction) -> None:
        self._window = window
        self._amounts = amounts
        self._hours = hours
        self._gate = gate
        self.filled = False

    def __call__(
        self, key: tuple[str, str], *, done: Callable[[DaySum], Number], each: Callable[[int], Number]
    ) -> Fill | None:
        """Return what a unit of missing weight takes; ``None`` if hardly any is missing (step 4).

        Raises:
            GateError: steps 1 to 3 do not hold.
        """
        metric = self._amounts.get(key, NOTHING)
        missing_ms = self._window.counted_ms - metric.known_ms
        if missing_ms < LEAST_MISSING_MS:
            return None
        # (1) and (2)
        if metric.total.covered_ms < self._gate * (self._window.counted_ms - metric.total.downtime_ms):
            raise GateError(COVERAGE)
        _require_days(self._window, metric.days)
        # (3)
        sums = self._hours.get(key, {})
        hours = [_Hour(name, ms, sums.get(name, _UNSEEN)) for name, ms in hour_lengths(self._window)]
        lows, highs = [], []
        for hour in hours:
            ran = stands_for_ms(hour.sums, key[0])
            if not hour.seen or ran + hour.sums.downtime_ms == 0:
                continue
            amount, weight = Fraction(done(hour.sums)), each(day_and_number(hour.name)[0])
            low = amount / (weight * (ran + hour.sums.downtime_ms))
            lows.append(low)
            # For the high end the missing time may have been without any downtime.
            highs.append((amount / (weight * ran) if ran else Fraction(0)) if hour.sums.downtime_ms else low)
        if len(lows) < LEAST_HOURS:
            raise GateError(HOURS)
        self.filled = True
        return Fill(min(lows), max(highs), hard_share(hours, each))


def _require_days(window: Window, days: Mapping[int, DaySum]) -> None:
    """Step 2. Excluded days neither count nor end a run."""
    running, months = 0, Counter[tuple[int, int]]()
    for day, length in sorted(window.lengths.items()):
        sums = days.get(day, _UNSEEN)
        if length - sums.covered_ms - sums.downtime_ms <= MISSING_DAY_SHARE * length:
            running = 0
            continue
        running += 1
        local = date.fromordinal(day)
        months[local.year, local.month] += 1
        if running > MOST_DAYS_RUNNING or months[local.year, local.month] > MOST_DAYS_A_MONTH:
            raise GateError(DAYS)


def hard_share(hours: list[_Hour], each: Callable[[int], Number]) -> Fraction:
    """Return the share of the missing weight that keeps 0 and the limit: steps 5 to 7."""
    hard = {*_before_boots(hours), *_edges(hours), *_hardly_seen(hours)}
    whole: Number = 0
    kept: Number = 0
    for hour in hours:
        if not hour.missing_ms:
            continue
        weight = each(day_and_number(hour.name)[0]) * hour.missing_ms
        whole += weight
        kept += weight if hour.name in hard else 0
    # Hours that do not know of the missing time say nothing about it.
    return Fraction(kept) / whole if whole else Fraction(1)


def _before_boots(hours: list[_Hour]) -> Iterator[int]:
    """Step 5. The hour of the boot, and those before it up to and with the first that was seen."""
    booted = False
    for hour in reversed(hours):
        booted = booted or hour.sums.restarts > 0
        if booted:
            yield hour.name
        if hour.sums.restarts == 0 and (hour.seen or hour.missing_ms == 0):
            booted = False


def _edges(hours: list[_Hour]) -> Iterator[int]:
    """Step 6. The first and the last hour with a reading are in part on the far side of it."""
    for ordered in (hours, hours[::-1]):
        for hour in ordered:
            yield hour.name
            if hour.known_ms:
                break


def _hardly_seen(hours: list[_Hour]) -> Iterator[int]:
    """Step 7."""
    seen, whole = Counter[int](), Counter[int]()
    for hour in hours:
        number = day_and_number(hour.name)[1]
        whole[number] += 1
        seen[number] += hour.seen
    for hour in hours:
        number = day_and_number(hour.name)[1]
        if seen[number] < NUMBER_SEEN_SHARE * whole[number]:
            yield hour.name
