"""Day sums: per host, metric and local day, exact integer sums with the time they cover.

Day sums are derived from one chunk alone and add up over chunks, so the store can keep them beside
the chunks and anybody can recompute them. Rules, in the order they are applied to every interval
between two neighbouring rows:

1. An interval that overlaps an earlier claim (an earlier chunk of the same host and source) is not
   credited again: it stays with the first.
2. An interval in which the wall clock and the clock since boot disagree by more than
   ``STEP_TOLERANCE_MS`` plus a thousandth, or the monotonic clock runs ahead of the clock since boot,
   is *suspect*: not covered, never repaired.
3. An interval that contains a midnight is split in proportion to time; the parts add up to the
   whole. One that contains the edge of a local month more than ``EDGE_TOLERANCE_MS`` from both its
   ends belongs to neither month: only both ends are known, not the share of each side.
4. Suspended time (clock since boot beyond the monotonic clock) is *downtime*.
5. The rest is *observed* if the readings are at most ``OBSERVED_INTERVALS`` nominal intervals
   apart, else *bridged*: the same epoch has counters on both sides, the difference is exact.
6. A metric with a missing value at either end is not covered; one whose counters contradict
   themselves is *suspect* (processor: total or idle goes back, or the ticks differ from
   processors x time by more than 5 %; devices: a decrease that is not jitter).

Between a shutdown that the agent saw and the instant of boot lies downtime. Without one the time
before a boot is missing: the host may have run on without its agent.

Averages carry their period. They are credited as value x milliseconds, in units of 10^-9: an average
of at most ``WHOLE_AVERAGE_MS`` whole to the day in which its period begins, as monitors file it and as
their own monthly means count it; a longer one in proportion to time. The time they cover is always
that of the day itself, so no second is covered twice.

Activity has no sums: who was active is a set (``evidence.activity``). Its metric ``activity`` says which
time was read, the claimed time less what earlier chunks claim.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from operator import le
from typing import Optional

from evidence.calendar import Slots
from evidence.chunk import BOOTS, Chunk, Header
from evidence.columns import MISSING
from evidence.manifest import ACTIVITY, AVERAGES, COUNTERS, COUNTERS_CLOCKS, MAX_SCALE, PER_DEVICE, WITNESSES

OBSERVED_INTERVALS = 2
STEP_TOLERANCE_MS = 50
"""The clocks are read one after another, with a pause of the scheduler in between at most."""
STEP_TOLERANCE_SHARE = 1_000
"""Wall clocks may be slewed by 500 ppm (adjtimex); a thousandth allows twice that."""
EDGE_TOLERANCE_MS = 1_000
"""A reading due at midnight is taken some milliseconds later."""
SUSPEND_TOLERANCE_MS = 1_000
TICK_TOLERANCE_PERCENT = 5
TICK_SLACK_PER_CPU = 5
"""Readings of /proc/stat and of the clock are a few ticks apart on short intervals."""
JITTER_SHARE = 1_000
"""A decrease below a thousandth of the value is kernel jitter and counts as 0."""
WHOLE_AVERAGE_MS = 15 * 60_000
"""Averages up to this period are not divided at midnight."""
MAX_INTERVAL_MS = 400 * 86_400_000
"""Two readings further apart say nothing about any day between them."""

CPU = "cpu"
CPU_STEAL = "cpu.steal"
NET_CAPACITY = "net.capacity"

_STATES = ("user", "nice", "system", "idle", "iowait", "irq", "softirq", "steal")
"""Those that add up to all ticks: the kernel counts guests' inside user and nice."""

Interval = tuple[int, int]
DaySums = dict[tuple[str, int], "DaySum"]


@dataclass(frozen=True)
class DaySum:
    """Sums of one metric over one local day. Times in ms, all amounts exact integers.

    ``amount`` by metric: ``cpu`` busy ticks, ``cpu.steal`` stolen ticks, ``net.*`` bytes,
    ``disk.*`` operations, ``db.*`` statements, ``net.capacity`` bit/s x ms, averages 10^-9 unit x ms. ``whole`` is what
    ``amount`` is a part of: all ticks for the two processor metrics, for averages the ms that the
    averages stand for, 0 elsewhere.
    """

    amount: int = 0
    whole: int = 0
    observed_ms: int = 0
    bridged_ms: int = 0
    downtime_ms: int = 0
    suspect_ms: int = 0
    intervals: int = 0
    restarts: int = 0

    def __add__(self, other: DaySum) -> DaySum:
        """Return the sums over both."""
        # field by field: this is asked of every interval of every metric
        return DaySum(
            self.amount + other.amount,
            self.whole + other.whole,
            self.observed_ms + other.observed_ms,
            self.bridged_ms + other.bridged_ms,
            self.downtime_ms + other.downtime_ms,
            self.suspect_ms + other.suspect_ms,
            self.intervals + other.intervals,
            self.restarts + other.restarts,
        )

    @property
    def covered_ms(self) -> int:
        """Time over which ``amount`` was counted: observed and bridged."""
        return self.observed_ms + self.bridged_ms


def claims(chunk: Chunk) -> list[Interval]:
    """Return the stretches of time, in order, that ``chunk`` speaks for; later chunks do not."""
    if chunk.manifest.kind != AVERAGES:
        return [span(chunk.header)]
    starts, lengths = chunk.values[0], chunk.values[1]
    return [(start, start + length) for start, length in zip(starts, lengths)]


def span(header: Header) -> Interval:
    """Return the stretch that holds all claims of the chunk with this header.

    A chunk that begins with the boot after a shutdown also speaks for the downtime before it.
    """
    if header.first == "boot_after_shutdown" and 0 < header.prev_end_ms < header.start_ms:
        return header.prev_end_ms, header.end_ms
    return header.start_ms, header.end_ms


def merge(parts: Iterable[DaySums]) -> DaySums:
    """Return the sums over all parts."""
    total: DaySums = {}
    for part in parts:
        for key, value in part.items():
            total[key] = total[key] + value if key in total else value
    return total


def day_sums(chunk: Chunk, calendar: Slots, occupied: Sequence[Interval] = ()) -> DaySums:
    """Return the day sums of a verified chunk, keyed by (metric, ordinal of the local day).

    Args:
        chunk: what ``open_chunk`` returned.
        calendar: the zone whose days are meant; sums over other slots follow the same rules.
        occupied: claims of earlier chunks of the same host and source (averages: and the same
            metric), in any order; usually empty.
    """
    taken = _Taken(occupied)
    if chunk.manifest.kind == COUNTERS:
        return _Counters(chunk, calendar, taken).sums()
    if chunk.manifest.kind == ACTIVITY:
        return _read_time(chunk.header, calendar, taken)
    return _averages(chunk, calendar, taken)


def interval_sums(chunk: Chunk, calendar: Slots, rows: Iterable[int]) -> DaySums:
    """Return what single intervals of a verified chunk of counters add to its day sums.

    Args:
        chunk: of counters, and nobody claimed any of its time before.
        calendar: the zone whose days are meant.
        rows: the rows at which the intervals begin.
    """
    return _Counters(chunk, calendar, _Taken(())).of(rows)


class _Taken:
    """Disjoint stretches that are already credited, for quick overlap tests."""

    def __init__(self, occupied: Sequence[Interval]) -> None:
        self._starts: list[int] = []
        self._ends: list[int] = []
        for start, end in sorted(occupied):
            if start == end:  # claims no time (accounts without a time that was read)
                continue
            if self._ends and start <= self._ends[-1]:
                self._ends[-1] = max(self._ends[-1], end)
            else:
                self._starts.append(start)
                self._ends.append(end)

    def __bool__(self) -> bool:
        """Return whether anything is credited."""
        return bool(self._starts)

    def free(self, start: int, end: int) -> list[Interval]:
        """Return what of [start, end) nobody claimed, in order."""
        pieces = []
        for taken, until in zip(self._starts, self._ends):
            if start < min(taken, end):
                pieces.append((start, min(taken, end)))
            start = max(start, until)
        return [*pieces, (start, end)] if start < end else pieces

    def overlaps(self, start: int, end: int) -> bool:
        place = bisect_right(self._starts, start) - 1
        if place >= 0 and self._ends[place] > start:
            return True
        return place + 1 < len(self._starts) and self._starts[place + 1] < end


def _averages(chunk: Chunk, calendar: Slots, taken: _Taken) -> DaySums:
    total: DaySums = {}
    starts, lengths = chunk.values[0], chunk.values[1]
    for column, values in zip(chunk.manifest.columns[2:], chunk.values[2:]):
        unit = 10 ** (MAX_SCALE - column.scale)
        for start, length, value in zip(starts, lengths, values):
            if value == MISSING or taken.overlaps(start, start + length):
                continue
            for day, ms in calendar.split(start, start + length):
                part = DaySum(value * unit * ms, ms) if length > WHOLE_AVERAGE_MS else DaySum()
                _add(total, column.name, day, part + DaySum(observed_ms=ms, intervals=1))
            if length <= WHOLE_AVERAGE_MS:
                whole = DaySum(value * unit * length, length)
                _add(total, column.name, calendar.day_of(start), whole)
    return total


def _read_time(header: Header, calendar: Slots, taken: _Taken) -> DaySums:
    total: DaySums = {}
    if header.end_ms - header.start_ms > MAX_INTERVAL_MS:
        return total
    for start, end in taken.free(header.start_ms, header.end_ms):
        for day, ms in calendar.split(start, end):
            _add(total, ACTIVITY, day, DaySum(observed_ms=ms, intervals=1))
    return total


def _add(total: DaySums, metric: str, day: int, part: DaySum) -> None:
    key = (metric, day)
    total[key] = total[key] + part if key in total else part


class _Counters:
    """One pass over a chunk of counters."""

    def __init__(self, chunk: Chunk, calendar: Slots, taken: _Taken) -> None:
        self._chunk = chunk
        self._calendar = calendar
        self._taken = taken
        self._total: DaySums = {}
        self._by_name: dict[str, list[Sequence[int]]] = {}
        for column, values in zip(chunk.manifest.columns, chunk.values):
            self._by_name.setdefault(column.name, []).append(values)
        names = [name for name in self._by_name if name in PER_DEVICE - WITNESSES]
        self._metrics = [*([CPU, CPU_STEAL] if "cpu.user" in self._by_name else []), *names]
        speeds = [
            device.speed_bps for device in chunk.manifest.devices if device.counts and device.kind == "nic"
        ]
        self._capacity_bps = None if None in speeds or not speeds else sum(s for s in speeds if s is not None)

    def sums(self) -> DaySums:
        self._downtime_before()
        plain = self._plain()
        if plain is None:
            return self.of(range(self._chunk.header.rows - 1))
        day, amounts = plain
        wall = self._by_name[COUNTERS_CLOCKS[0]][0]
        observed_ms, intervals = wall[-1] - wall[0], len(wall) - 1
        for metric, (amount, whole) in amounts.items():
            _add(
                self._total,
                metric,
                day,
                DaySum(amount, whole, observed_ms=observed_ms, intervals=intervals),
            )
        return self._total

    def _plain(self) -> Optional[tuple[int, dict[str, tuple[int, int]]]]:
        """Return the one day and what all intervals add to it, if every one of them only adds.

        Nearly every chunk is so: nobody claimed its time before, it lies in one day, clocks agree, nothing is
        missing or goes back, ticks fit the time. Then the steps add up to the last value less the first.
        ``None``: look at each interval.
        """
        wall, boot, mono = (self._by_name[name][0] for name in COUNTERS_CLOCKS)
        if len(wall) <= 1 or self._taken or wall[-1] - wall[0] > MAX_INTERVAL_MS:
            return None
        pieces = self._calendar.split(wall[0], wall[-1])
        if len(pieces) != 1 or not self._clocks_agree(wall, boot, mono):
            return None
        amounts: dict[str, tuple[int, int]] = {}
        for name in self._metrics:
            if name == CPU:
                ticks = self._plain_ticks(mono)
                if ticks is None:
                    return None
                amounts.update(ticks)
            elif name != CPU_STEAL:
                columns = self._by_name[name]
                if not all(map(_only_grows, columns)):
                    return None
                amounts[name] = sum(values[-1] - values[0] for values in columns), 0
        if self._capacity_bps is not None and "net.rx" in amounts and "net.tx" in amounts:
            amounts[NET_CAPACITY] = self._capacity_bps * (mono[-1] - mono[0]), 0
        return pieces[0][0], amounts

    def _clocks_agree(self, wall: Sequence[int], boot: Sequence[int], mono: Sequence[int]) -> bool:
        """Return whether every interval is observed, without a step of the clock and without suspension."""
        limit = OBSERVED_INTERVALS * self._chunk.manifest.interval_ms
        for row in range(len(wall) - 1):
            booted, ran = boot[row + 1] - boot[row], mono[row + 1] - mono[row]
            if booted > limit or not -STEP_TOLERANCE_MS <= booted - ran <= SUSPEND_TOLERANCE_MS:
                return False
            if abs(wall[row + 1] - wall[row] - booted) > STEP_TOLERANCE_MS + booted // STEP_TOLERANCE_SHARE:
                return False
        return True

    def _plain_ticks(self, mono: Sequence[int]) -> Optional[dict[str, tuple[int, int]]]:
        """Return what the ticks add up to if they fit the time in every interval (rule 6)."""
        columns = [self._by_name[f"cpu.{state}"][0] for state in _STATES]
        if not all(map(_only_grows, columns)):
            return None
        manifest = self._chunk.manifest
        totals = list(map(sum, zip(*columns)))
        for row in range(len(totals) - 1):
            whole = totals[row + 1] - totals[row]
            expected = manifest.cpus * (mono[row + 1] - mono[row]) * manifest.ticks_per_s // 1_000
            slack = expected * TICK_TOLERANCE_PERCENT // 100 + TICK_SLACK_PER_CPU * manifest.cpus
            if whole == 0 or abs(whole - expected) > slack:
                return None
        steps = {state: values[-1] - values[0] for state, values in zip(_STATES, columns)}
        whole = sum(steps.values())
        return {CPU: (whole - steps["idle"] - steps["iowait"], whole), CPU_STEAL: (steps["steal"], whole)}

    def of(self, rows: Iterable[int]) -> DaySums:
        wall, boot, mono = (self._by_name[name][0] for name in COUNTERS_CLOCKS)
        limit = OBSERVED_INTERVALS * self._chunk.manifest.interval_ms
        for row in rows:
            start, end = wall[row], wall[row + 1]
            booted, ran = boot[row + 1] - boot[row], mono[row + 1] - mono[row]
            pieces = self._pieces(start, end)
            if not pieces:
                continue
            stepped = abs(end - start - booted) > STEP_TOLERANCE_MS + booted // STEP_TOLERANCE_SHARE
            if stepped or ran > booted + STEP_TOLERANCE_MS:
                self._suspect(self._metrics, pieces)
                continue
            suspended = booted - ran if booted - ran > SUSPEND_TOLERANCE_MS else 0
            self._credit(
                row, pieces, observed=booted <= limit, suspended=min(suspended, end - start), ran=ran
            )
        return self._total

    def _downtime_before(self) -> None:
        start, end = span(self._chunk.header)[0], self._chunk.header.start_ms
        if self._chunk.header.first not in BOOTS:
            return
        for metric in self._metrics:
            day = self._calendar.day_of(end)
            _add(self._total, metric, day, DaySum(restarts=1))
        if end - start > MAX_INTERVAL_MS or self._taken.overlaps(start, end):
            return
        for day, ms in self._calendar.split(start, end):
            for metric in self._metrics:
                _add(self._total, metric, day, DaySum(downtime_ms=ms))

    def _pieces(self, start: int, end: int) -> list[tuple[int, int]]:
        """Rules 1 and 3: the days an interval is credited to, or none."""
        if end - start > MAX_INTERVAL_MS or self._taken.overlaps(start, end):
            return []
        pieces = self._calendar.split(start, end)
        before = 0
        for (day, ms), (following, _) in zip(pieces, pieces[1:]):
            before += ms
            near = min(before, end - start - before) <= EDGE_TOLERANCE_MS
            if not near and not self._calendar.same_month(day, following):
                return []
        return pieces

    def _suspect(self, metrics: Iterable[str], pieces: list[tuple[int, int]]) -> None:
        for metric in metrics:
            for day, ms in pieces:
                _add(self._total, metric, day, DaySum(suspect_ms=ms))

    def _credit(
        self, row: int, pieces: list[tuple[int, int]], *, observed: bool, suspended: int, ran: int
    ) -> None:
        amounts = self._amounts(row, ran)
        length = sum(ms for _, ms in pieces)
        for metric, pair in amounts.items():
            if pair is None:
                self._suspect((metric,), pieces)
                continue
            done_ms = done_amount = done_whole = done_down = 0
            for day, ms in pieces:
                done_ms += ms
                amount, whole = (value * done_ms // length for value in pair)
                down = suspended * done_ms // length
                up = ms - (down - done_down)
                part = DaySum(
                    amount - done_amount,
                    whole - done_whole,
                    observed_ms=up if observed else 0,
                    bridged_ms=0 if observed else up,
                    downtime_ms=down - done_down,
                    intervals=1,
                )
                _add(self._total, metric, day, part)
                done_amount, done_whole, done_down = amount, whole, down

    def _amounts(self, row: int, ran: int) -> dict[str, tuple[int, int] | None]:
        """Amounts of the interval after ``row``; ``None`` marks a suspect metric, absence a missing one."""
        result: dict[str, tuple[int, int] | None] = {}
        for name in self._metrics:
            if name == CPU:
                result.update(self._ticks(row, ran))
            elif name != CPU_STEAL:
                deltas = [_delta(values[row], values[row + 1]) for values in self._by_name[name]]
                if any(delta == MISSING for delta in deltas):
                    continue
                result[name] = None if any(delta < 0 for delta in deltas) else (sum(deltas), 0)
        if self._capacity_bps is not None and result.get("net.rx") and result.get("net.tx"):
            result[NET_CAPACITY] = (self._capacity_bps * ran, 0)
        return result

    def _ticks(self, row: int, ran: int) -> dict[str, tuple[int, int] | None]:
        """Rule 6 for the processor. The first eight states add up to the total, guest counted once."""
        before, after = {}, {}
        for state in _STATES:
            values = self._by_name[f"cpu.{state}"][0]
            before[state], after[state] = values[row], values[row + 1]
        if MISSING in before.values() or MISSING in after.values():
            return {}
        manifest = self._chunk.manifest
        expected = manifest.cpus * ran * manifest.ticks_per_s // 1_000
        slack = expected * TICK_TOLERANCE_PERCENT // 100 + TICK_SLACK_PER_CPU * manifest.cpus
        steps = {state: max(0, after[state] - before[state]) for state in before}
        whole = sum(steps.values())
        back = after["idle"] < before["idle"] or sum(after.values()) < sum(before.values())
        if back or whole == 0 or abs(whole - expected) > slack:
            return {CPU: None, CPU_STEAL: None}
        return {
            CPU: (whole - steps["idle"] - steps["iowait"], whole),
            CPU_STEAL: (steps["steal"], whole),
        }


def _only_grows(values: Sequence[int]) -> bool:
    """Return whether no value is missing or smaller than the one before."""
    # Missing is below everything, so after a first value that is there it would be a step back.
    return values[0] != MISSING and all(map(le, values, values[1:]))


def _delta(before: int, after: int) -> int:
    """Return the step of a device's counter: ``MISSING``, negative for a contradiction, else exact."""
    if MISSING in (before, after):
        return MISSING
    if after >= before:
        return after - before
    return 0 if before - after < before // JITTER_SHARE else -1
