"""Read access for whoever computes figures, audits or packs: the store as an archive.

Has the shape that the verifier asks for (its ``Archive`` protocol) without knowing the verifier.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import Any

from sqlalchemy import Row, select

from collector.store import activity, anchors, chunks, day_sums, findings, ledger, registry, schema, scopes
from collector.store.engine import Store
from collector.store.log_archive import StoreLog
from evidence.activity import ActivityRow
from evidence.enrolment import SignedEnrolment
from evidence.stored import DaySumRow, PackedReceipt, StoredChunk


class StoreArchive:
    """The evidence in an open store.

    Args:
        store: an open store; it stays the caller's to close.
        damaged: hand out day sums that are not made of integers too, marked by a value that no sum
            has (``day_sums.NOT_AN_INTEGER``), so that an audit can name them.

    Raises:
        StoreError: the store cannot be read, or was never set up.
    """

    def __init__(self, store: Store, *, damaged: bool = False) -> None:
        self._store = store
        self._damaged = damaged
        with store.reading() as connection:
            self._identity = registry.identity(connection)

    @property
    def enterprise(self) -> str:
        """Name of the enterprise."""
        return self._identity.enterprise

    @property
    def timezone(self) -> str:
        """IANA zone whose days the stored day sums are."""
        return self._identity.timezone

    @property
    def log(self) -> StoreLog:
        """The log of everything that arrived."""
        return StoreLog(self._store)

    def hosts(self) -> list[str]:
        """Return the names of all hosts, sorted by code point."""
        with self._store.reading() as connection:
            return sorted(connection.scalars(select(schema.host.c.name)))

    def enrolments(self) -> list[SignedEnrolment]:
        """Return all enrolments, sorted by host, source, epoch."""
        with self._store.reading() as connection:
            signed = [registry.as_signed(row) for row in connection.execute(select(schema.enrolment))]
        return sorted(signed, key=lambda s: (s.enrolment.host, s.enrolment.source, s.enrolment.epoch))

    def chunks(self, host: str, start_ms: int, end_ms: int) -> Iterator[StoredChunk]:
        """Yield the host's chunks whose claim touches [start_ms, end_ms], by source, epoch, seq."""
        with self._store.reading() as connection:
            found = connection.scalar(select(schema.host.c.id).where(schema.host.c.name == host))
            if found is None:
                return
            for row in chunks.stream(connection, chunks.touching(found, start_ms, end_ms)):
                yield _stored(host, row)

    def chain(
        self, host: str, source: str, epoch: int, first_seq: int, last_seq: int
    ) -> Iterator[StoredChunk]:
        """Yield the chunks of one enrolment with first_seq <= seq <= last_seq, in order."""
        with self._store.reading() as connection:
            query = chunks.of_enrolment(host, source, epoch, (first_seq, last_seq))
            for row in chunks.stream(connection, query):
                yield _stored(host, row)

    def day_sums(self, first_day: int, after_day: int) -> Iterable[DaySumRow]:
        """Yield the stored day sums of all hosts for days in [first_day, after_day), sorted.

        Raises:
            DamagedSumError: one is not made of integers (unless ``damaged``).
        """
        with self._store.reading() as connection:
            yield from day_sums.rows(connection, first_day, after_day, damaged=self._damaged)

    def scope_versions(self) -> Sequence[tuple[bytes, bytes]]:
        """Return record and file of every declared version of the scope, in order."""
        with self._store.reading() as connection:
            return scopes.versions(connection)

    def ledger(self) -> bytes:
        """Return the canonical bytes of the ledger of payments and costs, empty without an entry."""
        with self._store.reading() as connection:
            return ledger.document(connection)

    def ledger_recorded(self) -> dict[int, tuple[int, str]]:
        """Return, by the number of an entry, when it was recorded (ms since 1970) and from which file."""
        with self._store.reading() as connection:
            return ledger.recorded(connection)

    def ledger_document(self, sha256: str) -> bytes | None:
        """Return a document of the ledger, ``None`` if only its hash is known."""
        with self._store.reading() as connection:
            return ledger.kept_document(connection, sha256)

    def activity(self, first_day: int, after_day: int) -> Iterable[ActivityRow]:
        """Yield the stored sets of accounts of all hosts for days in [first_day, after_day), sorted."""
        with self._store.reading() as connection:
            yield from activity.rows(connection, first_day, after_day)

    def receipts(self) -> list[PackedReceipt]:
        """Return all receipts of anchors with the notes that they are about, by size."""
        with self._store.reading() as connection:
            return anchors.packed(connection)

    def findings(self) -> list[findings.Finding]:
        """Return what the collector noticed, oldest first."""
        with self._store.reading() as connection:
            return findings.recorded(connection)


def _stored(host: str, row: Row[Any]) -> StoredChunk:
    return StoredChunk(host, row.source, row.epoch, row.seq, row.enrolment, row.received_ms, row.frame)
