"""The criteria: every item of the edition's table against every star, and the documents behind them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from documents import display
from documents.report.blocks import Block, Cell, Column, Section, Subhead, Table, Text
from documents.report.phrases import Phrases

Report = Mapping[str, Any]


def section(report: Report, say: Phrases) -> Section:
    """Return all criteria and the supporting documents."""
    verdict = report["verdict"]
    columns = (
        Column(say("criterion"), share=5),
        Column(say("got"), "right", 3),
        *(Column(say.of(star, "name"), "center", 3) for star in verdict["stars"]),
        Column(say("documents"), "right", 2),
    )
    rows = tuple(_row(entry, report, say) for entry in verdict["criteria"])
    blocks: list[Block] = [Text(say("criteria_lead"), "quiet"), Table(columns, rows)]
    if verdict["attachments"]:
        blocks += [Subhead(say("attachments")), _attachments(verdict, say)]
    return Section("criteria", say("section_criteria"), tuple(blocks))


def _row(entry: Mapping[str, Any], report: Report, say: Phrases) -> tuple[Cell, ...]:
    return (
        Cell(say.of(entry, "name")),
        _got(entry, report, say),
        *(_answer(entry, star["id"], say) for star in report["verdict"]["stars"]),
        _count(len(entry["documents"]), say),
    )


def _got(entry: Mapping[str, Any], report: Report, say: Phrases) -> Cell:
    got = entry["got"]
    if got is None:
        return say.absent()
    if entry["kind"] == "cloud_form":
        return Cell(say.known("form", got))
    if entry["kind"] == "count" or not _measured(entry, report):
        return Cell(say.amount(display.written(got) or "", entry["unit"]))
    return say.value(got, entry["unit"])


def _measured(entry: Mapping[str, Any], report: Report) -> bool:
    """Return whether a figure was measured; a declared one is printed as it was written."""
    return any(
        figure["id"] == entry["id"] and figure["value"] is not None
        for figure in report["figures"]["indicators"]
    )


def _answer(entry: Mapping[str, Any], star: str, say: Phrases) -> Cell:
    answer = entry["answers"].get(star)
    if answer is None:
        return say.verdict("INCONCLUSIVE", reason="EDITION_UNKNOWN")
    parts = []
    if answer["needed"] == "0" and entry["kind"] == "count":
        parts.append(say("nothing_asked"))
    elif answer["needed"] is not None and answer["reason"] != "NOT_APPLICABLE":
        parts.append(say("needed", needed=_needed(entry, answer["needed"], say)))
    if answer["short"] is not None:
        parts.append(say("short", short=display.shortfall(answer["short"])))
    return say.verdict(answer["verdict"], reason=answer["reason"], sub=" · ".join(parts))


def _needed(entry: Mapping[str, Any], needed: str, say: Phrases) -> str:
    """Return what a star asks for: a number, or the forms of cloud that it allows."""
    if entry["kind"] == "cloud_form":
        return " / ".join(say.known("form", form) for form in needed.split("/"))
    return display.written(needed) or ""


def _count(count: int, say: Phrases) -> Cell:
    return Cell(say("document_count", count=count)) if count else Cell(say("none"), "quiet")


def _attachments(verdict: Mapping[str, Any], say: Phrases) -> Table:
    columns = (
        Column(say("attachment"), share=5),
        Column(say("asked"), share=2),
        Column(say("given"), "right", 2),
    )
    rows = tuple(
        (
            Cell(say.of(entry, "name")),
            Cell(say(f"asked_{'yes' if entry['asked'] == 'yes' else 'no'}")),
            _count(len(entry["documents"]), say),
        )
        for entry in verdict["attachments"]
    )
    return Table(columns, rows)
