"""Trying an account out, and reading its history, by ``starproof source``: it redacts what it says itself."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from console.work import program
from console.work.jobs import Doing, JobError

TEST, BACKFILL = "source-test", "source-backfill"
COMMANDS: Mapping[str, str] = {TEST: "test", BACKFILL: "backfill"}


@dataclass(frozen=True)
class Asked:
    """Which account, of which file, for which store; ``kind`` is one of ``COMMANDS``."""

    kind: str
    alias: str
    file: Path
    database_url: str


def ask(asked: Asked, doing: Doing) -> tuple[Sequence[str], Mapping[str, Any]]:
    """Do it; return no files, and what the command's document says.

    Raises:
        JobError: it could not be done at all. A test that found something missing is done.
        OSError: the command cannot be started.
    """
    arguments = ["source", COMMANDS[asked.kind], asked.alias, "--sources", str(asked.file)]
    ended = program.run(arguments, doing, database_url=asked.database_url)
    if not ended.document:
        raise JobError("\n".join(ended.said) or f"starproof source ended with status {ended.status}")
    return (), {"ok": ended.status == 0, "said": list(ended.said), "document": dict(ended.document)}
