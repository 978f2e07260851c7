"""What the verifier reads from: a store, or an opened pack. Both are passed in."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Protocol

from evidence.day_sum import DaySum
from evidence.enrolment import SignedEnrolment


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
class DaySumRow:
    """One day sum at rest. ``day`` is the ordinal of the local day (``evidence.calendar``)."""

    host: str
    source: str
    metric: str
    day: int
    sums: DaySum


class Archive(Protocol):
    """Read access to the evidence of one enterprise."""

    @property
    def enterprise(self) -> str:
        """Name of the enterprise."""
        ...

    @property
    def timezone(self) -> str:
        """IANA zone whose days the stored day sums are."""
        ...

    def hosts(self) -> list[str]:
        """Return the names of all hosts, sorted."""
        ...

    def enrolments(self) -> list[SignedEnrolment]:
        """Return all enrolments, sorted by host, source, epoch."""
        ...

    def chunks(self, host: str, start_ms: int, end_ms: int) -> Iterator[StoredChunk]:
        """Yield the chunks whose claim (``evidence.day_sum.claims``) touches [start_ms, end_ms).

        Sorted by source, epoch, seq: the order in which claims are credited.
        """
        ...

    def day_sums(self, first_day: int, after_day: int) -> Iterable[DaySumRow]:
        """Return the stored day sums of all hosts for days in [first_day, after_day)."""
        ...
