"""The check's report for people: outcome first, then every finding, then what is proved and what not."""

from __future__ import annotations

from rich.console import Console
from rich.markup import escape

from starproof.anchor_text import print_anchors
from starproof.program_text import print_programs
from starproof.questions_text import print_questions
from starproof.star_text import print_verdict
from starproof.tables import print_figures, print_findings, printable
from verifier.check import FAILED, PARTIAL, PASS, CheckReport

OUTCOMES = {
    PASS: "[bold green]通过 PASS[/]",
    FAILED: "[bold red]不通过 FAIL[/]",
    PARTIAL: "[bold yellow]不完整 INCOMPLETE[/]",
}
SIGNED = ("字节与所给日志密钥的持有人签名时相同", "the bytes are those that the holder of the log key signed")
READINGS = (
    "每条读数由该持有人登记的主机密钥签名",
    "every reading was signed by a host key that this holder enrolled",
)
CHAINS = (
    "链条在统计期内不缺",
    "no chunk of the window is missing between the first and the last of each chain",
)
FOLLOW = ("指标可由读数按所列规则精确复算", "the figures follow exactly from the readings and the rules")


def proved(report: CheckReport) -> list[tuple[str, str]]:
    """Return what this outcome proves, nothing more."""
    codes = {finding.code for finding in report.findings}
    lines = []
    if "LOG_KEY_NOT_GIVEN" not in codes:
        lines.append(SIGNED)
    if report.attested:
        lines.append(READINGS)
        if "SEQ_MISSING" not in codes:
            lines.append(CHAINS)
    if report.chunks:
        lines.append(FOLLOW)
    return lines


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
        for zh, en in proved(report):
            out.print(f"证明了 proved: {zh} [dim]{en}[/]", soft_wrap=True)
        # Page one of the report says the same, word for word.
        for point in [] if report.report is None else report.report["not_proved"]:
            out.print(f"未证明 not proved: {point['zh']} [dim]{point['en']}[/]", soft_wrap=True)
    if report.anchors is not None:
        print_anchors(report.anchors, out)
    if report.outcome != FAILED and figures and report.figures is not None and report.report is not None:
        print_figures(report.figures, out)
        print_verdict(report.report["verdict"], out)
        print_questions(report.report["questions"], out)
        print_programs(report.report["hosts"], out)
