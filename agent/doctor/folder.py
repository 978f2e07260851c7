"""The state directory: whose it is, who may read it, what waits in it, and the disk that it is on."""

from __future__ import annotations

import os
import shutil
import stat
from collections.abc import Iterator, Mapping
from typing import Any, Optional

from agent.config import Settings
from agent.doctor.record import ATTENTION, BAD, GOOD, Check
from agent.errors import AgentError
from agent.month import length
from agent.state import CA, ENROLMENT, KEY, NEXT_KEY, REQUEST, SPOOL, Enrolled, State
from agent.status import BACKLOG_WARNING_MS, report

MIB = 1024 * 1024
LEAST_FREE = 256 * MIB
"""About two years of one host's chunks at 110 MB a year; below, other programs fill the disk first."""
_OTHERS = 0o077
_SPOOL_PERCENT = 80
OWN = ("chown -R 运行代理的用户 {0}", "chown -R USER_OF_THE_AGENT {0}")


class LookingState(State):
    """A state directory that is only looked at: a renaming that a crash left over stays left over."""

    def _settle(self) -> None:
        """Leave everything as it is."""


def state_of(folder: str) -> LookingState:
    """Return the directory for looking only."""
    found = LookingState.of_any_owner(folder)
    assert isinstance(found, LookingState)  # noqa: S101 - a class method of ours returns its own class
    return found


def folder_checks(state: State) -> Iterator[Check]:
    """Yield what is wrong with the directory and its files."""
    try:
        found = os.lstat(state.folder)
    except OSError as error:
        reason = error.strerror or str(error)
        yield Check(
            "state",
            BAD,
            f"{state.folder} 不能读取：{reason}",
            f"{state.folder} cannot be read: {reason}",
            "先注册本机（starproof-agent enroll），或用 --state 指明目录；以 root 或代理的用户运行 doctor",
            "enrol this host (starproof-agent enroll) or give --state; run the doctor as root or as the agent's user",
        )
        return
    problems = [*_modes(state, found)]
    if not problems:
        owner = getattr(found, "st_uid", 0)
        yield Check(
            "state",
            GOOD,
            f"{state.folder}，只有用户 {owner} 可读写",
            f"{state.folder}, only user {owner} may use it",
        )
    for zh, en, todo in problems:
        yield Check("state", BAD, zh, en, todo[0], todo[1])


def _modes(state: State, folder: os.stat_result) -> Iterator[tuple[str, str, tuple[str, str]]]:
    if os.name == "nt":  # pragma: no cover - no Windows machine in CI
        return
    if stat.S_IMODE(folder.st_mode) & _OTHERS:
        command = f"chmod 700 {state.folder}"
        yield f"{state.folder} 可被他人读取", f"others may use {state.folder}", (command, command)
    for name in (KEY, NEXT_KEY, ENROLMENT, CA, SPOOL):
        path = state.path(name)
        try:
            found = os.lstat(path)
        except OSError:
            continue  # what is not there is told by who needs it
        own = (OWN[0].format(state.folder), OWN[1].format(state.folder))
        if stat.S_ISLNK(found.st_mode):
            yield f"{path} 是链接", f"{path} is a link", (f"rm {path}", f"rm {path}")
        elif found.st_uid != folder.st_uid:
            yield f"{path} 属于用户 {found.st_uid}", f"{path} belongs to user {found.st_uid}", own
        elif name in (KEY, NEXT_KEY) and stat.S_IMODE(found.st_mode) & _OTHERS:
            yield (
                f"{path} 可被他人读取",
                f"others may read {path}",
                (f"chmod 600 {path}", f"chmod 600 {path}"),
            )


def enrolment_check(state: State) -> tuple[Check, Optional[Enrolled]]:
    """Return whether this host is enrolled, and as what."""
    try:
        enrolled = state.enrolled()
    except (AgentError, OSError) as error:
        return Check(
            "enrolment", BAD, str(error), str(error), "见 docs/runbook.md", "see docs/runbook.md"
        ), None
    if enrolled is None:
        todo = "starproof-agent enroll --collector URL --token-file FILE"
        return Check("enrolment", BAD, "本机尚未注册", "this host is not enrolled", todo, todo), None
    record = enrolled.signed.enrolment
    named = f"{record.enterprise} / {record.host}, epoch {record.epoch}, {enrolled.key.public.id[:16]}"
    if os.path.exists(state.path(REQUEST)):
        return Check(
            "enrolment",
            ATTENTION,
            f"{named}：采集端的回执还没有到",
            f"{named}: no receipt has confirmed it yet",
            "导出并带回回执：starproof-agent export，再 starproof-agent import-receipt",
            "carry it over: starproof-agent export, then starproof-agent import-receipt",
        ), enrolled
    return Check("enrolment", GOOD, named, named), enrolled


def life_checks(state: State, settings: Settings, *, now_ms: int) -> Iterator[Check]:
    """Yield whether the agent runs, what waits, what was damaged or lost, and whether the log held."""
    try:
        found = report(state, now_ms=now_ms)
    except (AgentError, OSError) as error:
        yield Check("running", BAD, str(error), str(error))
        return
    yield _running(found, now_ms)
    yield from _spool(found, settings)
    if found["log_problems_total"]:
        count = found["log_problems_total"]
        yield Check(
            "log",
            BAD,
            f"{count} 次回执有误：{found['last_problem']}",
            f"{count} receipts were wrong: {found['last_problem']}",
            "采集端的日志可能被改写；请告知评审部门",
            "the collector's log may have been rewritten; tell the reviewer",
        )


def _running(found: Mapping[str, Any], now_ms: int) -> Check:
    last_ms, interval_ms = found["last_reading_ms"], found["interval_ms"] or 60_000
    start = "systemctl start starproof-agent; journalctl -u starproof-agent -n 50"
    if not found["running"]:
        return Check("running", BAD, "采集代理没有运行", "the agent is not running", start, start)
    since_ms = now_ms - (last_ms if last_ms is not None else found["started_ms"] or now_ms)
    zh, en = length(since_ms)
    if since_ms > 3 * interval_ms + 30_000:
        return Check("running", BAD, f"已 {zh} 没有读数", f"no reading for {en}", start, start)
    return Check("running", GOOD, f"运行中，最近读数 {zh} 前", f"running, the last reading {en} ago")


def _spool(found: Mapping[str, Any], settings: Settings) -> Iterator[Check]:
    aside = found["chunks_damaged"], found["chunks_refused"]
    if any(aside):
        yield Check(
            "spool",
            BAD,
            f"损坏 {aside[0]} 个、被拒收 {aside[1]} 个数据块",
            f"{aside[0]} chunks are damaged, {aside[1]} were refused",
            "见 docs/install.zh-CN.md 第 4 节；先查磁盘",
            "see docs/install.md, section 4; check the disk first",
        )
    limit = settings.spool_max_mib * MIB
    pending, size, oldest_ms = found["chunks_pending"], found["spool_bytes"], found["oldest_pending_ms"]
    zh, en = f"{pending} 个数据块，{size} 字节", f"{pending} chunks, {size} bytes"
    if oldest_ms is not None:
        since_zh, since_en = length(oldest_ms)
        zh, en = f"{zh}，最早 {since_zh} 前", f"{en}, the oldest {since_en} old"
    reach = "先看“到采集端的路”一项", "see the line about the route first"
    if size * 100 >= limit * _SPOOL_PERCENT:
        yield Check("spool", BAD, f"{zh}，已近上限", f"{en}, near its limit", *reach)
    elif oldest_ms is not None and oldest_ms > BACKLOG_WARNING_MS:
        yield Check("spool", ATTENTION, f"{zh}，已滞留一天以上", f"{en}, over a day", *reach)
    else:
        yield Check("spool", GOOD, zh, en)
    ahead = found.get("chunks_ahead")
    if ahead:
        yield Check(
            "spool",
            ATTENTION,
            f"{ahead} 个数据块的时间尚未到来：封存时本机时钟超前",
            f"{ahead} chunks are of a time that has not come: this clock was ahead when they were sealed",
            "核对时钟后：starproof agent held",
            "see that the clock is right, then: starproof agent held",
        )


def disk_check(state: State) -> Check:
    """Return whether the disk has room for what cannot be delivered."""
    folder = state.folder
    while not os.path.isdir(folder) and os.path.dirname(folder) != folder:
        folder = os.path.dirname(folder)
    try:
        usage = shutil.disk_usage(folder)
    except OSError as error:
        return Check("disk", ATTENTION, f"无法查询：{error}", f"cannot be asked: {error}")
    free = f"{usage.free // MIB} MiB"
    if usage.free < LEAST_FREE:
        todo = f"清理 {folder} 所在的磁盘", f"make room on the disk of {folder}"
        return Check("disk", BAD, f"只剩 {free}", f"only {free} are left", *todo)
    return Check("disk", GOOD, f"剩余 {free}", f"{free} are free")
