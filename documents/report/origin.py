"""What the report rests on: the edition, the software and the hashes that a check compares."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from documents import display
from documents.report import programs
from documents.report.blocks import Block, Cell, Facts, Points, Section, Subhead, Text
from documents.report.phrases import Phrases

Report = Mapping[str, Any]
HASHES = ("figures", "verdict", "edition", "scope", "profile", "ledger", "day_sums")


def section(report: Report, say: Phrases, *, report_hash: str) -> Section:
    """Return edition, software and hashes."""
    edition = report["edition"]
    blocks: list[Block] = [Subhead(say("edition")), _edition(edition, say)]
    if edition["unknown"]:
        blocks += [
            Subhead(say("edition_unknown")),
            Points(tuple(say.of(entry) for entry in edition["unknown"])),
        ]
    blocks += [
        Subhead(say("software_title")),
        _software(report, say),
        *programs.blocks(report, say),
        Subhead(say("hashes")),
        Text(say("check_hint"), "quiet"),
        Facts(
            (
                *(
                    (say(f"hash_{name}"), say.hash(report["hashes"][name]))
                    for name in HASHES
                    if name in report["hashes"]
                ),
                (say("hash_report"), say.hash(report_hash)),
            )
        ),
    ]
    return Section("origin", say("section_origin"), tuple(blocks))


def _edition(edition: Mapping[str, Any], say: Phrases) -> Facts:
    return Facts(
        (
            (say("edition"), say.text(say.of(edition, "title"))),
            (say("edition_id"), say.name(edition["id"])),
            (say("edition_place"), say.text(edition["place"])),
            (say("edition_document"), say.text(edition["document"])),
            (say("edition_source"), say.text(edition["source"])),
            (say("edition_date"), say.text(edition["date"])),
            (say("edition_applies_to"), say.text(say.of(edition, "applies_to"))),
            (say("edition_complete"), Cell(say("yes" if edition["complete"] == "yes" else "no"))),
            (say("sha256"), say.hash(edition["sha256"])),
        )
    )


def _software(report: Report, say: Phrases) -> Facts:
    agents = sorted({version for host in report["hosts"] for version in host["software"]})
    made = f"{display.local_time(report['made_ms'], report['timezone'])} ({report['timezone']})"
    return Facts(
        (
            (say("software_title"), say.text(report["software"])),
            (say("software"), Cell(say.joined(agents))),
            (say("made"), Cell(display.legible(made))),
        )
    )
