"""An edition for people, in 80 columns, Chinese first; and as one JSON document."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import asdict
from itertools import groupby
from typing import Any

from rich import box
from rich.console import Console
from rich.markup import escape
from rich.padding import Padding
from rich.table import Table

from starproof.tables import printable
from verifier.edition import (
    COUNT_ROWS,
    DECLARED,
    FIGURE,
    IT_SERVICE,
    TEXT,
    CountRule,
    Edition,
    Row,
    Rule,
    Star,
)

FORMS = {"public": "公有云", "private": "私有云", "hybrid": "混合云"}
PERIODS = {"month": "月", "year": "年度", "not-stated": ""}
KINDS = {TEXT: "（文字 text）", FIGURE: "（数值 figure）"}
INDENT = 2
MARGIN = (0, 0, 0, INDENT)


def edition_summary(edition: Edition) -> dict[str, Any]:
    """Return what names an edition: id, titles, whether it is complete, the hash of its file."""
    return {
        "id": edition.id,
        "title_zh": edition.title_zh,
        "title_en": edition.title_en,
        "complete": "yes" if edition.complete else "no",
        "sha256": edition.sha256,
    }


def edition_document(edition: Edition) -> dict[str, Any]:
    """Return the whole edition: texts, integers, lists, objects and nulls only."""
    return {**asdict(edition), "complete": "yes" if edition.complete else "no"}


def print_editions(editions: Sequence[Edition], console: Console | None = None) -> None:
    """Print three lines for each edition."""
    out = console or Console(highlight=False)
    for edition in editions:
        out.print(f"[bold]{_safe(edition.id)}[/]  {_completeness(edition)}")
        out.print(Padding(f"{_safe(edition.title_zh)} [dim]{_safe(edition.title_en)}[/]", MARGIN))
        out.print(Padding(f"sha256 {edition.sha256}", MARGIN))


def print_edition(edition: Edition, console: Console | None = None) -> None:
    """Print the whole edition: what it is, stars, counting rules, figures, table, attachments, periods."""
    out = console or Console(highlight=False)
    print_editions([edition], out)
    facts = (
        ("地区 place", edition.place), ("文件 document", edition.document), ("来源 source", edition.source),
        ("日期 date", edition.date), ("适用 applies to", edition.applies_to_zh), ("", edition.applies_to_en),
    )  # fmt: skip
    for name, text in facts:
        out.print(Padding(f"[dim]{name}[/] {_safe(text)}" if name else f"[dim]{_safe(text)}[/]", MARGIN))
    for unknown in edition.unknown:
        text = f"{_safe(unknown.about)}：{_safe(unknown.zh)} [dim]{_safe(unknown.en)}[/]"
        out.print(Padding(f"[yellow]未知 unknown[/] {text}", MARGIN))
    _heading(out, "星级", "stars")
    for star in edition.stars:
        _print_star(out, star)
    if edition.criteria:
        _heading(out, "评定标准：需实现的项数", "how many rows every star needs")
        out.print(_criteria(edition))
        for criterion in edition.criteria:
            _print_note(out, criterion)
    if edition.rules:
        _heading(out, "综合绩效", "figures")
        for rule in edition.rules:
            _print_rule(out, rule, edition.stars)
    _heading(out, f"附表 {len(edition.rows)} 行", f"table of {len(edition.rows)} rows")
    _print_rows(out, edition.rows)
    for line in _rest(edition):
        out.print(line)


def _heading(out: Console, zh: str, en: str) -> None:
    out.print(f"\n[bold]{zh}[/] [dim]{en}[/]")


def _print_star(out: Console, star: Star) -> None:
    forms = "、".join(FORMS[form] for form in star.cloud_forms)
    out.print(
        Padding(f"[bold]{_safe(star.name_zh)}[/] [dim]{_safe(star.name_en)}[/]  上云形式 {forms}", MARGIN)
    )
    text = f"{_safe(star.decided_by_zh)} [dim]{_safe(star.decided_by_en)}[/]"
    out.print(Padding(text, (0, 0, 0, 2 * INDENT)))


def _criteria(edition: Edition) -> Table:
    table = Table(box=box.SIMPLE_HEAD, padding=(0, 1, 0, 0))
    table.add_column("标准 criterion", overflow="fold")
    table.add_column("可计 of", justify="right")
    for star in edition.stars:
        table.add_column(_safe(star.name_zh), justify="right")
    for criterion in edition.criteria:
        needed = [str(criterion.needed.get(star, "未知")) for star in edition.star_ids]
        table.add_row(_safe(criterion.name_zh), _countable(criterion, edition), *needed)
    return table


def _countable(criterion: CountRule, edition: Edition) -> str:
    return f"{edition.countable(criterion)} {'行' if criterion.count == COUNT_ROWS else '子类'}"


def _print_note(out: Console, criterion: CountRule) -> None:
    only = "只适用于信息技术服务企业 IT services only。" if criterion.only == IT_SERVICE else ""
    if only or criterion.note_zh or criterion.note_en:
        text = (
            f"{_safe(criterion.name_zh)}：{only}{_safe(criterion.note_zh)} [dim]{_safe(criterion.note_en)}[/]"
        )
        out.print(Padding(text, MARGIN))


def _print_rule(out: Console, rule: Rule, stars: Sequence[Star]) -> None:
    unit = _safe(rule.unit)
    asked = "  ".join(
        f"{_safe(star.name_zh)} {PERIODS[rule.periods[star.id]]}≥{rule.thresholds[star.id]} {unit}"
        if rule.thresholds
        else f"{_safe(star.name_zh)} 未知 unknown"
        for star in stars
    )
    lines = [asked, f"口径 {_safe(rule.definition)}  汇总 {rule.aggregation}"]
    if rule.aggregation != DECLARED:
        lines.append(
            f"统计 {rule.months} 个月 {rule.combine}  缺失 {rule.missing}  "
            f"覆盖率 ≥{rule.coverage_gate}  替代 {rule.substitution}"
        )
    lines += [f"[dim]{_safe(note)}[/]" for note in (rule.note_zh, rule.note_en) if note]
    out.print(Padding(f"[bold]{_safe(rule.name_zh)}[/] [dim]{_safe(rule.name_en)}[/]", MARGIN))
    for line in lines:
        out.print(Padding(line, (0, 0, 0, 2 * INDENT)))


def _print_rows(out: Console, rows: Sequence[Row]) -> None:
    numbered = enumerate(rows, 1)
    for headings, group in groupby(numbered, lambda entry: _headings(entry[1])):
        out.print(Padding("[dim] › [/]".join(_safe(name) for name in headings), MARGIN))
        for number, row in group:
            name = f"{row.domain} · {row.item}" if row.item else row.domain
            note = f"（注{_safe(row.footnote)}）" if row.footnote else ""
            text = f"{number:>3} {_safe(name)}{note}{KINDS.get(row.kind, '')} [dim]{_safe(row.id)}[/]"
            out.print(Padding(text, MARGIN))


def _headings(row: Row) -> tuple[str, ...]:
    names = (row.part, row.category) if row.kind == FIGURE else (row.part, row.category, row.subcategory)
    return tuple(dict.fromkeys(names))


def _rest(edition: Edition) -> Iterator[str]:
    """Attachments, periods and regions, one line each."""
    if edition.attachments:
        yield "\n[bold]配套证明材料[/] [dim]attachments[/]"
    for number, attachment in enumerate(edition.attachments, 1):
        forms = "、".join(FORMS[form] for form in attachment.cloud_forms)
        when = f" {forms}" if forms else ""
        yield f"{number:>3} {_safe(attachment.name_zh)} [dim]{_safe(attachment.id)}{when}[/]"
    if edition.application:
        yield "\n[bold]申报批次[/] [dim]application[/]"
        yield f"{_safe(edition.application.text_zh)} [dim]{_safe(edition.application.text_en)}[/]"
    if edition.regions:
        yield "\n[bold]地区[/] [dim]regions[/]"
        yield _safe("、".join(edition.regions))
    if edition.form:
        yield "\n[bold]申请表[/] [dim]form[/]"
        yield _safe(f"《{edition.form.title}》{edition.form.subtitle} {edition.form.issuer}")


def _completeness(edition: Edition) -> str:
    return "[green]完整 complete[/]" if edition.complete else "[yellow]不完整 incomplete[/]"


def _safe(text: str) -> str:
    return escape(printable(text))
