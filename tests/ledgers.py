"""Ledgers for tests: entries in one line each, and what a figure of the enterprise is given."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from packs import EDITION

from evidence.calendar import LocalCalendar
from verifier.edition_file import parse_edition
from verifier.indicators.enterprise import EnterpriseMonth, Materials
from verifier.ledger import Billed, Entry, Ledger, encode
from verifier.scope import CostScope, InvestmentScope, Scope
from verifier.window import month_window

CALENDAR = LocalCalendar("Asia/Shanghai")
PAPER = "ab" * 32
YUN = {"payee": "云", "contract": "C-1", "purpose": "cloud_service"}


def entry(kind: str = "payment", yuan: float = 0, **fields: Any) -> Entry:
    """An entry with a day and a document; whole yuan are enough here."""
    return Entry(**{"number": 0, "day": "2026-03-01", "kind": kind, "amount": round(yuan * 100),
                    "document": PAPER, **fields})  # fmt: skip


def ledger(*entries: Entry, bills: tuple[Billed, ...] = ()) -> bytes:
    """The canonical bytes of entries that are numbered in their order."""
    numbered = tuple(replace(one, number=number) for number, one in enumerate(entries, 1))
    return encode(Ledger(numbered, bills))


def bought(yuan: float, *, invoice: str = "F-1", contract: str = "C-1", **fields: Any) -> tuple[Entry, ...]:
    """A contract, its invoice and its payment, which reconcile."""
    about = {**YUN, "contract": contract}
    return (
        entry("contract", yuan, day="2026-01-01", **about),
        entry("invoice", yuan, invoice=invoice, **about),
        entry("payment", yuan, invoice=invoice, **about, **fields),
    )


def scope(**money: CostScope | InvestmentScope) -> Scope:
    """A scope that declares nothing but money."""
    day = CALENDAR.month("2026-10")
    return Scope(
        "示例企业",
        "Asia/Shanghai",
        "jiangsu-2018-trial",
        day[0],
        day[1],
        {},
        {},
        (),
        (),
        "0" * 64,
        {},
        **money,
    )


def given(
    indicator: str, data: bytes, declared: Scope | None = None, today: int | None = None, **rule: Any
) -> EnterpriseMonth:
    """What the definition of ``indicator`` is given for October 2026."""
    return EnterpriseMonth(
        rule=replace(parse_edition(EDITION).rule(indicator), **rule),
        calendar=CALENDAR,
        month="2026-10",
        window=month_window(CALENDAR, "2026-10"),
        scope=declared,
        materials=Materials(ledger=data, today=today),
    )
