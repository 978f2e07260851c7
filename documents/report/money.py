"""What a figure of the ledger is made of: payments, cost items, what does not reconcile, cloud bills."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from documents import display
from documents.report.blocks import Block, Cell, Column, Facts, Subhead, Table, Text
from documents.report.phrases import Phrases

Detail = Mapping[str, Any]
ROWS_SHOWN = 100
"""Payments, gaps and months in a table at most; the ledger in the pack has all of them."""


def blocks(indicator: Mapping[str, Any], say: Phrases) -> list[Block]:
    """Return the blocks of a figure that the ledger gave; none for any other."""
    detail = indicator.get("detail", {})
    if detail.get("kind") == "investment":
        return _investment(detail, say)
    if detail.get("kind") == "it_cost":
        return _costs(detail, say)
    return []


def of_ledger(indicator: Mapping[str, Any]) -> bool:
    """Return whether the ledger gave the figure."""
    return indicator.get("detail", {}).get("kind") in ("investment", "it_cost")


def _investment(detail: Detail, say: Phrases) -> list[Block]:
    window = detail["window"]
    days = f"{window['from']} – {window['to']}"
    counted = [say.known("purpose", name) for name in detail["counts"]]
    facts = Facts(
        (
            (say("paid_window"), Cell(days, sub=say.known("paid_window_by", window["by"]))),
            (say("paid_counts"), Cell(say.joined(counted))),
            (say("paid"), _yuan(detail["paid_yuan"], say)),
            (say("refunded"), _yuan(detail["refunded_yuan"], say)),
            (say("in_doubt"), _yuan(detail["in_doubt_yuan"], say)),
            *(
                (say("not_counted", name=say.known("purpose", part["purpose"])), _yuan(part["yuan"], say))
                for part in detail["purposes"]
                if part["counted"] == "no"
            ),
            *_ahead(detail, say),
        )
    )
    found: list[Block] = [facts]
    if detail["entries"]:
        found += [Subhead(say("payments")), _payments(detail["entries"], say)]
        found += _cut(detail["entries"], detail["entries_count"], say)
    if detail["gaps"]:
        found += [Subhead(say("gaps_of_ledger")), _gaps(detail["gaps"], say)]
        found += _cut(detail["gaps"], detail["gaps_count"], say)
    if detail["bills"]:
        found += [Subhead(say("bills")), _bills(detail["bills"], say)]
        found += _cut(detail["bills"], len(detail["bills"]), say)
    return found


def _ahead(detail: Detail, say: Phrases) -> list[tuple[str, Cell]]:
    """Return the line that names money dated ahead; packs without any say nothing of it."""
    numbers = [str(number) for number in detail.get("ahead", [])[:ROWS_SHOWN]]
    return [(say("paid_ahead"), Cell(say.joined(numbers), "unsure"))] if numbers else []


def _yuan(amount: str | None, say: Phrases) -> Cell:
    return say.absent() if amount is None else Cell(f"{_grouped(amount)} {say('yuan')}")


def _grouped(amount: str) -> str:
    """Return an amount of two decimals with its thousands set apart."""
    whole, _, part = amount.removeprefix("-").partition(".")
    return f"{'-' if amount.startswith('-') else ''}{int(whole):,}.{part}"


def _cut(shown: Sequence[object], whole: int, say: Phrases) -> list[Block]:
    if whole <= ROWS_SHOWN:
        return []
    return [Text(say("rows_cut", shown=min(len(shown), ROWS_SHOWN), all=whole), "quiet")]


def _payments(entries: Sequence[Detail], say: Phrases) -> Table:
    columns = (
        Column(say("entry"), "right", 2),
        Column(say("day"), share=4),
        Column(say("payee"), share=6),
        Column(say("papers"), share=7),
        Column(say("amount_yuan"), "right", 5),
        Column(say("reconciles"), "center", 3),
    )
    rows = tuple(
        (
            Cell(str(entry["number"])),
            Cell(entry["day"], sub=say.known("entry", entry["kind"])),
            Cell(display.legible(entry["payee"]), sub=say.known("purpose", entry["purpose"])),
            _papers(entry, say),
            Cell(_grouped(entry["yuan"]), sub=_rate(entry, say)),
            Cell(say("yes"), "pass") if entry["reconciles"] == "yes" else Cell(say("no"), "unsure"),
        )
        for entry in entries[:ROWS_SHOWN]
    )
    return Table(columns, rows)


def _papers(entry: Detail, say: Phrases) -> Cell:
    papers = [display.legible(entry[name]) for name in ("contract", "invoice") if entry[name]]
    document = f"SHA-256 {entry['document'][:16]}…" if entry["document"] else say("document_none")
    return Cell("\n".join(papers) or say("none"), sub=document)


def _rate(entry: Detail, say: Phrases) -> str:
    if not entry["rate"]:
        return ""
    return say(
        "rate_of",
        amount=_grouped(entry["amount"]),
        currency=entry["currency"],
        rate=entry["rate"],
        source=entry["rate_source"],
        day=entry["rate_day"],
    )


def _gaps(gaps: Sequence[Detail], say: Phrases) -> Table:
    columns = (
        Column(say("gap_of_ledger"), share=8),
        Column(say("entries"), share=4),
        Column(say("agreed_amount"), "right", 4),
        Column(say("found_amount"), "right", 4),
    )
    rows = tuple(
        (
            Cell(say.of(gap)),
            Cell(say.joined([str(number) for number in gap["entries"]])),
            _of_currency(gap["expected"], gap["currency"], say),
            _of_currency(gap["got"], gap["currency"], say),
        )
        for gap in gaps[:ROWS_SHOWN]
    )
    return Table(columns, rows)


def _of_currency(amount: str | None, currency: str, say: Phrases) -> Cell:
    return Cell(say("none"), "quiet") if amount is None else Cell(f"{_grouped(amount)} {currency}")


def _bills(bills: Sequence[Detail], say: Phrases) -> Table:
    columns = (
        Column(say("provider"), share=3),
        Column(say("month"), share=3),
        Column(say("billed"), "right", 4),
        Column(say("paid"), "right", 4),
        Column(say("paid_less_billed"), "right", 4),
    )
    rows = tuple(
        (
            say.name(part["provider"]),
            Cell(part["month"], sub="" if part["final"] == "yes" else say("bill_open")),
            *(_of_currency(part[name], part["currency"], say) for name in ("billed", "paid", "difference")),
        )
        for part in bills[:ROWS_SHOWN]
    )
    return Table(columns, rows)


def _costs(detail: Detail, say: Phrases) -> list[Block]:
    ahead = _ahead(detail, say)
    if detail["before"] is None:
        return [Facts(tuple(ahead))] if ahead else []
    before, after = detail["before"], detail["after"]
    facts = [
        (say(name), Cell(f"{part['from']} – {part['to']}", sub=say("months_of", count=part["months"])))
        for name, part in (("cost_before", before), ("cost_after", after))
    ]
    if detail["outside"]:
        facts.append((say("cost_outside"), Cell(say.joined(detail["outside"]), "unsure")))
    if detail["misplaced"]:
        numbers = [str(number) for number in detail["misplaced"]]
        facts.append((say("cost_misplaced"), Cell(say.joined(numbers), "unsure")))
    facts += ahead
    columns = (
        Column(say("cost_item"), share=6),
        Column(say("cost_before_month"), "right", 5),
        Column(say("cost_after_month"), "right", 5),
        Column(say("cost_reduction"), "right", 3),
    )
    rows = [
        (
            Cell(display.legible(item["item"])),
            _side(item, "before", say),
            _side(item, "after", say),
            say.value(item["reduction"], "%"),
        )
        for item in detail["items"]
    ]
    missing = any(item["before_missing"] or item["after_missing"] for item in detail["items"])
    if not missing:
        totals = (_yuan(before["yuan"], say), _yuan(after["yuan"], say))
        rows.append((Cell(say("cost_total")), *totals, Cell("")))
    return [Facts(tuple(facts)), Subhead(say("cost_items")), Table(columns, tuple(rows))]


def _side(item: Detail, side: str, say: Phrases) -> Cell:
    missing = item[f"{side}_missing"]
    if not missing:
        return _yuan(item[f"{side}_yuan"], say)
    span = missing[0] if len(missing) == 1 else f"{missing[0]} … {missing[-1]}"
    return Cell(say("cost_missing", count=len(missing)), "unsure", span)
