"""Which anchors exist for which days, for people."""

from __future__ import annotations

from datetime import UTC, date, tzinfo

from rich.console import Console
from rich.markup import escape
from rich.table import Table

from starproof.tables import printable
from verifier.anchors.interface import CONFIRMED, Anchor, AnchoredDay, AnchorReport
from verifier.instants import legible, to_the_minute, to_the_second

KINDS = {
    "mail": "邮件 mail",
    "rfc3161": "时间戳 time stamp",
    "print": "记录簿 log book",
    "object": "对象 object",
}
STATES = {"confirmed": "已证实 confirmed", "named": "仅列名 named, not confirmed", "refused": "不符 refused"}


def print_anchors(report: AnchorReport, out: Console, *, zone: tzinfo = UTC) -> None:
    """Print one row for every day, then what did not confirm and why; times in ``zone``."""
    table = Table(title=f"外部锚定 anchors, {zone}", title_justify="left")
    for heading in ("日期 day", "证实于 confirmed", "凭证 by", "数据块 chunks in time", "不早于 made after"):
        table.add_column(heading)
    for day in report.days:
        table.add_row(*_row(day, zone))
    if report.days:
        out.print(table)
    fixed = report.rules_fixed_ms
    rules = (
        f"统计期前已确定 {to_the_second(fixed, zone)}"
        if fixed is not None
        else "[yellow]未证实在统计期前确定 not confirmed before[/]"
    )
    out.print(f"申报范围与日志密钥 scope and log key before the window: {rules}", soft_wrap=True)
    for anchor in report.anchors:
        if anchor.state != CONFIRMED:
            out.print(_line(anchor, zone), soft_wrap=True)


def _row(day: AnchoredDay, zone: tzinfo) -> tuple[str, ...]:
    kinds = ", ".join(KINDS[kind] for kind in day.by)
    if day.confirmed_ms is None:
        named = ", ".join(KINDS[kind] for kind in day.named) or "–"
        return (
            _day(day),
            "[yellow]未证实 not confirmed[/]",
            f"仅列名 only named: {named}",
            _chunks(day),
            to_the_minute(day.made_after_ms, zone),
        )
    whole = day.chunks_in_time == day.chunks
    late = "" if day.on_time or not whole else " [yellow]迟 late[/]"
    return (
        _day(day),
        to_the_minute(day.confirmed_ms, zone) + late,
        kinds,
        _chunks(day) + ("" if whole else f" [yellow]{_rest(day, zone)}[/]"),
        to_the_minute(day.made_after_ms, zone),
    )


def _chunks(day: AnchoredDay) -> str:
    """Return how many chunks were outside in time; of a day without any there is nothing to count."""
    bridged = " [yellow]跨越一天以上 readings more than a day apart[/]" if day.bridged else ""
    return (f"{day.chunks_in_time}/{day.chunks}" if day.chunks else "– 无数据块 no chunk") + bridged


def _rest(day: AnchoredDay, zone: tzinfo) -> str:
    """Return since when all chunks of a day are outside of which some came late."""
    if day.whole_ms is None:
        return "其余未证实 others not confirmed"
    return f"其余 others {to_the_minute(day.whole_ms, zone)}"


def _line(anchor: Anchor, zone: tzinfo) -> str:
    where = escape(printable(anchor.place))
    why = escape(printable(legible(anchor.why, zone)))
    return f"{KINDS[anchor.kind]} {anchor.size}: {STATES[anchor.state]} {where}; {why}"


def _day(day: AnchoredDay) -> str:
    return date.fromordinal(day.day).isoformat()
