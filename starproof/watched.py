"""An archive that says how far its reader is: hosts whose chunks were asked for, of all hosts."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence

from evidence.activity import ActivityRow
from evidence.enrolment import SignedEnrolment
from evidence.stored import DaySumRow, StoredChunk
from verifier.ports import Archive

Tell = Callable[[str, int, int], None]
"""Told the stage, how much of it is done, and how much there is to do."""
RULES, CHUNKS, COPIES = "rules", "chunks", "copies"


class Watched:
    """Another archive, watched."""

    def __init__(self, archive: Archive, tell: Tell) -> None:
        self._archive = archive
        self._tell = tell
        self._total = len(archive.hosts())
        self._seen: set[str] = set()

    @property
    def enterprise(self) -> str:
        """Name of the enterprise."""
        return self._archive.enterprise

    @property
    def timezone(self) -> str:
        """IANA zone whose days the stored day sums are."""
        return self._archive.timezone

    def hosts(self) -> list[str]:
        """Return the names of all hosts, sorted."""
        return self._archive.hosts()

    def enrolments(self) -> list[SignedEnrolment]:
        """Return all enrolments."""
        return self._archive.enrolments()

    def chunks(self, host: str, start_ms: int, end_ms: int) -> Iterator[StoredChunk]:
        """Yield the chunks of a host, and tell that it is this one's turn."""
        if host not in self._seen:
            self._seen.add(host)
            self._tell(CHUNKS, len(self._seen), max(self._total, len(self._seen)))
        return self._archive.chunks(host, start_ms, end_ms)

    def day_sums(self, first_day: int, after_day: int) -> Iterable[DaySumRow]:
        """Return the stored day sums."""
        return self._archive.day_sums(first_day, after_day)

    def chain(
        self, host: str, source: str, epoch: int, first_seq: int, last_seq: int
    ) -> Iterator[StoredChunk]:
        """Yield the chunks of one enrolment."""
        return self._archive.chain(host, source, epoch, first_seq, last_seq)

    def scope_versions(self) -> Sequence[tuple[bytes, bytes]]:
        """Return every declared version of the scope."""
        return self._archive.scope_versions()

    def activity(self, first_day: int, after_day: int) -> Iterable[ActivityRow]:
        """Return the sets of accounts."""
        return self._archive.activity(first_day, after_day)

    def ledger(self) -> bytes:
        """Return the ledger."""
        return self._archive.ledger()

    def ledger_document(self, sha256: str) -> bytes | None:
        """Return a document of the ledger."""
        return self._archive.ledger_document(sha256)
