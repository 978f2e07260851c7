"""All invariants over the chunks of one host, as they go by.

A chunk may break an invariant in every interval, and a month has thousands of chunks; so of every
invariant and device there is one finding: the worst place, the first one, and how many there are.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from evidence.chunk import Chunk
from evidence.manifest import COUNTERS
from verifier.contradictions.interface import Broken, Invariant, stretch_of
from verifier.contradictions.link import bytes_within_speed
from verifier.contradictions.processor import ticks
from verifier.contradictions.sectors import reads_and_sectors
from verifier.contradictions.unit_time import units_within_total
from verifier.contradictions.uptime import uptime
from verifier.finding import Finding
from verifier.recompute import Opened, place, place_text

INVARIANTS: tuple[Invariant, ...] = (ticks, bytes_within_speed, reads_and_sectors, units_within_total)


@dataclass
class _Kept:
    worst: Broken
    place: str
    first: str
    count: int = 0


class Contradictions:
    """Watches the verified chunks of one host, in order. Averages have no counters to contradict."""

    def __init__(self, host: str) -> None:
        """Begin with nothing seen."""
        self._host = host
        self._kept: dict[tuple[str, str], _Kept] = {}

    def watching(self, chunks: Iterable[Opened]) -> Iterator[Opened]:
        """Yield the chunks unchanged and look at each."""
        before: Chunk | None = None
        for stored, chunk in chunks:
            if chunk.manifest.kind == COUNTERS:
                where = place_text(place(stored))
                self._keep(where, [] if before is None else uptime(before, chunk))
                stretch = stretch_of(where, chunk, before)
                if stretch is not None:
                    for invariant in INVARIANTS:
                        self._keep(where, invariant(stretch))
                before = chunk
            yield stored, chunk

    def findings(self) -> list[Finding]:
        """Return what was found, by code and what it is about."""
        return [
            Finding(
                code,
                f"{kept.place} {about}",
                self._host,
                kept.worst.expected,
                f"{kept.worst.got}; {kept.count} chunks, first {kept.first}",
            )
            for (code, about), kept in sorted(self._kept.items())
        ]

    def _keep(self, where: str, found: Iterable[Broken]) -> None:
        for broken in found:
            kept = self._kept.setdefault((broken.code, broken.about), _Kept(broken, where, where))
            kept.count += 1
            if broken.excess > kept.worst.excess:
                kept.worst, kept.place = broken, where
