"""From behaviour to questions: what is asked about which host, and how many tests were made.

The number of tests stands beside the questions, with what would be expected of honest machines: of
many tests some ask by chance. Nothing here changes a figure, a verdict or an outcome.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from fractions import Fraction

from evidence.day_sum import CPU as CPU_DAYS
from verifier.comparison import AGREE, DIFFER, Comparison
from verifier.facts import SourceFacts
from verifier.indicators import cpu
from verifier.indicators.interface import NANO
from verifier.questions import unit_share
from verifier.questions.bins import BIN_MS, CPU, RX, TX
from verifier.questions.catalogue import (
    CONSTANT,
    DEFINITIONS,
    LOAD_TOOL,
    NEW_UNIT,
    REPEATED,
    SOURCES,
    STEP,
    TRAFFIC,
    UNNAMED,
    VARIATION,
    Definition,
)
from verifier.questions.patterns import HOUR_BINS, STEP_DAYS, STEP_REACH, step_at_start
from verifier.questions.traffic import pairs
from verifier.result import Figures
from verifier.weights import averaged

DAY_SEEN = Fraction(3, 4)
PERCENT = 100
MOST_HOSTS = 500
"""Above, hosts are not compared with one another: a quarter of a million pairs take seconds."""


@dataclass(frozen=True, order=True)
class Question:
    """One question. ``about`` is a metric, a unit or another host; ``values`` are named numbers.

    ``count`` is how often it was found; ``start_ms`` and ``end_ms`` where first, ``None`` if that is
    the whole window.
    """

    definition: str
    host: str
    source: str
    about: str
    count: int
    start_ms: int | None
    end_ms: int | None
    values: tuple[tuple[str, Fraction], ...] = ()


@dataclass(frozen=True)
class Asked:
    """All questions in order, and the number of tests by definition (all of them)."""

    questions: tuple[Question, ...]
    tested: tuple[tuple[Definition, int], ...]


def ask(figures: Figures, facts: Sequence[SourceFacts], comparisons: Iterable[Comparison]) -> Asked:
    """Return what a reviewer should ask.

    Args:
        figures: what was measured, with its day sums.
        facts: what the chunks say, host by host.
        comparisons: of the hosts' sources.
    """
    tested = {definition.id: 0 for definition in DEFINITIONS}
    found: list[Question] = []
    for entry in facts:
        found += _patterns(entry, tested)
        found += _step(figures, entry, tested)
        found += _units(entry, tested)
    for comparison in comparisons:
        if comparison.within in (AGREE, DIFFER) and comparison.statistics is not None:
            tested[SOURCES.id] += 1
        if comparison.within == DIFFER and comparison.statistics is not None:
            values = (("median", comparison.statistics.median),)
            sources = f"{comparison.primary} / {comparison.other}"
            found.append(
                Question(
                    SOURCES.id,
                    comparison.host,
                    sources,
                    comparison.metric,
                    comparison.hours,
                    None,
                    None,
                    values,
                )
            )
    found += _traffic(facts, tested)
    return Asked(tuple(sorted(found)), tuple((d, tested[d.id]) for d in DEFINITIONS))


def _patterns(entry: SourceFacts, tested: dict[str, int]) -> Iterator[Question]:
    seen = entry.behaviour
    tested[REPEATED.id] += len(seen.repeats)
    for metric, repeats in seen.repeats.items():
        if repeats:
            first, again = (number * BIN_MS for number in repeats[0])
            where = (entry.host, entry.source, metric, len(repeats), first, again)
            yield Question(REPEATED.id, *where)
    if seen.constants is not None:
        tested[CONSTANT.id] += 1
    if seen.constants:
        longest = max(seen.constants, key=lambda stretch: stretch.after - stretch.first)
        yield Question(
            CONSTANT.id, entry.host, entry.source, CPU, len(seen.constants), longest.first * BIN_MS, longest.after * BIN_MS,
            (("value", Fraction(longest.value, NANO)), ("hours", Fraction(longest.after - longest.first, HOUR_BINS))),
        )  # fmt: skip
    tested[VARIATION.id] += seen.weeks
    if seen.flat_weeks:
        flat = seen.flat_weeks[0]
        yield Question(
            VARIATION.id, entry.host, entry.source, CPU, len(seen.flat_weeks), flat.first * BIN_MS, flat.after * BIN_MS,
            (("mean", Fraction(flat.value, NANO)),),
        )  # fmt: skip


def _step(figures: Figures, entry: SourceFacts, tested: dict[str, int]) -> Iterator[Question]:
    window = figures.window
    name = CPU if averaged(entry.source) else CPU_DAYS
    amounts = figures.amounts.get(entry.host, {}).get((entry.source, name))
    if amounts is None:
        return
    means: list[Fraction | None] = []
    for day in range(window.first_day, window.first_day + STEP_REACH + STEP_DAYS):
        sums, length = amounts.days.get(day), window.lengths.get(day)
        if sums is None or length is None or not sums.whole or sums.covered_ms < DAY_SEEN * length:
            means.append(None)
        elif averaged(entry.source):
            means.append(Fraction(sums.amount, NANO * sums.whole))
        else:
            means.append(cpu.percent(sums))
    if sum(mean is not None for mean in means) < 2 * STEP_DAYS:
        return
    tested[STEP.id] += 1
    step = step_at_start(means)
    if step is not None:
        start_ms = window.starts[window.first_day + step.day]
        values = (("before", step.before), ("after", step.after))
        yield Question(STEP.id, entry.host, entry.source, CPU, 1, start_ms, None, values)


def _units(entry: SourceFacts, tested: dict[str, int]) -> Iterator[Question]:
    if not entry.behaviour.units or entry.behaviour.busy_us < unit_share.LEAST_BUSY_US:
        return
    for definition in (LOAD_TOOL, NEW_UNIT, UNNAMED):
        tested[definition.id] += 1
    for definition, unit, share, first_ms in unit_share.asked(entry.behaviour):
        values = (("share", share * PERCENT),)
        yield Question(definition.id, entry.host, entry.source, unit, 1, first_ms or None, None, values)


def _traffic(facts: Sequence[SourceFacts], tested: dict[str, int]) -> Iterator[Question]:
    """Of a host with several sources, the first that has both directions."""
    spoken: dict[str, SourceFacts] = {}
    for entry in facts:
        if {RX, TX} <= entry.behaviour.hourly.keys():
            spoken.setdefault(entry.host, entry)
    if len(spoken) > MOST_HOSTS:
        return
    tested[TRAFFIC.id] += len(spoken) * (len(spoken) - 1)
    sent = {host: entry.behaviour.hourly[TX] for host, entry in spoken.items()}
    received = {host: entry.behaviour.hourly[RX] for host, entry in spoken.items()}
    for pair in pairs(sent, received):
        values = (("alike", Fraction(PERCENT * pair.alike, pair.hours)),)
        source = spoken[pair.sender].source
        yield Question(TRAFFIC.id, pair.sender, source, pair.receiver, pair.hours, None, None, values)
