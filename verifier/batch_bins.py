"""Five-minute values of a batch: rules of ``verifier.questions.bins``, for its plain chunks."""

from __future__ import annotations

import numpy as np

from evidence.columns import MISSING
from evidence.day_sum import STEP_TOLERANCE_MS, STEP_TOLERANCE_SHARE
from verifier.batch import Batch, Values
from verifier.questions.bins import BIN_MS, COUNTED, CPU, EDGE_MS, NANO, STATES, share

MS_PER_S = 1_000
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
    _put(batch, found, rows, numbers[which, edge].tolist(), booted[which, edge].tolist())
    return found


def _put(
    batch: Batch,
    found: dict[int, Bins],
    rows: tuple[Values, Values, Values],
    numbers: list[int],
    elapsed_ms: list[int],
) -> None:
    chunk, begin, end = rows
    grown = batch.values[chunk, :, end] - batch.values[chunk, :, begin]
    columns: dict[str, list[int]] = {}
    for place, name in enumerate(batch.names):
        columns.setdefault(name, []).append(place)
    places = chunk.tolist()
    if all(f"cpu.{state}" in columns for state in STATES):
        ticks = grown[:, [columns[f"cpu.{state}"][0] for state in STATES]].tolist()
        for at, number, steps in zip(places, numbers, ticks, strict=True):
            value = share(steps)
            if value != MISSING:
                found[at].setdefault(CPU, {})[number] = value
    for metric, name in COUNTED.items():
        if name in columns:
            amounts = grown[:, columns[name]].tolist()
            for at, number, elapsed, each in zip(places, numbers, elapsed_ms, amounts, strict=True):
                found[at].setdefault(metric, {})[number] = sum(each) * MS_PER_S * NANO // elapsed


def _rows(wall: Values, instants: Values) -> Values:
    """Return by chunk and instant the nearest row (of two as near, the earlier), -1 if none is near."""
    after = (wall[:, None, :] < instants[:, :, None]).sum(axis=2)
    last = wall.shape[1] - 1
    left, right = np.clip(after - 1, 0, last), np.clip(after, 0, last)
    far_left = np.abs(np.take_along_axis(wall, left, 1) - instants)
    far_right = np.abs(np.take_along_axis(wall, right, 1) - instants)
    nearest = np.where(far_right < far_left, right, left)
    return np.where(np.minimum(far_left, far_right) <= EDGE_MS, nearest, -1)
