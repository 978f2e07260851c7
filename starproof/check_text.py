"""The check's report for people: outcome first, then every finding, then what is proved and what not."""

from __future__ import annotations

from rich.console import Console
from rich.markup import escape

from starproof.tables import print_figures, print_findings, printable
from verifier.check import FAILED, PARTIAL, PASS, CheckReport

OUTCOMES = {
    PASS: "[bold green]通过 PASS[/]",
    FAILED: "[bold red]不通过 FAIL[/]",
    PARTIAL: "[bold yellow]不完整 INCOMPLETE[/]",
}
PROVED = (
    "证明了：字节与签名时相同；读数由登记的主机密钥签名且链条完整；指标可由读数精确复算。",
    (
        "Proved: the bytes are those that were signed; the readings were signed by the enrolled keys, in "
        "unbroken chains; the figures follow from them."
    ),
)
NOT_PROVED = (
    "未证明：主机计数器真实、负载是有用的工作、测量的时间（本版本没有外部锚定）。",
    (
        "Not proved: that the counters were true, that the load was useful work, when it was measured (no "
        "anchor outside in this version)."
    ),
)


def print_check(report: CheckReport, console: Console | None = None, *, figures: bool = True) -> None:
    """Print the report of a check."""
    out = console or Console(highlight=False)
    about = ""
    if report.statement is not None:
        statement = report.statement
        about = f"  {escape(printable(statement.enterprise))} {escape(printable(statement.month))}"
    out.print(f"{OUTCOMES[report.outcome]}{about}  主机 hosts {report.hosts}, 数据块 chunks {report.chunks}")
    print_findings([finding.document() for finding in sorted(report.findings)], out)
    if report.outcome != FAILED:
        for zh, en in (PROVED, NOT_PROVED):
            out.print(f"{zh} [dim]{en}[/]", soft_wrap=True)
        if figures and report.figures is not None:
            print_figures(report.figures, out)
