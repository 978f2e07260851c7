"""How the accounts stand: marks, last questions, budget, and what the providers will soon forget."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace

from sqlalchemy import Connection

from collector.errors import CollectorError
from collector.polling import believing, budget
from collector.polling.accounts import Account
from collector.polling.budget import MONTH_MS, Budget
from collector.polling.hosts import assign, current, host_of
from collector.polling.opening import explained, open_source
from collector.polling.plan import DAY_MS, rungs_of
from collector.polling.world import World
from collector.sources.calling import Patience
from collector.sources.interface import METRICS, Retention
from collector.store import inventories, polls
from collector.store.polls import Latest, Totals

AT_ONCE = Patience(attempts=1)
"""Who wants to see how things stand does not wait for a monitor that does not answer."""


@dataclass(frozen=True)
class MetricStanding:
    """One metric of one account.

    ``mark_ms``: until when everything is read, of the instance that is furthest behind; ``None``:
    nothing is. ``forgotten_in_days``: whole days until the provider begins to forget what is not
    read yet, 0: it is being forgotten now, ``None``: the provider does not say.
    """

    metric: str
    mark_ms: int | None
    last: Latest | None
    forgotten_in_days: int | None


@dataclass(frozen=True)
class Standing:
    """One account."""

    account: Account
    instances: int
    last: Latest | None
    totals: Totals | None
    calls_this_month: int
    metrics: tuple[MetricStanding, ...] = ()
    budget: Budget | None = None
    problems: tuple[str, ...] = field(default=())
    notes: tuple[str, ...] = ()
    """Why history will be asked for again."""
    barren: tuple[str, ...] = ()
    """Metrics that were read whole without a point of any instance."""
    told: bool = False
    """Whether ``problems`` say already why the last poll failed."""


def standing(world: World, account: Account, accounts: tuple[Account, ...]) -> Standing:
    """Return how an account stands. A monitor may be asked what it keeps, nothing else is asked.

    Raises:
        StoreError: the store cannot be read.
    """
    now_ms = world.clocks.wall_ms()
    problems: list[str] = []
    kept: Sequence[Retention] = ()
    rungs: tuple[Retention, ...] = ()
    metrics = account.metrics
    planned = None
    now_failing = ""
    marks: dict[str, list[int | None]] = {}
    with world.opened.store.reading() as connection:
        targets, refused = _targets(connection, account, accounts)
        problems.extend(refused)
        try:
            source = open_source(
                account, world.plugins, clocks=world.clocks, keys=world.keys, patience=AT_ONCE
            )
            with explained(world.keys, f"source {account.alias}"):
                metrics = metrics or tuple(source.metrics())
                kept = source.retention()
                rungs = rungs_of(account, source, kept)
                found = {metric: polls.marks(connection, account.alias, metric) for metric in metrics}
                marks = {metric: [found[metric].get(one) for one in targets] for metric in metrics}
                if targets:  # before the first inventory nobody knows how many there are
                    planned = budget.budget(account, source, marks, now_ms=now_ms)
        except CollectorError as error:
            problems.append(world.keys.redactor.text(str(error)))
            now_failing = error.code
        last, failed = _last(connection, account)
        # A failure that stands in the record and has just been met again is one failure.
        if failed is not None and failed.outcome != now_failing:
            problems.append(failed.detail)
        return Standing(
            account=account,
            instances=len(targets),
            last=last,
            told=failed is not None and last is failed,
            totals=polls.totals(connection).get(account.alias),
            calls_this_month=polls.calls_since(connection, account.alias, now_ms - MONTH_MS),
            metrics=tuple(
                _metric(connection, account, metric, targets, rungs if kept else (), now_ms=now_ms)
                for metric in metrics or METRICS
            ),
            budget=planned,
            problems=tuple(problems),
            notes=believing.doubts(connection, account, now_ms=now_ms),
            barren=believing.barren(connection, account, marks),
        )


def _targets(
    connection: Connection, account: Account, accounts: tuple[Account, ...]
) -> tuple[list[str], tuple[str, ...]]:
    taken = {
        host_of(other, one): (other.alias, one.instance)
        for other in accounts
        if other.provider == account.provider and other.alias != account.alias
        for one in current(other, inventories.seen(connection, other.alias))
    }
    assigned = assign(account, inventories.seen(connection, account.alias), taken=taken)
    return [target.instance for target in assigned.targets if not target.gone], assigned.refused


def _last(connection: Connection, account: Account) -> tuple[Latest | None, Latest | None]:
    """Return the last poll, and the failure that keeps the account or its list of machines from being read."""
    whole = polls.latest(connection, account.alias, polls.ACCOUNT)
    if whole is not None and whole.failures:
        return whole, whole
    machines = polls.latest(connection, account.alias, polls.INVENTORY)
    newest = _newest(connection, account)
    if machines is None or not machines.failures:
        return newest, None
    machines = replace(machines, detail=f"实例清单 list of machines: {machines.detail}")
    return newest or machines, machines


def _newest(connection: Connection, account: Account) -> Latest | None:
    found = [
        polls.latest(connection, account.alias, polls.AVERAGES, metric)
        for metric in ("", *(account.metrics or METRICS))
    ]
    return max((one for one in found if one is not None), key=lambda one: one.time_ms, default=None)


def _metric(
    connection: Connection,
    account: Account,
    metric: str,
    targets: list[str],
    rungs: tuple[Retention, ...],
    *,
    now_ms: int,
) -> MetricStanding:
    marks = polls.marks(connection, account.alias, metric)
    found = [marks.get(instance) for instance in targets]
    read = [mark for mark in found if mark is not None]
    mark_ms = min(read) if read and len(read) == len(found) else None
    days = None
    if rungs:
        keeps_ms = rungs[-1].keeps_ms
        days = 0 if mark_ms is None else max(0, (mark_ms + keeps_ms - now_ms) // DAY_MS)
    return MetricStanding(
        metric, mark_ms, polls.latest(connection, account.alias, polls.AVERAGES, metric), days
    )
