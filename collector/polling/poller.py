"""One run of one account: its machines, its averages since the marks, its bills.

Only the process that holds the account's lock asks. Every question is a row of the table ``poll``
from before it is asked, and what is due is decided by those rows and the marks alone: a process
that was killed, or did not run for a week, goes on where the last one stopped.
"""

from __future__ import annotations

from collections.abc import Sequence

from collector.polling import backoff, believing
from collector.polling.accounts import Account
from collector.polling.asking import (
    Progress,
    StoppedError,
    no_progress,
)
from collector.polling.opening import open_source
from collector.polling.recording import AccountFailedError, Record, Report
from collector.polling.run import Announce, Run, no_announcement
from collector.polling.world import World
from collector.sources.errors import SourceError
from collector.sources.interface import METRICS, Source
from collector.store import polls
from collector.store.locks import alone


class Poller:
    """Polls the accounts of one collector. Accounts may be run from several threads at once."""

    def __init__(self, world: World, accounts: Sequence[Account]) -> None:
        self._world = world
        self.accounts = tuple(accounts)
        self._sources: dict[str, Source] = {}
        self._level: set[str] = set()
        """Accounts that this process has run to the end before: until then nothing counts as asked lately."""

    def run(
        self,
        account: Account,
        *,
        only_due: bool = True,
        again: Sequence[str] | None = None,
        progress: Progress = no_progress,
        announce: Announce = no_announcement,
    ) -> Report:
        """Ask what is to be asked of one account, and seal the answers.

        Args:
            account: one of ``accounts``.
            only_due: leave out what was asked lately or is being left alone after a failure.
            again: metrics to ask for from the beginning whatever the marks say, empty for all of them.
            progress: told (done, total) in instance-milliseconds of one metric's averages after another.
            announce: told the calls before the first question for averages.

        Raises:
            StoreError: the store cannot be used; what was stored before stays.
        """
        report = Report(account.alias)
        every_ms = account.every_ms if account.alias in self._level else 0
        if only_due and not self._anything_due(account, every_ms):
            return report
        world, name = self._world, f"polling-{account.alias}"
        with alone(world.opened.store, name, directory=world.lock_directory) as check:
            if check is None:
                report.elsewhere = True
                return report
            record = Record(world, account, report, only_due=only_due)
            run = Run(world, account, report, record, check, every_ms=every_ms)
            try:
                with record.writing() as connection:
                    polls.close_interrupted(connection, account.alias)
                    now_ms = world.clocks.wall_ms()
                    report.notes = believing.settle(connection, account, now_ms=now_ms, again=again)
                for note in report.notes:
                    world.log("source_again", level="warning", alias=account.alias, message=note)
                source = self._source(account, record)
                run.everything(source, self.accounts, progress, announce)
                self._level.add(account.alias)
            except AccountFailedError:
                self._sources.pop(account.alias, None)  # its credential may be another one next time
            except StoppedError:
                report.stopped = True
        return report

    def _source(self, account: Account, record: Record) -> Source:
        found = self._sources.get(account.alias)
        if found is not None:
            return found
        question = record.question(polls.ACCOUNT)
        try:
            found = open_source(
                account, self._world.plugins, clocks=self._world.clocks, keys=self._world.keys
            )
        except SourceError as error:
            record.failed(record.begin(question), question, error)
            raise AccountFailedError(str(error)) from None
        self._sources[account.alias] = found
        return found

    def _anything_due(self, account: Account, every_ms: int) -> bool:
        """A cheap look, without the lock and without opening the source."""
        now_ms = self._world.clocks.wall_ms()
        with self._world.opened.store.reading() as connection:
            whole = polls.latest(connection, account.alias, polls.ACCOUNT)
            if whole is not None and whole.time_ms <= now_ms < (whole.retry_ms or 0):
                return False
            found = [
                polls.latest(connection, account.alias, polls.AVERAGES, metric)
                for metric in ("", *(account.metrics or METRICS))
            ]
        asked = [latest for latest in found if latest is not None]
        return not asked or any(
            now_ms >= backoff.due_ms(latest, every_ms=every_ms, now_ms=now_ms) for latest in asked
        )
