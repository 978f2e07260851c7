"""Chunks and day sums at rest: what a store or an opened pack hands to whoever checks it."""

from __future__ import annotations

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
