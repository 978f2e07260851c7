"""What the monthly user rate is made of: accounts, head counts, sources, days."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from documents import display
from documents.report.blocks import Block, Cell, Column, Facts, Subhead, Table
from documents.report.phrases import Phrases

Detail = Mapping[str, Any]
KIND = "users"


def of_accounts(indicator: Mapping[str, Any]) -> bool:
    """Return whether the figure was counted from accounts."""
    return bool(indicator.get("detail", {}).get("kind") == KIND)


def blocks(indicator: Mapping[str, Any], say: Phrases) -> list[Block]:
    """Return the blocks of a figure that was counted from accounts; none for any other."""
    if not of_accounts(indicator):
        return []
    detail = indicator["detail"]
    found: list[Block] = [_counts(detail, say)]
    if detail["sources"]:
        found += [Subhead(say("user_sources")), _sources(detail, say)]
    if any(day["accounts"] for day in detail["days"]):
        found += [Subhead(say("user_days")), _days(detail, say)]
    return found


def _counts(detail: Detail, say: Phrases) -> Facts:
    estimated = ""
    if detail["counted"] != "exact":
        estimated = say("users_between", low=detail["accounts_low"], high=detail["accounts_high"])
    shares = [
        (
            say.known("people", entry["name"]),
            Cell(
                say("people_and_rate", people=entry["people"], rate=say.value(entry["rate"], "%").text),
                sub=say("people_chosen") if entry["name"] == detail["head_count"] else "",
            ),
        )
        for entry in detail["head_counts"]
    ]
    return Facts(
        (
            (say("users_distinct"), Cell(str(detail["accounts"]), sub=estimated)),
            *shares,
            (
                say("users_complete"),
                Cell(say("days_of", days=detail["complete_days"], all=detail["counted_days"])),
            ),
            (say("account_keys"), Cell("\n".join(detail["account_keys"]) or say("none"))),
        )
    )


def _sources(detail: Detail, say: Phrases) -> Table:
    columns = (
        Column(say("user_source"), share=7),
        Column(say("user_definition"), share=5),
        Column(say("users_excluded"), share=6),
        Column(say("users_read"), "right", 4),
        Column(say("users_distinct"), "right", 4),
    )
    rows = tuple(
        (
            Cell(f"{display.legible(source['host'])}/{source['source']}", sub=_origin(source, say)),
            Cell("\n".join(display.legible(name) for name in source["definitions"]) or say("none")),
            Cell(say.joined([display.legible(name) for name in source["excluded"]]) or say("none")),
            Cell(str(source["complete_days"])),
            Cell(str(source["accounts"])),
        )
        for source in detail["sources"]
    )
    return Table(columns, rows)


def _origin(source: Detail, say: Phrases) -> str:
    signed = say("users_signed") if source["attested"] == "yes" else say("users_unsigned")
    return say.joined([*(display.legible(origin) for origin in source["origins"]), signed])


def _days(detail: Detail, say: Phrases) -> Table:
    """Two days a row: a month fits on a page."""
    one = (
        Column(say("day"), share=4),
        Column(say("users_distinct"), "right", 3),
        Column(say("users_read"), "center", 3),
    )
    cells = [
        (
            Cell(day["day"]),
            Cell(str(day["accounts"])),
            Cell(say("yes"), "pass") if day["complete"] == "yes" else Cell(say("no"), "unsure"),
        )
        for day in detail["days"]
    ]
    half = (len(cells) + 1) // 2
    blank = (Cell(""), Cell(""), Cell(""))
    right = [*cells[half:], *[blank] * (2 * half - len(cells))]
    return Table(
        (*one, *one), tuple((*left, *beside) for left, beside in zip(cells[:half], right, strict=True))
    )
