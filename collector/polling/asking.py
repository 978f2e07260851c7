"""Asking a source for averages and storing what it answers, one question after another.

1. Instances that are at the same mark are asked for together, at most ``INSTANCES_AT_ONCE``; the
   oldest time first, because it is forgotten first.
2. Answers are stored as they come, a few at a time, each batch in one transaction with its marks.
3. A provider that moves the beginning of the span leaves time unknown, not missing: the span is
   halved and asked for again. What is still not answered at ``MAX_HALVINGS`` is not there.
4. An instance whose answer ends early is left alone until the next run, which goes on at its mark.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import islice

from collector.errors import CollectorError
from collector.polling import budget, plan, storing
from collector.polling.accounts import Account
from collector.polling.budget import INSTANCES_AT_ONCE
from collector.polling.chain import Teller
from collector.polling.hosts import Target
from collector.polling.opening import explained
from collector.polling.plan import Stretch
from collector.polling.storing import Answer
from collector.polling.world import World, patiently_writing
from collector.sources.errors import AnswerError
from collector.sources.interface import LAST, Retention, Series, Source, Span
from collector.store import polls
from collector.store.polls import Counts, Question

SERIES_AT_ONCE = 25
"""Stored in one transaction: agents that deliver meanwhile wait for it."""
MAX_HALVINGS = 4
MAX_POINTS = 4 * plan.STRETCH_POINTS
"""Of one series: a source that answers more than was asked for does not fill our memory."""

Progress = Callable[[int, int], None]


def no_progress(_done: int, _total: int) -> None:
    """Tell nobody."""


class StoppedError(CollectorError):
    """The run was ended between two questions; the next one goes on from there."""

    code = "STOPPED"


@dataclass(frozen=True)
class Batch:
    """One question: instances that are at the same mark, and a stretch."""

    metric: str
    targets: tuple[Target, ...]
    stretch: Stretch

    @property
    def weight(self) -> int:
        """Its share of the work, in instance-milliseconds."""
        return len(self.targets) * self.stretch.span.length_ms

    def halves(self) -> tuple[Batch, ...]:
        """Return the same question about either half of the instances, nothing if there is only one."""
        if len(self.targets) == 1:
            return ()
        middle = len(self.targets) // 2
        return (
            replace(self, targets=self.targets[:middle]),
            replace(self, targets=self.targets[middle:]),
        )


class Asker:
    """Asks one source for the averages of one account."""

    def __init__(self, world: World, source: Source, teller: Teller, account: Account) -> None:
        self._clocks = world.clocks
        self._keys = world.keys
        self._store = world.opened.store
        self._source = source
        self._teller = teller
        self._account = account
        self._held: dict[str, set[str]] = {}

    def plan(self, metric: str, targets: Sequence[Target], rungs: Sequence[Retention]) -> list[Batch]:
        """Return the questions about one metric, the oldest time first."""
        now_ms = self._clocks.wall_ms()
        with self._store.reading() as connection:
            marks = polls.marks(connection, self._account.alias, metric)
        level: dict[int | None, list[Target]] = {}
        for target in targets:
            mark_ms = marks.get(target.instance)
            if _has_more(target, mark_ms):
                level.setdefault(mark_ms, []).append(target)
        together: dict[Stretch, list[Target]] = {}
        for mark_ms, ones in level.items():
            days = self._account.backfill_days
            for stretch in plan.stretches(rungs, mark_ms, now_ms=now_ms, backfill_days=days):
                together.setdefault(stretch, []).extend(ones)
        return [
            Batch(metric, tuple(ones), stretch)
            for stretch in sorted(together, key=lambda one: (one.span.start_ms, one.span.end_ms))
            for ones in at_most(together[stretch], INSTANCES_AT_ONCE)
        ]

    def question(self, batch: Batch) -> Question:
        """Return how a batch is recorded, with its calls.

        Raises:
            SourceError: what the source says of the metric or period.
        """
        count, stretch = len(batch.targets), batch.stretch
        with explained(self._keys, "the count of calls"):
            calls = budget.calls(self._source, batch.metric, count, stretch)
        return Question(
            alias=self._account.alias,
            provider=self._account.provider,
            what=polls.AVERAGES,
            metric=batch.metric,
            start_ms=stretch.span.start_ms,
            end_ms=stretch.span.end_ms,
            period_ms=stretch.period_ms,
            instances=count,
            calls=calls,
        )

    def without_held(self, batch: Batch) -> Batch | None:
        """Return a batch without the instances that are left alone in this run, ``None`` if none is left."""
        held = self._held.get(batch.metric, set())
        rest = tuple(target for target in batch.targets if target.instance not in held)
        return replace(batch, targets=rest) if rest else None

    def hold(self, batch: Batch) -> None:
        """Leave the instances of a batch alone for this run: what comes later must not be asked first."""
        self._held.setdefault(batch.metric, set()).update(target.instance for target in batch.targets)

    def ask(self, batch: Batch, number: int) -> tuple[Counts, str]:
        """Ask question ``number``, store the answers, and return the counts and a note for people.

        Raises:
            SourceError: the source could not be asked, or answered nonsense; what it answered
                before is stored.
            RefusedChunkError: the store refuses an answer.
            StoreError: the store cannot be used.
        """
        counts = Counts()
        unanswered = self._ask(batch, number, counts, halvings=0)
        notes = []
        if unanswered:
            notes.append(f"{unanswered} instances: the source does not answer from the beginning of the span")
        for name, text in _NOTES.items():
            if getattr(counts, name):
                notes.append(f"{getattr(counts, name)} points {text}")
        return counts, "; ".join(notes)

    def _ask(self, batch: Batch, number: int, counts: Counts, *, halvings: int) -> int:
        span, last_try = batch.stretch.span, halvings == MAX_HALVINGS
        by_id = {target.instance: target for target in batch.targets}
        shortened: list[Target] = []
        unanswered = 0
        answered = self._series(batch, by_id)
        while some := self._next(batch, answered):
            late = [series for series in some if series.answered.start_ms > span.start_ms]
            if not last_try and _halves(batch.stretch):
                shortened += [by_id[series.instance] for series in late]
                some = [series for series in some if series.answered.start_ms <= span.start_ms]
            self._keep(batch, some, by_id, number, counts)
            unanswered += len(late)
        if not shortened:
            return unanswered
        total = 0
        for half in _halves(batch.stretch):
            part = self.without_held(replace(batch, targets=tuple(shortened), stretch=half))
            if part is not None:
                total += self._ask(part, number, counts, halvings=halvings + 1)
        return total

    def _next(self, batch: Batch, answered: Iterator[Series]) -> list[Series]:
        """Return the next few series; only what the source does is explained as its fault."""
        with explained(self._keys, f"{batch.metric} from {self._account.alias}"):
            return list(islice(answered, SERIES_AT_ONCE))

    def _series(self, batch: Batch, by_id: Mapping[str, Target]) -> Iterator[Series]:
        """Yield the series of all instances, each once and about what was asked."""
        stretch = batch.stretch
        missing = set(by_id)
        where = f"{self._account.alias} {batch.metric}"
        for series in self._source.averages(batch.metric, sorted(by_id), stretch.span, stretch.period_ms):
            if series.instance not in missing or series.metric != batch.metric:
                raise AnswerError(
                    f"{where}: an answer about {series.instance} {series.metric}: not asked for"
                )
            if series.points and series.statistic == LAST:
                raise AnswerError(f"{where}: last values are no averages")
            if len(series.points) > MAX_POINTS:
                raise AnswerError(
                    f"{where}: {len(series.points)} points of one instance; at most {MAX_POINTS}"
                )
            missing.discard(series.instance)
            yield series
        if missing:
            raise AnswerError(f"{where}: no answer about {len(missing)} of {len(by_id)} instances")

    def _keep(
        self,
        batch: Batch,
        some: Sequence[Series],
        by_id: Mapping[str, Target],
        number: int,
        counts: Counts,
    ) -> None:
        if not some:
            return
        answers = [Answer(series, by_id[series.instance]) for series in some]
        with patiently_writing(self._store, self._clocks) as connection:
            now_ms = self._clocks.wall_ms()
            counts.add(storing.store(connection, self._teller, answers, number=number, now_ms=now_ms))
        early = {series.instance for series in some if series.answered.end_ms < batch.stretch.span.end_ms}
        self._held.setdefault(batch.metric, set()).update(early)


_NOTES = {
    "conflicts": "differ from what is sealed",
    "refused": "have no usable value",
    "capped": "were above 100 %",
    "outside": "lie outside of what was asked for",
}


def _halves(stretch: Stretch) -> list[Stretch]:
    """Return both halves of a stretch, none if it is too short to be cut."""
    span, period_ms = stretch.span, stretch.period_ms
    grid_ms = plan.grid_ms(period_ms)
    middle = span.start_ms + span.length_ms // grid_ms // 2 * grid_ms
    if not span.start_ms < middle < span.end_ms:
        return []
    return [
        Stretch(Span(span.start_ms, middle), period_ms),
        Stretch(Span(middle, span.end_ms), period_ms),
    ]


def _has_more(target: Target, mark_ms: int | None) -> bool:
    """What is gone from the inventory is asked for until its mark is past the time it was seen."""
    return not target.gone or mark_ms is None or mark_ms < target.last_seen_ms


def at_most(targets: Iterable[Target], count: int) -> Iterator[tuple[Target, ...]]:
    """Yield the targets by instance, at most ``count`` at once."""
    iterator = iter(sorted(targets, key=lambda one: one.instance))
    while some := tuple(islice(iterator, count)):
        yield some
