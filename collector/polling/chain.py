"""The chain of one host and source: its newest enrolment, and the chunks that are added to it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from sqlalchemy import Connection, select

from collector import admission, ingest
from collector.errors import CollectorError
from collector.importing.samples import Sample
from collector.importing.sealing import batches
from collector.own_chunks import Place
from collector.polling import sealing
from collector.polling.hosts import Target
from collector.polling.samples import Sealed
from collector.polling.sealing import Answered, Origin
from collector.store import chunks, findings, registry, schema
from collector.store.chunks import Line
from collector.store.findings import Finding
from collector.store.registry import Identity, PinnedKey
from evidence.chunk import open_chunk, read_frame
from evidence.enrolment import SignedEnrolment
from evidence.keys import PrivateKey


class RefusedChunkError(CollectorError):
    """The store's own rules refuse what a source answered; nothing of the answer was kept."""

    code = "SOURCE_REFUSED"


@dataclass(frozen=True)
class Teller:
    """Under whose name and key answers are stored. ``provider`` is the source's name in chunks."""

    alias: str
    provider: str
    identity: Identity
    key: PrivateKey


class Chain:
    """Adds samples of one instance to the chunks of its host, inside a transaction."""

    def __init__(self, connection: Connection, teller: Teller, target: Target, *, now_ms: int) -> None:
        self._connection = connection
        self._teller = teller
        self._target = target
        self._now_ms = now_ms

    def sealed(self, metric: str, start_ms: int, end_ms: int) -> Sealed:
        """Return what is sealed of a metric in [start, end)."""
        query = select(schema.host.c.id).where(schema.host.c.name == self._target.host)
        host = self._connection.scalar(query)
        if host is None:
            return Sealed()
        line = Line(host, self._teller.provider, metric)
        return Sealed(chunks.opened(self._connection, line, start_ms, end_ms))

    def add(self, samples: Sequence[Sample], answered: Answered) -> int:
        """Seal and store samples in order, at least one; return in how many chunks.

        Raises:
            RefusedChunkError: undo the transaction.
            StoreError: the same.
        """
        signed, pinned = self._enrolment()
        place = self._place(pinned)
        first = place.seq
        for batch in batches(samples, self._teller.identity.calendar):
            place = self._seal(batch, answered, signed, pinned, place)
        return place.seq - first

    def _enrolment(self) -> tuple[SignedEnrolment, PinnedKey]:
        """The host's newest record if it is about this instance and key, else a new one."""
        teller, connection = self._teller, self._connection
        origin = Origin(teller.provider, teller.alias, self._target.region, self._target.instance)
        earlier = registry.enrolments_of(connection, self._target.host, teller.provider)
        if earlier:
            newest = earlier[-1]
            signed = registry.signed_enrolment(connection, newest.enrolment_id)
            if newest.public == teller.key.public and dict(signed.enrolment.facts) == origin.facts:
                return signed, newest
        signed = sealing.enrol(
            origin,
            source=teller.provider,
            enterprise=teller.identity.enterprise,
            host=self._target.host,
            epoch=earlier[-1].epoch + 1 if earlier else 0,
            now_ms=self._now_ms,
            key=teller.key,
        )
        pinned = registry.pin(connection, signed, now_ms=self._now_ms)
        if earlier and earlier[-1].public != teller.key.public:
            detail = (
                f"the collector's key for {teller.provider} is another one than before, {pinned.public.id}"
            )
            place = (self._target.host, teller.provider, pinned.epoch, 0)
            findings.record(connection, Finding(self._now_ms, findings.KEY_BREAK, *place, detail))
        return signed, pinned

    def _place(self, pinned: PinnedKey) -> Place:
        table = schema.chunk.c
        query = (
            select(table.seq, table.hash, table.end_ms)
            .where(table.enrolment_id == pinned.enrolment_id)
            .order_by(table.seq.desc())
        )
        last = self._connection.execute(query.limit(1)).first()
        return Place(0, pinned.enrolment, 0) if last is None else Place(last.seq + 1, last.hash, last.end_ms)

    def _seal(
        self,
        batch: list[Sample],
        answered: Answered,
        signed: SignedEnrolment,
        pinned: PinnedKey,
        place: Place,
    ) -> Place:
        data = sealing.seal(batch, answered, record=signed, place=place, key=self._teller.key)
        chunk = open_chunk(read_frame(data), self._teller.key.public)
        calendar = self._teller.identity.calendar
        verdict = ingest.admit(self._connection, chunk, pinned, calendar=calendar, now_ms=self._now_ms)
        if verdict.status != admission.STORED:
            raise RefusedChunkError(f"{self._target.host} {answered.metric}: {verdict.message}")
        return Place(place.seq + 1, chunk.hash, chunk.header.end_ms)
