"""Facts: what the chunks of a host say beside their counters, gathered while they go by.

Who sealed them, how far the host's clock was off, and when nobody spoke. Store, pack and check
gather them from the same chunks, so all three print the same.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

from evidence.crediting import Claims, claimed_metrics
from evidence.day_sum import Interval, claims
from evidence.manifest import ALL_INTERFACES, NET_CAP, NET_COMMITTED, PUBLIC, SCOPE_FACT, Manifest
from verifier.programs import Program, Programs
from verifier.questions.behaviour import Behaviour, Watching
from verifier.recompute import Opened
from verifier.window import Window

NETWORK_AVERAGES = ("net.rx.rate", "net.tx.rate")
INVENTORY = (NET_COMMITTED, NET_CAP)
"""What a cloud says of its line, not of the host."""
UNKNOWN_SCOPE = "unknown"
NEVER_MEASURED = -1
"""``clock_rtt_ms`` of a chunk whose agent had not yet compared its clock."""


@dataclass(frozen=True)
class SourceFacts:
    """What the chunks of one host and source say.

    ``software`` are the versions that sealed them, sorted, ``programs`` the same with their code and times. ``clock_offsets_ms`` are the least and the
    greatest offset (collector minus host), ``None`` if never measured. ``scopes`` are the kinds of
    traffic that averages of networks count, as (metric, scope), sorted. ``spoken`` are the stretches
    [start, end) in ms that the chunks speak for, disjoint and in order; of averages those for which
    every metric that the source has is spoken for, purchased bandwidth left out. ``behaviour`` is what
    the questions to the reviewer rest on.
    """

    host: str
    source: str
    chunks: int
    software: tuple[str, ...]
    programs: tuple[Program, ...]
    clock_states: tuple[str, ...]
    clock_offsets_ms: Interval | None
    scopes: tuple[tuple[str, str], ...]
    spoken: tuple[Interval, ...]
    behaviour: Behaviour


class Gathering:
    """Gathers the facts of one host and source from chunks that go by in any order."""

    def __init__(self, host: str, source: str) -> None:
        self._host = host
        self._source = source
        self._chunks = 0
        self._programs = Programs()
        self._states: set[str] = set()
        self._offsets: list[int] = []
        self._scopes: set[tuple[str, str]] = set()
        self._claims: dict[str, Claims] = {}
        self._watching = Watching()

    def watching(self, chunks: Iterable[Opened]) -> Iterator[Opened]:
        """Yield the chunks unchanged and remember what they say."""
        for stored, chunk in chunks:
            header = chunk.header
            self._chunks += 1
            self._programs.add(header)
            self._states.add(header.clock_state)
            if header.clock_rtt_ms != NEVER_MEASURED:
                known = [*self._offsets, header.clock_offset_ms]
                self._offsets = [min(known), max(known)]
            self._scopes.update(_scopes(chunk.manifest))
            for metric in claimed_metrics(chunk):
                if metric in INVENTORY:
                    continue
                mine = self._claims.setdefault(metric, Claims())
                for start, end in claims(chunk):
                    mine.add(start, end)
            self._watching.add(chunk)
            yield stored, chunk

    def facts(self) -> SourceFacts:
        """Return what was gathered."""
        programs = self._programs.found()
        return SourceFacts(
            host=self._host,
            source=self._source,
            chunks=self._chunks,
            software=tuple(sorted({program.software for program in programs})),
            programs=programs,
            clock_states=tuple(sorted(self._states)),
            clock_offsets_ms=(self._offsets[0], self._offsets[1]) if self._offsets else None,
            scopes=tuple(sorted(self._scopes)),
            spoken=self._spoken(),
            behaviour=self._watching.behaviour(),
        )

    def _spoken(self) -> tuple[Interval, ...]:
        each = [mine.within(*_ALWAYS) for mine in self._claims.values()]
        found = each[0] if each else []
        for more in each[1:]:
            found = _both(found, more)
        return tuple(found)


def _scopes(manifest: Manifest) -> Iterator[tuple[str, str]]:
    """Yield (metric, scope) of averages of networks; what is no word of the format is not known."""
    said = manifest.host.get(SCOPE_FACT)
    scope = said if said in (PUBLIC, ALL_INTERFACES) else UNKNOWN_SCOPE
    for column in manifest.columns:
        if column.name in NETWORK_AVERAGES:
            yield column.name, scope


_ALWAYS = (-(2**62), 2**62)


def _both(left: Sequence[Interval], right: Sequence[Interval]) -> list[Interval]:
    """Return the time that lies in both; each is disjoint and in order."""
    found: list[Interval] = []
    at, beside = iter(left), iter(right)
    one, other = next(at, None), next(beside, None)
    while one is not None and other is not None:
        start, end = max(one[0], other[0]), min(one[1], other[1])
        if start < end:
            found.append((start, end))
        if one[1] < other[1]:
            one = next(at, None)
        else:
            other = next(beside, None)
    return found


def gaps(spoken: Sequence[Interval], window: Window, *, until_ms: int) -> list[Interval]:
    """Return the stretches of the window's counted days that nobody speaks for, in order of time.

    Args:
        spoken: disjoint stretches in order.
        window: days that do not count have no gaps.
        until_ms: what lies after this instant has not happened yet.
    """
    found: list[Interval] = []
    for start, end in _counted(window):
        silent = start
        for low, high in spoken:
            if high > silent and low < end:
                if low > silent:
                    found.append((silent, low))
                silent = high
        if silent < end:
            found.append((silent, end))
    return [(start, min(end, until_ms)) for start, end in found if start < until_ms]


def _counted(window: Window) -> list[Interval]:
    """Return the runs of days that count."""
    runs: list[Interval] = []
    for day in sorted(window.lengths):
        start = window.starts[day]
        end = start + window.lengths[day]
        if runs and runs[-1][1] == start:
            runs[-1] = (runs[-1][0], end)
        else:
            runs.append((start, end))
    return runs
