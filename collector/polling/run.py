"""One run of one account, its lock held: what is asked in which order, and what an error ends."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from sqlalchemy import Connection

from collector.polling import believing, billing, budget, capacity, offers
from collector.polling.accounts import Account
from collector.polling.asking import (
    SERIES_AT_ONCE,
    Asker,
    Batch,
    Progress,
    StoppedError,
    at_most,
)
from collector.polling.budget import Budget
from collector.polling.capacity import Look
from collector.polling.chain import RefusedChunkError, Teller
from collector.polling.hosts import Assigned, assign, current, host_of
from collector.polling.opening import explained
from collector.polling.plan import rungs_of
from collector.polling.recording import Record, Report
from collector.polling.world import World
from collector.sources.errors import AnswerError, RangeError, SourceError
from collector.sources.interface import Retention, Source
from collector.store import inventories, polls
from collector.store.locks import Check
from collector.store.polls import Counts

INVENTORY_EVERY_MS = 6 * 3_600_000
BILLS_EVERY_MS = 24 * 3_600_000

Announce = Callable[[Budget], None]


def no_announcement(_budget: Budget) -> None:
    """Tell nobody."""


class Run:
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
        """Ask what is due: machines, averages, bills.

        Raises:
            AccountFailedError: the account as a whole cannot be asked; why is recorded.
            StoppedError: the collector is being stopped.
            StoreError: the store cannot be used.
        """
        offered = self._offered(source)
        if offered is None:  # its machines would only keep other accounts from being the same hosts
            self._bills(source)
            return
        look = self._inventory(source)
        assigned = self._assigned(accounts)
        self._report.refused = assigned.refused
        key = self._world.opened.keyring.source_key(self._account.provider)
        teller = Teller(self._account.alias, self._account.provider, self._world.opened.identity, key)
        if look is not None:
            self._capacities(look, assigned, teller)
        self._averages(source, offered, assigned, teller, progress=progress, announce=announce)
        self._bills(source)
        self._record.settle()

    def _inventory(self, source: Source) -> Look | None:
        if not self._record.due(polls.INVENTORY, every_ms=INVENTORY_EVERY_MS):
            return None
        question = self._record.question(polls.INVENTORY, calls=1)
        number = self._record.begin(question)
        try:
            with explained(self._world.keys, "the inventory"):
                instances = offers.instances(source)
        except SourceError as error:
            self._record.failed(number, question, error)
            return None
        now_ms = self._now()
        alias, provider = self._account.alias, self._account.provider
        with self._record.writing() as connection:
            same = inventories.keep(connection, alias, provider, instances, now_ms=now_ms)
        self._record.answered(number, question, Counts(), f"{len(instances)} instances")
        return Look(number, now_ms, {one.id: one for one in instances}, same)

    def _capacities(self, look: Look, assigned: Assigned, teller: Teller) -> None:
        for some in at_most(assigned.targets, SERIES_AT_ONCE):
            with self._record.writing() as connection:
                capacity.store(connection, teller, some, look, now_ms=self._now())

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

    def _offered(self, source: Source) -> tuple[tuple[str, ...], tuple[Retention, ...]] | None:
        """Return metrics and periods to ask for, ``None`` if the account wants what there is not."""
        try:
            with explained(self._world.keys, "the list of metrics"):
                return offers.metrics(self._account, source), rungs_of(self._account, source)
        except SourceError as error:
            question = self._record.question(polls.AVERAGES)
            self._record.failed(self._record.begin(question), question, error)
            return None

    def _averages(
        self,
        source: Source,
        offered: tuple[tuple[str, ...], tuple[Retention, ...]],
        assigned: Assigned,
        teller: Teller,
        *,
        progress: Progress,
        announce: Announce,
    ) -> None:
        metrics, rungs = offered
        question = self._record.question(polls.AVERAGES)
        try:
            with explained(self._world.keys, "the call budget"):
                planned = self._budget(source, metrics, assigned)
        except SourceError as error:
            self._record.failed(self._record.begin(question), question, error)
            return
        self._report.budget = planned
        announce(planned)
        asker = Asker(self._world, source, teller, self._account)
        for metric in metrics:
            if self._record.due(polls.AVERAGES, metric, every_ms=self._every_ms):
                self._metric(asker, metric, assigned, rungs, progress)
        with self._store.reading() as connection:
            marks = self._marks(connection, metrics, assigned)
            self._report.barren = believing.barren(connection, self._account, marks)

    def _budget(self, source: Source, metrics: Sequence[str], assigned: Assigned) -> Budget:
        with self._store.reading() as connection:
            marks = self._marks(connection, metrics, assigned)
        return budget.budget(self._account, source, marks, now_ms=self._now())

    def _marks(
        self, connection: Connection, metrics: Sequence[str], assigned: Assigned
    ) -> dict[str, list[int | None]]:
        ids = [target.instance for target in assigned.targets if not target.gone]
        found = {metric: polls.marks(connection, self._account.alias, metric) for metric in metrics}
        return {metric: [found[metric].get(one) for one in ids] for metric in metrics}

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
