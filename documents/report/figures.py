"""The figures: all at a glance, then each with its threshold, coverage, days, months and hosts."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from decimal import Decimal
from typing import Any

from documents import display
from documents.charts import daily_charts, picture
from documents.report import money, users
from documents.report.blocks import (
    Bar,
    Block,
    Cell,
    Column,
    Facts,
    Mark,
    Measure,
    Part,
    Picture,
    Points,
    Section,
    Subhead,
    Table,
    Text,
)
from documents.report.phrases import Phrases

Report = Mapping[str, Any]
CLASSES = ("observed", "bridged", "downtime", "excluded", "missing")
"""How time divides, in the order of the bar."""
HOSTS_SHOWN = 200
"""Hosts in a table or calendar at most; the figures file has all of them."""
BITS_PER_MBIT = Decimal(1_000_000)


def overview(report: Report, say: Phrases) -> Section:
    """Return the table of all figures."""
    stars = report["verdict"]["stars"]
    columns = (
        Column(say("figure"), share=8),
        Column(say("value"), "right", 5),
        Column(say("interval"), "right", 5),
        Column(say("coverage"), "right", 3),
        *(Column(say.of(star, "name"), "center", 4) for star in stars),
    )
    rows = tuple(_overview_row(report, indicator, say) for indicator in report["figures"]["indicators"])
    notes = tuple(_note(note, say) for note in report["figures"]["notes"])
    blocks: tuple[Block, ...] = (Text(say("overview_lead"), "quiet"), Table(columns, rows))
    if notes:
        blocks = (*blocks, Subhead(say("notes")), Points(notes))
    return Section("overview", say("section_overview"), blocks, keep=True)


def sections(report: Report, say: Phrases) -> list[Section]:
    """Return a section for every figure, in the order of the guide."""
    return [_section(report, indicator, say) for indicator in report["figures"]["indicators"]]


def least_covered(
    hosts: Sequence[Mapping[str, Any]], shares: Sequence[str | None]
) -> list[Mapping[str, Any]]:
    """Return the hosts to show: all in their order, or the least covered where there are too many."""
    if len(hosts) <= HOSTS_SHOWN:
        return list(hosts)
    ranked = sorted(
        range(len(hosts)),
        key=lambda index: Decimal(-1) if shares[index] is None else Decimal(str(shares[index])),
    )
    return [hosts[index] for index in sorted(ranked[:HOSTS_SHOWN])]


def _overview_row(report: Report, indicator: Mapping[str, Any], say: Phrases) -> tuple[Cell, ...]:
    declared = _declared(report, indicator)
    if declared is None:
        value = say.value(indicator["value"], indicator["unit"])
        covered = say.share(indicator["coverage"]["share"])
        measured = (
            say.interval(indicator),
            Cell(say("from_ledger"), "quiet") if money.of_ledger(indicator) else covered,
        )
    else:
        value = Cell(
            say.amount(display.written(declared) or "", indicator["unit"]), sub=say("declared_value")
        )
        measured = (Cell(say("not_measured"), "quiet"), Cell(say("not_measured"), "quiet"))
    verdicts = (mark.verdict for mark in _marks(report, indicator, say))
    return (Cell(say.of(indicator, "name")), value, *measured, *verdicts)


def _section(report: Report, indicator: Mapping[str, Any], say: Phrases) -> Section:
    blocks: list[Block] = [_measure(report, indicator, say), _facts(report, indicator, say)]
    blocks += money.blocks(indicator, say)
    blocks += users.blocks(indicator, say)
    if indicator["hosts"]:
        blocks += [Subhead(say("class_title")), coverage_bar(indicator["coverage"], say)]
    blocks += _series(report, indicator, say)
    blocks += _months(report, indicator, say)
    blocks += _hosts(indicator, say)
    if indicator["notes"]:
        blocks += [Subhead(say("notes")), Points(tuple(_note(note, say) for note in indicator["notes"]))]
    return Section(
        f"figure-{indicator['id']}",
        say.of(indicator, "name"),
        tuple(blocks),
        keep=not indicator["hosts"],
        together=_opening(blocks),
    )


def _opening(blocks: Sequence[Block]) -> int:
    """Return how many blocks go up to the first chart: number, definition and chart are read together."""
    charts = [index for index, block in enumerate(blocks) if isinstance(block, Picture)]
    return charts[0] + 1 if charts else 0


def _criterion(report: Report, indicator: Mapping[str, Any]) -> Mapping[str, Any] | None:
    for entry in report["verdict"]["criteria"]:
        if entry["kind"] == "figure" and entry["id"] == indicator["id"]:
            return entry  # type: ignore[no-any-return]
    return None


def _declared(report: Report, indicator: Mapping[str, Any]) -> str | None:
    """Return the declared value of a figure that was not measured."""
    entry = _criterion(report, indicator)
    return entry["got"] if entry is not None and indicator["value"] is None else None


def _marks(report: Report, indicator: Mapping[str, Any], say: Phrases) -> list[Mark]:
    """Return threshold and verdict for every star: the verdict's, which knows declared values."""
    entry = _criterion(report, indicator)
    found = []
    for star in report["verdict"]["stars"]:
        id_ = star["id"]
        needed = indicator["thresholds"].get(id_)
        limit = say("threshold_none") if needed is None else say("threshold", needed=display.written(needed))
        answer = entry["answers"].get(id_) if entry is not None else None
        if answer is None:
            verdict = say.verdict(indicator["verdicts"].get(id_, "INCONCLUSIVE"), sub=limit)
        else:
            below = "" if answer["reason"] == "EDITION_UNKNOWN" else limit
            verdict = say.verdict(answer["verdict"], reason=answer["reason"], sub=below)
        found.append(Mark(say.of(star, "name"), verdict))
    return found


def _measure(report: Report, indicator: Mapping[str, Any], say: Phrases) -> Measure:
    declared = _declared(report, indicator)
    value = say.value(indicator["value"]).text if declared is None else str(display.written(declared))
    interval = ""
    if indicator["value"] is not None and indicator["low"] is not None:
        low = say.value(indicator["low"]).text
        if indicator["high"] is None:
            interval = say("interval_open", low=low)
        elif display.same(indicator["low"], indicator["high"]):
            interval = say("interval_one", low=low)
        else:
            interval = say("interval_of", low=low, high=say.high(indicator["high"]).text)
    return Measure(
        value=value,
        unit="" if indicator["value"] is None and declared is None else say.unit(indicator["unit"]),
        interval=interval,
        remark="" if declared is None else say("declared_value"),
        marks=tuple(_marks(report, indicator, say)),
    )


def _facts(report: Report, indicator: Mapping[str, Any], say: Phrases) -> Facts:
    words = [entry for entry in report["definitions"] if entry["id"] == indicator["definition"]]
    in_words = say.of(words[0]) if words else ""
    pairs = [
        (
            say("definition"),
            Cell(in_words or display.legible(indicator["definition"]), sub=indicator["definition"]),
        ),
        (say("aggregation"), Cell(_aggregation(indicator, say))),
    ]
    if indicator["months"] > 1:
        combine = f"combine_{indicator['combine']}"
        pairs.append((say("combine"), Cell(say(combine, months=indicator["months"]))))
    if indicator["running"] is not None:
        pairs.append((say("running"), say.value(indicator["running"], indicator["unit"])))
    if indicator["steal"] is not None:
        pairs.append((say("steal"), say.value(indicator["steal"], "%")))
    if indicator["suspect_s"]:
        pairs.append((say("suspect"), Cell(say.span(indicator["suspect_s"]))))
    pairs += [_beside(other, indicator["unit"], say) for other in indicator.get("beside", ())]
    return Facts(tuple(pairs))


def _beside(other: Mapping[str, Any], unit: str, say: Phrases) -> tuple[str, Cell]:
    """Return the same figure under another definition: shown, and decides nothing."""
    about = say("beside_about", text=say.of(other), share=say.share(other["share"]).text)
    value, low = say.value(other["value"], unit).text, say.interval(other).text
    text = say("beside_value", definition=other["definition"], value=value, interval=low)
    return say("beside"), Cell(text, sub=about)


def _aggregation(indicator: Mapping[str, Any], say: Phrases) -> str:
    if money.of_ledger(indicator):
        return say("from_ledger")
    if users.of_accounts(indicator):
        return say("from_accounts")
    return say.known("aggregation", indicator["aggregation"])


def coverage_bar(coverage: Mapping[str, Any], say: Phrases) -> Bar:
    """Return how time divides; the parts add up to the window times the hosts."""
    whole = sum(coverage[f"{name}_s"] for name in CLASSES)
    return Bar(
        tuple(
            Part(
                name,
                display.permille(coverage[f"{name}_s"], whole),
                say(name),
                say.span(coverage[f"{name}_s"]),
            )
            for name in CLASSES
        )
    )


def _series(report: Report, indicator: Mapping[str, Any], say: Phrases) -> list[Block]:
    """Return the chart and the lowest days, where there is at least one value."""
    found = [entry for entry in report["series"] if entry["indicator"] == indicator["id"]]
    if not found or all(day["value"] is None for day in found[0]["days"]):
        return []
    series = found[0]
    alt = say("chart_alt", name=say.of(indicator, "name"))
    specs = daily_charts(series, indicator, stars=report["verdict"]["stars"], language=say.language)
    pictures = [Picture(picture(spec, label=alt), alt) for spec in specs]
    if not series["worst"]:
        return list(pictures)
    days = {day["day"]: day for day in series["days"]}
    rows = tuple(_day_row(days[day], indicator["unit"], say) for day in series["worst"] if day in days)
    columns = (
        Column(say("day"), share=2),
        Column(say("value"), "right", 2),
        Column(say("interval"), "right", 3),
        Column(say("coverage"), "right", 2),
    )
    return [*pictures, Subhead(say("worst")), Table(columns, rows)]


def _day_row(day: Mapping[str, Any], unit: str, say: Phrases) -> tuple[Cell, ...]:
    return (Cell(day["day"]), say.value(day["value"], unit), say.interval(day), say.share(day["share"]))


def _months(report: Report, indicator: Mapping[str, Any], say: Phrases) -> list[Block]:
    """Return the table of months, where a month says more than the window or is not the window."""
    months = indicator["by_month"]
    if len(months) < 2 or all(month["value"] is None for month in months):  # noqa: PLR2004 - one is the window
        return []
    stars = report["verdict"]["stars"]
    columns = (
        Column(say("month"), share=2),
        Column(say("value"), "right", 3),
        Column(say("interval"), "right", 3),
        Column(say("coverage"), "right", 2),
        *(Column(say.of(star, "name"), "center", 2) for star in stars),
    )
    rows = tuple(
        (
            Cell(month["month"]),
            say.value(month["value"], indicator["unit"]),
            say.interval(month),
            say.share(month["share"]),
            *(say.verdict(month["verdicts"].get(star["id"], "INCONCLUSIVE")) for star in stars),
        )
        for month in months
    )
    return [Subhead(say("by_month")), Table(columns, rows)]


def _hosts(indicator: Mapping[str, Any], say: Phrases) -> list[Block]:
    hosts = indicator["hosts"]
    if not hosts:
        return []
    shown = least_covered(hosts, [host["coverage"]["share"] for host in hosts])
    capacity = any(host["capacity_bps"] is not None for host in hosts)
    columns = [
        Column(say("host"), share=4),
        Column(say("value"), "right", 3),
        Column(say("interval"), "right", 4),
        Column(say("coverage"), "right", 3),
        Column(say("missing"), "right", 4),
        Column(say("source"), share=2),
    ]
    if capacity:
        columns.append(Column(say("capacity"), "right", 3))
    rows = tuple(_host_row(host, indicator["unit"], say, capacity=capacity) for host in shown)
    blocks: list[Block] = [Subhead(say("by_host")), Table(tuple(columns), rows)]
    if len(shown) < len(hosts):
        blocks.append(Text(say("hosts_cut", shown=len(shown), all=len(hosts)), "quiet"))
    return blocks


def _host_row(host: Mapping[str, Any], unit: str, say: Phrases, *, capacity: bool) -> tuple[Cell, ...]:
    row = (
        say.name(host["host"]),
        say.value(host["value"], unit),
        say.interval(host),
        say.share(host["coverage"]["share"]),
        Cell(say.span(host["coverage"]["missing_s"])),
        say.text(host["source"]),
    )
    return (*row, _capacity(host["capacity_bps"], say)) if capacity else row


def _capacity(bps: str | None, say: Phrases) -> Cell:
    return say.value(None if bps is None else f"{Decimal(bps) / BITS_PER_MBIT:f}", "Mbit/s")


def _note(note: Mapping[str, Any], say: Phrases) -> str:
    """Return a note with the hosts and days it is about."""
    about = [
        f"{host['host']} ({say.joined(host['days'])})" if host["days"] else host["host"]
        for host in note["hosts"]
    ]
    text = say.of(note)
    return f"{text} {say('about_hosts', hosts=say('joiner').join(about))}" if about else text
