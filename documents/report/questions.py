"""What a reviewer should ask: apart from figures and verdict, with how often honest machines give rise to it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from documents import display
from documents.display import Rounding
from documents.report.blocks import Block, Cell, Column, Section, Subhead, Table, Text
from documents.report.phrases import Phrases

Report = Mapping[str, Any]
SHOWN = 60
"""Questions in the table at most."""
HOSTS_SHOWN = 60
"""Hosts whose units are listed at most."""
UNITS_SHOWN = 3
FEW = 5
"""Rows up to which a table is not divided between two pages; then the heading must go with it."""


def section(report: Report, say: Phrases) -> Section | None:
    """Return the section, ``None`` for a report from before there were questions."""
    found = report.get("questions")
    if found is None:
        return None
    made: list[Block] = [Text(say("questions_lead"), "quiet")]
    if found["asked"]:
        shown = found["asked"][:SHOWN]
        if len(shown) < found["count"]:
            made.append(Text(say("questions_cut", shown=len(shown), all=found["count"])))
        by_id = {definition["id"]: definition for definition in found["definitions"]}
        made.append(_asked(shown, by_id, report["timezone"], say))
    else:
        made.append(Text(say("questions_none")))
    made += [Subhead(say("questions_tests")), Text(say("questions_tests_lead"), "quiet"), _tests(found, say)]
    if found["units"]:
        made += [Subhead(say("units")), Text(say("units_lead"), "quiet"), _units(found["units"], say)]
    together = 2 if len(found["asked"]) <= FEW else 0
    return Section("questions", say("section_questions"), tuple(made), together=together)


def _asked(
    questions: list[Mapping[str, Any]], by_id: Mapping[str, Mapping[str, Any]], zone: str, say: Phrases
) -> Table:
    columns = (
        Column(say("host"), share=3),
        Column(say("question_found"), share=6),
        Column(say("question_where"), share=4),
        Column(say("question_ask"), share=6),
    )
    return Table(
        columns, tuple(_row(question, by_id[question["definition"]], zone, say) for question in questions)
    )


def _row(
    question: Mapping[str, Any], definition: Mapping[str, Any], zone: str, say: Phrases
) -> tuple[Cell, ...]:
    about = say.known("metric", question["about"]) if question["about"] else ""
    values = " · ".join(
        say(f"question_{name}", value=display.number(text, rounding=Rounding.DOWN, places=2))
        for name, text in question["values"].items()
    )
    first = question["start_ms"]
    where = say("question_window") if first is None else display.local_time(first, zone) or ""
    until = "" if question["end_ms"] is None else display.local_time(question["end_ms"], zone)
    return (
        Cell(display.legible(question["host"]), mono=True, sub=display.legible(question["source"])),
        Cell(say.of(definition), sub=" · ".join(part for part in (about, values) if part)),
        Cell(
            where,
            sub=" · ".join(part for part in (until, say("question_times", count=question["count"])) if part),
        ),
        Cell(say.of(definition, "ask"), sub=say("question_innocent", reasons=say.of(definition, "innocent"))),
    )


def _tests(found: Mapping[str, Any], say: Phrases) -> Table:
    columns = (
        Column(say("question"), share=7),
        Column(say("tests_made"), "right", 2),
        Column(say("tests_asked"), "right", 2),
        Column(say("tests_expected"), "right", 3),
        Column(say("tests_rates"), share=7),
    )
    rows = []
    for definition in found["definitions"]:
        expected = definition["expected"]
        rates = [
            say("rate", data=say.known("data", rate["data"]), asked=rate["asked"], of=f"{rate['of']:,}")
            for rate in definition["rates"]
        ]
        rows.append(
            (
                Cell(say.of(definition), sub=definition["id"]),
                Cell(f"{definition['tested']:,}"),
                Cell(f"{definition['asked']:,}", "unsure" if definition["asked"] else ""),
                Cell(say("unmeasured"), "quiet")
                if expected is None
                else Cell(display.number(expected, rounding=Rounding.UP, places=2) or ""),
                Cell(say("joiner").join(rates)) if rates else Cell(say("unmeasured"), "quiet"),
            )
        )
    return Table(columns, tuple(rows))


def _units(hosts: list[Mapping[str, Any]], say: Phrases) -> Table:
    columns = (
        Column(say("host"), share=4),
        Column(say("units"), share=9),
        Column(say("units_busy"), "right", 3),
        Column(say("units_unnamed"), "right", 3),
    )
    return Table(
        columns,
        tuple(
            (
                say.name(entry["host"]),
                Cell(
                    say("joiner").join(
                        f"{display.legible(unit['name'])} {_percent(unit['share'])}"
                        for unit in entry["units"][:UNITS_SHOWN]
                    )
                ),
                Cell(say.span(entry["busy_s"])),
                Cell(_percent(entry["unnamed"])),
            )
            for entry in hosts[:HOSTS_SHOWN]
        ),
    )


def _percent(text: str) -> str:
    return f"{display.number(text, rounding=Rounding.DOWN, places=1)} %"
