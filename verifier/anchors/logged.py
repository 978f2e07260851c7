"""When what is told of a day was in the log: the leaves of its chunks, and since when they are outside.

A checkpoint of a day says nothing about what is delivered after it. So a chunk counts from the first
confirmed anchor that covers its own leaf. What comes after midnight goes with the checkpoint of the next
day; so a chunk is in time if it was outside when the anchor of the next day had to be.
"""

from __future__ import annotations

from array import array
from bisect import bisect_right
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from evidence.calendar import LocalCalendar
from evidence.sources import SEALED_WHEN_READ
from verifier.log_reading import PackedLog
from verifier.seen import SeenChunk


@dataclass
class Logged:
    """Takes the chunks of a pack one by one and notes where those that are sealed when read were logged.

    A chunk is of the day in which its first interval ends. Imported ones come long after what they tell of,
    and are *not attested* anyway.
    """

    calendar: LocalCalendar
    log: PackedLog
    found: dict[tuple[str, int], array[int]] = field(default_factory=dict)

    def take(self, header: SeenChunk) -> None:
        """Note one verified chunk; step 5 tells of one without a leaf."""
        logged = self.log.chunk(header.hash)
        if header.source in SEALED_WHEN_READ and logged is not None:
            key = header.host, self.calendar.day_of(header.read_ms - 1)
            self.found.setdefault(key, array("Q")).append(logged.leaf)

    def by_day(self, hosts: Collection[str] | None) -> Mapping[int, Sequence[int]]:
        """Return the leaves of every local day's chunks, of these hosts (``None``: of all)."""
        days: dict[int, array[int]] = {}
        for (host, day), leaves in self.found.items():
            if hosts is None or host in hosts:
                days.setdefault(day, array("Q")).extend(leaves)
        return days


class Covering:
    """Since when a leaf is outside: the earliest time of an anchor of more leaves.

    Args:
        confirmed: size and time (ms) of every confirmed anchor.
    """

    def __init__(self, confirmed: Iterable[tuple[int, int]]) -> None:
        ordered = sorted(confirmed)
        self._sizes = [size for size, _ in ordered]
        self._times: list[int] = []
        for _, time_ms in reversed(ordered):
            self._times.append(min(time_ms, self._times[-1]) if self._times else time_ms)
        self._times.reverse()

    def since_ms(self, leaf: int) -> int | None:
        """Return since when the leaf of this index is confirmed, ``None`` if it is not."""
        at = bisect_right(self._sizes, leaf)
        return self._times[at] if at < len(self._times) else None
