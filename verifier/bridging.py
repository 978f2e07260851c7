"""Long intervals: readings so far apart that what they tell of days was written once, when it was over.

The difference of counters is exact however far apart two readings are, so figures and coverage stay as they
are. But an anchor a day vouches that what is told of a day was written within two days of it, and one
interval of weeks is one statement at its end: whoever makes it knows what the month must have been. So is
what a key tells of the time before anybody knew the key. Both are found here. Only sources that are sealed
when they are read are asked; of an interval across the edge of a month nothing is credited.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass, field

from evidence.calendar import LocalCalendar
from evidence.chunk import Chunk
from evidence.day_sum import EDGE_TOLERANCE_MS, MAX_INTERVAL_MS, Interval
from evidence.enrolment import SignedEnrolment
from evidence.log_entry import ENROLMENT
from evidence.manifest import COUNTERS, COUNTERS_CLOCKS
from evidence.sources import SEALED_WHEN_READ
from verifier import slots
from verifier.finding import Finding
from verifier.log_reading import PackedLog
from verifier.seen import SeenChunk
from verifier.window import Window

LONG_MS = 86_400_000
"""One day: an anchor a day vouches that what is told of a day was written within two days of it."""
SHOWN = 5
"""Long intervals of a host that are listed; of more there is a count."""
MS_PER_HOUR = 3_600_000

ChainName = tuple[str, str, int]
"""Host, source, epoch."""


def long_intervals(chunk: Chunk) -> tuple[Interval, ...]:
    """Return the intervals of a chunk of counters over which its machine ran for longer than ``LONG_MS``.

    Time for which it was suspended is downtime, and a clock that jumped covers nothing.
    """
    header = chunk.header
    if header.end_ms - header.start_ms <= LONG_MS or chunk.manifest.kind != COUNTERS:
        return ()
    clocks = chunk.values[: len(COUNTERS_CLOCKS)]
    wall = clocks[0]
    return tuple(
        (wall[row], wall[row + 1])
        for row in range(len(wall) - 1)
        if wall[row + 1] - wall[row] <= MAX_INTERVAL_MS
        and min(clock[row + 1] - clock[row] for clock in clocks) > LONG_MS
    )


def logged_when(log: PackedLog | None, enrolments: Iterable[SignedEnrolment]) -> dict[ChainName, int]:
    """Return when the enrolment of every chain came into the log, of those whose leaf is packed."""
    leaves = ((one.enrolment, None if log is None else log.find(ENROLMENT, one.hash)) for one in enrolments)
    return {(e.host, e.source, e.epoch): leaf.arrival_ms for e, leaf in leaves if leaf is not None}


@dataclass
class Bridging:
    """Takes the chunks of a pack one by one and notes the long intervals.

    ``known_ms`` is when the key of a chain was logged.
    """

    calendar: LocalCalendar
    known_ms: Mapping[ChainName, int]
    bridged: dict[str, set[tuple[Interval, str]]] = field(default_factory=dict)
    early: dict[ChainName, Interval] = field(default_factory=dict)

    def take(self, chunk: SeenChunk) -> None:
        """Note one verified chunk."""
        if chunk.source not in SEALED_WHEN_READ:
            return
        for interval in chunk.long:
            if self._credited(*interval):
                self.bridged.setdefault(chunk.host, set()).add((interval, chunk.source))
        name = (chunk.host, chunk.source, chunk.epoch)
        known_ms = self.known_ms.get(name)
        if known_ms is not None and chunk.start_ms < known_ms - LONG_MS:
            end_ms = min(chunk.end_ms, known_ms)
            start_ms, before_ms = self.early.get(name, (chunk.start_ms, end_ms))
            self.early[name] = min(start_ms, chunk.start_ms), max(before_ms, end_ms)

    def findings(self, window: Window, hosts: Collection[str] | None) -> Iterator[Finding]:
        """Yield the long intervals of these hosts (``None``: of all) with more than a day of the window."""
        expected = f"no interval longer than {LONG_MS // MS_PER_HOUR} h"
        for host, found in sorted(self.bridged.items()):
            mine = [one for one in sorted(found) if _asked(window, hosts, host, one[0])]
            for (start, end), source in mine[:SHOWN]:
                got = f"{(end - start) // MS_PER_HOUR} h between two readings"
                yield Finding("BRIDGED_LONG", source, host, expected, got, slots.hours(start, end - 1))
            if mine[SHOWN:]:
                (first, _), (_, last) = mine[SHOWN][0], mine[-1][0]
                got = f"{len(mine) - SHOWN} more such intervals"
                yield Finding("BRIDGED_LONG", host, host, expected, got, slots.hours(first, last - 1))
        for (host, source, epoch), (start, end) in sorted(self.early.items()):
            if _asked(window, hosts, host, (start, end)):
                known_ms = self.known_ms[host, source, epoch]
                yield Finding(
                    "BRIDGED_LONG",
                    f"{source}/{epoch}",
                    host,
                    f"no reading more than {LONG_MS // MS_PER_HOUR} h older than the leaf of its key",
                    f"{(end - start) // MS_PER_HOUR} h, the key was logged at {known_ms} ms",
                    slots.hours(start, end - 1),
                )

    def days(self, window: Window, hosts: Collection[str] | None) -> frozenset[int]:
        """Return the counted days that lie as a whole in a long interval of one of these hosts."""
        spans = [(host, span) for host, found in self.bridged.items() for span, _ in found]
        spans += [(host, span) for (host, _, _), span in self.early.items()]
        asked = [span for host, span in spans if _asked(window, hosts, host, span)]
        return frozenset(
            day
            for day, length in window.lengths.items()
            if any(start <= window.starts[day] and window.starts[day] + length <= end for start, end in asked)
        )

    def _credited(self, start: int, end: int) -> bool:
        """Return whether an interval lies in one month (rule 3 of ``evidence.day_sum``)."""
        first = self.calendar.day_of(start + EDGE_TOLERANCE_MS)
        return self.calendar.same_month(first, self.calendar.day_of(end - 1 - EDGE_TOLERANCE_MS))


def _asked(window: Window, hosts: Collection[str] | None, host: str, span: Interval) -> bool:
    """Return whether more than a day of a stretch counts for a host that counts."""
    if hosts is not None and host not in hosts:
        return False
    parts = (
        min(span[1], window.starts[day] + length) - max(span[0], window.starts[day])
        for day, length in window.lengths.items()
    )
    return sum(part for part in parts if part > 0) > LONG_MS
