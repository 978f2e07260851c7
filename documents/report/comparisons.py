"""Sources of one host beside each other: how far they differ, hour by hour, and whether that is tolerated."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from documents import display
from documents.display import Rounding
from documents.report.blocks import Block, Cell, Column, Subhead, Table, Text, Tone
from documents.report.phrases import Phrases

Report = Mapping[str, Any]
SHOWN = 60
"""Rows at most: those that differ first, then those that could not be judged."""
ORDER = ("no", "unlike", "too-few", "yes")
TONES: Mapping[str, Tone] = {"yes": "pass", "no": "unsure"}


def blocks(report: Report, say: Phrases) -> list[Block]:
    """Return heading, explanation and table of the comparisons; nothing if there are none."""
    found = report.get("comparisons", [])
    if not found:
        return []
    shown = sorted(found, key=lambda entry: (ORDER.index(entry["within"]), entry["host"]))[:SHOWN]
    made: list[Block] = [Subhead(say("comparisons")), Text(say("comparisons_lead"), "quiet")]
    if len(shown) < len(found):
        made.append(Text(say("comparisons_cut", shown=len(shown), all=len(found))))
    columns = (
        Column(say("host"), share=4),
        Column(say("compared"), share=4),
        Column(say("compared_sources"), share=4),
        Column(say("compared_means"), "right", 5),
        Column(say("median_difference"), "right", 4),
        Column(say("rare_difference"), "right", 5),
        Column(say("within"), share=4),
    )
    made.append(Table(columns, tuple(_row(entry, report["timezone"], say) for entry in shown)))
    return made


def _row(entry: Mapping[str, Any], zone: str, say: Phrases) -> tuple[Cell, ...]:
    return (
        say.name(entry["host"]),
        Cell(say.known("metric", entry["metric"]), sub=_scope(entry["scope"], say)),
        Cell(f"{entry['primary']} / {entry['other']}", sub=say("compared_hours", hours=entry["hours"])),
        *_numbers(entry, zone, say),
        Cell(
            say.known("within", entry["within"]), TONES.get(entry["within"], "quiet"), _tolerance(entry, say)
        ),
    )


def _numbers(entry: Mapping[str, Any], zone: str, say: Phrases) -> tuple[Cell, ...]:
    """Return the cells of means, median with bias, and 95th percentile with the worst hour."""
    if entry["median"] is None:
        return (say.absent(),) * 3
    unit, means = say.unit(entry["unit"]), entry["means"]
    worst = entry["worst"][0]
    return (
        Cell(
            f"{display.number(means['primary'], rounding=Rounding.DOWN)} / "
            f"{display.number(means['other'], rounding=Rounding.DOWN)} {unit}",
            sub=say("difference_mean", difference=_difference(means["difference"], entry, say)),
        ),
        Cell(
            _difference(entry["median"], entry, say),
            sub=say("difference_bias", difference=_difference(entry["bias"], entry, say)),
        ),
        Cell(
            _difference(entry["p95"], entry, say),
            sub=say(
                "difference_worst",
                time=display.local_time(worst["start_ms"], zone),
                difference=_difference(worst["difference"], entry, say),
            ),
        ),
    )


def _difference(text: str, entry: Mapping[str, Any], say: Phrases) -> str:
    """Return a difference, cut away from zero, with its unit."""
    rounding = Rounding.DOWN if text.startswith("-") else Rounding.UP
    shown = display.number(text, rounding=rounding, places=2)
    return f"{shown} {say.unit(entry['difference'])}".replace("-", "−")


def _scope(scope: Mapping[str, str] | None, say: Phrases) -> str:
    if scope is None:
        return ""
    return f"{say.known('traffic', scope['primary'])} / {say.known('traffic', scope['other'])}"


def _tolerance(entry: Mapping[str, Any], say: Phrases) -> str:
    typical, rare = entry["tolerance"]["typical"], entry["tolerance"]["rare"]
    shown = typical if rare is None else f"{typical} / {rare}"
    return say("tolerance_of", tolerance=shown, unit=say.unit(entry["difference"]))
