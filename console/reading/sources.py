"""The accounts of clouds and monitors as the store knows them; nobody is asked, no secret is read."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from sqlalchemy import Connection

from collector.errors import SettingsError
from collector.polling.accounts import Account, usable_accounts
from collector.polling.budget import FREE_CALLS, MONTH_MS
from collector.sources.interface import METRICS
from collector.store import inventories, polls
from collector.store.engine import Store
from collector.store.polls import Latest, Totals


@dataclass(frozen=True)
class MetricMark:
    """Until when a metric is read, of the instance that is furthest behind; ``None``: not yet. Times in ms since 1970."""

    metric: str
    mark_ms: int | None
    last: Latest | None


@dataclass(frozen=True)
class SourceRow:
    """One account. ``free_calls``: what costs nothing in a month, ``None``: not known."""

    account: Account
    kept_in: str
    """Where its secret is kept: file, env, systemd, or empty. Never the reference itself."""
    instances: int
    last: Latest | None
    totals: Totals | None
    calls_this_month: int
    free_calls: int | None
    marks: Sequence[MetricMark]


@dataclass(frozen=True)
class Sources:
    """All accounts; ``broken`` says what is wrong with those that cannot be used, ``unreadable`` with the file."""

    rows: Sequence[SourceRow]
    broken: Sequence[str]
    unreadable: str = ""


def read_sources(store: Store, file: Path, *, now_ms: int) -> Sources:
    """Return how the accounts in the file of sources stand.

    Raises:
        StoreError: the store cannot be read.
    """
    try:
        accounts, broken = usable_accounts(file)
    except SettingsError as error:
        return Sources((), (), str(error))
    with store.reading() as connection:
        totals = polls.totals(connection)
        rows = [_row(connection, one, totals.get(one.alias), now_ms=now_ms) for one in accounts]
    return Sources(rows, broken)


def _row(connection: Connection, account: Account, totals: Totals | None, *, now_ms: int) -> SourceRow:
    found = [_mark(connection, account, metric) for metric in account.metrics or METRICS]
    whole = polls.latest(connection, account.alias, polls.ACCOUNT)
    lasts = [one.last for one in found if one.last is not None]
    newest = max(lasts, key=lambda one: one.time_ms, default=None)
    seen = inventories.seen(connection, account.alias)
    return SourceRow(
        account=account,
        kept_in=account.credential.partition(":")[0],
        instances=len(seen),
        last=whole if whole is not None and whole.failures else newest,
        totals=totals,
        calls_this_month=polls.calls_since(connection, account.alias, now_ms - MONTH_MS),
        free_calls=FREE_CALLS.get(account.provider),
        marks=[one for one in found if one.mark_ms is not None or one.last is not None],
    )


def _mark(connection: Connection, account: Account, metric: str) -> MetricMark:
    marks = polls.marks(connection, account.alias, metric)
    return MetricMark(
        metric,
        min(marks.values(), default=None),
        polls.latest(connection, account.alias, polls.AVERAGES, metric),
    )
