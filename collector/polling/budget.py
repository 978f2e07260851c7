"""How many calls an account takes: every month, and for the history before. Pure but for the source's word."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from collector.polling.accounts import Account
from collector.polling.plan import BEHIND_MS, OVERLAP_MS, Stretch, grid_ms, rungs_of, stretches
from collector.sources.interface import Source, Span

MONTH_MS = 30 * 86_400_000
INSTANCES_AT_ONCE = 50
"""In one question: bounds memory together with ``plan.STRETCH_POINTS``, and what most clouds take at once."""
FREE_CALLS = {"aliyun": 1_000_000, "tencent": 1_000_000}
"""Calls a month that cost nothing, where the provider says so (CloudMonitor of both; others: not known)."""


@dataclass(frozen=True)
class Budget:
    """Calls for averages at most, without retries, the list of machines and bills. ``free``: what costs nothing in a month, ``None`` if not known."""

    instances: int
    metrics: int
    monthly: int
    first_run: int
    free: int | None

    @property
    def exceeds(self) -> bool:
        """Whether a month, or the first run, takes more than is free."""
        return self.free is not None and max(self.monthly, self.first_run) > self.free


def budget(
    account: Account, source: Source, marks: Mapping[str, Sequence[int | None]], *, now_ms: int
) -> Budget:
    """Return what an account takes.

    Args:
        account: its settings.
        source: the opened source.
        marks: by metric the marks of all instances, ``None`` for one that was never read.
        now_ms: wall clock.

    Raises:
        RangeError: the account wants a period that the source does not have.
        SourceError: what the source says of a metric or period.
    """
    rungs = rungs_of(account, source)
    finest = rungs[0].period_ms
    grid = grid_ms(finest)
    end_ms = (now_ms - BEHIND_MS) // grid * grid
    length_ms = -(-(max(account.every_ms, grid) + max(OVERLAP_MS, grid)) // grid) * grid
    every = Span(end_ms - length_ms, end_ms)
    monthly = first = 0
    for metric, ones in marks.items():
        once = sum(source.calls_for(metric, size, every, finest) for size in batch_sizes(len(ones)))
        monthly += once * -(-MONTH_MS // account.every_ms)
        counted: dict[int | None, int] = {}
        for mark in ones:
            counted[mark] = counted.get(mark, 0) + 1
        for mark, count in counted.items():
            ahead = stretches(rungs, mark, now_ms=now_ms, backfill_days=account.backfill_days)
            first += sum(calls(source, metric, count, stretch) for stretch in ahead)
    instances = max((len(ones) for ones in marks.values()), default=0)
    return Budget(instances, len(marks), monthly, first, FREE_CALLS.get(account.provider))


def calls(source: Source, metric: str, instances: int, stretch: Stretch) -> int:
    """Return the calls for one stretch of so many instances."""
    sizes: Iterable[int] = batch_sizes(instances)
    return sum(source.calls_for(metric, size, stretch.span, stretch.period_ms) for size in sizes)


def batch_sizes(instances: int) -> list[int]:
    """Return how many instances are asked for at once."""
    whole, rest = divmod(instances, INSTANCES_AT_ONCE)
    return [INSTANCES_AT_ONCE] * whole + ([rest] if rest else [])
