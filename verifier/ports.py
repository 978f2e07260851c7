"""What the verifier reads from: a store, or an opened pack. Both are passed in."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Protocol, runtime_checkable

from evidence.activity import ActivityRow
from evidence.enrolment import SignedEnrolment
from evidence.log_entry import LogEntry
from evidence.merkle import Frontier
from evidence.stored import DaySumLine, DaySumRow, DroppedChunk, DroppedMonth, PackedReceipt, StoredChunk

__all__ = ["Archive", "DaySumLine", "DaySumRow", "Dropped", "Lines", "Log", "PackedReceipt", "StoredChunk"]


class Log(Protocol):
    """Read access to the log of one collector (``evidence.merkle``, ``evidence.log_entry``)."""

    @property
    def size(self) -> int:
        """How many leaves there are."""
        ...

    def entries(self, first: int, after: int) -> Iterator[LogEntry]:
        """Yield the leaves with first <= index < after, in order."""
        ...

    def find(self, kind: int, hashes: Sequence[str]) -> Mapping[str, int]:
        """Return the index of the first leaf of this kind for each hash that has one."""
        ...

    def headers(self, hashes: Sequence[str]) -> Mapping[str, bytes]:
        """Return the header of each of these chunks that is stored, by the hash that its leaf holds."""
        ...

    def first_at(self, arrival_ms: int) -> int:
        """Return the index of the first leaf that arrived then or later, the size if there is none."""
        ...

    def frontier(self, size: int) -> Frontier:
        """Return the frontier of the first ``size`` leaves."""
        ...

    def proof(self, index: int, size: int) -> Sequence[bytes]:
        """Return the inclusion proof of a leaf in the tree of ``size`` leaves."""
        ...

    def checkpoints(self) -> Sequence[tuple[int, bytes]]:
        """Return size and signed note of every checkpoint, by size."""
        ...

    def day_marks(self) -> Sequence[tuple[int, bytes]]:
        """Return leaf and record of every day mark, in the order of the log."""
        ...

    def closes(self) -> Sequence[tuple[int, bytes]]:
        """Return leaf and record of every close of a month, in the order of the log."""
        ...


class Dropped(Protocol):
    """What a store still knows of chunks whose bytes it dropped with their month."""

    def dropped_months(self) -> Sequence[DroppedMonth]:
        """Return the months, in order."""
        ...

    def dropped_chunks(self, host: str) -> Iterator[DroppedChunk]:
        """Yield the chunks of a host, by source, epoch, seq."""
        ...


@runtime_checkable
class Lines(Protocol):
    """An archive that can hand out day sums as numbers, without an object for each day."""

    def day_sum_lines(self, first_day: int, after_day: int) -> Iterable[DaySumLine] | None:
        """Return the same sums as ``day_sums``; ``None``: ask for them day by day."""
        ...


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

    def chain(
        self, host: str, source: str, epoch: int, first_seq: int, last_seq: int
    ) -> Iterator[StoredChunk]:
        """Yield the chunks of one enrolment with first_seq <= seq <= last_seq, in order."""
        ...

    def scope_versions(self) -> Sequence[tuple[bytes, bytes]]:
        """Return record and file of every declared version of the scope, in order.

        ``verifier.declaration.declared_versions`` verifies them.
        """
        ...

    def activity(self, first_day: int, after_day: int) -> Iterable[ActivityRow]:
        """Return the sets of accounts of all hosts for days in [first_day, after_day), sorted."""
        ...

    def ledger(self) -> bytes:
        """Return the canonical bytes of the ledger of payments and costs, empty if there is none."""
        ...

    def ledger_document(self, sha256: str) -> bytes | None:
        """Return a document that the ledger names, ``None`` if only its hash is known."""
        ...
