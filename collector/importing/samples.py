"""From ordered rows to samples: what each instant says and how long it holds. Pure.

Rules, per host and metric:

1. A row covers [t, t + period), cut where the next instant with any row begins, and at the time
   of the import. A row whose value is refused still is an instant: it cuts the sample before it,
   and its own time is missing.
2. Rows of one instant and one value are one sample (duplicates); the shortest period holds.
3. Of different values at one instant the lowest counts; the others are conflicts.
4. A CPU value above 100 counts as 100.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from itertools import groupby
from typing import NamedTuple

from collector.importing.metrics import CPU
from collector.importing.numbers import NANO
from collector.importing.rows import Row

MAX_EXAMPLES = 5
FULL = 100 * NANO


class Sample(NamedTuple):
    """One average. ``value`` in units of 10^-9; ``period_ms`` is the length before it was cut."""

    line: int
    start_ms: int
    length_ms: int
    value: int
    period_ms: int


@dataclass
class Tally:
    """What was counted on the way. ``rows`` = samples + duplicates + conflicts + refused."""

    rows: int = 0
    samples: int = 0
    duplicates: int = 0
    conflicts: int = 0
    above_100: int = 0
    refused: int = 0
    unsure_times: int = 0
    trimmed: int = 0
    """Samples kept only in part, because an earlier import holds the rest of their time."""
    parts_lost: int = 0
    """Free parts of those that were not kept: of several the earliest is."""
    hosts: int = 0
    first_ms: int | None = None
    last_ms: int | None = None
    examples: list[str] = field(default_factory=list)

    def conflict(self, description: str) -> None:
        """Count a conflict and keep the first few descriptions."""
        self.conflicts += 1
        if len(self.examples) < MAX_EXAMPLES:
            self.examples.append(description)

    def keep(self, start_ms: int, end_ms: int) -> None:
        """Count a sample that is stored."""
        self.samples += 1
        self.first_ms = start_ms if self.first_ms is None else min(self.first_ms, start_ms)
        self.last_ms = end_ms if self.last_ms is None else max(self.last_ms, end_ms)


def samples(rows: Iterable[Row], tally: Tally, *, now_ms: int) -> Iterator[tuple[str, str, Iterator[Sample]]]:
    """Yield (host, metric, its samples in order) for rows in the staging area's order.

    The samples of one group must be read before the next group is asked for.
    """
    for (host, metric), group in groupby(rows, key=lambda row: (row.host, row.metric)):
        yield host, metric, _cut(_instants(group, tally), tally, now_ms)


def _instants(rows: Iterable[Row], tally: Tally) -> Iterator[Row]:
    """Rules 2 and 3: one row for each instant; refused ones stay to cut the sample before."""
    first: Row | None = None
    for row in rows:
        if first is None or row.start_ms != first.start_ms:
            if first is not None:
                yield first
            first = row
            tally.refused += row.value is None
        elif row.value is None:
            tally.refused += 1
        elif row.value == first.value:
            tally.duplicates += 1
        else:
            tally.conflict(
                f"{row.host} {row.metric}: line {row.line} has another value for the instant of "
                f"line {first.line}; the lower counts"
            )
    if first is not None:
        yield first


def _cut(instants: Iterable[Row], tally: Tally, now_ms: int) -> Iterator[Sample]:
    """Rules 1 and 4."""
    for row, until_ms in _with_next(instants, now_ms):
        value = row.value
        if value is None:
            continue
        if row.metric == CPU and value > FULL:
            tally.above_100 += 1
            value = FULL
        length_ms = min(row.period_ms, until_ms - row.start_ms)
        yield Sample(row.line, row.start_ms, length_ms, value, row.period_ms)


def _with_next(instants: Iterable[Row], end_ms: int) -> Iterator[tuple[Row, int]]:
    before: Row | None = None
    for row in instants:
        if before is not None:
            yield before, min(row.start_ms, end_ms)
        before = row
    if before is not None:
        yield before, end_ms
