"""Behaviour: what the chunks of one source show beside their sums, gathered while they go by.

Only what was found stays in memory, not the values it was found in: one host is looked at at a time.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

from evidence.chunk import Chunk
from evidence.manifest import COUNTERS, UNIT_ALL, UNIT_CPU
from verifier.contradictions.interface import Stretch as Interval
from verifier.contradictions.interface import grown, stretch_of
from verifier.contradictions.unit_time import BUSY as BUSY_STATES
from verifier.prepared import Prepared
from verifier.questions.bins import CPU, METRICS, RX, TX, Binning
from verifier.questions.patterns import (
    BUSY,
    HOUR_BINS,
    Repeat,
    Stretch,
    constant_stretches,
    repeated_hours,
    steady,
    weeks,
)
from verifier.questions.traffic import Hourly, hourly

US_PER_S = 1_000_000
MOST_UNITS = 256
"""Names of units that are kept of one host; what is beyond is counted together."""
BEYOND = "…"


@dataclass(frozen=True)
class UnitTime:
    """A unit: its processor time in us, and when it was first seen to use any."""

    name: str
    used_us: int
    first_ms: int


@dataclass(frozen=True)
class Behaviour:
    """What one source of a host shows. Bins are numbered as in ``verifier.questions.bins``.

    ``repeats`` and ``constants`` and ``flat_weeks`` by metric; a metric that could be looked at is
    there, with nothing if nothing was found. ``weeks`` counts the weeks that could be looked at.
    ``hourly`` are bytes by hour. ``busy_us`` is the busy time of the processors
    over the time in which units were measured.
    """

    repeats: Mapping[str, tuple[Repeat, ...]] = field(default_factory=dict)
    constants: tuple[Stretch, ...] | None = None
    flat_weeks: tuple[Stretch, ...] = ()
    weeks: int = 0
    hourly: Mapping[str, Hourly] = field(default_factory=dict)
    units: tuple[UnitTime, ...] = ()
    busy_us: int = 0
    first_ms: int = 0


class Watching:
    """Gathers the behaviour of one host and source; chunks come in order."""

    def __init__(self) -> None:
        """Begin without a chunk."""
        self._binning = Binning()
        self._units: dict[str, list[int]] = {}
        self._busy_us = 0
        self._first_ms = 0
        self._before: Chunk | None = None

    def add(self, chunk: Chunk) -> None:
        """Take the next chunk."""
        self._binning.add(chunk)
        if chunk.manifest.kind == COUNTERS:
            self._attribute(chunk)
            self._before = chunk

    def behaviour(self) -> Behaviour:
        """Return what was found."""
        bins = self._binning.found()
        cpu = bins.get(CPU)
        seen = list(weeks(cpu or {}))
        return Behaviour(
            repeats={
                metric: tuple(repeated_hours(bins[metric], busy=BUSY[metric]))
                for metric in METRICS
                if metric in bins
            },
            constants=None if cpu is None else tuple(constant_stretches(cpu, busy=BUSY[CPU])),
            flat_weeks=tuple(
                Stretch(first, first + 7 * 24 * HOUR_BINS, sum(values) // len(values))
                for first, values in seen
                if steady(values)
            ),
            weeks=len(seen),
            hourly={metric: hourly(bins[metric]) for metric in (RX, TX) if bins.get(metric)},
            units=tuple(
                UnitTime(name, used, first) for name, (used, first) in sorted(self._units.items()) if used
            ),
            busy_us=self._busy_us,
            first_ms=self._first_ms,
        )

    def _attribute(self, chunk: Chunk) -> None:
        """Add up the processor time of the named units of a chunk."""
        stretch = stretch_of("", chunk, self._before)
        if stretch is None:
            return
        columns = [(device, used) for device, used in _grown(stretch, {UNIT_CPU}) if device != UNIT_ALL]
        if not columns:
            return
        at = stretch.start_ms
        self._first_ms = self._first_ms or at
        states = [used for _, used in _grown(stretch, {f"cpu.{state}" for state in BUSY_STATES})]
        self._busy_us += sum(states) * US_PER_S // chunk.manifest.ticks_per_s
        for device, used in columns:
            name = device if device in self._units or len(self._units) < MOST_UNITS else BEYOND
            unit = self._units.setdefault(name, [0, at])
            if not unit[0]:
                unit[1] = at
            unit[0] += used


def _grown(stretch: Interval, names: set[str]) -> Iterator[tuple[str, int]]:
    """Yield device and sum of all steps forward of every column of these names."""
    chunk = stretch.chunk
    for at, column in enumerate(chunk.manifest.columns):
        if column.name in names:
            known = chunk.growth(at, stretch.first) if isinstance(chunk, Prepared) else None
            yield column.device, grown(chunk.values[at][stretch.first :]) if known is None else known
