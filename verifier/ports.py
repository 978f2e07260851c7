"""What the verifier reads from: a store, or an opened pack. Both are passed in."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import Protocol

from evidence.activity import ActivityRow
from evidence.enrolment import SignedEnrolment
from evidence.stored import DaySumRow, StoredChunk

__all__ = ["Archive", "DaySumRow", "StoredChunk"]


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
