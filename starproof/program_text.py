"""Which programs sealed the chunks, for people: one line for each, then where one was replaced."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

from rich.console import Console
from rich.markup import escape

from starproof.tables import printable

MS_PER_S = 1000
MAX_CHANGES = 10
"""On a terminal; JSON holds all."""
CODE_DIGITS = 16


def print_programs(hosts: Sequence[Mapping[str, Any]], out: Console) -> None:
    """Print version and code of what sealed the chunks of the report's ``hosts``.

    The whole hash once, so that it can be compared with ``starproof code-hash``.
    """
    names: dict[tuple[str, str], set[str]] = {}
    changes = []
    for host in hosts:
        for program in host["programs"]:
            names.setdefault((program["software"], program["code"] or ""), set()).add(host["host"])
            if program["changed"] == "yes":
                changes.append(_change(host["host"], program))
    if names:
        out.print("程序自报 programs, as they say themselves:", soft_wrap=True)
    for (software, code), of in sorted(names.items()):
        shown = code or "[yellow]未知 unknown[/]"
        out.print(f"  {escape(printable(software))}  代码 code {shown}  主机 hosts {len(of)}", soft_wrap=True)
    for line in changes[:MAX_CHANGES]:
        out.print(f"  [yellow]期内更换 changed[/] {line}", soft_wrap=True)
    if len(changes) > MAX_CHANGES:
        out.print(f"[dim]另有 {len(changes) - MAX_CHANGES} 条，见 --json (more in --json)[/]")


def _change(host: str, program: Mapping[str, Any]) -> str:
    code = (program["code"] or "")[:CODE_DIGITS] or "未知 unknown"
    return (
        f"{escape(printable(host))} {program['source']}: {escape(printable(program['software']))} {code}  "
        f"{_utc(program['first_ms'])} … {_utc(program['last_ms'])}"
    )


def _utc(time_ms: int) -> str:
    return f"{datetime.fromtimestamp(time_ms // MS_PER_S, UTC):%Y-%m-%d %H:%M} UTC"
