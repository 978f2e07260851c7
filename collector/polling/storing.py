"""Storing the answers to a question: chunks, day sums, request ids and marks in one transaction."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

from sqlalchemy import Connection

from collector.importing import numbers
from collector.polling.chain import Chain, Teller
from collector.polling.hosts import Target
from collector.polling.plan import LATE_MS
from collector.polling.samples import Conflict, Sealed, new_samples
from collector.polling.sealing import Answered
from collector.sources.interface import Series
from collector.store import findings, polls, registry, schema
from collector.store.findings import Finding
from collector.store.polls import Counts

MAX_CONFLICTS_SHOWN = 20
"""Findings of one answer; how many more there are stands in the question's row."""


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
        self._chain = Chain(connection, teller, answer.target, now_ms=now_ms)

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
        counts.chunks = self._chain.add(new, answered)
        return counts

    def _sealed(self) -> Sealed:
        points = self._series.points
        if not points:
            return Sealed()
        return self._chain.sealed(self._series.metric, points[0].start_ms, points[-1].end_ms)

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
