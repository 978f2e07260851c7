"""Anchors: which receipts the pack holds for which day. That it holds them confirms nothing, and says so."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from documents import display
from documents.report.blocks import Block, Cell, Column, Facts, Section, Table, Text, Tone
from documents.report.phrases import Phrases

Report = Mapping[str, Any]
Entry = Mapping[str, Any]
KINDS = ("mail", "rfc3161", "print", "object")
TONES: Mapping[str, Tone] = {
    "in_time": "declared",
    "late": "unsure",
    "undated": "unsure",
    "none": "fail",
    "not_over": "none",
}
"""Never the look of a verdict that holds: a receipt in the pack is named, not confirmed."""
DAYS_SHOWN = 62
"""Two months have a row for every day; of longer windows, days in a row that stand alike share one."""
TIME_CHARACTERS = len("MM-DD HH:MM")


def section(report: Report, say: Phrases) -> Section:
    """Return the section; a report without anchors says why it cannot tell."""
    found = report.get("anchors")
    blocks: list[Block] = [Text(say("anchors_lead"), "quiet")]
    if found is None:
        blocks.append(Text(say("anchors_unknown"), "unsure"))
        return Section("anchors", say("section_anchors"), tuple(blocks))
    blocks += [
        Facts(
            ((say("anchors_rules"), rules(report, say)), (say("anchors_days"), _counts(found["days"], say)))
        ),
        _table(found["days"], report["timezone"], say),
    ]
    return Section("anchors", say("section_anchors"), tuple(blocks))


def rules(report: Report, say: Phrases) -> Cell:
    """Return what the pack holds from before the window, for the first page and the section."""
    found = report.get("anchors")
    if found is None:
        return Cell(say("anchors_rules_unknown"), "quiet")
    state = found["rules"]["state"]
    if state != "before":
        return Cell(say.known("anchors_rules", state), sub=say("anchors_incomplete"))
    first = min(found["rules"]["receipts"], key=lambda receipt: receipt["logged_ms"])
    kinds = sorted({receipt["kind"] for receipt in found["rules"]["receipts"]}, key=KINDS.index)
    text = say(
        "anchors_rules_before",
        kinds=say("joiner").join(say.known("anchor", kind) for kind in kinds),
        time=display.local_time(first["logged_ms"], report["timezone"]),
    )
    return Cell(text, sub=say("anchors_to_confirm"))


def _counts(days: Sequence[Entry], say: Phrases) -> Cell:
    states = [day["state"] for day in days]
    parts = [
        say("anchors_count", state=say.known("anchors_state", state), count=states.count(state))
        for state in TONES
        if state in states
    ]
    return Cell(say("anchors_between").join(parts))


def _table(days: Sequence[Entry], zone: str, say: Phrases) -> Table:
    columns = (
        Column(say("day"), share=4),
        Column(say("anchors_size"), "right", 3),
        *(Column(say.known("anchor", kind), share=4) for kind in KINDS),
        Column(say("anchors_standing"), share=5),
    )
    runs = _runs(days) if len(days) > DAYS_SHOWN else [(day,) for day in days]
    return Table(columns, tuple(_row(run, zone, say) for run in runs))


def _runs(days: Sequence[Entry]) -> Iterator[tuple[Entry, ...]]:
    """Yield days in a row that stand alike, with receipts of the same kinds."""
    run: list[Entry] = []
    for day in days:
        if run and _likeness(day) != _likeness(run[-1]):
            yield tuple(run)
            run = []
        run.append(day)
    if run:
        yield tuple(run)


def _likeness(day: Entry) -> tuple[str, frozenset[str]]:
    return day["state"], frozenset(receipt["kind"] for receipt in day["receipts"])


def _row(run: Sequence[Entry], zone: str, say: Phrases) -> tuple[Cell, ...]:
    first, last = run[0], run[-1]
    many = len(run) > 1
    day = Cell(first["day"], sub=say("anchors_until", day=last["day"], count=len(run)) if many else "")
    size = Cell("–", "quiet") if last["size"] is None else Cell(f"{last['size']:,}")
    state = Cell(say.known("anchors_state", first["state"]), TONES.get(first["state"], "unsure"))
    return (day, size, *(_kind(kind, run, zone, say) for kind in KINDS), state)


def _kind(kind: str, run: Sequence[Entry], zone: str, say: Phrases) -> Cell:
    found = [receipt for day in run for receipt in day["receipts"] if receipt["kind"] == kind]
    if not found:
        return Cell("–", "quiet")
    times = [receipt["logged_ms"] for receipt in found if receipt["logged_ms"] is not None]
    if len(run) > 1 or not times:
        return Cell(say("anchors_held"))
    text = display.local_time(min(times), zone) or ""
    return Cell(text[len("YYYY-") :][:TIME_CHARACTERS])
