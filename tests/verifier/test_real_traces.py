"""Bounds on real machines: cut gaps into complete traces; the truth must stay inside.

A trace is sealed in small chunks and credited by the same code as in a store. The window is the
time the trace covers, so that the whole trace is the complete truth and every cut is known.
"""

from __future__ import annotations

import random
from collections.abc import Mapping
from dataclasses import dataclass, replace
from fractions import Fraction
from itertools import groupby

import pytest
import traces
from fleet import Fleet

from evidence.calendar import LocalCalendar
from evidence.chunk import open_chunk, read_frame
from evidence.crediting import credit_each
from evidence.day_sum import DaySum, DaySums, merge
from verifier.amounts import MetricMonth
from verifier.bounds import Bounds
from verifier.editions import load_edition
from verifier.figures import measure
from verifier.indicators import bandwidth, cpu, reads_writes
from verifier.indicators.interface import HostMonth
from verifier.scope import Capacity, DeclaredHost
from verifier.verdict import Verdict, judge
from verifier.window import Window

UTC = LocalCalendar("UTC")
PIECE_MS = 3 * 3_600_000
NANO = 10**9
SEED = 20180401
PATTERNS_A_SERIES = 50


@dataclass(frozen=True)
class Trace:
    """A trace cut into pieces of three hours, each credited from its own chunk."""

    metric: str
    pieces: list[DaySums]
    declared: DeclaredHost
    mean: Fraction

    def figure(self, rule, kept: list[DaySums], window: Window) -> Bounds:
        by_metric: dict[tuple[str, str], dict[int, DaySum]] = {}
        for (metric, day), sums in merge(kept).items():
            by_metric.setdefault(("import", metric), {})[day] = sums
        amounts = {key: MetricMonth(days) for key, days in by_metric.items()}
        return rule(HostMonth(self.declared, window, amounts)).bounds

    def window(self) -> Window:
        lengths: dict[int, int] = {}
        for (_, day), sums in merge(self.pieces).items():
            lengths[day] = sums.observed_ms
        return Window(min(lengths), max(lengths) + 1, 0, 0, lengths, 0)


def trace(metric: str, series: list[traces.Sample], *, declared: DeclaredHost) -> Trace:
    fleet = Fleet("示例企业", "UTC")
    for _, run in groupby(series, key=lambda sample: sample[0] // PIECE_MS):
        fleet.averages("vm", metric, list(run), scale=traces.SCALE)
    source = fleet.sources["vm", "import", 0]
    chunks = (open_chunk(read_frame(entry.frame), source.key.public) for entry in source.stored)
    pieces = [sums for _, sums in credit_each(chunks, UTC)]
    whole = sum(length for _, length, _ in series)
    mean = Fraction(sum(length * value for _, length, value in series), whole * NANO)
    return Trace(metric, pieces, declared, mean)


def cut(randomness: random.Random, pieces: list[DaySums]) -> list[DaySums]:
    """Remove gaps: a few long ones, many short ones, a beginning or end, the quiet or the busy part."""
    style = randomness.choice(["long", "scattered", "ends", "quietest", "busiest"])
    count = len(pieces)
    if style == "long":
        gone: set[int] = set()
        for _ in range(randomness.randint(1, 4)):
            start = randomness.randrange(count)
            gone.update(range(start, start + randomness.randint(1, max(1, count // 4))))
    elif style == "scattered":
        share = randomness.random()
        gone = {number for number in range(count) if randomness.random() < share}
    elif style == "ends":
        first, last = sorted(randomness.sample(range(count + 1), 2))
        gone = {number for number in range(count) if not first <= number < last}
    else:
        order = sorted(range(count), key=lambda number: _mean(pieces[number]))
        some = (
            order[: randomness.randint(1, count - 1)]
            if style == "quietest"
            else order[randomness.randint(1, count - 1) :]
        )
        gone = set(some)
    return [piece for number, piece in enumerate(pieces) if number not in gone]


def _mean(piece: Mapping[tuple[str, int], DaySum]) -> Fraction:
    return Fraction(
        sum(sums.amount for sums in piece.values()), sum(sums.observed_ms for sums in piece.values())
    )


def cpu_traces():
    for name in (*traces.nab_names("ec2_cpu"), *traces.nab_names("rds_cpu"), *traces.nab_names("cpu_")):
        yield trace("cpu.utilization", traces.nab(name, most=100), declared=DeclaredHost("vm"))
    for _, series in traces.bitbrains("2013-8", 4, most=100):
        yield trace("cpu.utilization", series, declared=DeclaredHost("vm"))


def rate_traces(metric: str, column: int, beginning: str, *, unit: int, seconds: int):
    """Rates with the peak of the trace as the declared limit, so the limit is true."""
    found = [[(s, n, v // seconds) for s, n, v in traces.nab(name)] for name in traces.nab_names(beginning)]
    found += [[(s, n, v * unit) for s, n, v in series] for _, series in traces.bitbrains("2013-8", column)]
    for series in found:
        peak = max(value for _, _, value in series)
        if peak:
            declared = DeclaredHost(
                "vm", capacities=(Capacity(0, Fraction(8 * peak, NANO)),), iops_limit=Fraction(peak, NANO)
            )
            yield trace(metric, series, declared=declared)


def bounded(found: Trace, rule, unit: Fraction, patterns: int) -> int:
    """Check patterns of gaps on one trace; return how many verdicts were decided."""
    randomness = random.Random(f"{SEED} {found.metric} {found.mean}")
    window = found.window()
    truth = found.mean * unit
    full = found.figure(rule, found.pieces, window)
    assert full.low == full.value == truth
    near = [truth, truth * Fraction(99, 100), truth * Fraction(101, 100), truth / 2, truth * 2]
    thresholds = [*map(Fraction, (5, 10, 25, 30, 40, 50, 1000, 10_000, 50_000)), *near]
    decided = 0
    for _ in range(patterns):
        bounds = found.figure(rule, cut(randomness, found.pieces), window)
        assert bounds.low <= truth
        assert bounds.high is None or truth <= bounds.high
        if bounds.value is not None:
            assert bounds.low <= bounds.value
            assert bounds.high is None or bounds.value <= bounds.high
        for threshold in thresholds:
            verdict = judge(bounds, threshold)
            assert verdict is not Verdict.PASS or truth >= threshold
            assert verdict is not Verdict.FAIL or truth < threshold
            decided += verdict in (Verdict.PASS, Verdict.FAIL)
    return decided


@pytest.mark.no_cover
@pytest.mark.slow
def test_processor_bounds_hold_on_real_machines_under_random_gaps():
    found = list(cpu_traces())
    assert len(found) >= 20
    decided = [bounded(one, cpu.figure, Fraction(1), PATTERNS_A_SERIES) for one in found]
    assert len(found) * PATTERNS_A_SERIES >= 1000
    assert sum(decided) > len(found) * PATTERNS_A_SERIES, (
        "bounds so wide that nothing is ever decided prove nothing"
    )


@pytest.mark.no_cover
@pytest.mark.slow
def test_bandwidth_bounds_hold_on_real_machines_under_random_gaps():
    found = list(rate_traces("net.rx.rate", 9, "ec2_network_in", unit=1024, seconds=300))
    assert len(found) >= 8
    decided = 0
    for one in found:
        capacity = one.declared.capacities[0].bps
        # The other direction is idle all the time, so the truth is that of the busier one.
        idle = {("net.tx.rate", day): replace(sums, amount=0) for (_, day), sums in merge(one.pieces).items()}

        def rule(month, idle=idle):
            tx = MetricMonth({day: sums for (_, day), sums in idle.items()})
            return bandwidth.figure(replace(month, amounts={**month.amounts, ("import", "net.tx.rate"): tx}))

        decided += bounded(one, rule, 100 * 8 / capacity, PATTERNS_A_SERIES // 2)
    assert decided


@pytest.mark.no_cover
@pytest.mark.slow
@pytest.mark.parametrize("limited", [True, False])
def test_operation_bounds_hold_on_real_machines_under_random_gaps(limited):
    found = list(rate_traces("disk.writes.rate", 8, "ec2_disk_write", unit=1024, seconds=300))
    assert len(found) >= 8

    def rule(month):
        reads = MetricMonth({day: DaySum(0, ms, observed_ms=ms) for day, ms in month.window.lengths.items()})
        return reads_writes.figure(
            replace(month, amounts={**month.amounts, ("import", "disk.reads.rate"): reads})
        )

    for one in found:
        declared = one.declared if limited else replace(one.declared, iops_limit=None)
        bounded(replace(one, declared=declared), rule, Fraction(86_400), PATTERNS_A_SERIES // 2)


def test_june_2014_of_a_real_machine_is_the_mean_of_the_averages_that_begin_in_it():
    """The periods begin on the minutes 4, 9 …: one reaches into June, one out of it."""
    series = traces.nab("cpu_utilization_asg_misconfiguration", most=100)
    fleet = Fleet("示例企业", "UTC")
    fleet.averages("asg", "cpu.utilization", series, scale=traces.SCALE)
    found = measure(fleet.archive(), month="2014-06", edition=load_edition(), timezone="UTC").indicators[2]
    start, end = (UTC.day_start(day) for day in UTC.month("2014-06"))
    june = [value for at, _, value in series if start <= at < end]
    assert len(june) == 8_640
    assert found.bounds.value == Fraction(sum(june), NANO * len(june))
    assert round(found.bounds.value, 5) == Fraction("37.32232")
    assert found.bounds.low == found.bounds.value == found.bounds.high
    assert found.times.observed_ms == 30 * 86_400_000
