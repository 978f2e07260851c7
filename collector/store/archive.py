"""Read access for whoever computes figures, audits or packs: the store as an archive.

Has the shape that the verifier asks for (its ``Archive`` protocol) without knowing the verifier.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import Any

from sqlalchemy import Connection, Row, Select, select

from collector.store import (
    activity,
    anchors,
    chunks,
    day_sums,
    dropped,
    findings,
    frames,
    ledger,
    registry,
    schema,
    scopes,
)
from collector.store.engine import Store
from collector.store.log_archive import StoreLog
from evidence.activity import ActivityRow
from evidence.enrolment import SignedEnrolment
from evidence.stored import DaySumLine, DaySumRow, DroppedChunk, DroppedMonth, PackedReceipt, StoredChunk


class StoreArchive:
    """The evidence in an open store.

    Args:
        store: an open store; it stays the caller's to close.
        damaged: for an audit, which names what is wrong. Day sums that are not made of integers are
            handed out too, marked by a value that no sum has (``day_sums.NOT_AN_INTEGER``), and chunks that
            were dropped with their month are left out (``dropped_chunks``) instead of refused.
        hosts: only their enrolments, day sums and sets of accounts are handed out; ``None``: all.

    Raises:
        StoreError: the store cannot be read, or was never set up.
    """

    def __init__(self, store: Store, *, damaged: bool = False, hosts: Sequence[str] | None = None) -> None:
        self._store = store
        self._damaged = damaged
        self._hosts = hosts
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
        query = select(schema.enrolment)
        if self._hosts is not None:
            host = schema.host.c
            query = query.join(schema.host, host.id == schema.enrolment.c.host_id).where(
                host.name.in_(self._hosts)
            )
        with self._store.reading() as connection:
            signed = [registry.as_signed(row) for row in connection.execute(query)]
        return sorted(signed, key=lambda s: (s.enrolment.host, s.enrolment.source, s.enrolment.epoch))

    def chunks(self, host: str, start_ms: int, end_ms: int) -> Iterator[StoredChunk]:
        """Yield the host's chunks whose claim touches [start_ms, end_ms], by source, epoch, seq.

        Raises:
            DroppedMonthError: one was dropped with its month (unless ``damaged``).
        """
        with self._store.reading() as connection:
            found = connection.scalar(select(schema.host.c.id).where(schema.host.c.name == host))
            if found is None:
                return
            for row, frame in self._frames(connection, chunks.touching(found, start_ms, end_ms)):
                yield _stored(host, row, frame)

    def chain(
        self, host: str, source: str, epoch: int, first_seq: int, last_seq: int
    ) -> Iterator[StoredChunk]:
        """Yield the chunks of one enrolment with first_seq <= seq <= last_seq, in order.

        Raises:
            DroppedMonthError: one was dropped with its month (unless ``damaged``).
        """
        with self._store.reading() as connection:
            query = chunks.of_enrolment(host, source, epoch, (first_seq, last_seq))
            for row, frame in self._frames(connection, query):
                yield _stored(host, row, frame)

    def dropped_months(self) -> list[DroppedMonth]:
        """Return the months whose chunks were dropped, in order."""
        with self._store.reading() as connection:
            return dropped.all_months(connection)

    def dropped_chunks(self, host: str) -> Iterator[DroppedChunk]:
        """Yield what is still known of a host's dropped chunks, by source, epoch, seq."""
        with self._store.reading() as connection:
            yield from dropped.of_host(connection, host)

    def day_sums(self, first_day: int, after_day: int) -> Iterable[DaySumRow]:
        """Yield the stored day sums of all hosts for days in [first_day, after_day), sorted.

        Raises:
            DamagedSumError: one is not made of integers (unless ``damaged``).
        """
        with self._store.reading() as connection:
            yield from day_sums.rows(
                connection, first_day, after_day, hosts=self._hosts, damaged=self._damaged
            )

    def day_sum_lines(self, first_day: int, after_day: int) -> Iterable[DaySumLine] | None:
        """Return the same as numbers (``day_sums.lines``), ``None`` for an archive of what may be damaged.

        Raises:
            DamagedSumError: one is not made of integers.
        """
        return None if self._damaged else self._day_sum_lines(first_day, after_day)

    def _day_sum_lines(self, first_day: int, after_day: int) -> Iterator[DaySumLine]:
        with self._store.reading() as connection:
            yield from day_sums.lines(connection, first_day, after_day)

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
            yield from activity.rows(connection, first_day, after_day, hosts=self._hosts)

    def receipts(self) -> list[PackedReceipt]:
        """Return all receipts of anchors with the notes that they are about, by size."""
        with self._store.reading() as connection:
            return anchors.packed(connection)

    def findings(self) -> list[findings.Finding]:
        """Return what the collector noticed, oldest first."""
        with self._store.reading() as connection:
            return findings.recorded(connection)

    def _frames(self, connection: Connection, query: Select[Any]) -> Iterator[tuple[Row[Any], bytes]]:
        return (frames.stream_left if self._damaged else frames.stream)(connection, query)


def _stored(host: str, row: Row[Any], frame: bytes) -> StoredChunk:
    return StoredChunk(host, row.source, row.epoch, row.seq, row.enrolment, row.received_ms, frame)
