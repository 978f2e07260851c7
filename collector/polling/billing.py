"""Reading bills: the months that are not closed yet, and a year back at first."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from zoneinfo import ZoneInfo

from sqlalchemy import Connection

from collector.polling.accounts import MS_PER_S, Account
from collector.sources.errors import AnswerError
from collector.sources.interface import Bill, Source
from collector.store import bills, polls

MONTHS_BACK = 12
"""A year's investment; the providers keep 18 months and more."""
MAX_BILLS = 200_000
_MONTHS = 12


def months_to_read(connection: Connection, alias: str, *, zone: str, now_ms: int) -> tuple[str, ...]:
    """Return the months whose bills may have changed, oldest first.

    The first time that is a year; later this month, the last one and those that are not final.
    """
    today = datetime.fromtimestamp(now_ms // MS_PER_S, ZoneInfo(zone))
    this = today.year * _MONTHS + today.month - 1
    back = 1 if polls.asked_before(connection, alias, polls.BILLS) else MONTHS_BACK
    wanted = {_name(this - ago) for ago in range(back + 1)} | bills.open_months(connection, alias)
    return tuple(sorted(wanted - bills.closed_months(connection, alias)))


def read(source: Source, months: Sequence[str]) -> dict[str, list[Bill]]:
    """Return the bills of each month.

    Raises:
        AnswerError: bills of other months, or too many.
        SourceError: what the source says.
    """
    found: dict[str, list[Bill]] = {month: [] for month in months}
    for count, bill in enumerate(source.bills(months), 1):
        if bill.month not in found:
            raise AnswerError(f"a bill of {bill.month} was answered, which was not asked for")
        if count > MAX_BILLS:
            raise AnswerError(f"more than {MAX_BILLS} bills at once")
        found[bill.month].append(bill)
    return found


def keep(connection: Connection, account: Account, found: dict[str, list[Bill]], *, now_ms: int) -> list[str]:
    """Store the bills of all months; return the months that changed."""
    return [
        month
        for month, rows in found.items()
        if bills.keep(connection, account.alias, account.provider, month, rows, now_ms=now_ms)
    ]


def _name(months: int) -> str:
    return f"{months // _MONTHS:04d}-{months % _MONTHS + 1:02d}"
