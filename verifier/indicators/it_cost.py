"""``it_cost.before_after/1``: how much less IT operations cost a month than before the cloud, in percent.

(before - after) / before, both the mean of a calendar month over their own whole months, summed over
the cost items that the scope declares: the same items on both sides.

* Before: payments and refunds for ``operations_before``. After: those for ``operations_after``, and for
  cloud service or private cloud where the entry names a cost item: what the cloud costs is a cost.
* A payment that names its service months is spread over them evenly, any other belongs to the month of
  its day. Every declared item needs at least one entry in every month of both periods; an item that
  cost nothing is said so by a payment of 0. Missing is never zero.
* After are as many months as before, ending with the month asked for, unless the scope says which.

Money that is dated after the day on which the figures are made is not paid yet and never helps: value and
high end rest on what was paid; at the low end every cost after and every refund before counts, whatever its day.

A value whose payments do not all have a document, or of which a rate is too old, is printed and decides nothing.
Undecided, and no value printed, where a month of an item is missing, where there is an entry of an item
that was not declared or on the wrong side, or where nothing was paid before.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction
from typing import Any

from verifier import decimals
from verifier.billing import spread
from verifier.bounds import NOTHING_KNOWN, Bounds
from verifier.indicators.enterprise import EnterpriseFigure, EnterpriseMonth
from verifier.ledger import (
    CLOUD_SERVICE,
    OPERATIONS,
    OPERATIONS_AFTER,
    OPERATIONS_BEFORE,
    PAID,
    PRIVATE_CLOUD,
    Entry,
    named_ahead,
)
from verifier.ledger import yuan as printed
from verifier.ledger_rules import months, read_ledger
from verifier.notes import Note
from verifier.reconciliation import rate_is_old
from verifier.scope import CostScope
from verifier.window import months_until

ID = "it_cost.before_after/1"
FULL_PERCENT = 100
AFTER = (OPERATIONS_AFTER, CLOUD_SERVICE, PRIVATE_CLOUD)


@dataclass(frozen=True)
class Side:
    """One of the two periods: its months, and by item and month what was paid, in 分."""

    months: tuple[str, ...]
    paid: Mapping[str, Mapping[str, Fraction]]

    def missing(self, item: str) -> list[str]:
        """Return the months in which nothing is known of an item."""
        known = self.paid.get(item, {})
        return [month for month in self.months if month not in known]

    def mean(self, item: str) -> Fraction:
        """Return what an item cost in a mean month; months without an entry add nothing."""
        return sum(self.paid.get(item, {}).values(), Fraction(0)) / len(self.months)


def figure(given: EnterpriseMonth) -> EnterpriseFigure | None:
    """Return the reduction; ``None`` without a single entry about operations.

    Raises:
        LedgerError: the ledger breaks a rule.
    """
    money = [entry for entry in read_ledger(given.materials.ledger).standing() if entry.kind in PAID]
    if not any(entry.purpose in OPERATIONS for entry in money):
        return None
    standing = [entry for entry in money if given.materials.happened(entry.ordinal)]
    late = [entry for entry in money if _of_a_side(entry) and not given.materials.happened(entry.ordinal)]
    ahead = [entry.number for entry in late]
    everybody = frozenset(given.rule.thresholds)
    declared = given.scope.it_cost if given.scope else None
    if declared is None:
        detail: dict[str, Any] = {
            "kind": "it_cost",
            "before": None,
            "after": None,
            "items": [],
            "outside": [],
            "misplaced": [],
            **named_ahead(ahead),
        }
        codes = ["COST_NOT_DECLARED", *(["PAYMENTS_AHEAD"] if ahead else [])]
        return EnterpriseFigure(
            NOTHING_KNOWN, undecided=everybody, detail=detail, notes=tuple(map(Note, codes))
        )
    names = _periods(declared, given.month)
    before = _side(names[0], (entry for entry in standing if entry.purpose == OPERATIONS_BEFORE))
    after = _side(names[1], (entry for entry in standing if entry.purpose in AFTER and entry.item))
    outside = sorted({item for side in _all_paid(names, money) for item in side} - set(declared.items))
    misplaced = _misplaced(money, *names)
    was, now = (sum((side.mean(item) for item in declared.items), Fraction(0)) for side in (before, after))
    reasons = {
        "COST_OVERLAPS": names[0][-1] >= names[1][0],
        "COST_MONTHS_MISSING": any(side.missing(item) for side in (before, after) for item in declared.items),
        "COST_ITEMS_DIFFER": bool(outside),
        "COST_MISPLACED": bool(misplaced),
    }
    worst = (
        was + _mean(names[0], (e for e in late if e.purpose == OPERATIONS_BEFORE and e.amount < 0), declared),
        now + _mean(names[1], (e for e in late if e.purpose in AFTER and e.amount > 0), declared),
    )
    reasons["COST_NOTHING_BEFORE"] = worst[0] <= 0
    used = [entry for entry in standing if _of_a_side(entry)]
    unsure = {
        "COST_UNDOCUMENTED": any(not entry.document for entry in used),
        "COST_RATE_OLD": any(map(rate_is_old, used)),
    }
    broken, weak = ([code for code, holds in some.items() if holds] for some in (reasons, unsure))
    told = [*broken, *weak, *(["PAYMENTS_AHEAD"] if ahead else [])]
    return EnterpriseFigure(
        bounds=NOTHING_KNOWN if broken else _bounds(was, now, worst),
        undecided=everybody if broken or weak else frozenset(),
        detail={
            "kind": "it_cost",
            "before": _period(before, was),
            "after": _period(after, now),
            "items": [_item(item, before, after) for item in declared.items],
            "outside": outside,
            "misplaced": misplaced,
            **named_ahead(ahead),
        },
        notes=(Note("LEDGER_DECLARED"), *map(Note, told)),
    )


def _of_a_side(entry: Entry) -> bool:
    """Return whether an entry is a cost before or after, declared or not."""
    return entry.purpose == OPERATIONS_BEFORE or (entry.purpose in AFTER and bool(entry.item))


def _all_paid(
    names: tuple[tuple[str, ...], tuple[str, ...]], money: Sequence[Entry]
) -> Iterator[Mapping[str, Mapping[str, Fraction]]]:
    """Yield what both sides hold, whatever its day: an item that was not declared is none the better for it."""
    yield _side(names[0], (entry for entry in money if entry.purpose == OPERATIONS_BEFORE)).paid
    yield _side(names[1], (entry for entry in money if entry.purpose in AFTER and entry.item)).paid


def _bounds(was: Fraction, now: Fraction, worst: tuple[Fraction, Fraction]) -> Bounds:
    """Return the reduction; its low end is the least with the worst of either side."""
    value = _reduction(was, now)
    # Where more came back than was paid after, a smaller side before makes the figure greater.
    low = min(_reduction(before, worst[1]) for before in (was, worst[0]))
    return Bounds(low=low, value=value, high=value)


def _mean(names: tuple[str, ...], entries: Iterable[Entry], declared: CostScope) -> Fraction:
    """Return what the declared items of some entries come to in a mean month."""
    side = _side(names, entries)
    return sum((side.mean(item) for item in declared.items), Fraction(0))


def _periods(declared: CostScope, month: str) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """Return the months before and after."""
    before = months(*declared.before)
    return before, months(*declared.after) if declared.after else months_until(month, len(before))


def _side(names: tuple[str, ...], entries: Iterable[Entry]) -> Side:
    paid: dict[str, dict[str, Fraction]] = {}
    inside = frozenset(names)
    for entry in entries:
        in_yuan = entry.fen / entry.amount if entry.amount else Fraction(1)
        for month, amount in spread(entry).items():
            if month in inside:
                mine = paid.setdefault(entry.item, {})
                mine[month] = mine.get(month, Fraction(0)) + amount * in_yuan
    return Side(names, paid)


def _misplaced(entries: Sequence[Entry], before: Sequence[str], after: Sequence[str]) -> list[int]:
    """Return the numbers of entries for one side whose months lie on the other."""
    wrong = {OPERATIONS_BEFORE: frozenset(after), OPERATIONS_AFTER: frozenset(before)}
    return [entry.number for entry in entries if wrong.get(entry.purpose, frozenset()) & spread(entry).keys()]


def _reduction(was: Fraction, now: Fraction) -> Fraction:
    return FULL_PERCENT * (was - now) / was


def _period(side: Side, mean: Fraction) -> dict[str, Any]:
    return {"from": side.months[0], "to": side.months[-1], "months": len(side.months), "yuan": printed(mean)}


def _item(item: str, before: Side, after: Side) -> dict[str, Any]:
    """Return one line of the table; a mean stands only where every month is known."""
    missing = (before.missing(item), after.missing(item))
    was, now = (
        None if lost else side.mean(item) for side, lost in zip((before, after), missing, strict=True)
    )
    known = was is not None and now is not None and was > 0
    return {
        "item": item,
        "before_yuan": None if was is None else printed(was),
        "after_yuan": None if now is None else printed(now),
        "reduction": decimals.signed_floor(_reduction(was, now)) if known else None,  # type: ignore[arg-type]
        "before_missing": missing[0],
        "after_missing": missing[1],
    }
