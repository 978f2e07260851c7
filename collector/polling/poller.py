"""One run of one account: its machines, its averages since the marks, its bills.

Only the process that holds the account's lock asks. Every question is a row of the table ``poll``
from before it is asked, and what is due is decided by those rows and the marks alone: a process
that was killed, or did not run for a week, goes on where the last one stopped.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

from collector.errors import SettingsError
from collector.polling import backoff, billing, budget, offers
from collector.polling.accounts import Account
from collector.polling.asking import Asker, Batch, Progress, StoppedError, no_progress
from collector.polling.budget import Budget
from collector.polling.hosts import Assigned, assign, current, host_of
from collector.polling.opening import explained, open_source
from collector.polling.plan import ladder
from collector.polling.recording import AccountFailedError, Record, Report
from collector.polling.storing import RefusedChunkError, Teller
from collector.polling.world import World
from collector.sources.errors import AnswerError, RangeError, SourceError
from collector.sources.interface import METRICS, Retention, Source
from collector.store import inventories, polls
from collector.store.locks import Check, alone
from collector.store.polls import Counts

INVENTORY_EVERY_MS = 6 * 3_600_000
BILLS_EVERY_MS = 24 * 3_600_000

Announce = Callable[[Budget], None]


def no_announcement(_budget: Budget) -> None:
    """Tell nobody."""


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
        progress: Progress = no_progress,
        announce: Announce = no_announcement,
    ) -> Report:
        """Ask what is to be asked of one account, and seal the answers.

        Args:
            account: one of ``accounts``.
            only_due: leave out what was asked lately or is being left alone after a failure.
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
            run = _Run(world, account, report, record, check, every_ms=every_ms)
            try:
                with record.writing() as connection:
                    polls.close_interrupted(connection, account.alias)
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
            if whole is not None and now_ms < (whole.retry_ms or 0):
                return False
            found = [
                polls.latest(connection, account.alias, polls.AVERAGES, metric)
                for metric in ("", *(account.metrics or METRICS))
            ]
        asked = [latest for latest in found if latest is not None]
        return not asked or any(now_ms >= backoff.due_ms(latest, every_ms=every_ms) for latest in asked)


class _Run:
    """One run, its lock held."""

    def __init__(
        self,
        world: World,
        account: Account,
        report: Report,
        record: Record,
        check: Check,
        *,
        every_ms: int,
    ) -> None:
        self._world = world
        self._account = account
        self._report = report
        self._record = record
        self._check = check
        self._every_ms = every_ms
        self._store = world.opened.store

    def everything(
        self, source: Source, accounts: Sequence[Account], progress: Progress, announce: Announce
    ) -> None:
        self._inventory(source)
        assigned = self._assigned(accounts)
        self._report.refused = assigned.refused
        self._averages(source, assigned, progress, announce)
        self._bills(source)
        self._record.settle()

    def _inventory(self, source: Source) -> None:
        if not self._record.due(polls.INVENTORY, every_ms=INVENTORY_EVERY_MS):
            return
        question = self._record.question(polls.INVENTORY, calls=1)
        number = self._record.begin(question)
        try:
            with explained(self._world.keys, "the inventory"):
                instances = offers.instances(source)
        except SourceError as error:
            self._record.failed(number, question, error)
            return
        with self._record.writing() as connection:
            inventories.keep(
                connection, self._account.alias, self._account.provider, instances, now_ms=self._now()
            )
        self._record.answered(number, question, Counts(), f"{len(instances)} instances")

    def _assigned(self, accounts: Sequence[Account]) -> Assigned:
        mine = self._account
        with self._store.reading() as connection:
            seen = inventories.seen(connection, mine.alias)
            taken = {
                host_of(other, one): (other.alias, one.instance)
                for other in accounts
                if other.provider == mine.provider and other.alias != mine.alias
                for one in current(other, inventories.seen(connection, other.alias))
            }
        return assign(mine, seen, taken=taken)

    def _averages(self, source: Source, assigned: Assigned, progress: Progress, announce: Announce) -> None:
        question = self._record.question(polls.AVERAGES)
        try:
            with explained(self._world.keys, "the list of metrics"):
                metrics = offers.metrics(self._account, source)
                rungs = ladder(self._account, source.retention())
                planned = self._budget(source, metrics, assigned)
        except (SourceError, SettingsError) as error:
            self._record.failed(self._record.begin(question), question, error)
            return
        self._report.budget = planned
        announce(planned)
        key = self._world.opened.keyring.source_key(self._account.provider)
        identity = self._world.opened.identity
        teller = Teller(self._account.alias, self._account.provider, identity, key)
        asker = Asker(self._world, source, teller, self._account)
        for metric in metrics:
            if self._record.due(polls.AVERAGES, metric, every_ms=self._every_ms):
                self._metric(asker, metric, assigned, rungs, progress)

    def _budget(self, source: Source, metrics: Sequence[str], assigned: Assigned) -> Budget:
        with self._store.reading() as connection:
            found = {metric: polls.marks(connection, self._account.alias, metric) for metric in metrics}
        ids = [target.instance for target in assigned.targets if not target.gone]
        marks = {metric: [found[metric].get(one) for one in ids] for metric in metrics}
        return budget.budget(self._account, source, marks, now_ms=self._now())

    def _metric(
        self,
        asker: Asker,
        metric: str,
        assigned: Assigned,
        rungs: Sequence[Retention],
        progress: Progress,
    ) -> None:
        batches = asker.plan(metric, assigned.targets, rungs)
        total, done = sum(batch.weight for batch in batches), 0
        for batch in batches:
            self._stop_if_asked()
            rest = asker.without_held(batch)
            if rest is not None and not self._ask(asker, rest, rungs[0].period_ms):
                return
            done += batch.weight
            progress(done, total)

    def _ask(self, asker: Asker, batch: Batch, finest_ms: int) -> bool:
        """Ask one question; return whether the metric's others can still be asked."""
        question = self._record.question(polls.AVERAGES, batch.metric)
        try:
            question = asker.question(batch)
        except SourceError as error:
            self._record.failed(self._record.begin(question), question, error)
            return False
        number = self._record.begin(question)
        try:
            counts, note = asker.ask(batch, number)
        except (AnswerError, RefusedChunkError) as error:
            # That is about some of these instances: find them, and do not let the others wait.
            self._record.failed(number, question, error, most_ms=self._account.every_ms)
            halves = batch.halves()
            if not halves:
                asker.hold(batch)
            return all(self._ask(asker, half, finest_ms) for half in halves)
        except RangeError as error:
            # History in a coarse period that this metric does not have is not there.
            coarse = batch.stretch.period_ms > finest_ms
            self._record.failed(number, question, error, most_ms=self._account.every_ms if coarse else None)
            return coarse
        except SourceError as error:
            self._record.failed(number, question, error)
            return False
        self._record.answered(number, question, counts, note)
        self._report.counts.add(counts)
        return True

    def _bills(self, source: Source) -> None:
        if not self._account.bills or not self._record.due(polls.BILLS, every_ms=BILLS_EVERY_MS):
            return
        self._stop_if_asked()
        zone = self._world.opened.identity.timezone
        with self._store.reading() as connection:
            months = billing.months_to_read(connection, self._account.alias, zone=zone, now_ms=self._now())
        question = self._record.question(polls.BILLS, calls=len(months))
        number = self._record.begin(question)
        try:
            with explained(self._world.keys, "the bills"):
                found = billing.read(source, months)
        except SourceError as error:
            self._record.failed(number, question, error)
            return
        with self._record.writing() as connection:
            changed = billing.keep(connection, self._account, found, now_ms=self._now())
        note = f"{sum(map(len, found.values()))} bills"
        if changed:
            note += f"; changed: {', '.join(changed)}"
        self._record.answered(number, question, Counts(), note)

    def _stop_if_asked(self) -> None:
        self._check()
        if self._world.stopping():
            raise StoppedError("the collector is being stopped")

    def _now(self) -> int:
        return self._world.clocks.wall_ms()
