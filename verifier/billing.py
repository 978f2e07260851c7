"""Cloud bills beside the ledger: what was billed and what was paid, by provider and month.

A question to whoever reads, never a change of a figure: prepaid and postpaid money fall into
different months. Only payments and refunds that name a provider are compared. One that names its
service months is spread over them evenly, any other belongs to the month of its day.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from fractions import Fraction

from verifier import decimals
from verifier.ledger import FEN_PER_YUAN, INVESTMENT, PAID, Billed, Entry
from verifier.ledger_rules import months


@dataclass(frozen=True)
class Difference:
    """One provider, month and currency; amounts are exact hundredths of its unit, ``None`` for none."""

    provider: str
    month: str
    currency: str
    billed: Fraction | None
    paid: Fraction | None
    final: bool


def spread(entry: Entry) -> dict[str, Fraction]:
    """Return the amount of an entry by month, in hundredths of its currency's unit; the sum is exact."""
    if not entry.service_from:
        return {entry.day[:7]: Fraction(entry.amount)}
    names = months(entry.service_from, entry.service_to)
    return dict.fromkeys(names, Fraction(entry.amount, len(names)))


def compare_bills(
    standing: Sequence[Entry], bills: Sequence[Billed], first: str, last: str
) -> tuple[Difference, ...]:
    """Return the months from ``first`` to ``last`` with a bill or a payment, by provider and month."""
    paid: dict[tuple[str, str, str], Fraction] = {}
    for key, amount in _paid(standing):
        paid[key] = paid.get(key, Fraction(0)) + amount
    billed: dict[tuple[str, str, str], Fraction] = {}
    opened = set()
    for bill in bills:
        key = (bill.provider, bill.month, bill.currency)
        billed[key] = billed.get(key, Fraction(0)) + _hundredths(bill.amount)
        if bill.final != "yes":
            opened.add(key)
    return tuple(
        Difference(*key, billed.get(key), paid.get(key), final=key not in opened)
        for key in sorted(paid.keys() | billed.keys())
        if first <= key[1] <= last
    )


def _paid(standing: Sequence[Entry]) -> Iterator[tuple[tuple[str, str, str], Fraction]]:
    for entry in standing:
        if entry.kind in PAID and entry.provider and entry.purpose in INVESTMENT:
            for month, amount in spread(entry).items():
                yield (entry.provider, month, entry.currency), amount


def _hundredths(amount: str) -> Fraction:
    number = decimals.parse(amount.removeprefix("-")) * FEN_PER_YUAN
    return -number if amount.startswith("-") else number
