"""Sources of one host beside each other, for people on a terminal: those out of tolerance first."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from decimal import ROUND_UP, Decimal
from typing import Any
from zoneinfo import ZoneInfo

from rich.console import Console
from rich.markup import escape

from starproof.tables import printable

SHOWN = 12
"""On a terminal; JSON and the report hold more."""
ORDER = ("no", "unlike", "too-few", "yes")
WITHIN = {
    "yes": "[green]在容许范围内 within[/]",
    "no": "[yellow]超出容许范围 out of tolerance[/]",
    "unlike": "[dim]口径不同，不作判断 not alike, not judged[/]",
    "too-few": "[dim]小时太少，不作判断 too few hours, not judged[/]",
}
UNITS = {"points": "百分点 points", "percent_of_the_greater": "占较大值的% percent of the greater"}
MS_PER_S = 1000
_CENT = Decimal("0.01")


def print_comparisons(
    found: Sequence[Mapping[str, Any]],
    notes: Sequence[Mapping[str, Any]],
    zone: str,
    console: Console | None = None,
) -> None:
    """Print the entries of ``comparisons`` and their notes; nothing if there are none. 80 columns do."""
    if not found:
        return
    out = console or Console(highlight=False)
    out.print(
        f"[bold]数据源比对 sources compared[/]  {len(found)}（差异＝其他－主 difference: other − primary）"
    )
    ordered = sorted(found, key=lambda entry: (ORDER.index(entry["within"]), entry["host"]))
    for entry in ordered[:SHOWN]:
        for line in _lines(entry, zone):
            out.print(line, soft_wrap=True)
    if len(ordered) > SHOWN:
        out.print(f"[dim]另有 {len(ordered) - SHOWN} 项，见 --json (more in --json)[/]")
    for note in notes:
        out.print(f"• {escape(note['zh'])} [dim]{escape(note['en'])}[/]", soft_wrap=True)


def _lines(entry: Mapping[str, Any], zone: str) -> list[str]:
    host = escape(printable(entry["host"]))
    pair = escape(printable(f"{entry['primary']} / {entry['other']}"))
    lines = [
        f"  {host}  {entry['metric']}  {pair}  {entry['hours']} 小时 hours  {WITHIN[entry['within']]}",
    ]
    if entry["median"] is None:
        return lines
    worst, typical, rare = entry["worst"][0], entry["tolerance"]["typical"], entry["tolerance"]["rare"]
    at = datetime.fromtimestamp(worst["start_ms"] // MS_PER_S, ZoneInfo(zone))
    differences = (
        f"    中位数 median {_number(entry['median'])}  95% p95 {_number(entry['p95'])}"
        f"  容许 tolerance {typical if rare is None else f'{typical} / {rare}'}  {UNITS[entry['difference']]}"
    )
    return [
        *lines,
        differences,
        f"    最差一小时 worst hour {at:%Y-%m-%d %H:%M}  {_number(worst['difference'])}",
    ]


def _number(text: str) -> str:
    """Two decimals, cut away from zero as the report does."""
    return f"{Decimal(text).quantize(_CENT, rounding=ROUND_UP):,}".replace("-", "−")
