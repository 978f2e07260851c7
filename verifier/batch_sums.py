"""Day sums of a batch (``evidence.day_sum``): plain intervals together, the others one by one.

Plain is an interval that lies in one local day, whose clocks agree, without suspension, whose counters
all go forward and whose ticks fit the time: rules 5 and 6 then only add. Days are plain where the zone has
days of 24 hours on both sides.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from evidence.calendar import LocalCalendar
from evidence.chunk import BOOTS, Chunk
from evidence.day_sum import (
    CPU,
    CPU_STEAL,
    MAX_INTERVAL_MS,
    NET_CAPACITY,
    OBSERVED_INTERVALS,
    STEP_TOLERANCE_MS,
    STEP_TOLERANCE_SHARE,
    SUSPEND_TOLERANCE_MS,
    TICK_SLACK_PER_CPU,
    TICK_TOLERANCE_PERCENT,
    DaySum,
    DaySums,
    day_sums,
    interval_sums,
    merge,
)
from evidence.manifest import PER_DEVICE, WITNESSES
from verifier.batch import REACH, Batch, Mask, Values

STATES = ("user", "nice", "system", "idle", "iowait", "irq", "softirq", "steal")
DAY_MS = 86_400_000
MS_PER_S = 1_000


@dataclass(frozen=True)
class _Names:
    """Places of the columns that day sums are made of."""

    states: list[int]
    devices: dict[str, list[int]]
    capacity_bps: int | None


def batch_sums(batch: Batch, chosen: Sequence[tuple[int, Chunk]], calendar: LocalCalendar) -> DaySums:
    """Return the day sums of some chunks of a batch, none of whose time was claimed before.

    Args:
        batch: the batch.
        chosen: the chunks with their places in it.
        calendar: the zone whose days are meant.
    """
    names = _names(batch)
    chunks = [chunk for _, chunk in chosen]
    at = np.array([place for place, _ in chosen])
    plain, days = _plain(batch, names, at, calendar)
    # A boot speaks for the time before it too.
    for number, chunk in enumerate(chunks):
        if chunk.header.first in BOOTS:
            plain[number] = False
    odd = ~plain
    # Of a chunk that is plain in one day, the ends tell what was added up between them.
    whole = plain.all(axis=1) & (days == days[:, :1]).all(axis=1)
    parts = [_grown(batch, names, at[whole], days[whole, 0])]
    if not whole.all():
        parts.append(_added(batch, names, at[~whole], plain[~whole], days[~whole]))
    for number in np.flatnonzero(odd.any(axis=1)).tolist():
        chunk = chunks[number]
        if odd[number].all():
            parts.append(day_sums(chunk, calendar))
        else:
            parts.append(interval_sums(chunk, calendar, np.flatnonzero(odd[number]).tolist()))
    return merge(parts)


def _names(batch: Batch) -> _Names:
    devices: dict[str, list[int]] = {}
    for at, name in enumerate(batch.names):
        if name in PER_DEVICE - WITNESSES:
            devices.setdefault(name, []).append(at)
    cards = [device.speed_bps for device in batch.manifest.devices if device.counts and device.kind == "nic"]
    known = [speed for speed in cards if speed is not None]
    capacity = sum(known) if known and len(known) == len(cards) else None
    states = [batch.names.index(f"cpu.{state}") for state in STATES] if "cpu.user" in batch.names else []
    return _Names(states, devices, capacity)


def _plain(batch: Batch, names: _Names, at: Values, calendar: LocalCalendar) -> tuple[Mask, Values]:
    """Return by chunk and interval whether it is plain, and the ordinal of its day (0: of no plain day)."""
    steps = batch.steps[at]
    wall = batch.values[at, 0]
    walked, booted, ran = steps[:, 0], steps[:, 1], steps[:, 2]
    days = _days(wall, calendar)
    plain: Mask = (
        (days > 0)
        & (walked <= MAX_INTERVAL_MS)
        & (np.abs(walked - booted) <= STEP_TOLERANCE_MS + booted // STEP_TOLERANCE_SHARE)
        & (ran <= booted + STEP_TOLERANCE_MS)
        & (booted - ran <= SUSPEND_TOLERANCE_MS)
    )
    tame = batch.tame[at]
    for columns in (*names.devices.values(), names.states):
        if columns:
            plain &= tame[:, columns].all(axis=1)
    if names.states:
        manifest = batch.manifest
        rate = manifest.cpus * manifest.ticks_per_s
        if rate * int(ran.max(initial=0)) * TICK_TOLERANCE_PERCENT >= REACH:
            plain[:] = False
            return plain, days
        expected = rate * ran // MS_PER_S
        slack = expected * TICK_TOLERANCE_PERCENT // 100 + TICK_SLACK_PER_CPU * manifest.cpus
        whole = np.where(plain, steps[:, names.states].sum(axis=1), 0)
        plain &= (whole > 0) & (np.abs(whole - expected) <= slack)
    return plain, days


def _days(wall: Values, calendar: LocalCalendar) -> Values:
    """Return the day that holds each interval; 0 where it touches two, or days that are not plain."""
    first, last = calendar.day_of(int(wall.min())), calendar.day_of(int(wall.max()))
    if last - first > wall.size:
        return np.zeros((wall.shape[0], wall.shape[1] - 1), np.int64)
    starts = np.array([calendar.day_start(day) for day in range(first - 1, last + 3)])
    even = np.diff(starts) == DAY_MS
    # A day is plain if it and its neighbours have 24 hours: then the zone did not shift in or beside it.
    regular = even[:-2] & even[1:-1] & even[2:]
    place = np.searchsorted(starts[1:], wall[:, :-1], side="right") - 1
    inside = (place >= 0) & (place < len(regular))
    place = np.where(inside, place, 0)
    inside &= regular[place] & (wall[:, 1:] <= starts[1:][place + 1])
    return np.where(inside, place + first, 0)


def _grown(batch: Batch, names: _Names, at: Values, days: Values) -> DaySums:
    """Return the sums of chunks all of whose intervals are plain and of one day."""
    total: DaySums = {}
    grown = batch.values[at, :, -1] - batch.values[at, :, 0]
    walked, booted = batch.steps[at, 0], batch.steps[at, 1]
    seen = np.where(_observed(batch, booted), walked, 0).sum(axis=1)
    for day in np.unique(days).tolist():
        rows = days == day
        count = int(rows.sum()) * walked.shape[1]
        _put(total, day, names, grown[rows].sum(axis=0).tolist(), (int(seen[rows].sum()), count))
    return total


def _added(batch: Batch, names: _Names, at: Values, plain: Mask, days: Values) -> DaySums:
    """Return the sums of all plain intervals of other chunks."""
    total: DaySums = {}
    steps = batch.steps[at]
    observed = _observed(batch, steps[:, 1])
    for day in np.unique(days[plain]).tolist():
        chosen = plain & (days == day)
        rows = np.flatnonzero(chosen.any(axis=1))
        part, mask = steps[rows], chosen[rows]
        sums = np.where(mask[:, None, :], part, 0).sum(axis=(0, 2)).tolist()
        seen = int(part[:, 0][mask & observed[rows]].sum())
        _put(total, day, names, sums, (seen, int(mask.sum())))
    return total


def _observed(batch: Batch, booted: Values) -> Mask:
    found: Mask = booted <= OBSERVED_INTERVALS * batch.manifest.interval_ms
    return found


def _put(total: DaySums, day: int, names: _Names, sums: Sequence[int], time: tuple[int, int]) -> None:
    """Put the sums of columns over a day; ``time`` is that observed (ms) and the number of intervals."""
    seen, count = time
    times = {"observed_ms": seen, "bridged_ms": sums[0] - seen, "intervals": count}
    for name, columns in names.devices.items():
        total[name, day] = DaySum(sum(sums[column] for column in columns), **times)
    if names.capacity_bps is not None and {"net.rx", "net.tx"} <= names.devices.keys():
        total[NET_CAPACITY, day] = DaySum(names.capacity_bps * sums[2], **times)
    if names.states:
        ticks = dict(zip(STATES, (sums[column] for column in names.states), strict=True))
        whole = sum(ticks.values())
        total[CPU, day] = DaySum(whole - ticks["idle"] - ticks["iowait"], whole, **times)
        total[CPU_STEAL, day] = DaySum(ticks["steal"], whole, **times)
