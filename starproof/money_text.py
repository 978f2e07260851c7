"""What a figure of the ledger is made of, on a terminal."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from rich.markup import escape

from starproof.ledger_columns import PURPOSES_ZH

MAX_GAPS = 10
MAX_MONTHS = 24
MAX_MISSING = 3
_PURPOSES = {key: zh for zh, key in PURPOSES_ZH.items()}


def money_lines(indicator: Mapping[str, Any]) -> list[str]:
    """Return the lines below a figure that the ledger gave; none for any other."""
    detail = indicator.get("detail", {})
    if detail.get("kind") == "investment":
        return _investment(detail)
    if detail.get("kind") == "it_cost" and detail["before"] is not None:
        return _costs(detail)
    return []


def _investment(detail: Mapping[str, Any]) -> list[str]:
    window = detail["window"]
    counted = "、".join(_PURPOSES[name] for name in detail["counts"])
    lines = [
        f"付款日期 paid {window['from']} … {window['to']}  计入 counts {counted}",
        (
            f"已付 paid {detail['paid_yuan']} 元 yuan，退款 refunds {detail['refunded_yuan']}，"
            f"其中不能对应 in doubt {detail['in_doubt_yuan']}"
        ),
    ]
    lines += [
        f"[dim]不计入 not counted {_PURPOSES[part['purpose']]} {part['yuan']} 元 yuan[/]"
        for part in detail["purposes"]
        if part["counted"] == "no"
    ]
    for gap in detail["gaps"][:MAX_GAPS]:
        amounts = "" if gap["got"] is None else f"：{gap['expected']} / {gap['got']} {gap['currency']}"
        numbers = ", ".join(str(number) for number in gap["entries"])
        lines.append(f"[yellow]{gap['code']}[/] {numbers} {gap['zh']}{amounts} [dim]{gap['en']}[/]")
    more = detail["gaps_count"] - len(detail["gaps"][:MAX_GAPS])
    if more > 0:
        lines.append(f"[dim]另有 {more} 处，见 --json ({more} more in --json)[/]")
    lines += [
        f"账单 bill {escape(part['provider'])} {escape(part['month'])}  {part['billed'] or '–'} "
        f"{escape(part['currency'])}，"
        f"付款 paid {part['paid'] or '–'}，差额 difference {part['difference'] or '–'}"
        for part in detail["bills"][:MAX_MONTHS]
    ]
    later = len(detail["bills"]) - MAX_MONTHS
    if later > 0:
        lines.append(f"[dim]另有 {later} 项账单，见 --json ({later} more bills in --json)[/]")
    return [_safe(line) for line in lines]


def _costs(detail: Mapping[str, Any]) -> list[str]:
    before, after = detail["before"], detail["after"]
    lines = [
        (
            f"上云前 before {before['from']} … {before['to']}，上云后 after {after['from']} … {after['to']}，"
            "月均 a month, 元 yuan"
        )
    ]
    for item in detail["items"]:
        sides = [
            f"缺 missing {_first(item[f'{side}_missing'])}"
            if item[f"{side}_missing"]
            else item[f"{side}_yuan"]
            for side in ("before", "after")
        ]
        lines.append(f"{escape(item['item'])}: {sides[0]} → {sides[1]}")
    if detail["outside"]:
        lines.append(f"未申报的科目 items not declared: {escape('、'.join(detail['outside']))}")
    return [_safe(line) for line in lines]


def _first(months: Sequence[str]) -> str:
    """Return the first months, and how many more there are."""
    more = len(months) - MAX_MISSING
    return ", ".join(months[:MAX_MISSING]) + (f" … 另有 {more} 个月 (+{more})" if more > 0 else "")


def _safe(line: str) -> str:
    """Return a line without control characters: packs may be hostile."""
    return "".join(c if c.isprintable() else c.encode("unicode_escape").decode() for c in line)
