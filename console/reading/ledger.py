"""The ledger as a page shows it: entries, the newest first, and what does not reconcile."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction

from collector.store.archive import StoreArchive
from collector.store.engine import Store
from console.reading.rules import Rules
from verifier.indicators.investment import counting
from verifier.ledger import CANCELLATION, INVESTMENT, OPERATIONS, PAID, Entry
from verifier.ledger_rules import read_ledger
from verifier.reconciliation import Gap, reconcile

A_PAGE = 100


@dataclass(frozen=True)
class LedgerRow:
    """One entry with what became of it. ``cancelled_by`` 0: it stands. ``recorded_ms`` since 1970."""

    entry: Entry
    cancelled_by: int
    recorded_ms: int
    file: str
    document_kept: bool


@dataclass(frozen=True)
class LedgerPage:
    """Some entries, and sums over all: ``investment_fen`` and ``operations_fen`` of what was paid and stands."""

    rows: Sequence[LedgerRow]
    page: int
    pages: int
    count: int
    standing: int
    investment_fen: Fraction
    operations_fen: Fraction
    gaps: Sequence[Gap]


def read_ledger_page(store: Store, rules: Rules, *, page: int) -> LedgerPage:
    """Return one page of the ledger (from 1 on; a page that is not there becomes the nearest).

    Raises:
        LedgerError: the ledger is damaged.
        StoreError: the store cannot be read.
    """
    archive = StoreArchive(store)
    ledger, recorded = read_ledger(archive.ledger()), archive.ledger_recorded()
    cancelled: Mapping[int, int] = {entry.cancels: entry.number for entry in ledger.entries if entry.cancels}
    pages = max(1, -(-len(ledger.entries) // A_PAGE))
    page = min(max(1, page), pages)
    newest = ledger.entries[::-1][(page - 1) * A_PAGE : page * A_PAGE]
    standing = ledger.standing()
    paid = [entry for entry in standing if entry.kind in PAID]
    return LedgerPage(
        rows=[
            LedgerRow(
                entry,
                cancelled.get(entry.number, 0),
                *recorded.get(entry.number, (0, "")),
                bool(entry.document) and archive.ledger_document(entry.document) is not None,
            )
            for entry in newest
        ],
        page=page,
        pages=pages,
        count=len(ledger.entries),
        standing=len(standing),
        investment_fen=sum((e.fen for e in paid if e.purpose in INVESTMENT), Fraction(0)),
        operations_fen=sum((e.fen for e in paid if e.purpose in OPERATIONS), Fraction(0)),
        gaps=reconcile(standing, counting(rules.scope)),
    )


def may_be_cancelled(row: LedgerRow) -> bool:
    """Return whether an entry still stands and is no cancellation."""
    return not row.cancelled_by and row.entry.kind != CANCELLATION
