"""The hosts: coverage of every day, where their data came from, restarts, gaps, clocks, capacities."""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal
from typing import Any

from documents import display
from documents.charts import coverage_calendars, picture
from documents.report import comparisons
from documents.report.blocks import Block, Cell, Column, Picture, Section, Subhead, Table, Text
from documents.report.figures import HOSTS_SHOWN, least_covered
from documents.report.phrases import Phrases

Report = Mapping[str, Any]
FLOWING_HOSTS = 8
"""Hosts up to which the calendar follows on; a larger one begins a page."""
GAPS_SHOWN = 60
"""Rows of the table of gaps at most, the longest."""


def calendar_section(report: Report, say: Phrases) -> Section:
    """Return the coverage calendar, in as many pictures as the hosts and months need."""
    calendar = report["calendar"]
    shown = least_covered(calendar, [_mean_share(host) for host in calendar])
    blocks: list[Block] = [Text(say("calendar_lead"), "quiet")]
    if len(shown) < len(calendar):
        blocks.append(Text(say("calendar_cut", shown=len(shown), all=len(calendar))))
    blocks += [
        Picture(picture(spec, label=say("calendar_alt")), say("calendar_alt"))
        for spec in coverage_calendars(shown, language=say.language)
    ]
    return Section("calendar", say("section_calendar"), tuple(blocks), turn=len(shown) > FLOWING_HOSTS)


def hosts_section(report: Report, say: Phrases) -> Section:
    """Return the table of hosts and the longest gaps."""
    hosts = report["hosts"]
    columns = (
        Column(say("host"), share=4),
        Column(say("sources"), share=3),
        Column(say("software"), share=3),
        Column(say("chunks"), "right", 4),
        Column(say("restarts"), "right", 3),
        Column(say("gaps"), "right", 4),
        Column(say("clock"), "right", 4),
        Column(say("capacity"), "right", 4),
    )
    blocks: list[Block] = [Table(columns, tuple(_row(host, say) for host in hosts))]
    blocks += comparisons.blocks(report, say)
    gaps = _gaps(report, say)
    if gaps:
        blocks += [Subhead(say("longest_gaps")), gaps]
    return Section("hosts", say("section_hosts"), tuple(blocks), turn=len(hosts) > HOSTS_SHOWN)


def _mean_share(host: Mapping[str, Any]) -> str | None:
    """Return a number that orders hosts by coverage: the sum of what was covered, days without none."""
    covered = [Decimal(day["share"]) for day in host["days"] if day["share"] is not None]
    return str(sum(covered, Decimal(0))) if covered else None


def _row(host: Mapping[str, Any], say: Phrases) -> tuple[Cell, ...]:
    if not host["chunks"] and not host["sources"]:
        silent = say.absent()
        return (say.name(host["host"]), *([silent] * 6), _capacity(host["capacity"], say))
    gaps = host["gaps"]
    return (
        say.name(host["host"]),
        Cell(say.joined(host["sources"])),
        Cell(say.joined(host["software"])),
        Cell(f"{host['chunks']:,}", sub=say("chunks_attested", attested=f"{host['attested']:,}")),
        Cell(str(host["restarts"])),
        Cell(
            say("gaps_of", count=gaps["count"], time=say.span(gaps["seconds"]))
            if gaps["count"]
            else say("none")
        ),
        _clock(host["clock"], say),
        _capacity(host["capacity"], say),
    )


def _clock(clock: Mapping[str, Any], say: Phrases) -> Cell:
    states = say.joined([say.known("clock_state", state) for state in clock["states"]])
    if clock["least_ms"] is None or clock["most_ms"] is None:
        offset = say("clock_unknown")
        return Cell(offset, "quiet", "" if states == offset else states)
    return Cell(f"{clock['least_ms']:,} – {clock['most_ms']:,} ms".replace("-", "−"), sub=states)


def _capacity(capacity: Mapping[str, Any], say: Phrases) -> Cell:
    origin = say.known("capacity", capacity["source"])
    if capacity["mbps"] is None:
        return Cell(origin, "quiet")
    return Cell(say.value(capacity["mbps"], "Mbit/s").text, sub=origin)


def _gaps(report: Report, say: Phrases) -> Table | None:
    """Return the longest gaps of all hosts, host by host."""
    found = [
        (gap["end_ms"] - gap["start_ms"], host["host"], gap)
        for host in report["hosts"]
        for gap in host["gaps"]["longest"]
    ]
    if not found:
        return None
    longest = sorted(found, key=lambda item: -item[0])[:GAPS_SHOWN]
    rows = tuple(
        (
            say.name(host),
            say.text(display.local_time(gap["start_ms"], report["timezone"])),
            say.text(display.local_time(gap["end_ms"], report["timezone"])),
            Cell(say.span(length_ms // 1000)),
        )
        for length_ms, host, gap in sorted(longest, key=lambda item: (item[1], item[2]["start_ms"]))
    )
    columns = (
        Column(say("host"), share=4),
        Column(say("from"), share=4),
        Column(say("to"), share=4),
        Column(say("length"), "right", 4),
    )
    return Table(columns, rows)
