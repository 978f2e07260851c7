"""Which anchors exist for which days, for people."""

from __future__ import annotations

from datetime import UTC, date, datetime

from rich.console import Console
from rich.markup import escape
from rich.table import Table

from starproof.tables import printable
from verifier.anchors.interface import CONFIRMED, Anchor, AnchoredDay, AnchorReport

KINDS = {
    "mail": "邮件 mail",
    "rfc3161": "时间戳 time stamp",
    "print": "记录簿 log book",
    "object": "对象 object",
}
STATES = {"confirmed": "已证实 confirmed", "named": "仅列名 named, not confirmed", "refused": "不符 refused"}
MS_PER_S = 1000


def print_anchors(report: AnchorReport, out: Console) -> None:
    """Print one row for every day, then what did not confirm and why."""
    table = Table(title="外部锚定 anchors, UTC", title_justify="left")
    for heading in ("日期 day", "证实于 confirmed", "凭证 by", "不早于 made after"):
        table.add_column(heading)
    for day in report.days:
        table.add_row(*_row(day))
    if report.days:
        out.print(table)
    fixed = report.rules_fixed_ms
    rules = (
        f"统计期前已确定 {_utc(fixed)}"
        if fixed is not None
        else "[yellow]未证实在统计期前确定 not confirmed before[/]"
    )
    out.print(f"申报范围与日志密钥 scope and log key before the window: {rules}", soft_wrap=True)
    for anchor in report.anchors:
        if anchor.state != CONFIRMED:
            out.print(_line(anchor), soft_wrap=True)


def _row(day: AnchoredDay) -> tuple[str, str, str, str]:
    kinds = ", ".join(KINDS[kind] for kind in day.by)
    if day.confirmed_ms is None:
        named = ", ".join(KINDS[kind] for kind in day.named) or "–"
        return (
            _day(day),
            "[yellow]未证实 not confirmed[/]",
            f"仅列名 only named: {named}",
            _utc(day.made_after_ms),
        )
    late = "" if day.on_time else " [yellow]迟 late[/]"
    return _day(day), _utc(day.confirmed_ms) + late, kinds, _utc(day.made_after_ms)


def _line(anchor: Anchor) -> str:
    where = escape(printable(anchor.place))
    return (
        f"{KINDS[anchor.kind]} {anchor.size}: {STATES[anchor.state]} {where}; {escape(printable(anchor.why))}"
    )


def _day(day: AnchoredDay) -> str:
    return date.fromordinal(day.day).isoformat()


def _utc(time_ms: int | None) -> str:
    return "–" if time_ms is None else f"{datetime.fromtimestamp(time_ms // MS_PER_S, UTC):%Y-%m-%d %H:%M}"
