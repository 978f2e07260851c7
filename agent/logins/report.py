"""What ``logins check`` and ``logins show`` say. Numbers and file names; nothing of any line."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, timezone
from typing import Any

from agent import board, status
from agent.files import RealFiles
from agent.logins.batch import load
from agent.logins.config import Settings
from agent.logins.reader import Reader, begun_at_day
from agent.logins.run import account_key, accounts_of, state_folder
from agent.state import State

CHECK_DAYS = 31
MAX_CHECK_PAIRS = 1_000_000
_PERCENT = 100


def checked(settings: Settings, environment: Mapping[str, str], *, now_ms: int) -> dict[str, Any]:
    """Return what reading all logs from their begin gives, over the days from ``since`` (or the last 31).

    Raises:
        ConfigError: there is no usable account key.
    """
    accounts = accounts_of(settings, account_key(settings, environment))
    reader = Reader(settings, accounts)
    day = settings.since_day
    first_day = reader.calendar.day_of(now_ms) - CHECK_DAYS if day is None else day
    reader.resume(begun_at_day(reader.calendar, first_day), now_ms)
    look = reader.poll(now_ms, lambda: reader.pairs >= MAX_CHECK_PAIRS, most_pairs=MAX_CHECK_PAIRS)
    return {
        "problems": look.problems,
        "timezone": settings.timezone,
        "logs": reader.summary(),
    }


def checked_text(document: Mapping[str, Any]) -> str:
    """Return the answer of ``check`` for people."""
    rows = []
    for log in document["logs"]:
        lines = log["lines"]
        rows.append(
            f"{log['name']} ({log['format']}, {log['definition']}): 文件 files {log['files']}, "
            f"行 lines {lines['read']}, 计入 counted {lines['counted']}, 账号 accounts {log['accounts']}, "
            f"其他 other {lines['other']}, 排除 excluded {lines['excluded']}, 过早 too early {lines['too_early']}, "
            f"无法识别 not understood {lines['not_understood']}"
        )
        if lines["not_understood"] * _PERCENT > lines["read"]:
            rows.append(
                f"! {log['name']}: 超过 1% 的行无法识别,请核对 format | more than 1 % of the lines were not "
                "understood: check format, pattern or time_format"
            )
    rows.extend(f"! {problem}" for problem in document["problems"])
    return "\n".join(rows) + "\n"


def progress(settings: Settings, *, now_ms: int) -> dict[str, Any]:
    """Return how far the reading is, from the state directory alone.

    Raises:
        StateError: the directory cannot be read.
    """
    state = State.of_any_owner(settings.state or state_folder())
    document = status.report(state, now_ms=now_ms)
    running = board.running(state)
    batch = load(RealFiles(), state.folder)
    logs = {}
    for name, positions in (batch.logs if batch else {}).items():
        files = [
            {"path": file["path"], "position": file["position"], "done": file["done"]}
            for file in positions.get("files", ())
        ]
        logs[name] = {"files": files, "lines": running.get("logs", {}).get(name)}
    return {
        **document,
        "complete_until_ms": batch.cursor_ms if batch else None,
        "problems": running.get("problems", []),
        "logs": logs,
    }


def progress_text(document: Mapping[str, Any]) -> str:
    """Return the answer of ``show`` for people."""
    until_ms = document["complete_until_ms"]
    until = "-"
    if until_ms is not None:
        until = datetime.fromtimestamp(until_ms // 1000, timezone.utc).isoformat()
    rows = [
        f"企业/主机 enterprise/host: {document['enterprise'] or '-'} / {document['host'] or '-'}",
        f"运行 running: {'是 yes' if document['running'] else '否 no'}",
        f"已完整读到 complete until: {until}",
        f"待发数据块 pending: {document['chunks_pending']}",
    ]
    for name, log in document["logs"].items():
        lines = log["lines"] or {}
        read, missed = lines.get("read", "-"), lines.get("not_understood", "-")
        rows.append(f"{name}: 行 lines {read}, 无法识别 not understood {missed}")
        rows.extend(
            f"  {file['path']}: {file['position']}{' 完 done' if file['done'] else ''}"
            for file in log["files"]
        )
    rows.extend(f"! {problem}" for problem in document["problems"])
    return "\n".join(rows) + "\n"
