"""What was declared: exclusions, the scope with its versions, the profile with its documents."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from documents import display
from documents.report.blocks import Block, Cell, Column, Facts, Section, Subhead, Table, Text
from documents.report.cover import star_name
from documents.report.phrases import Phrases

Report = Mapping[str, Any]
APPLICANT_FIELDS = (
    "name",
    "unit_nature",
    "registered_address",
    "registration_number",
    "legal_representative",
    "website",
)
PROFILE_FIELDS = ("region", "cloud_partner", "cloud_start", "industry", "planned_evaluation", "filled_on")
CONTACT_FIELDS = ("name", "title", "office_phone", "mobile", "fax", "email")


def exclusions(report: Report, say: Phrases) -> Section:
    """Return the excluded days with reason and person."""
    columns = (Column(say("days"), share=4), Column(say("reason"), share=7), Column(say("person"), share=3))
    rows = tuple(
        (_days(entry), say.text(entry["reason"]), say.text(entry["person"])) for entry in report["exclusions"]
    )
    block: Block = Table(columns, rows) if rows else Text(say("exclusions_none"))
    return Section("exclusions", say("section_exclusions"), (block,))


def scope(report: Report, say: Phrases) -> Section:
    """Return what was declared before the window, its versions and how they differ."""
    declared = report["scope"]
    title = say("section_scope")
    if declared is None:
        return Section("scope", title, (Text(say("scope_none"), "unsure"),))
    blocks: list[Block] = [_scope_facts(report, say), Subhead(say("versions"))]
    blocks.append(_versions(report, say) if declared["versions"] else Text(say("versions_none"), "unsure"))
    if declared["hosts"]:
        blocks += [Subhead(say("scope_hosts")), _scope_hosts(declared, say)]
    return Section("scope", title, tuple(blocks))


def profile(report: Report, say: Phrases) -> Section:
    """Return what the enterprise declares, with the hashes of its documents."""
    given = report["profile"]
    title = say("section_profile")
    if given is None:
        return Section("profile", title, (Text(say("profile_none"), "unsure"),))
    blocks: list[Block] = [_applicant(report, say)]
    for name in ("scope_summary", "performance_summary"):
        if given[name]:
            blocks += [Subhead(say(name)), Text(display.legible(given[name]))]
    if given["rows"]:
        blocks += [Subhead(say("declared_rows")), _rows(given, say)]
    if given["figures"]:
        blocks += [Subhead(say("declared_figures")), _figures(report, say)]
    if given["documents"]:
        blocks += [Subhead(say("documents")), _documents(given, say)]
    return Section("profile", title, tuple(blocks))


def _days(entry: Mapping[str, Any]) -> Cell:
    return Cell(entry["from"] if entry["from"] == entry["to"] else f"{entry['from']} – {entry['to']}")


def _scope_facts(report: Report, say: Phrases) -> Facts:
    declared = report["scope"]
    counts = declared["head_counts"]
    shown = {
        name: say("unknown") if counts.get(name) is None else counts[name]
        for name in ("total", "cloud_users")
    }
    rules = [f"{name}: {rule}" for name, rule in sorted(declared["substitution"].items())]
    return Facts(
        (
            (say("scope_version"), say.text(_optional(declared["version"]))),
            (
                say("scope_declared"),
                say.text(display.local_time(declared["declared_ms"], report["timezone"])),
            ),
            (say("scope_before"), _before(declared, say)),
            (say("scope_head_counts"), Cell(say("head_counts", **shown))),
            (say("substitution"), Cell(say.joined(rules))),
            (say("sha256"), say.hash(declared["sha256"])),
        )
    )


def _before(declared: Mapping[str, Any], say: Phrases) -> Cell:
    early = declared["declared_before_window"] == "yes"
    return Cell(say("yes"), "pass") if early else Cell(say("no"), "unsure")


def _optional(number: int | None) -> str | None:
    return None if number is None else str(number)


def _versions(report: Report, say: Phrases) -> Table:
    columns = (
        Column(say("scope_version"), "right", 2),
        Column(say("scope_declared"), share=4),
        Column(say("difference"), share=7),
        Column(say("sha256"), share=5),
    )
    rows = tuple(
        (
            Cell(str(version["version"])),
            say.text(display.local_time(version["declared_ms"], report["timezone"])),
            _difference(version, index, say),
            say.hash(version["sha256"]),
        )
        for index, version in enumerate(report["scope"]["versions"])
    )
    return Table(columns, rows)


def _difference(version: Mapping[str, Any], index: int, say: Phrases) -> Cell:
    if not version["differences"]:
        return Cell(say("version_first" if index == 0 else "version_same"), "quiet")
    lines = [
        say(
            "difference_of",
            place=entry["place"],
            before=say("none") if entry["before"] is None else entry["before"],
            after=say("none") if entry["after"] is None else entry["after"],
        )
        for entry in version["differences"]
    ]
    return Cell("\n".join(lines))


def _scope_hosts(declared: Mapping[str, Any], say: Phrases) -> Table:
    columns = (
        Column(say("host"), share=4),
        Column(say("sources"), share=3),
        Column(say("capacity"), share=6),
        Column(say("iops_limit"), "right", 4),
    )
    rows = tuple(
        (
            say.name(host["host"]),
            Cell(say.joined(host["sources"])) if host["sources"] else Cell(say("sources_usual"), "quiet"),
            Cell("\n".join(_capacity(entry, say) for entry in host["capacity"]))
            if host["capacity"]
            else say.text(None),
            say.text(display.written(host["iops_limit"])),
        )
        for host in declared["hosts"]
    )
    return Table(columns, rows)


def _capacity(entry: Mapping[str, Any], say: Phrases) -> str:
    return f"{say.value(entry['mbps'], 'Mbit/s').text} ({say('from')} {entry['from']})"


def _applicant(report: Report, say: Phrases) -> Facts:
    given = report["profile"]
    applicant = given["applicant"]
    contact = [applicant["contact"][name] for name in CONTACT_FIELDS if applicant["contact"][name]]
    pairs = [(say(f"field_{name}"), say.text(applicant[name])) for name in APPLICANT_FIELDS]
    pairs += [
        (say("field_contact"), Cell(say.joined(contact))),
        (say("field_total"), say.text(_optional(applicant["total"]))),
        (say("field_cloud_users"), say.text(_optional(applicant["cloud_users"]))),
        (say("field_star"), Cell(star_name(report["verdict"], given["star"], say))),
        (say("field_cloud_form"), Cell(say.known("form", given["cloud_form"]))),
        (say("field_it_service"), Cell(say("yes" if given["it_service"] == "yes" else "no"))),
    ]
    pairs += [(say(f"field_{name}"), say.text(given[name])) for name in PROFILE_FIELDS]
    return Facts((*pairs, (say("sha256"), say.hash(given["sha256"]))))


def _rows(given: Mapping[str, Any], say: Phrases) -> Table:
    columns = (
        Column(say("row"), share=4),
        Column(say("row_text"), share=5),
        Column(say("documents"), share=5),
    )
    rows = tuple(
        (say.text(row["label_zh"]), say.text(row["text"]), Cell(say.joined(row["documents"])))
        for row in given["rows"]
    )
    return Table(columns, rows)


def _figures(report: Report, say: Phrases) -> Table:
    indicators = {entry["id"]: entry for entry in report["figures"]["indicators"]}
    columns = (
        Column(say("figure"), share=4),
        Column(say("value"), "right", 3),
        Column(say("basis"), share=5),
        Column(say("documents"), share=3),
    )
    rows = []
    for entry in report["profile"]["figures"]:
        indicator = indicators.get(entry["id"])
        name = say.of(indicator, "name") if indicator else display.legible(entry["id"])
        value = say.amount(display.written(entry["value"]) or "", indicator["unit"] if indicator else "")
        rows.append((Cell(name), Cell(value), say.text(entry["basis"]), Cell(say.joined(entry["documents"]))))
    return Table(columns, tuple(rows))


def _documents(given: Mapping[str, Any], say: Phrases) -> Table:
    columns = (Column(say("document"), share=4), Column(say("file"), share=5), Column(say("sha256"), share=7))
    rows = tuple(
        (
            Cell(display.legible(entry["title"]), sub=entry["id"]),
            say.name(entry["file"]),
            say.hash(entry["sha256"]),
        )
        for entry in given["documents"]
    )
    return Table(columns, rows)
