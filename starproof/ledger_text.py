"""The ledger on a terminal: its entries, and what does not reconcile."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from fractions import Fraction

from rich import box
from rich.console import Console
from rich.markup import escape
from rich.table import Table

from starproof.ledger_columns import KINDS_ZH, PURPOSES_ZH
from starproof.tables import printable
from verifier.ledger import Entry, Ledger, yuan
from verifier.reconciliation import TEXTS, reconcile

_KINDS = {key: zh for zh, key in KINDS_ZH.items()}
_PURPOSES = {key: zh for zh, key in PURPOSES_ZH.items()}


def print_ledger(
    ledger: Ledger, files: Mapping[int, str], *, counts: Sequence[str], console: Console | None = None
) -> None:
    """Print every entry, cancelled ones too, then what does not reconcile among the purposes that count."""
    out = console or Console(highlight=False)
    if not ledger.entries:
        out.print("台账是空的 the ledger is empty; starproof ledger template --out ledger.xlsx")
        return
    cancelled = {entry.cancels: entry.number for entry in ledger.entries if entry.cancels}
    table = Table(box=box.SIMPLE_HEAD, title="台账 ledger", title_justify="left", padding=(0, 1, 0, 0))
    table.add_column("编号", justify="right")
    for name in ("日期", "类型"):
        table.add_column(name)
    table.add_column("金额 amount", justify="right")
    for name in ("用途", "收款方 payee", "合同 / 发票", "说明"):
        table.add_column(name, overflow="fold")
    for entry in ledger.entries:
        table.add_row(*_row(entry, cancelled.get(entry.number), files.get(entry.number, "")))
    out.print(table)
    for gap in reconcile(ledger.standing(), counts):
        numbers = ", ".join(map(str, gap.entries))
        amounts = ""
        if gap.expected is not None and gap.got is not None:
            amounts = f"：{yuan(Fraction(gap.expected))} / {yuan(Fraction(gap.got))} {gap.currency}"
        zh, en = TEXTS[gap.code]
        out.print(f"• [yellow]{gap.code}[/] {numbers}  {zh}{amounts} [dim]{en}[/]", soft_wrap=True)


def _row(entry: Entry, cancelled_by: int | None, file: str) -> list[str]:
    item = f" {entry.item}" if entry.item else ""
    said = [entry.note]
    if cancelled_by:
        said.insert(0, f"已被 {cancelled_by} 冲销 cancelled")
    if entry.cancels:
        said.insert(0, f"冲销 cancels {entry.cancels}")
    if file:
        said.append(f"[{file}]")
    papers = " / ".join(text for text in (entry.contract, entry.invoice) if text)
    style = "dim" if cancelled_by else "none"
    texts = (
        str(entry.number), entry.day, _KINDS[entry.kind], f"{yuan(Fraction(entry.amount))} {entry.currency}",
        _PURPOSES.get(entry.purpose, "") + item, entry.payee, papers, " ".join(filter(None, said)),
    )  # fmt: skip
    return [
        f"[{style}]{escape(printable(text))}[/]" if style != "none" else escape(printable(text))
        for text in texts
    ]
