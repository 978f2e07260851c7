"""The command ``starproof``: hands each subcommand to its room, importing only that one.

Exit status: 0 done, whatever the verdict; 1 an error, one line on standard error; 2 wrong usage.
``check`` alone speaks through its status: 0 pass, 1 fail, 2 incomplete, 3 not checked.
"""

from __future__ import annotations

import io
import os
import sys
from collections.abc import Callable, Sequence
from importlib import import_module

from evidence import __version__

USAGE_ERROR = 2
NOT_RUN: dict[str, int] = {"check": 3}
"""Status of a command that cannot run at all, where 1 says something else."""
NEEDED = (3, 11)

COMMANDS: dict[str, tuple[str, str, str]] = {
    "demo": ("starproof.commands.demo", "all", "measure this machine, make a pack, check it 演示"),
    "agent": ("agent.cli", "", "read this host, deliver sealed chunks 采集代理"),
    "serve": ("starproof.commands.serve", "collector", "the collector with its web console 采集服务与控制台"),
    "collector": (
        "starproof.commands.collector",
        "collector",
        "admit and keep chunks; enrolment tokens 采集服务",
    ),
    "doctor": ("starproof.commands.doctor", "", "what is wrong here, and what to do 体检"),
    "alerts": ("starproof.commands.alerts", "collector", "what must be looked at; webhooks 告警"),
    "backup": ("starproof.commands.backup", "collector", "copy store, keys and settings 备份"),
    "restore": ("starproof.commands.restore", "collector", "put a backup in place again 恢复备份"),
    "relay": ("collector.relay.cli", "collector", "keeps and passes on, where there is no route 中继"),
    "bundle": (
        "starproof.commands.bundle",
        "collector",
        "archives and packages for hosts without internet 离线安装包",
    ),
    "import": ("collector.importing.cli", "collector", "import averages from CSV 导入"),
    "source": ("starproof.commands.source", "collector", "clouds and monitors as sources 数据源"),
    "accounts": ("starproof.commands.accounts", "collector", "who was active, as keyed hashes 账号来源"),
    "account-key": ("starproof.commands.account_key", "collector", "the key of these hashes 账号密钥"),
    "anchor": ("starproof.commands.anchor", "collector", "copies of checkpoints outside 外部锚定"),
    "edition": ("starproof.commands.edition", "verifier", "thresholds and rules of a guide 评定版本"),
    "profile": ("starproof.commands.profile", "verifier", "what the enterprise declares 申报资料"),
    "scope": ("starproof.commands.scope", "collector", "declare hosts, window and rules beforehand 申报范围"),
    "ledger": ("starproof.commands.ledger", "all", "payments and costs 台账"),
    "verify": (
        "starproof.commands.verify",
        "collector",
        "the figures of a month, with verdicts and star 计算指标与星级",
    ),
    "audit": ("starproof.commands.audit", "collector", "recompute every day sum from the chunks 复算"),
    "db": (
        "starproof.commands.db",
        "collector",
        "migrate, check, back up, restore, copy the database 数据库",
    ),
    "trail": ("starproof.commands.trail", "collector", "who did what and when 操作记录"),
    "log": ("starproof.commands.log", "collector", "checkpoints, proofs, the close of a month 日志"),
    "form": ("starproof.commands.form", "documents", "the application form 申请表"),
    "report": ("starproof.commands.report", "documents", "the report of a month 报告"),
    "pack": ("starproof.commands.pack", "collector", "write the evidence pack of a month 证据包"),
    "check": ("starproof.commands.check", "verifier", "check a pack, offline 离线核验"),
    "seal": ("starproof.commands.seal", "verifier", "the company's seal on a report or pack 单位印章"),
    "code-hash": ("starproof.commands.code_hash", "", "the hash that released code tells 代码哈希"),
    "region": ("starproof.commands.region", "documents", "count the stars of many packs 附件3"),
}
"""Subcommand → module with ``main(argv, prog=)``, the extra that it needs, what it does."""


def main(argv: Sequence[str] | None = None) -> int:
    """Run one subcommand and return the exit status."""
    arguments = list(sys.argv[1:] if argv is None else argv)
    if not arguments or arguments[0] in ("-h", "--help"):
        print(_help())  # noqa: T201 - the answer of the command
        return 0 if arguments else USAGE_ERROR
    if arguments[0] == "--version":
        print(f"starproof {__version__}")  # noqa: T201 - the answer of the command
        return main(["code-hash"]) if arguments[1:] == ["--code"] else 0
    if arguments[0] not in COMMANDS:
        _complain(f"unknown command {arguments[0]!r}; there are {', '.join(COMMANDS)}")
        return USAGE_ERROR
    module, extra, _ = COMMANDS[arguments[0]]
    if extra and sys.version_info < NEEDED:
        _complain(
            f"{arguments[0]} needs Python 3.11 or later; only the agent runs on {sys.version.split()[0]}"
        )
        return NOT_RUN.get(arguments[0], 1)
    try:
        run: Callable[..., int] = import_module(module).main
    except ModuleNotFoundError as error:
        if not extra or (error.name or "").split(".")[0] in (
            "agent",
            "collector",
            "console",
            "documents",
            "verifier",
            "starproof",
        ):
            raise
        _complain(
            f"this command needs the extra {extra!r}: pip install 'starproof[{extra}]' ({error.name} is missing)"
        )
        return NOT_RUN.get(arguments[0], 1)
    return _run(run, arguments)


def _run(command: Callable[..., int], arguments: Sequence[str]) -> int:
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):  # a terminal without Chinese shows escapes, no error
            stream.reconfigure(errors="backslashreplace")
    try:
        status = command(arguments[1:], prog=f"starproof {arguments[0]}")
        sys.stdout.flush()
    except BrokenPipeError:
        # Whoever read the output has seen enough; nothing more can be said, not even at exit.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 1
    return status


def _help() -> str:
    lines = [f"  {name:<11} {text}" for name, (_, _, text) in COMMANDS.items()]
    return "\n".join(
        (
            "usage: starproof COMMAND ...    (starproof COMMAND --help says more)",
            "",
            "StarProof 星证: measures the figures of the star cloud rating and proves them",
            "",
            *lines,
            "",
            "example: starproof demo",
        )
    )


def _complain(message: str) -> None:
    print(f"starproof: {message}", file=sys.stderr)  # noqa: T201 - the one line of an error
