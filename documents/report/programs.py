"""Which programs, with which code, sealed the chunks, and where one was replaced in between."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from documents import display
from documents.report.blocks import Block, Cell, Column, Points, Subhead, Table, Text
from documents.report.phrases import Phrases

Report = Mapping[str, Any]
Name = tuple[str, str]
CHANGES_SHOWN = 60
"""Replaced programs that are listed; report.json holds all."""
CODE_DIGITS = 16
"""Of a hash in a sentence; the table above it shows it whole."""


def blocks(report: Report, say: Phrases) -> list[Block]:
    """Return one row for every program with its code, then every source whose program changed."""
    found = _by_name(report)
    if not found:
        return []
    columns = (
        Column(say("software"), share=5),
        Column(say("code"), share=9),
        Column(say("host"), "right", 2),
        Column(say("chunks"), "right", 3),
        Column(say("since"), share=4),
    )
    shown: list[Block] = [
        Subhead(say("programs")),
        Text(say("programs_lead"), "quiet"),
        Table(columns, tuple(_row(name, entries, report, say) for name, entries in sorted(found.items()))),
    ]
    changes = list(_changes(report, say))
    if len(changes) > CHANGES_SHOWN:
        changes = [
            *changes[:CHANGES_SHOWN],
            say("programs_more", count=len(changes) - CHANGES_SHOWN),
        ]
    return [*shown, Points(tuple(changes))] if changes else shown


def _by_name(report: Report) -> dict[Name, list[tuple[str, Mapping[str, Any]]]]:
    """Return by version and code (empty: not known) the hosts with what they say of it."""
    found: dict[Name, list[tuple[str, Mapping[str, Any]]]] = {}
    for host in report["hosts"]:
        for program in host["programs"]:
            name = program["software"], program["code"] or ""
            found.setdefault(name, []).append((host["host"], program))
    return found


def _row(
    name: Name, entries: list[tuple[str, Mapping[str, Any]]], report: Report, say: Phrases
) -> tuple[Cell, ...]:
    software, code = name
    return (
        say.text(software),
        say.hash(code) if code else Cell(say("code_unknown"), "unsure"),
        Cell(str(len({host for host, _ in entries}))),
        Cell(f"{sum(program['chunks'] for _, program in entries):,}"),
        Cell(_time(min(program["first_ms"] for _, program in entries), report)),
    )


def _changes(report: Report, say: Phrases) -> Iterator[str]:
    for host in report["hosts"]:
        for program in host["programs"]:
            if program["changed"] == "yes":
                yield say(
                    "program_changed",
                    host=host["host"],
                    source=program["source"],
                    software=program["software"],
                    code=(program["code"] or "")[:CODE_DIGITS] or say("code_unknown"),
                    first=_time(program["first_ms"], report),
                    last=_time(program["last_ms"], report),
                )


def _time(instant_ms: int, report: Report) -> str:
    return display.local_time(instant_ms, report["timezone"]) or ""
