"""Chunks and day sums at rest: what a store or an opened pack hands to whoever checks it."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Sequence
from dataclasses import dataclass, field

from evidence.day_sum import DaySum


@dataclass(frozen=True)
class StoredChunk:
    """A chunk frame at rest, with the key that was pinned when it came in.

    ``received_ms`` is the collector's clock at arrival; ``enrolment`` the hash of the enrolment
    record whose key signed.
    """

    host: str
    source: str
    epoch: int
    seq: int
    enrolment: str
    received_ms: int
    frame: bytes


@dataclass(frozen=True)
class DroppedChunk:
    """What a store still knows of a chunk whose bytes it dropped. ``month`` is ``YYYY-MM``."""

    source: str
    epoch: int
    seq: int
    hash: str
    month: str


@dataclass(frozen=True)
class DroppedMonth:
    """A month whose chunks a store dropped, after the pack with this SHA-256 was checked.

    ``days`` are the ordinals of its first local day and the first after it.
    """

    month: str
    days: tuple[int, int]
    dropped_ms: int
    pack_sha256: str
    pack_name: str
    chunks: int


@dataclass(frozen=True)
class DaySumLine:
    """The day sums of one host, source and metric at rest, as numbers: for months of many hosts.

    ``days`` are ordinals of local days in order; ``numbers`` holds the fields of ``DaySum`` one after another,
    each with one number a day.
    """

    host: str
    source: str
    metric: str
    days: tuple[int, ...]
    numbers: Sequence[int]

    def between(self, first_day: int, after_day: int) -> DaySumLine:
        """Return the part of days in [``first_day``, ``after_day``)."""
        count = len(self.days)
        low, high = bisect_left(self.days, first_day), bisect_left(self.days, after_day)
        if (low, high) == (0, count):
            return self
        fields = (self.numbers[at + low : at + high] for at in range(0, len(self.numbers), count))
        numbers = [number for field in fields for number in field]
        return DaySumLine(self.host, self.source, self.metric, self.days[low:high], numbers)


@dataclass(frozen=True)
class DaySumRow:
    """One day sum at rest. ``day`` is the ordinal of the local day (``evidence.calendar``)."""

    host: str
    source: str
    metric: str
    day: int
    sums: DaySum


@dataclass(frozen=True)
class PackedReceipt:
    """What an anchor gave back for the checkpoint of ``size``, with that checkpoint's note."""

    size: int
    alias: str
    suffix: str
    got_ms: int
    note: bytes = field(repr=False)
    data: bytes = field(repr=False)
