"""What the monthly user rate is made of, on a terminal."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from rich.markup import escape

MAX_SOURCES = 20
_PEOPLE = {"total": "总人数 total", "cloud_users": "使用云服务人员数量 cloud users"}


def user_lines(indicator: Mapping[str, Any]) -> list[str]:
    """Return the lines below a figure that was counted from accounts; none for any other."""
    detail = indicator.get("detail", {})
    if detail.get("kind") != "users":
        return []
    between = (
        ""
        if detail["counted"] == "exact"
        else f"（估计 estimated，{detail['accounts_low']}–{detail['accounts_high']}）"
    )
    read = f"完整读取 days wholly read {detail['complete_days']}/{detail['counted_days']}"
    lines = [f"不同账号 distinct accounts {detail['accounts']}{between}，{read}"]
    for entry in detail["head_counts"]:
        chosen = " ← 分母 divided by" if entry["name"] == detail["head_count"] else ""
        lines.append(f"{_PEOPLE[entry['name']]} {entry['people']}：{_short(entry['rate'])} %{chosen}")
    for source in detail["sources"][:MAX_SOURCES]:
        out = "、".join(source["excluded"]) or "–"
        lines.append(
            f"[dim]{escape(source['host'])}/{source['source']}  {source['accounts']}  "
            f"{escape(', '.join(source['definitions']))}  排除 excluded {escape(out)}[/]"
        )
    more = len(detail["sources"]) - MAX_SOURCES
    if more > 0:
        lines.append(f"[dim]另有 {more} 个来源，见 --json ({more} more in --json)[/]")
    return lines


def _short(rate: str) -> str:
    """Two decimals, cut: never above what was observed."""
    whole, _, part = rate.partition(".")
    return f"{whole}.{part[:2]}" if part.strip("0") else whole
