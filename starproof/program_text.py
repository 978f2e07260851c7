"""Which programs sealed the chunks, for people: one line for each, then where one was replaced."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import UTC, tzinfo
from typing import Any

from rich.console import Console
from rich.markup import escape

from starproof.tables import printable
from verifier.instants import to_the_second

MAX_CHANGES = 10
"""On a terminal; JSON holds all."""
CODE_DIGITS = 16


def print_programs(hosts: Sequence[Mapping[str, Any]], out: Console, *, zone: tzinfo = UTC) -> None:
    """Print version and code of what sealed the chunks of the report's ``hosts``; times in ``zone``.

    The whole hash once, so that it can be compared with ``starproof code-hash``.
    """
    names: dict[tuple[str, str], set[str]] = {}
    changes = []
    for host in hosts:
        for program in host["programs"]:
            names.setdefault((program["software"], program["code"] or ""), set()).add(host["host"])
            if program["changed"] == "yes":
                changes.append(_change(host["host"], program, zone))
    if names:
        out.print("程序自报 programs, as they say themselves:", soft_wrap=True)
    for (software, code), of in sorted(names.items()):
        shown = code or "[yellow]未知 unknown[/]"
        out.print(f"  {escape(printable(software))}  代码 code {shown}  主机 hosts {len(of)}", soft_wrap=True)
    for line in changes[:MAX_CHANGES]:
        out.print(f"  [yellow]期内更换 changed[/] {line}", soft_wrap=True)
    if len(changes) > MAX_CHANGES:
        out.print(f"[dim]另有 {len(changes) - MAX_CHANGES} 条，见 --json (more in --json)[/]")


def _change(host: str, program: Mapping[str, Any], zone: tzinfo) -> str:
    code = (program["code"] or "")[:CODE_DIGITS] or "未知 unknown"
    return (
        f"{escape(printable(host))} {program['source']}: {escape(printable(program['software']))} {code}  "
        f"{to_the_second(program['first_ms'], zone)} … {to_the_second(program['last_ms'], zone)}"
    )
