"""How the agent is doing, told in words and as a document: read from the state directory, also when no agent runs."""

from __future__ import annotations

import os
from collections.abc import Mapping
from typing import Any, Optional

from agent import state as states
from agent.board import COUNTERS, MOMENTS, Document, running
from agent.month import duration, lines
from agent.shelf import CHUNK, DAMAGED, REFUSED, seq_of
from agent.state import State

SCHEMA = "starproof/agent-status/1"
CLOCK_WARNING_MS = 60_000
"""Above a minute the midnight of the host is not the midnight of the collector."""
BACKLOG_WARNING_MS = 86_400_000
AHEAD_MS = 600_000
"""The collector takes chunks that end up to so long after its clock."""
MAX_AHEAD = 64
"""So many chunks of the future are counted, at the head of the queue."""
LATE_INTERVALS = 3
MAX_LATE_SLACK_MS = 30_000
LONG_AGO_MS = 300_000
GOOD, ATTENTION, BAD = "好 good", "注意 attention", "坏 bad"


def report(state: State, *, now_ms: int) -> Document:
    """Return what can be said about the agent of a state directory, at ``now_ms`` (wall clock).

    Raises:
        StateError: the directory cannot be read.
    """
    enrolled = state.enrolled()
    last = running(state)
    pending, spool_bytes, oldest_ms, ahead = _pending(state.path(states.SPOOL), now_ms=now_ms)
    document: Document = {
        "schema": SCHEMA,
        "enrolled": enrolled is not None,
        "enterprise": enrolled.signed.enrolment.enterprise if enrolled else None,
        "host": enrolled.signed.enrolment.host if enrolled else None,
        "epoch": enrolled.signed.enrolment.epoch if enrolled else None,
        "key": enrolled.key.public.id if enrolled else None,
        "collector": enrolled.collector if enrolled else None,
        "state": state.folder,
        "running": states.is_locked(state.path(states.LOCK)),
        "chunks_pending": pending,
        "spool_bytes": spool_bytes,
        "oldest_pending_ms": max(0, now_ms - oldest_ms) if oldest_ms is not None else None,
        "chunks_ahead": ahead,
        "chunks_damaged": _count(state.path(states.SPOOL), DAMAGED),
        "chunks_refused": _count(state.path(states.SPOOL), REFUSED),
    }
    names = (*COUNTERS, *MOMENTS, "last_delivery", "last_delivery_message", "last_problem")
    for name in (
        *names,
        "interval_ms",
        "clock_offset_ms",
        "clock_rtt_ms",
        "clock_state",
        "agent",
        "code",
        "month",
        "measured",
    ):
        document[name] = last.get(name)
    document["attention"] = attention(document, now_ms=now_ms)
    return document


def attention(document: Mapping[str, Any], *, now_ms: int) -> list[str]:
    """Return what somebody should look at, in words."""
    if not document["enrolled"]:
        return [
            "未注册,请运行 starproof-agent enroll | not enrolled: run starproof-agent enroll --collector URL --token-file FILE"
        ]
    found = []
    if not document["running"]:
        found.append("采集代理未运行 | the agent is not running")
    elif _is_late(document, now_ms):
        found.append("最近没有读数 | no reading lately, see the log")
    for name, chinese, english in (
        (
            "chunks_ahead",
            "个数据块的时间尚未到来：starproof agent held",
            "chunks are of a time that has not come: starproof agent held",
        ),
        ("chunks_damaged", "个数据块损坏", "damaged chunks in spool/damaged: check the disk"),
        ("chunks_refused", "个数据块被拒收", "chunks refused by the collector, in spool/refused"),
        ("rows_lost_total", "个读数丢失", "readings were lost in this run: the disk did not take them"),
        ("seal_failures_total", "次封存失败", "times sealing failed in this run: check the disk"),
        (
            "log_problems_total",
            "次日志回执有误",
            "receipts of the collector's log were wrong: tell the reviewer",
        ),
    ):
        if document.get(name):
            found.append(f"{document[name]} {chinese} | {document[name]} {english}")
    oldest_ms = document["oldest_pending_ms"]
    if oldest_ms is not None and oldest_ms > BACKLOG_WARNING_MS:
        hours = oldest_ms // 3_600_000
        found.append(
            f"数据块已滞留 {hours} 小时 | chunks have waited for {hours} hours: check the way to the collector"
        )
    result = document["last_delivery"]
    if result not in (None, "", "OK"):
        found.append(
            f"最近一次上报: {result} | last delivery: {result} {document['last_delivery_message']}".rstrip()
        )
    offset_ms = document["clock_offset_ms"]
    if offset_ms is not None and abs(offset_ms) > CLOCK_WARNING_MS:
        found.append(
            f"时钟偏差 {offset_ms // 1000} 秒 | the clock differs from the collector's by {offset_ms // 1000} s: set up NTP"
        )
    return found


def text(document: Mapping[str, Any], *, now_ms: int) -> str:
    """Return the report as lines for people."""
    if not document["enrolled"]:
        return f"状态目录 state: {document['state']}\n! {document['attention'][0]}\n"
    coverage, gaps = lines(document.get("month"), now_ms=now_ms)
    rows = (
        ("总体 overall", overall(document)),
        ("企业 enterprise", document["enterprise"]),
        ("主机 host", f"{document['host']} (epoch {document['epoch']})"),
        ("密钥 key", str(document["key"])[:16]),
        ("采集中心 collector", document["collector"]),
        ("状态目录 state", document["state"]),
        ("程序 program", _program(document)),
        ("运行 running", "是 yes" if document["running"] else "否 no"),
        ("测量 measured", _devices(document.get("measured"))),
        ("最近读数 last reading", _ago(document["last_reading_ms"], now_ms)),
        ("最近封存 last seal", _ago(document.get("last_seal_ms"), now_ms)),
        (
            "最近上报 last delivery",
            f"{document['last_delivery'] or '-'}, {_ago(document['last_delivery_ms'], now_ms)}",
        ),
        ("最近确认 last acknowledged", _ago(document.get("last_ack_ms"), now_ms)),
        ("待发数据块 pending", _waiting(document)),
        ("损坏/拒收 damaged/refused", f"{document['chunks_damaged']} / {document['chunks_refused']}"),
        ("时钟偏差 clock offset", _offset(document)),
        ("本月覆盖 this month", coverage),
        ("本月缺口 gaps", gaps),
    )
    shown = [f"{name}: {value}" for name, value in rows]
    shown.extend(f"! {line}" for line in document["attention"])
    return "\n".join(shown) + "\n"


def overall(document: Mapping[str, Any]) -> str:
    """Return in a word how the agent is: bad if nothing is measured or data were lost, else as its attention says."""
    lost = any(document.get(name) for name in ("chunks_damaged", "chunks_refused", "rows_lost_total"))
    if not document["running"] or lost:
        return BAD
    return ATTENTION if document["attention"] else GOOD


def _devices(measured: Optional[Mapping[str, Any]]) -> str:
    if not isinstance(measured, Mapping):
        return "-"
    parts = [f"处理器 CPUs {measured.get('cpus') or '-'}"]
    for name, words in (("nics", "网卡 NICs"), ("disks", "磁盘 disks")):
        names = measured.get(name) or ()
        parts.append(f"{words} {', '.join(map(str, names)) or '无 none'}")
    parts.append(f"不计 not counted {measured.get('not_counted', 0)} (starproof-agent sample)")
    return "; ".join(parts)


def _waiting(document: Mapping[str, Any]) -> str:
    oldest_ms = document["oldest_pending_ms"]
    since = "" if oldest_ms is None else f", 最早 oldest {duration(oldest_ms)}"
    return f"{document['chunks_pending']} ({document['spool_bytes']} bytes){since}"


def _ago(moment_ms: Optional[int], now_ms: int) -> str:
    if moment_ms is None:
        return "-"
    since_ms = max(0, now_ms - moment_ms)
    if since_ms < LONG_AGO_MS:
        return f"{since_ms // 1000} 秒前 s ago"
    return f"{duration(since_ms)} 前 ago"


def _offset(document: Mapping[str, Any]) -> str:
    if document["clock_offset_ms"] is None:
        return "-"
    return f"{document['clock_offset_ms']} ms ± {document['clock_rtt_ms']} ms"


def _program(document: Mapping[str, Any]) -> str:
    """Return version and code of the agent's last life, which an older one did not write."""
    return f"{document['agent'] or '-'}, 代码 code {document['code'] or '未知 unknown'}"


def _is_late(document: Mapping[str, Any], now_ms: int) -> bool:
    last_ms = document["last_reading_ms"] or document["started_ms"]
    if last_ms is None or document["interval_ms"] is None:
        return False
    return bool(now_ms - last_ms > LATE_INTERVALS * document["interval_ms"] + MAX_LATE_SLACK_MS)


def _pending(folder: str, *, now_ms: int) -> tuple[int, int, Optional[int], int]:
    """Return number and bytes of the pending chunks, when the oldest begins, and how many lie in the future.

    From the files alone. What lies in the future was sealed by a clock that was ahead: it hides no older one.
    """
    from evidence.chunk import parse_header, read_frame  # noqa: PLC0415 - not needed while the agent runs
    from evidence.errors import EvidenceError  # noqa: PLC0415 - the same

    try:
        names = sorted(
            name for name in os.listdir(folder) if name.endswith("." + CHUNK) and seq_of(name) >= 0
        )
    except FileNotFoundError:
        return 0, 0, None, 0
    total, oldest_ms, ahead = 0, None, 0
    for name in names:
        path = os.path.join(folder, name)
        try:
            total += os.lstat(path).st_size
            if oldest_ms is None and ahead < MAX_AHEAD:
                with open(path, "rb") as file:
                    header = parse_header(read_frame(file.read()).header)
                if header.end_ms > now_ms + AHEAD_MS:
                    ahead += 1
                else:
                    oldest_ms = header.start_ms
        except (OSError, EvidenceError):
            continue  # delivered in this moment, or damaged: the agent reports that itself
    return len(names), total, oldest_ms, ahead


def _count(*folder: str) -> int:
    try:
        return len(os.listdir(os.path.join(*folder)))
    except FileNotFoundError:
        return 0
