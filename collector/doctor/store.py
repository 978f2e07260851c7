"""The store: whether it opens, is sound, and what stands in its log; what waits, and what must be looked at."""

from __future__ import annotations

import sqlite3
import statistics
import time
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from urllib.parse import quote

from sqlalchemy import Connection, func, select

from collector.alerts.hosts import CLOCK_OFF_MS, State
from collector.alerts.matters import BAD as URGENT
from collector.alerts.matters import CODES, decide
from collector.alerts.reading import Holes, read
from collector.alerts.situation import History, Situation
from collector.alerts.words import said
from collector.doctor.record import ATTENTION, BAD, Check, failed, good
from collector.opening import OpenStore
from collector.store import checkpoints, log, schema
from collector.store.engine import HEAD, sqlite_path
from evidence import checkpoint
from evidence.errors import EvidenceError
from evidence.keys import PublicKey

CHECK_S = 20.0
"""How long the pages of a database are looked through; a large one is not finished in that time."""
MS_PER_S = 1000
NAMED = 5
LEAST_HOSTS = 3
"""Fewer clocks say nothing about whose is wrong."""
_STEPS = 10_000
_ELSEWHERE = (
    "source",
    "source_file",
    "history",
    "anchor_missing",
    "unanchored",
    "unmarked",
    "disk",
    "certificate",
)
"""Matters that other lines of the doctor tell."""
_DAMAGED = (
    "先复制整个目录，再按 runbook“库损坏”处理",
    "copy the whole directory first, then see the runbook: store damaged",
)


def page_check(url: str, *, most_s: float = CHECK_S, mono_s: Callable[[], float] = time.monotonic) -> Check:
    """Return whether the pages of an SQLite store are sound, as far as the time allowed."""
    path = sqlite_path(url)
    if path is None:
        said = "数据库服务器，自行检查", "a database server, which checks itself"
        return good("store", *said)
    try:
        problem = _quick_check(path, until_s=mono_s() + most_s, mono_s=mono_s)
    except sqlite3.DatabaseError as error:
        if "interrupted" in str(error):
            return Check(
                "store",
                ATTENTION,
                f"{most_s:.0f} 秒内未检查完，已查部分完好",
                f"not finished in {most_s:.0f} s; nothing wrong until then",
                f"服务停止时完整检查：sqlite3 {path} 'PRAGMA integrity_check'",
                f"for all of it, with the service stopped: sqlite3 {path} 'PRAGMA integrity_check'",
            )
        return failed("store", error, *_DAMAGED)
    if problem != "ok":
        return Check("store", BAD, f"库已损坏：{problem}", f"the store is damaged: {problem}", *_DAMAGED)
    return good("store", f"{path}，结构 {HEAD}，页面完好", f"{path}, schema {HEAD}, its pages are sound")


def _quick_check(path: Path, *, until_s: float, mono_s: Callable[[], float]) -> str:
    connection = sqlite3.connect(f"file:{quote(str(path.absolute()))}?mode=rw", uri=True, timeout=5)
    try:
        connection.execute("PRAGMA query_only=ON")
        connection.set_progress_handler(lambda: int(mono_s() > until_s), _STEPS)
        return " ".join(str(connection.execute("PRAGMA quick_check(1)").fetchone()[0]).split())
    finally:
        connection.close()


def log_checks(opened: OpenStore) -> Iterator[Check]:
    """Yield whether the log is as long as its head says, and its newest checkpoint signed by this key."""
    with opened.store.reading() as connection:
        size, kept = _sizes(connection)
        newest = checkpoints.newest(connection)
    if size != kept:
        yield Check(
            "log",
            BAD,
            f"日志应有 {size} 项，实有 {kept} 项",
            f"the log should have {size} leaves, it has {kept}",
            *_DAMAGED,
        )
        return
    if newest is None:
        yield good("log", f"{size} 项，尚无检查点", f"{size} leaves, no checkpoint yet")
        return
    public = opened.keyring.directory / "log.pub"
    try:
        signed = checkpoint.verify(newest.note, PublicKey.from_hex(public.read_text("ascii").strip()))
    except (OSError, ValueError, EvidenceError) as error:
        yield failed(
            "log",
            error,
            "log.key 可能换过；从备份恢复原来的密钥",
            "log.key may be another one; restore the old one",
        )
        return
    if signed.size != newest.size or newest.size > size:
        yield Check(
            "log",
            BAD,
            "检查点比日志长：库可能回退过",
            "a checkpoint is longer than the log: an older store was restored",
            *_DAMAGED,
        )
        return
    yield good(
        "log",
        f"{size} 项，最新检查点 {newest.size} 签名有效；完整核对用 starproof audit",
        f"{size} leaves, the newest checkpoint {newest.size} is signed; starproof audit looks at all",
    )


def _sizes(connection: Connection) -> tuple[int, int]:
    last = connection.scalar(select(func.max(schema.log_leaf.c.index)))
    return log.head(connection).frontier.size, 0 if last is None else int(last) + 1


def situation_of(
    opened: OpenStore, *, now_ms: int, percent: int, anchors: int | None, histories: tuple[History, ...]
) -> Situation:
    """Return the situation with the accounts' histories."""
    found = read(opened, now_ms=now_ms, holes=Holes(), percent=percent, anchors_configured=anchors)
    return replace(found, histories=histories)


def host_checks(situation: Situation) -> Iterator[Check]:
    """Yield how the hosts stand, and everything that the alerts tell and no other line does."""
    states = Counter(host.state for host in situation.hosts)
    reporting = states[State.REPORTING] + states[State.IMPORTED]
    yield good(
        "hosts",
        f"{len(situation.hosts)} 台，其中 {reporting} 台数据正常",
        f"{len(situation.hosts)} hosts, {reporting} with data as expected",
    )
    found: dict[str, list[str]] = {}
    for one in decide(situation):
        if one.code not in _ELSEWHERE:
            found.setdefault(one.code, []).append(one.subject)
    for code, subjects in found.items():
        zh, en = (said(code, language, percent=situation.percent) for language in ("zh", "en"))
        names = ", ".join(subjects[:NAMED]) + (" …" if len(subjects) > NAMED else "")
        yield Check(
            "hosts",
            BAD if CODES[code] == URGENT else ATTENTION,
            f"{zh.title}（{len(subjects)}）：{names}",
            f"{en.title} ({len(subjects)}): {names}",
            zh.remedy,
            en.remedy,
        )


def clock_check(situation: Situation) -> Check:
    """Return whether the clocks of most hosts say that the collector's own is wrong."""
    offsets = [host.clock_offset_ms for host in situation.hosts if host.clock_offset_ms is not None]
    if len(offsets) < LEAST_HOSTS:
        return good(
            "clock",
            "主机太少，无从比较；请确认已启用时间同步",
            "too few hosts to compare with; see that time is synchronised",
        )
    middle = int(statistics.median(offsets))
    if abs(middle) > CLOCK_OFF_MS:
        return Check(
            "clock",
            BAD,
            f"多数主机与采集端相差 {middle} ms：采集端时钟可能不准",
            f"most hosts differ by {middle} ms: it is the collector's clock that may be wrong",
            "systemctl enable --now chronyd；见 runbook“时钟错误”",
            "systemctl enable --now chronyd; see the runbook: clock wrong",
        )
    return good(
        "clock",
        f"与 {len(offsets)} 台主机的中位差 {middle} ms",
        f"{middle} ms from {len(offsets)} hosts (median)",
    )
