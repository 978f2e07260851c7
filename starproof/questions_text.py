"""The questions for the reviewer on a terminal, apart from findings, figures and verdict."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from rich.console import Console
from rich.markup import escape

from starproof.tables import printable

SHOWN = 10
NO_RATE = ("误报率未知", "rate of false questions not measured")


def print_questions(found: Mapping[str, Any], out: Console) -> None:
    """Print the entry ``questions`` of a report: every question once, with the first hosts."""
    tests = sum(definition["tested"] for definition in found["definitions"])
    out.print(
        f"[bold]给评审人员的问题 questions for the reviewer[/]: {found['count']}（{tests} 项检验 tests）"
        " [dim]不改变指标和结论 they change no figure and no verdict[/]",
        soft_wrap=True,
    )
    for definition in found["definitions"]:
        mine = [question for question in found["asked"] if question["definition"] == definition["id"]]
        if mine:
            _definition(definition, mine, out)


def _definition(definition: Mapping[str, Any], mine: list[Mapping[str, Any]], out: Console) -> None:
    out.print(
        f"  [cyan]?[/] {escape(printable(definition['zh']))} [dim]{escape(printable(definition['en']))}[/]",
        soft_wrap=True,
    )
    for question in mine[:SHOWN]:
        values = ", ".join(f"{name} {_cut(text)}" for name, text in question["values"].items())
        parts = (question["host"], question["source"], question["about"], f"×{question['count']}", values)
        out.print(f"      {escape(printable(' '.join(part for part in parts if part)))}", soft_wrap=True)
    if definition["asked"] > SHOWN:
        out.print(f"      [dim]另有 {definition['asked'] - SHOWN} 处，见 --json (more in --json)[/]")
    out.print(
        f"      请询问 ask: {escape(printable(definition['ask_zh']))} "
        f"[dim]{escape(printable(definition['ask_en']))}[/]",
        soft_wrap=True,
    )
    rates = ", ".join(f"{rate['data']} {rate['asked']}/{rate['of']}" for rate in definition["rates"])
    told = f"真实数据误报 asked of genuine machines: {rates}" if rates else " ".join(NO_RATE)
    out.print(f"      [dim]{escape(printable(told))}[/]", soft_wrap=True)


def _cut(text: str) -> str:
    """Return a decimal with two places, cut towards zero."""
    whole, point, places = text.partition(".")
    return f"{whole}{point}{places[:2]}"
