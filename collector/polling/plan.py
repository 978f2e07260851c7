"""What is to be asked: stretches of time, each with the finest period that the source still has. Pure.

1. Nothing newer than ``BEHIND_MS`` is asked: fresh averages still change.
2. Without a mark the source is asked from as far back as it keeps anything, else from the mark on.
3. The first question after a pause begins up to ``OVERLAP_MS`` (rounded down to a multiple of it,
   so that instances that are nearly level are asked together) before the mark: points come late.
4. Time that is too old for the chosen period is asked with the next coarser one. Where the two
   meet, the coarser period ends and the finer one begins at a multiple of both.
5. Ends of stretches are multiples of five minutes even where the period is finer: what a provider
   sums up (AWS: bytes, operations) comes in five minutes at the finest.
6. A stretch has at most ``STRETCH_POINTS`` points of an instance: that bounds memory and what a
   crash repeats.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from collector.polling.accounts import MS_PER_S, Account
from collector.sources.errors import RangeError
from collector.sources.interface import Retention, Source, Span

BEHIND_MS = 10 * 60 * 1000
OVERLAP_MS = 30 * 60 * 1000
LATE_MS = 2 * 60 * 60 * 1000
"""Points may come so late; until then the end of a series is asked for again if it has a hole."""
MARGIN_MS = 60 * 60 * 1000
"""Before history is forgotten it may be forgotten already: clocks differ, calls take time."""
STRETCH_POINTS = 2016
"""Seven days of five-minute averages."""
DEFAULT_PERIOD_MS = 5 * 60 * 1000
"""Finer averages have the same mean and cost five times the calls."""
UNKNOWN_PERIODS_MS = tuple(minutes * 60_000 for minutes in (5, 6, 10, 12, 15, 20, 30, 60))
"""For a system that does not say what it keeps: the finest of these that it can answer. They divide the hour."""
UNKNOWN_DAYS = 93
"""For the same: three months."""
DAY_MS = 86_400_000


@dataclass(frozen=True)
class Stretch:
    """One question's time and period."""

    span: Span
    period_ms: int


def rungs_of(
    account: Account, source: Source, retention: Sequence[Retention] | None = None
) -> tuple[Retention, ...]:
    """Return ``ladder`` of an opened source, which is asked what it keeps unless ``retention`` says it.

    Raises:
        RangeError: the account wants a period that the source cannot answer.
        SourceError: what the source says.
    """
    retention = source.retention() if retention is None else retention
    return ladder(
        account, retention, unknown_ms=DEFAULT_PERIOD_MS if retention else _usable_ms(source, account)
    )


def ladder(
    account: Account, retention: Sequence[Retention], *, unknown_ms: int = DEFAULT_PERIOD_MS
) -> tuple[Retention, ...]:
    """Return the periods to ask for, finest first, each kept longer than the one before.

    ``unknown_ms`` is the period for a system that does not say what it keeps.

    Raises:
        RangeError: the account wants a period that the source does not have.
    """
    if not retention:
        keeps_ms = UNKNOWN_DAYS * DAY_MS if account.backfill_days is None else account.backfill_days * DAY_MS
        return (Retention(account.period_ms or unknown_ms, max(keeps_ms, MARGIN_MS)),)
    periods = sorted(rung.period_ms for rung in retention)
    chosen = account.period_ms
    if chosen is None:
        chosen = next((period for period in periods if period >= DEFAULT_PERIOD_MS), periods[-1])
    if chosen not in periods:
        known = ", ".join(str(period // MS_PER_S) for period in periods)
        raise RangeError(f"source {account.alias}: period_s is one of {known} for {account.provider}")
    rungs: list[Retention] = []
    for rung in sorted(retention, key=lambda one: one.period_ms):
        if rung.period_ms >= chosen and (not rungs or rung.keeps_ms > rungs[-1].keeps_ms):
            rungs.append(rung)
    return tuple(rungs)


def _usable_ms(source: Source, account: Account) -> int:
    """Return the finest period that a source which does not say what it keeps can answer."""
    candidates = UNKNOWN_PERIODS_MS if account.period_ms is None else (account.period_ms,)
    refusal = RangeError(f"source {account.alias}: it measures nothing")
    for metric in source.metrics()[:1]:
        for period_ms in candidates:
            step_ms = grid_ms(period_ms)
            try:
                source.calls_for(metric, 1, Span(step_ms, 2 * step_ms), period_ms)
            except RangeError as error:
                refusal = error
            else:
                return period_ms
    raise refusal


def stretches(
    rungs: Sequence[Retention], mark_ms: int | None, *, now_ms: int, backfill_days: int | None = None
) -> Iterator[Stretch]:
    """Yield what is to be asked for, in order of time; nothing if all of it was read."""
    finest = grid_ms(rungs[0].period_ms)
    if mark_ms is not None and mark_ms >= _down(now_ms - BEHIND_MS, finest):
        return
    start_ms = None if mark_ms is None else mark_ms - OVERLAP_MS
    if mark_ms is None and backfill_days is not None:
        start_ms = now_ms - backfill_days * DAY_MS - BEHIND_MS
    for rung, begin_ms, end_ms in _reaches(rungs, now_ms):
        first = begin_ms if start_ms is None else max(begin_ms, _start(start_ms, rung.period_ms))
        step = _down(STRETCH_POINTS * rung.period_ms, grid_ms(rung.period_ms))
        while first < end_ms:
            until = min(first + step, end_ms)
            yield Stretch(Span(first, until), rung.period_ms)
            first = until


def oldest_ms(rungs: Sequence[Retention], now_ms: int) -> int:
    """Return since when the source still has anything."""
    return now_ms - rungs[-1].keeps_ms


def grid_ms(period_ms: int) -> int:
    """Return what the ends of stretches are multiples of (rule 5)."""
    return DEFAULT_PERIOD_MS if DEFAULT_PERIOD_MS % period_ms == 0 else period_ms


def _reaches(rungs: Sequence[Retention], now_ms: int) -> Iterator[tuple[Retention, int, int]]:
    """Yield (rung, begin, end) of the time that each rung is used for, the coarsest first."""
    ends = [_down(now_ms - BEHIND_MS, grid_ms(rungs[0].period_ms))]
    begins = []
    for place, rung in enumerate(rungs):
        coarser = rungs[place + 1].period_ms if place + 1 < len(rungs) else rung.period_ms
        begin = _up(now_ms - rung.keeps_ms + MARGIN_MS, max(grid_ms(rung.period_ms), coarser))
        begins.append(min(begin, ends[-1]))
        ends.append(begins[-1])
    for place in reversed(range(len(rungs))):
        if begins[place] < ends[place]:
            yield rungs[place], begins[place], ends[place]


def _start(start_ms: int, period_ms: int) -> int:
    """Rule 3: level instances that are nearly level, on a multiple of the period."""
    return (
        _down(start_ms, max(OVERLAP_MS, period_ms))
        if OVERLAP_MS % period_ms == 0
        else _down(start_ms, period_ms)
    )


def _down(instant_ms: int, period_ms: int) -> int:
    return instant_ms - instant_ms % period_ms


def _up(instant_ms: int, period_ms: int) -> int:
    return -(-instant_ms // period_ms) * period_ms
