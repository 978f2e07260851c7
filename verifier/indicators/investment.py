"""``investment.paid/1``: what was actually paid for the cloud in the window (实际付款金额), in 万元.

The sum of payments and refunds (which are negative) whose day lies in the window and whose purpose
counts; contracts and invoices are no money paid. Foreign money is turned into yuan by the entry's own
rate, exactly. What is dated after the day on which the figures are made is not paid yet.

Window: the edition's; else the scope's ``[investment]``; else the twelve calendar months that end with
the month asked for. A star whose threshold is for one year (年度) is not decided by a longer window.

* value = high = everything that was paid: what the enterprise did not write down is its own loss
* low = without the payments about which ``verifier.reconciliation`` leaves a doubt
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import date
from fractions import Fraction
from typing import Any

from verifier import reconciliation
from verifier.billing import Difference, compare_bills
from verifier.bounds import Bounds
from verifier.edition import YEAR
from verifier.errors import ScopeError
from verifier.indicators.enterprise import EnterpriseFigure, EnterpriseMonth
from verifier.ledger import (
    CLOUD_SERVICE,
    FEN_PER_YUAN,
    INVESTMENT,
    PAID,
    PAYMENT,
    PRIVATE_CLOUD,
    PURPOSES,
    Entry,
    yuan,
)
from verifier.ledger_rules import read_ledger
from verifier.notes import Note
from verifier.reconciliation import Gap, doubtful, reconcile
from verifier.scope import Scope
from verifier.window import MONTHS_A_YEAR, months_until

ID = "investment.paid/1"
YUAN_PER_WAN = 10_000
COUNTS = (CLOUD_SERVICE, PRIVATE_CLOUD)
"""What counts where the scope does not say: devices are shown and not added."""
MAX_LISTED = 500
"""Entries and gaps that are listed in the documents; the ledger in the pack holds all."""
EDITION, SCOPE, USUAL = "edition", "scope", "usual"

Days = tuple[int, int]
"""Ordinals of the first and the last day."""


def figure(given: EnterpriseMonth) -> EnterpriseFigure | None:
    """Return what was paid for the cloud; ``None`` without a single entry about it.

    Raises:
        LedgerError: the ledger breaks a rule.
        ScopeError: the scope names another window than the edition.
    """
    ledger = read_ledger(given.materials.ledger)
    standing = ledger.standing()
    if not any(entry.purpose in INVESTMENT for entry in standing):
        return None
    days, origin = _window(given)
    counts = counting(given.scope)
    dated = [entry for entry in standing if entry.kind in PAID and days[0] <= entry.ordinal <= days[1]]
    inside = [entry for entry in dated if given.materials.happened(entry.ordinal)]
    counted = [entry for entry in inside if entry.purpose in counts]
    gaps = reconcile(standing, counts)
    doubts = doubtful(gaps)
    unsure = [entry for entry in counted if entry.kind == PAYMENT and entry.number in doubts]
    paid = _sum(counted)
    high = paid / (FEN_PER_YUAN * YUAN_PER_WAN)
    low = (paid - _sum(unsure)) / (FEN_PER_YUAN * YUAN_PER_WAN)
    undecided = _undecided(given, days)
    first, last = (date.fromordinal(day).isoformat() for day in days)
    bills = compare_bills(standing, ledger.bills, first[:7], last[:7])
    notes = {
        "LEDGER_DECLARED": True,
        "PAYMENTS_IN_DOUBT": bool(unsure),
        "PAYMENTS_AHEAD": len(inside) < len(dated),
        "LEDGER_GAPS": bool(gaps),
        "LONGER_THAN_A_YEAR": bool(undecided),
        "BILLS_DIFFER": any(part.billed != part.paid for part in bills),
    }
    return EnterpriseFigure(
        bounds=Bounds(low=low, value=high, high=high),
        undecided=undecided,
        detail={
            "kind": "investment",
            "window": {"from": first, "to": last, "by": origin},
            "counts": list(counts),
            "paid_yuan": yuan(_sum(entry for entry in counted if entry.kind == PAYMENT)),
            "refunded_yuan": yuan(_sum(entry for entry in counted if entry.kind != PAYMENT)),
            "in_doubt_yuan": yuan(_sum(unsure)),
            "purposes": [_purpose(purpose, inside, counts) for purpose in PURPOSES if purpose in INVESTMENT],
            "entries_count": len(counted),
            "entries": [_entry(entry, doubts) for entry in _ordered(counted)[:MAX_LISTED]],
            "gaps_count": len(gaps),
            "gaps": [_gap(gap) for gap in gaps[:MAX_LISTED]],
            "bills": [_difference(part) for part in bills],
        },
        notes=tuple(Note(code) for code, holds in notes.items() if holds),
    )


def counting(scope: Scope | None) -> tuple[str, ...]:
    """Return the purposes that count as investment: the scope's, else the usual ones."""
    declared = scope.investment if scope else None
    return declared.counts if declared and declared.counts else COUNTS


def _window(given: EnterpriseMonth) -> tuple[Days, str]:
    """Return the days that count, and who says so."""
    declared = given.scope.investment if given.scope else None
    named = declared.days if declared else None
    fixed = given.rule.days
    if fixed is not None:
        if named not in (None, fixed):
            raise ScopeError("scope: [investment]: the edition says which days count; leave from and to out")
        return fixed, EDITION
    if named is not None:
        return named, SCOPE
    names = months_until(given.month, MONTHS_A_YEAR)
    return (given.calendar.month(names[0])[0], given.calendar.month(names[-1])[1] - 1), USUAL


def _undecided(given: EnterpriseMonth, days: Days) -> frozenset[str]:
    """Return the stars that ask for a year, if the window is longer and no edition says so."""
    first = date.fromordinal(days[0])
    year = first.replace(year=first.year + 1, day=min(first.day, 28)).toordinal() + max(0, first.day - 28)
    if given.rule.days is not None or days[1] < year:
        return frozenset()
    return frozenset(star for star, period in given.rule.periods.items() if period == YEAR)


def _sum(entries: Iterable[Entry]) -> Fraction:
    return sum((entry.fen for entry in entries), Fraction(0))


def _ordered(entries: Sequence[Entry]) -> list[Entry]:
    return sorted(entries, key=lambda entry: (entry.day, entry.number))


def _purpose(purpose: str, inside: Sequence[Entry], counts: Sequence[str]) -> dict[str, Any]:
    return {
        "purpose": purpose,
        "yuan": yuan(_sum(entry for entry in inside if entry.purpose == purpose)),
        "counted": "yes" if purpose in counts else "no",
    }


def _entry(entry: Entry, doubts: frozenset[int]) -> dict[str, Any]:
    return {
        "number": entry.number,
        "day": entry.day,
        "kind": entry.kind,
        "purpose": entry.purpose,
        "payee": entry.payee,
        "contract": entry.contract,
        "invoice": entry.invoice,
        "currency": entry.currency,
        "amount": yuan(Fraction(entry.amount)),
        "rate": entry.rate,
        "rate_source": entry.rate_source,
        "rate_day": entry.rate_day,
        "yuan": yuan(entry.fen),
        "document": entry.document,
        "reconciles": "no" if entry.number in doubts else "yes",
    }


def _gap(gap: Gap) -> Mapping[str, Any]:
    zh, en = reconciliation.TEXTS[gap.code]
    return {
        "code": gap.code,
        "zh": zh,
        "en": en,
        "entries": list(gap.entries[:MAX_LISTED]),
        "expected": None if gap.expected is None else yuan(Fraction(gap.expected)),
        "got": None if gap.got is None else yuan(Fraction(gap.got)),
        "currency": gap.currency,
    }


def _difference(part: Difference) -> dict[str, Any]:
    both = None if part.billed is None or part.paid is None else part.paid - part.billed
    return {
        "provider": part.provider,
        "month": part.month,
        "currency": part.currency,
        "billed": None if part.billed is None else yuan(part.billed),
        "paid": None if part.paid is None else yuan(part.paid),
        "difference": None if both is None else yuan(both),
        "final": "yes" if part.final else "no",
    }
