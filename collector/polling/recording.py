"""The record of one run: every question before it is asked, how it ended, and when it is due again."""

from __future__ import annotations

from contextlib import AbstractContextManager
from dataclasses import dataclass, field

from sqlalchemy import Connection

from collector.errors import CollectorError
from collector.polling import backoff
from collector.polling.accounts import Account
from collector.polling.budget import Budget
from collector.polling.world import World, patiently_writing
from collector.sources.errors import SourceError
from collector.store import polls
from collector.store.polls import Counts, Question


@dataclass
class Report:
    """What became of one run. ``elsewhere``: another process holds the account."""

    alias: str
    elsewhere: bool = False
    stopped: bool = False
    questions: int = 0
    """Answered ones."""
    counts: Counts = field(default_factory=Counts)
    failed: int = 0
    problems: list[str] = field(default_factory=list)
    """Why questions failed."""
    refused: tuple[str, ...] = ()
    """Why instances are not polled."""
    budget: Budget | None = None
    notes: tuple[str, ...] = ()
    """Why history is asked for again."""
    barren: tuple[str, ...] = ()
    """Metrics that were read whole without a point of any instance."""


class AccountFailedError(CollectorError):
    """Nothing more can be asked of the account in this run; why stands in its record."""

    code = "SOURCE_ACCOUNT"


class Record:
    """Keeps and tells what happens to the questions of one account."""

    def __init__(self, world: World, account: Account, report: Report, *, only_due: bool) -> None:
        self._world = world
        self._account = account
        self._report = report
        self._only_due = only_due

    def writing(self) -> AbstractContextManager[Connection]:
        """Give a writing connection, with patience."""
        return patiently_writing(self._world.opened.store, self._world.clocks)

    def question(self, what: str, metric: str = "", *, calls: int = 0) -> Question:
        """Return a question without a span."""
        return Question(self._account.alias, self._account.provider, what, metric, calls=calls)

    def due(self, what: str, metric: str = "", *, every_ms: int | None = None) -> bool:
        """Return whether something is to be asked now."""
        if not self._only_due:
            return True
        with self._world.opened.store.reading() as connection:
            latest = polls.latest(connection, self._account.alias, what, metric)
        every_ms = self._account.every_ms if every_ms is None else every_ms
        now_ms = self._world.clocks.wall_ms()
        return now_ms >= backoff.due_ms(latest, every_ms=every_ms, now_ms=now_ms)

    def begin(self, question: Question) -> int:
        """Record that a question is being asked."""
        with self.writing() as connection:
            return polls.begin(connection, question, now_ms=self._world.clocks.wall_ms())

    def answered(self, number: int, question: Question, counts: Counts, note: str = "") -> None:
        """Record that a question was answered."""
        with self.writing() as connection:
            polls.finish(connection, number, counts, now_ms=self._world.clocks.wall_ms(), detail=note)
        self._report.questions += 1
        details: dict[str, str | float] = {"points": counts.points, "sealed": counts.sealed}
        if counts.conflicts:
            details["conflicts"] = counts.conflicts
        if question.metric:
            details["metric"] = question.metric
        if note:
            details["note"] = note
        self._world.log("source_answered", alias=question.alias, what=question.what, **details)

    def failed(
        self, number: int, question: Question, error: CollectorError, *, most_ms: int | None = None
    ) -> None:
        """Record that a question failed; it is left alone for at most ``most_ms``.

        Raises:
            AccountFailedError: the account as a whole cannot be asked; that is recorded too.
        """
        now_ms = self._world.clocks.wall_ms()
        text = self._world.keys.redactor.text(str(error))
        wide = isinstance(error, SourceError) and backoff.concerns_account(error)
        abouts = [(number, question)]
        with self.writing() as connection:
            if wide and question.what != polls.ACCOUNT:
                whole = self.question(polls.ACCOUNT)
                abouts.append((polls.begin(connection, whole, now_ms=now_ms), whole))
            failures = max(
                latest.failures if latest else 0
                for latest in (
                    polls.latest(connection, about.alias, about.what, about.metric) for _, about in abouts
                )
            )
            pause_ms = backoff.pause_ms(error, failures, self._world.clocks.chance)
            retry_ms = now_ms + (pause_ms if most_ms is None else min(pause_ms, most_ms))
            for row, _ in abouts:
                polls.finish(
                    connection,
                    row,
                    Counts(),
                    now_ms=now_ms,
                    outcome=error.code,
                    detail=text,
                    retry_ms=retry_ms,
                )
        self._report.failed += 1
        self._report.problems.append(f"{' '.join(filter(None, (question.what, question.metric)))}: {text}")
        self._world.log(
            "source_failed",
            level="warning",
            alias=question.alias,
            what=question.what,
            metric=question.metric,
            code=error.code,
            message=text,
            retry_s=(retry_ms - now_ms) // backoff.MS_PER_S,
        )
        if wide:
            raise AccountFailedError(text)

    def settle(self) -> None:
        """Note that an account that could not be asked was asked again."""
        with self._world.opened.store.reading() as connection:
            before = polls.latest(connection, self._account.alias, polls.ACCOUNT)
        if before is not None and before.failures and self._report.questions:
            with self.writing() as connection:
                now_ms = self._world.clocks.wall_ms()
                number = polls.begin(connection, self.question(polls.ACCOUNT), now_ms=now_ms)
                polls.finish(connection, number, Counts(), now_ms=now_ms)
