"""Real months with every value known, and gaps cut into them: what a substitution rule is tried on.

A ``Month`` is a real trace, laid on a grid of five minutes, with those of its days that are complete;
its full figure is the truth. A pattern of gaps is a set of its samples. What is left is credited as a
store would have credited it: sums are additive, so those of the cut samples are taken away.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from fractions import Fraction
from functools import cached_property

import traces
from drafts import Draft as Drafted
from drafts import averages_manifest

from evidence.calendar import LocalCalendar
from evidence.chunk import Chunk, Frame
from evidence.day_sum import DaySum
from evidence.day_sum import day_sums as credit
from verifier.amounts import HostAmounts, MetricMonth
from verifier.definitions import DEFINITIONS
from verifier.hours import HostHours, HourSums
from verifier.indicators.interface import HostFigure, HostMonth
from verifier.scope import Capacity, DeclaredHost
from verifier.substitution import Substitution, substituted
from verifier.window import Window

UTC = LocalCalendar("UTC")
STEP_MS = traces.PERIOD_MS
HOUR, DAY = 12, 288
"""Samples in an hour and in a day."""
STALE_MS = 2 * STEP_MS
"""A sample stands for the steps of the grid that begin less than this after it."""
LEAST_DAYS = 8
"""A week of hours is left after ten percent are cut."""
DAY_MS = 86_400_000
NANO = 10**traces.SCALE
GATE = Fraction(9, 10)
SOURCE = "import"
Cut = Callable[[random.Random, "Month"], set[int]]


@dataclass(frozen=True)
class Month:
    """One figure of one machine over complete days. ``series`` by metric: value x 10^9 of every step."""

    name: str
    definition: str
    days: tuple[int, ...]
    series: Mapping[str, Sequence[int]]
    declared: DeclaredHost = field(default_factory=lambda: DeclaredHost("vm"))

    @property
    def steps(self) -> int:
        return DAY * len(self.days)

    @cached_property
    def window(self) -> Window:
        first, after = self.days[0], self.days[-1] + 1
        excluded_ms = (after - first - len(self.days)) * DAY_MS
        lengths = dict.fromkeys(self.days, DAY_MS)
        return Window(first, after, UTC.day_start(first), UTC.day_start(after), lengths, excluded_ms)

    @cached_property
    def loads(self) -> list[int]:
        """What every hour carries, all metrics together; only for choosing gaps."""
        summed = [sum(values) for values in zip(*self.series.values(), strict=True)]
        return [sum(summed[at : at + HOUR]) for at in range(0, self.steps, HOUR)]

    def start_ms(self, place: int) -> int:
        """Return when the sample at this place begins."""
        return UTC.day_start(self.days[place // DAY]) + place % DAY * STEP_MS

    def chunk(self, metric: str, places: Sequence[int]) -> Chunk:
        """Return these samples as a chunk of averages whose signature was verified."""
        starts = [self.start_ms(place) for place in places]
        values = [self.series[metric][place] for place in places]
        header = replace(Drafted().header, source=SOURCE, start_ms=starts[0], end_ms=starts[-1] + STEP_MS)
        manifest = averages_manifest(metric, traces.SCALE)
        return Chunk(
            header, manifest, (starts, [STEP_MS] * len(starts), values), Frame("", b"", b"", b"", 0, b"")
        )

    @cached_property
    def _whole(self) -> dict[str, tuple[dict[int, DaySum], dict[int, DaySum]]]:
        found = {}
        for metric in self.series:
            chunk, hours = self.chunk(metric, range(self.steps)), HourSums(self.window, UTC)
            hours.add(chunk)
            days = {day: sums for (_, day), sums in credit(chunk, UTC).items()}
            found[metric] = days, {hour: sums for _, hour, sums in hours.rows()}
        return found

    def left(self, gone: set[int]) -> tuple[HostAmounts, HostHours]:
        """Return day sums and hour sums without the samples at these places."""
        amounts, hours = {}, {}
        for metric, values in self.series.items():
            days, slots = (dict(sums) for sums in self._whole[metric])
            for each, size in ((days, DAY), (slots, HOUR)):
                names = sorted(each)
                cut: dict[int, tuple[int, int]] = {}
                for place in gone:
                    amount, count = cut.get(place // size, (0, 0))
                    cut[place // size] = amount + values[place], count + 1
                for number, (amount, count) in cut.items():
                    rest = _less(each.pop(names[number]), amount, count)
                    if rest != DaySum():
                        each[names[number]] = rest
            amounts[SOURCE, metric] = MetricMonth(days)
            hours[SOURCE, metric] = slots
        return amounts, hours

    def figure(self, amounts: HostAmounts) -> HostFigure:
        """Return the figure with its hard bounds."""
        rule = DEFINITIONS[self.definition].rule
        assert rule is not None
        return rule(HostMonth(self.declared, self.window, amounts))

    @cached_property
    def truth(self) -> Fraction:
        """The figure of the complete data."""
        bounds = self.figure(self.left(set())[0]).bounds
        assert bounds.low == bounds.value == bounds.high
        assert bounds.value is not None
        return bounds.value

    def without(self, gone: set[int]) -> tuple[HostFigure, Substitution]:
        """Return the figure without these samples, and what the rule makes of it."""
        amounts, hours = self.left(gone)
        hard = self.figure(amounts)
        found = substituted(
            self.declared, self.window, amounts, hours, definition=self.definition, hard=hard, gate=GATE
        )
        return hard, found


def _less(sums: DaySum, amount: int, count: int) -> DaySum:
    ms = count * STEP_MS
    return replace(
        sums,
        amount=sums.amount - amount * STEP_MS,
        whole=sums.whole - ms,
        observed_ms=sums.observed_ms - ms,
        intervals=sums.intervals - count,
    )


def _grid(series: Sequence[traces.Sample]) -> dict[int, list[int]]:
    """Return the values of every complete day, by day: in each step the latest value before its end."""
    steps: dict[int, int] = {}
    for start, _, value in series:
        for step in range(start // STEP_MS, (start + STALE_MS - 1) // STEP_MS):
            steps.setdefault(step, value)
        steps[start // STEP_MS] = value
    days: dict[int, list[int]] = {}
    for step in sorted(steps):
        days.setdefault(UTC.day_of(step * STEP_MS), []).append(steps[step])
    return {day: values for day, values in days.items() if len(values) == DAY}


def month(
    name: str,
    definition: str,
    series: Mapping[str, Sequence[traces.Sample]],
    declared: DeclaredHost | None = None,
) -> Iterator[Month]:
    """Yield the complete days of these series, if there are enough; one without samples was 0 throughout."""
    grids = {metric: _grid(samples) for metric, samples in series.items()}
    complete = [set(grid) for grid in grids.values() if grid]
    days = tuple(sorted(set.intersection(*complete))) if complete else ()
    if len(days) >= LEAST_DAYS:
        values = {m: [v for day in days for v in grid.get(day, [0] * DAY)] for m, grid in grids.items()}
        yield Month(name, definition, days, values, declared or DeclaredHost("vm"))


def cpu_months() -> Iterator[Month]:
    """Yield processor utilization: NAB (14 days, the first 31 of the longest) and Bitbrains (30 days)."""
    for name in (*traces.nab_names("ec2_cpu"), *traces.nab_names("rds_cpu"), *traces.nab_names("cpu_")):
        samples = traces.nab(name, most=100)[: 31 * DAY]
        yield from month(name, "cpu.busy/1", {"cpu.utilization": samples})
    for machine, samples in traces.bitbrains("2013-8", 4, most=100):
        yield from month(f"bitbrains {machine}", "cpu.busy/1", {"cpu.utilization": samples})


def bandwidth_months() -> Iterator[Month]:
    """Yield network traffic against a capacity of one and a quarter of its peak."""
    for name in traces.nab_names("ec2_network_in"):
        received = [(at, length, value // 300) for at, length, value in traces.nab(name)]
        yield from _bandwidth(name, received, [])
    sent = dict(traces.bitbrains("2013-8", 10))
    for machine, samples in traces.bitbrains("2013-8", 9):
        yield from _bandwidth(f"bitbrains {machine}", samples, sent[machine])


def _bandwidth(name: str, rx: Sequence[traces.Sample], tx: Sequence[traces.Sample]) -> Iterator[Month]:
    peak = max(value for _, _, value in [*rx, *tx])
    if peak:
        capacity = (Capacity(0, Fraction(10 * peak, NANO)),)
        yield from month(
            name,
            "bandwidth.max_direction/1",
            {"net.rx.rate": rx, "net.tx.rate": tx},
            DeclaredHost("vm", capacities=capacity),
        )


def disk_months() -> Iterator[Month]:
    """Yield disk throughput in place of operations, of which no public trace is known; no limit."""
    for name in traces.nab_names("ec2_disk_write"):
        written = [(at, length, value // 300) for at, length, value in traces.nab(name)]
        yield from month(
            name, "reads_writes.block_io/1", {"disk.writes.rate": written, "disk.reads.rate": []}
        )
    writes = dict(traces.bitbrains("2013-8", 8))
    for machine, samples in traces.bitbrains("2013-8", 7):
        series = {"disk.reads.rate": samples, "disk.writes.rate": writes[machine]}
        yield from month(f"bitbrains {machine}", "reads_writes.block_io/1", series)


def _count(randomness: random.Random, found: Month) -> int:
    """Return how many samples go: 0.5 to 10 percent."""
    return round(found.steps * randomness.uniform(0.005, 0.1))


def block(randomness: random.Random, found: Month) -> set[int]:
    """One gap anywhere."""
    count = _count(randomness, found)
    start = randomness.randrange(found.steps - count + 1)
    return set(range(start, start + count))


def blocks(randomness: random.Random, found: Month) -> set[int]:
    """Two to eight gaps of unequal length."""
    parts, gone = randomness.randint(2, 8), set()
    for _ in range(parts):
        count = max(1, _count(randomness, found) // parts)
        start = randomness.randrange(found.steps - count + 1)
        gone.update(range(start, start + count))
    return gone


def hours(randomness: random.Random, found: Month) -> set[int]:
    """Single hours, anywhere."""
    count = max(1, _count(randomness, found) // HOUR)
    chosen = randomness.sample(range(found.steps // HOUR), count)
    return {place for hour in chosen for place in range(hour * HOUR, (hour + 1) * HOUR)}


def samples(randomness: random.Random, found: Month) -> set[int]:
    """Single samples of five minutes, anywhere."""
    return set(randomness.sample(range(found.steps), _count(randomness, found)))


def days(randomness: random.Random, found: Month) -> set[int]:
    """Whole days, as many as ten percent allow."""
    count = randomness.randint(1, max(1, len(found.days) // 10))
    chosen = randomness.sample(range(len(found.days)), count)
    return {place for day in chosen for place in range(day * DAY, (day + 1) * DAY)}


def nightly(randomness: random.Random, found: Month) -> set[int]:
    """The same one or two hours every night."""
    return _each_night(randomness, found, list(range(len(found.days))))


def some_nights(randomness: random.Random, found: Month) -> set[int]:
    """The same one or two hours of at most half the nights."""
    count = randomness.randint(1, len(found.days) // 2)
    return _each_night(randomness, found, randomness.sample(range(len(found.days)), count))


def _each_night(randomness: random.Random, found: Month, nights: Sequence[int]) -> set[int]:
    first = randomness.randrange(23) * HOUR
    after = first + randomness.choice([HOUR, 2 * HOUR])
    return {night * DAY + place for night in nights for place in range(first, after)}


def one_hour(randomness: random.Random, found: Month) -> set[int]:
    """A single hour, not on the hour."""
    start = randomness.randrange(found.steps - HOUR + 1)
    return set(range(start, start + HOUR))


def idlest(randomness: random.Random, found: Month) -> set[int]:
    """Chosen by an adversary: the idlest hours go."""
    return _ranked(randomness, found, 1)


def busiest(randomness: random.Random, found: Month) -> set[int]:
    """Chosen by an adversary: the busiest hours go."""
    return _ranked(randomness, found, -1)


def _ranked(randomness: random.Random, found: Month, sign: int) -> set[int]:
    order = sorted(range(len(found.loads)), key=lambda hour: sign * found.loads[hour])
    chosen = order[: max(1, _count(randomness, found) // HOUR)]
    return {place for hour in chosen for place in range(hour * HOUR, (hour + 1) * HOUR)}


AT_RANDOM: tuple[Cut, ...] = (block, blocks, hours, samples, days, some_nights, nightly, one_hour)
CHOSEN: tuple[Cut, ...] = (idlest, busiest)
