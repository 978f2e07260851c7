"""Five-minute values of a batch: rules of ``verifier.questions.bins``, for its plain chunks."""

from __future__ import annotations

from itertools import pairwise

import numpy as np

from evidence.columns import MISSING
from evidence.day_sum import STEP_TOLERANCE_MS, STEP_TOLERANCE_SHARE
from verifier.batch import Batch, Values
from verifier.questions.bins import (
    BIN_MS,
    COUNTED,
    CPU,
    EDGE_MS,
    HUNDREDTHS,
    NANO,
    NANO_PERCENT_A_HUNDREDTH,
    RESTING,
    STATES,
    share,
)

MS_PER_S = 1_000
MOST_TICKS = 2**48
MOST_GROWN = 2**62
MOST_A_MS = 2**22
LONGEST_MS = 2**22
"""Beyond these, products would leave int64 and Python's integers are used (10^12 lies below 2^40)."""
MOST_COMPARED = 2**24
"""Comparisons of edges with rows, in bytes of memory; chunks of longer time are looked at alone."""

Bins = dict[str, dict[int, int]]
"""Value by metric and number of the bin."""


def batch_bins(batch: Batch) -> dict[int, Bins]:
    """Return by chunk the bins of the plain chunks of a batch."""
    found: dict[int, Bins] = {at: {} for at, plain in enumerate(batch.plain) if plain}
    at = np.array(sorted(found), dtype=np.int64)
    if not len(at):
        return found
    wall, boot = batch.values[at, 0], batch.values[at, 1]
    number = -(-(wall[:, 0] - EDGE_MS) // BIN_MS)
    edges = int((wall[:, -1] // BIN_MS - number).max()) + 2
    if edges * wall.size > MOST_COMPARED:
        return {}
    numbers = number[:, None] + np.arange(edges)
    row = _rows(wall, numbers * BIN_MS)
    before, after = row[:, :-1], row[:, 1:]
    chosen = (before >= 0) & (after >= 0) & (numbers[:, :-1] * BIN_MS <= wall[:, -1:])
    begin, end = np.where(chosen, before, 0), np.where(chosen, after, 0)
    walked = np.take_along_axis(wall, end, 1) - np.take_along_axis(wall, begin, 1)
    booted = np.take_along_axis(boot, end, 1) - np.take_along_axis(boot, begin, 1)
    chosen &= np.abs(walked - booted) <= STEP_TOLERANCE_MS + booted // STEP_TOLERANCE_SHARE
    which, edge = np.nonzero(chosen)
    rows = (at[which], begin[which, edge], end[which, edge])
    _put(batch, found, rows, numbers[which, edge].tolist(), booted[which, edge])
    return found


def _put(
    batch: Batch,
    found: dict[int, Bins],
    rows: tuple[Values, Values, Values],
    numbers: list[int],
    elapsed_ms: Values,
) -> None:
    chunk, begin, end = rows
    grown = batch.values[chunk, :, end] - batch.values[chunk, :, begin]
    columns: dict[str, list[int]] = {}
    for place, name in enumerate(batch.names):
        columns.setdefault(name, []).append(place)
    values: dict[str, list[int]] = {}
    if all(f"cpu.{state}" in columns for state in STATES):
        values[CPU] = _shares(grown[:, [columns[f"cpu.{state}"][0] for state in STATES]])
    for metric, name in COUNTED.items():
        if name in columns:
            values[metric] = _rates(grown[:, columns[name]], elapsed_ms)
    edges: list[int] = [*np.flatnonzero(np.diff(chunk, prepend=-1)).tolist(), len(chunk)]
    of = chunk.tolist()
    gaps = {metric: MISSING in each for metric, each in values.items()}
    for first, after in pairwise(edges):
        mine, about = found[of[first]], numbers[first:after]
        for metric, each in values.items():
            pairs = zip(about, each[first:after], strict=True)
            mine[metric] = (
                {n: value for n, value in pairs if value != MISSING} if gaps[metric] else dict(pairs)
            )


def _shares(ticks: Values) -> list[int]:
    """Return the busy share of every row of ticks of ``STATES``, ``MISSING`` where nothing was counted."""
    whole = ticks.sum(axis=1)
    busy = whole - ticks[:, [STATES.index(state) for state in RESTING]].sum(axis=1)
    if whole.max(initial=0) >= MOST_TICKS:
        return [share(row) for row in ticks.tolist()]
    shares = busy * HUNDREDTHS // np.maximum(whole, 1) * NANO_PERCENT_A_HUNDREDTH
    found: list[int] = np.where(whole > 0, shares, MISSING).tolist()
    return found


def _rates(grown: Values, elapsed_ms: Values) -> list[int]:
    """Return 10^-9 a second of every row: the growth of all columns together over the time that passed."""
    if (
        grown.shape[1] * int(grown.max(initial=0)) >= MOST_GROWN
        or (grown.sum(axis=1) // elapsed_ms).max(initial=0) >= MOST_A_MS
        or elapsed_ms.max(initial=0) >= LONGEST_MS
    ):
        pairs = zip(grown.tolist(), elapsed_ms.tolist(), strict=True)
        return [sum(row) * MS_PER_S * NANO // elapsed for row, elapsed in pairs]
    # In two parts, so that neither leaves int64.
    whole, rest = np.divmod(grown.sum(axis=1), elapsed_ms)
    found: list[int] = (whole * (MS_PER_S * NANO) + rest * (MS_PER_S * NANO) // elapsed_ms).tolist()
    return found


def _rows(wall: Values, instants: Values) -> Values:
    """Return by chunk and instant the nearest row (of two as near, the earlier), -1 if none is near."""
    after = (wall[:, None, :] < instants[:, :, None]).sum(axis=2)
    last = wall.shape[1] - 1
    left, right = np.clip(after - 1, 0, last), np.clip(after, 0, last)
    far_left = np.abs(np.take_along_axis(wall, left, 1) - instants)
    far_right = np.abs(np.take_along_axis(wall, right, 1) - instants)
    nearest = np.where(far_right < far_left, right, left)
    return np.where(np.minimum(far_left, far_right) <= EDGE_MS, nearest, -1)
