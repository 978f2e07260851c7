"""Tables for people: figures and audit on a terminal, Chinese first, English second."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from decimal import ROUND_FLOOR, Decimal
from typing import Any

from rich import box
from rich.console import Console
from rich.markup import escape
from rich.table import Table

from verifier.audit import AuditReport

MAX_HOST_ROWS = 20
VERDICTS = {
    "PASS": "[green]达标 PASS[/]",
    "FAIL": "[red]不达标 FAIL[/]",
    "INCONCLUSIVE": "[yellow]无法判定[/]",
    "NO_DATA": "[dim]无数据[/]",
}


def print_figures(document: Mapping[str, Any], console: Console | None = None) -> None:
    """Print the figures document: what it is, the six figures, the hosts, the notes."""
    out = console or Console(highlight=False)
    edition = document["edition"]
    out.print(
        f"[bold]{escape(document['enterprise'])}[/]  {document['month']}  {document['timezone']}"
        f"  评定版本 {edition['id']}",
    )
    out.print(_indicators(document["indicators"]))
    for indicator in document["indicators"]:
        if indicator["hosts"]:
            out.print(_hosts(indicator))
    for note in [*document["notes"], *(n for i in document["indicators"] for n in i["notes"])]:
        names = [host["host"] for host in note["hosts"]]
        about = f" [dim]({escape(_some(names))})[/]" if names else ""
        out.print(f"• {escape(note['zh'])} [dim]{escape(note['en'])}[/]{about}")


def _indicators(indicators: Sequence[Mapping[str, Any]]) -> Table:
    table = Table(box=box.SIMPLE_HEAD, title="综合绩效 figures", title_justify="left")
    table.add_column("指标 figure")
    table.add_column("数值 value", justify="right")
    table.add_column("区间 interval", justify="right")
    table.add_column("运行时 running", justify="right")
    table.add_column("覆盖率 coverage", justify="right")
    for star in ("三星", "四星", "五星"):
        table.add_column(star)
    for indicator in indicators:
        verdicts = (VERDICTS[indicator["verdicts"][star]] for star in ("3", "4", "5"))
        table.add_row(
            f"{indicator['name_zh']}\n[dim]{indicator['definition']}[/]",
            _with_unit(indicator["value"], indicator["unit"]),
            _interval(indicator),
            _with_unit(indicator["running"], indicator["unit"]),
            _coverage(indicator["coverage"]),
            *verdicts,
        )
    return table


def _hosts(indicator: Mapping[str, Any]) -> Table:
    rows = indicator["hosts"]
    title = f"{indicator['name_zh']}：主机 hosts ({len(rows)})"
    table = Table(box=box.SIMPLE_HEAD, title=title, title_justify="left")
    table.add_column("主机 host", overflow="fold")
    table.add_column("来源 source")
    for name in ("数值 value", "区间 interval", "观测 observed", "桥接 bridged", "停机 down", "缺失 missing"):
        table.add_column(name, justify="right")
    for host in rows[:MAX_HOST_ROWS]:
        seconds = host["coverage"]
        table.add_row(
            escape(host["host"]),
            host["source"] or "–",
            _with_unit(host["value"], indicator["unit"]),
            _interval(host),
            *(_duration(seconds[name]) for name in ("observed_s", "bridged_s", "downtime_s", "missing_s")),
        )
    if len(rows) > MAX_HOST_ROWS:
        table.caption = (
            f"另有 {len(rows) - MAX_HOST_ROWS} 台，见 --json  ({len(rows) - MAX_HOST_ROWS} more in --json)"
        )
    return table


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


def print_findings(findings: Sequence[Mapping[str, Any]], out: Console) -> None:
    """Print findings, one block each."""
    colours = {"fail": "red", "incomplete": "yellow", "note": "dim"}
    for finding in findings:
        colour = colours[finding["severity"]]
        host = f" {escape(finding['host'])}" if finding["host"] else ""
        out.print(f"[{colour}]{finding['code']}[/]{host} {escape(finding['place'])}", soft_wrap=True)
        out.print(f"  {finding['zh']} [dim]{finding['en']}[/]", soft_wrap=True)
        for label, key in (("应有 expected", "expected"), ("实际 got", "got")):
            if finding[key]:
                out.print(f"  {label}: {escape(printable(finding[key]))}", soft_wrap=True)


def printable(text: str) -> str:
    """Return ``text`` with control characters shown as escapes: packs may be hostile."""
    return "".join(c if c.isprintable() else c.encode("unicode_escape").decode() for c in text)


def _with_unit(number: str | None, unit: str) -> str:
    return "–" if number is None else f"{_short(number)} {unit}"


def _interval(figure: Mapping[str, Any]) -> str:
    if figure["value"] is None:
        return "–"
    high = "?" if figure["high"] is None else _short(figure["high"], up=True)
    return f"{_short(figure['low'])} … {high}"


def _short(number: str, *, up: bool = False) -> str:
    """Four decimals below 100, else none: low ends down, high ends up, as in the document."""
    value = Decimal(number)
    step = Decimal("0.0001") if abs(value) < 100 else Decimal(1)  # noqa: PLR2004 - display only
    rounded = value.quantize(step, rounding=ROUND_FLOOR)
    if up and rounded < value:
        rounded += step
    return f"{rounded:,}"


def _coverage(coverage: Mapping[str, Any]) -> str:
    if coverage["share"] is None:
        return "–"
    return f"{Decimal(coverage['share']) * 100:.3f} %"


def _duration(seconds: int) -> str:
    hours, rest = divmod(seconds, 3600)
    return f"{hours:,}:{rest // 60:02}:{rest % 60:02}"


def _some(names: Sequence[str], most: int = 5) -> str:
    return ", ".join(names[:most]) + (f" … +{len(names) - most}" if len(names) > most else "")
