"""Bills at rest. A month that is answered otherwise than before supersedes its rows and keeps them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from sqlalchemy import Connection, select

from collector.sources.interface import Bill
from collector.store import schema


def keep(
    connection: Connection, alias: str, provider: str, month: str, bills: Sequence[Bill], *, now_ms: int
) -> bool:
    """Make ``bills`` the rows of a month; return whether they differ from what was kept."""
    table = schema.ledger_bill
    current = (table.c.alias == alias) & (table.c.month == month) & table.c.superseded_ms.is_(None)
    before = [_told(row) for row in connection.execute(select(table).where(current))]
    if sorted(before) == sorted(_told(bill) for bill in bills):
        return False
    connection.execute(table.update().where(current).values(superseded_ms=now_ms))
    for bill in bills:
        connection.execute(
            table.insert().values(
                alias=alias,
                provider=provider,
                month=bill.month,
                product=bill.product,
                amount=str(bill.amount),
                currency=bill.currency,
                kind=bill.kind,
                basis=bill.basis,
                final=bill.final,
                request_ids="\n".join(bill.request_ids),
                read_ms=now_ms,
            )
        )
    return True


def open_months(connection: Connection, alias: str) -> set[str]:
    """Return the months of which not every bill is final yet."""
    table = schema.ledger_bill.c
    query = select(table.month).where(
        table.alias == alias, table.superseded_ms.is_(None), table.final.is_(False)
    )
    return set(connection.scalars(query.distinct()))


def closed_months(connection: Connection, alias: str) -> set[str]:
    """Return the months that have bills, all of them final."""
    table = schema.ledger_bill.c
    query = select(table.month).where(table.alias == alias, table.superseded_ms.is_(None)).distinct()
    return set(connection.scalars(query)) - open_months(connection, alias)


def _told(row: Any) -> tuple[str, ...]:
    return (row.product, str(row.amount), row.currency, row.kind, row.basis, str(bool(row.final)))
