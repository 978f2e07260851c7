"""The example month that ships, from its files to form, report and pack. For the demonstration."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from importlib.resources import as_file
from pathlib import Path

from rich.console import Console

from config import EXAMPLES
from starproof.star_text import print_verdict
from verifier.errors import VerifierError

ENTERPRISE = "江苏示例精密机械有限公司"
MONTH = "2026-10"
FILES = (("cpu.csv", "300"), ("traffic.csv", "3600"), ("disks.csv", "3600"))
"""Every file with the seconds that its averages stand for."""

Run = Callable[..., str]
"""Runs one subcommand and returns what it printed; raises ``VerifierError`` if it fails."""


def show(folder: Path, run: Run, out: Console) -> None:
    """Import the example, print its verdict, and write its documents into ``folder``.

    Args:
        folder: an empty folder of the caller's.
        run: runs one subcommand.
        out: where people read.

    Raises:
        VerifierError: a subcommand failed.
    """
    with as_file(EXAMPLES / "month") as shipped:
        shutil.copytree(shipped, folder / "input")
    given, db = folder / "input", f"sqlite:///{folder / 'starproof.db'}"
    for name, period in FILES:
        run("import", "csv", given / name, "--period", period, "--enterprise", ENTERPRISE, "--db", db)
    run("ledger", "import", given / "ledger.csv", "--db", db)
    key = folder / "account.key"
    run("account-key", "--out", key)
    days = ("--from", f"{MONTH}-01", "--to", f"{MONTH}-31")
    told = ("--alias", "portal", *days, "--exclude", "probe", "--key", f"file:{key}")
    run("accounts", "import", given / "accounts.csv", *told, "--db", db)
    declared = (
        "--month", MONTH, "--scope", given / "scope.toml", "--profile", given / "profile.toml", "--db", db,
    )  # fmt: skip
    print_verdict(json.loads(run("verify", *declared, "--json"))["verdict"], out)
    made = [folder / "申请表.docx", folder / "报告.html", folder / "报告.pdf", folder / f"{MONTH}.zip"]
    for path, command in zip(made, ("form", "report", "report", "pack"), strict=True):
        try:
            run(command, *declared, "--out", path)
        except VerifierError as error:
            # A machine without a Chinese font makes no PDF; everything else is there.
            if path.suffix != ".pdf":
                raise
            out.print(f"[yellow]没有 PDF no PDF[/]: {error}", soft_wrap=True)
        else:
            out.print(f"{path.name} ({path.stat().st_size:,} bytes)")
