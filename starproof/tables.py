"""Tables for people: figures and audit on a terminal, Chinese first, English second."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from datetime import UTC, tzinfo
from decimal import ROUND_CEILING, ROUND_FLOOR, Decimal
from typing import Any

from rich import box
from rich.console import Console
from rich.markup import escape
from rich.table import Table

from starproof.money_text import money_lines
from starproof.users_text import user_lines
from verifier.audit import AuditReport
from verifier.finding import CATALOGUE
from verifier.instants import legible
from verifier.steps import AUDIT_ONLY, step_of

MAX_HOST_ROWS = 20
MAX_RECORDED = 20
SAME = Decimal("1e-9")
"""Ends of an interval that differ only by the rounding of their digits are shown as one number."""
MAX_DAYS = 3
"""Days of a host that a note names on a terminal."""
MAX_FINDINGS_A_CODE = 3
"""On a terminal; JSON holds all."""
VERDICTS = {
    "PASS": "[green]达标 PASS[/]",
    "FAIL": "[red]不达标 FAIL[/]",
    "INCONCLUSIVE": "[yellow]无法判定 INCONCLUSIVE[/]",
    "NO_DATA": "[dim]无数据 NO_DATA[/]",
}


def print_figures(document: Mapping[str, Any], console: Console | None = None) -> None:
    """Print the figures document: what it is, the figures, the hosts, the notes. 80 columns do."""
    out = console or Console(highlight=False)
    out.print(
        f"[bold]{escape(printable(document['enterprise']))}[/]  {document['month']}  {document['timezone']}"
        f"  评定版本 edition {document['edition']['id']}",
    )
    for line in _window(document):
        out.print(line)
    for indicator in document["indicators"]:
        out.print(_indicator(indicator), soft_wrap=True)
    for indicator in document["indicators"]:
        if any(host["value"] is not None for host in indicator["hosts"]):
            out.print(_hosts(indicator))
    for line in _notes(document):
        out.print(line, soft_wrap=True)


def _window(document: Mapping[str, Any]) -> list[str]:
    """What the scope takes out of the month: the reader must not have to look for it."""
    window = document["window"]
    lines = [f"统计期 window {window['first_day']} … {window['last_day']}"]
    lines += [
        f"[yellow]排除 excluded[/] {e['from']} … {e['to']}  {escape(printable(e['reason']))}"
        f"  ({escape(printable(e['person']))})"
        for e in document["exclusions"]
    ]
    return lines


def _indicator(indicator: Mapping[str, Any]) -> str:
    """Two lines for what was measured, one for what was not."""
    name = f"[bold]{indicator['name_zh']}[/] [dim]{indicator['definition']}[/]"
    if any(note["code"] == "NOT_MEASURED" for note in indicator["notes"]):
        return f"{name}  [dim]没有测量数据，由企业申报 not measured, declared[/]"
    lines = "".join(f"\n  {line}" for line in [*money_lines(indicator), *user_lines(indicator)])
    if indicator["value"] is None and "detail" in indicator:
        return f"{name}  [yellow]无法判定 cannot be decided[/]{lines}"
    if indicator["value"] is None:
        return f"{name}  [dim]无数据 no data[/]"
    unit = indicator["unit"]
    stars = "  ".join(
        f"{star}★ ≥{indicator['thresholds'].get(star, '?')} {VERDICTS[verdict]}"
        for star, verdict in sorted(indicator["verdicts"].items())
    )
    return (
        f"{name}\n"
        f"  数值 value [bold]{_with_unit(indicator['value'], unit)}[/]  区间 interval {_interval(indicator)}"
        f"  覆盖率 coverage {_coverage(indicator['coverage'])}\n"
        f"  {stars}{''.join(_months(indicator))}{lines}"
    )


def _months(indicator: Mapping[str, Any]) -> list[str]:
    """One line for each month of a longer window, and how they combine."""
    if indicator["months"] == 1:
        return []
    rule = (
        "以最低的月份为准 the least month decides"
        if indicator["combine"] == "every_month"
        else "合并为一个统计期 pooled"
    )
    unit = indicator["unit"]
    return [
        f"\n  {part['month']}  {'无数据 no data' if part['value'] is None else _with_unit(part['value'], unit)}"
        f"  区间 interval {_interval(part)}"
        for part in indicator["by_month"]
    ] + [f"\n  {indicator['months']} 个月 months：{rule}；各主机为全部月份合计 hosts over all months"]


def _hosts(indicator: Mapping[str, Any]) -> Table:
    rows = indicator["hosts"]
    more = len(rows) - MAX_HOST_ROWS
    title = f"{indicator['name_zh']}  主机 hosts {len(rows)}，时间 hours:minutes:seconds"
    table = Table(box=box.SIMPLE_HEAD, title=title, title_justify="left", padding=(0, 1, 0, 0))
    table.add_column("主机 host", overflow="fold")
    for name in ("数值", "区间", "观测", "桥接", "停机", "缺失"):
        table.add_column(name, justify="right")
    for host in rows[:MAX_HOST_ROWS]:
        seconds = host["coverage"]
        table.add_row(
            escape(printable(host["host"])),
            "–" if host["value"] is None else _short(host["value"]),
            _interval(host),
            *(_duration(seconds[name]) for name in ("observed_s", "bridged_s", "downtime_s", "missing_s")),
        )
    if more > 0:
        table.caption = f"另有 {more} 台，见 --json  ({more} more in --json)"
    return table


def _notes(document: Mapping[str, Any]) -> list[str]:
    """One line for each note, with what it is about."""
    lines = [
        f"• {escape(note['zh'])} [dim]{escape(note['en'])}{_about(note)}[/]" for note in document["notes"]
    ]
    for indicator in document["indicators"]:
        for note in indicator["notes"]:
            if note["code"] != "NOT_MEASURED":
                about = f"{indicator['name_zh']}：{escape(note['zh'])}"
                lines.append(f"• {about} [dim]{escape(note['en'])}{_about(note)}[/]")
    return lines


def _about(note: Mapping[str, Any]) -> str:
    """Return the hosts that a note is about, with their days."""
    return escape(_some([" ".join((host["host"], *host["days"][:MAX_DAYS])) for host in note["hosts"]]))


def print_audit(report: AuditReport, console: Console | None = None) -> None:
    """Print what an audit saw and found."""
    out = console or Console(highlight=False)
    out.print(
        f"复算 audit: {report.hosts} 台主机 hosts, {report.chunks} 数据块 chunks, "
        f"{report.values} 个数值 values, {report.day_sums} 个日合计 day sums"
    )
    if not report.findings:
        out.print("[green]全部一致 no difference[/]")
    print_findings([finding.document() for finding in report.findings], out)


def print_recorded(findings: Sequence[Mapping[str, Any]], console: Console | None = None) -> None:
    """Print what the collector refused or noticed while chunks came in."""
    out = console or Console(highlight=False)
    if not findings:
        return
    out.print(f"[yellow]采集服务记录 recorded by the collector[/]: {len(findings)}")
    for finding in findings[-MAX_RECORDED:]:
        where = f"{finding['host']} {finding['source']}/{finding['epoch']}/{finding['seq']}"
        line = f"  {finding['code']} {where}: {finding['detail']}"
        out.print(escape(printable(line)), soft_wrap=True)
    if len(findings) > MAX_RECORDED:
        out.print(f"[dim]另有 {len(findings) - MAX_RECORDED} 条，见 --json (earlier ones in --json)[/]")


def print_findings(findings: Sequence[Mapping[str, Any]], out: Console, *, zone: tzinfo = UTC) -> None:
    """Print findings in the order of the check's steps, the first few of each code; times in ``zone``."""
    colours = {"fail": "red", "incomplete": "yellow", "note": "dim"}
    order = list(CATALOGUE)
    shown: dict[str, int] = {}
    for finding in sorted(findings, key=lambda f: (step_of(f["code"]), order.index(f["code"]))):
        code = finding["code"]
        shown[code] = shown.get(code, 0) + 1
        if shown[code] > MAX_FINDINGS_A_CODE:
            continue
        if shown[code] == 1:
            step = "" if code in AUDIT_ONLY else f"[dim]{step_of(code)}[/] "
            heading = (
                f"{step}[{colours[finding['severity']]}]{code}[/] {finding['zh']} [dim]{finding['en']}[/]"
            )
            out.print(heading, soft_wrap=True)
        where = " ".join(part for part in (finding["host"], finding["slot"], finding["place"]) if part)
        out.print(f"  {escape(printable(where))}", soft_wrap=True)
        for label, key in (("应有 expected", "expected"), ("实际 got", "got")):
            if finding[key]:
                out.print(f"    {label}: {escape(printable(legible(finding[key], zone)))}", soft_wrap=True)
    for code, count in shown.items():
        if count > MAX_FINDINGS_A_CODE:
            out.print(f"[dim]{code}: 另有 {count - MAX_FINDINGS_A_CODE} 处，见 --json (more in --json)[/]")


def json_text(document: Mapping[str, Any]) -> str:
    """Return one JSON document whose strings cannot steer a terminal: packs may be hostile."""
    text = json.dumps(document, ensure_ascii=False, sort_keys=True, indent=2)
    return "".join(c if c == "\n" or c.isprintable() else f"\\u{ord(c):04x}" for c in text) + "\n"


def printable(text: str) -> str:
    """Return ``text`` with control characters shown as escapes: packs may be hostile."""
    return "".join(c if c.isprintable() else c.encode("unicode_escape").decode() for c in text)


def _with_unit(number: str | None, unit: str) -> str:
    return "–" if number is None else f"{_short(number)} {unit}"


def _interval(figure: Mapping[str, Any]) -> str:
    if figure["value"] is None:
        return "–"
    if figure["high"] is None:
        return f"{_short(figure['low'])} … ?"
    if Decimal(figure["high"]) - Decimal(figure["low"]) < SAME:
        return _short(figure["low"])
    high = _short(figure["high"], up=True)
    return f"{_short(figure['low'])} … {high}"


def _short(number: str, *, up: bool = False) -> str:
    """Four decimals below 1, two below 1000, else none; low ends down, high ends up."""
    value = Decimal(number)
    size = abs(value)
    step = Decimal(1).scaleb(
        -next(digits for limit, digits in ((1, 4), (1000, 2), (size + 1, 0)) if size < limit)
    )
    rounded = value.quantize(step, rounding=ROUND_CEILING if up else ROUND_FLOOR)
    return f"{rounded:,}"


def _coverage(coverage: Mapping[str, Any]) -> str:
    if coverage["share"] is None:
        return "–"
    covered = coverage["observed_s"] + coverage["bridged_s"]
    return f"{Decimal(coverage['share']) * 100:.3f} % ({_duration(covered)})"


def _duration(seconds: int) -> str:
    hours, rest = divmod(seconds, 3600)
    return f"{hours:,}:{rest // 60:02}:{rest % 60:02}"


def _some(names: Sequence[str], most: int = 5) -> str:
    shown = ", ".join(printable(name) for name in names[:most])
    return f" ({shown}{f' … +{len(names) - most}' if len(names) > most else ''})" if names else ""
