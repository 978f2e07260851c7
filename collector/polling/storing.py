"""Storing the answers to a question: chunks, day sums, request ids and marks in one transaction."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

from sqlalchemy import Connection, select

from collector import admission, ingest
from collector.errors import CollectorError
from collector.importing import numbers
from collector.importing.samples import Sample
from collector.importing.sealing import Place, batches
from collector.polling import sealing
from collector.polling.hosts import Target
from collector.polling.plan import LATE_MS
from collector.polling.samples import Conflict, Sealed, new_samples
from collector.polling.sealing import Answered, Origin
from collector.sources.interface import Series
from collector.store import chunks, findings, polls, registry, schema
from collector.store.chunks import Line
from collector.store.findings import Finding
from collector.store.polls import Counts
from collector.store.registry import Identity, PinnedKey
from evidence.chunk import open_chunk, read_frame
from evidence.enrolment import SignedEnrolment
from evidence.keys import PrivateKey

MAX_CONFLICTS_SHOWN = 20
"""Findings of one answer; how many more there are stands in the question's row."""


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


@dataclass(frozen=True)
class Answer:
    """A series with the host it is about."""

    series: Series
    target: Target


def store(
    connection: Connection, teller: Teller, answers: Sequence[Answer], *, number: int, now_ms: int
) -> Counts:
    """Store answers (at least one) to question ``number``, move their marks, and return the counts.

    Raises:
        RefusedChunkError: undo the transaction.
        StoreError: the same.
    """
    # Whoever else stores answers waits here: what is sealed is looked up and added to in one turn.
    connection.execute(registry.identity_lock())
    total = Counts()
    for answer in answers:
        total.add(_Storing(connection, teller, answer, now_ms).run(number))
    moved = {answer.target.instance: mark_of(answer.series, now_ms=now_ms) for answer in answers}
    polls.move_marks(connection, teller.alias, answers[0].series.metric, moved)
    return total


def mark_of(series: Series, *, now_ms: int) -> int:
    """Return until when an answer settles things.

    Points of the last ``LATE_MS`` may still come, so a hole at the end is asked for again.
    """
    end_ms = min(series.answered.end_ms, series.asked.end_ms)
    inside = [point.end_ms for point in series.points if point.end_ms <= end_ms]
    return min(end_ms, max(now_ms - LATE_MS, inside[-1] if inside else 0))


class _Storing:
    """One answer inside the transaction."""

    def __init__(self, connection: Connection, teller: Teller, answer: Answer, now_ms: int) -> None:
        self._connection = connection
        self._teller = teller
        self._series = answer.series
        self._target = answer.target
        self._now_ms = now_ms

    def run(self, number: int) -> Counts:
        new, conflicts, counts = new_samples(self._series, self._sealed(), now_ms=self._now_ms)
        self._record(conflicts)
        if not new:
            return counts
        answered = Answered(
            metric=self._series.metric,
            statistic=self._series.statistic,
            scope=self._series.scope,
            period_ms=self._series.period_ms,
            request_ids=polls.keep_requests(self._connection, number, self._series.request_ids),
        )
        signed, pinned = self._enrolment()
        place = self._place(pinned)
        for batch in batches(new, self._teller.identity.calendar):
            place = self._seal(batch, answered, signed, pinned, place)
            counts.chunks += 1
        return counts

    def _sealed(self) -> Sealed:
        if not self._series.points:
            return Sealed()
        host = self._connection.scalar(
            select(schema.host.c.id).where(schema.host.c.name == self._target.host)
        )
        if host is None:
            return Sealed()
        line = Line(host, self._teller.provider, self._series.metric)
        start_ms, end_ms = self._series.points[0].start_ms, self._series.points[-1].end_ms
        return Sealed(chunks.opened(self._connection, line, start_ms, end_ms))

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

    def _record(self, conflicts: Sequence[Conflict]) -> None:
        place = (self._target.host, self._teller.provider, schema.NO_PLACE, schema.NO_PLACE)
        for conflict in conflicts[:MAX_CONFLICTS_SHOWN]:
            instant = datetime.fromtimestamp(conflict.start_ms // numbers.MS_PER_S, UTC)
            detail = (
                f"{self._teller.alias} {self._target.instance} {self._series.metric} "
                f"{instant:%Y-%m-%dT%H:%M:%SZ}: {numbers.text_of(conflict.sealed)} is sealed, "
                f"{numbers.text_of(conflict.answered)} was answered later; the sealed one stays"
            )
            findings.record(self._connection, Finding(self._now_ms, findings.SOURCE_CONFLICT, *place, detail))
