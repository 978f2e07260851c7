"""How the agent is doing: counted while it runs, written to ``status.json``, told in words.

``Board`` is where the reading and the delivery thread write what happened. ``report`` reads the
state directory from outside, so it also works when no agent runs.
"""

from __future__ import annotations

import json
import os
import threading
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Callable, Optional

from agent import state as states
from agent.answers import Decision
from agent.enrol import AGENT
from agent.files import FILE_MODE
from agent.month import Month, duration, lines
from agent.sealing import ClockEstimate
from agent.shelf import CHUNK, DAMAGED, REFUSED, seq_of
from agent.state import State
from evidence.code_hash import UNKNOWN

if TYPE_CHECKING:  # reading imports what only the running agent needs
    from agent.reading import Reading
    from evidence.manifest import Manifest

SCHEMA = "starproof/agent-status/1"
BLOCK_BYTES = 4096
READS = 3
"""How often a half-written ``status.json`` is read again."""
CLOCK_WARNING_MS = 60_000
"""Above a minute the midnight of the host is not the midnight of the collector."""
BACKLOG_WARNING_MS = 86_400_000
LATE_INTERVALS = 3
MAX_LATE_SLACK_MS = 30_000
LONG_AGO_MS = 300_000
MAX_NAMED = 16
"""Devices of one kind that are named."""
_KINDS = {"nic": "nics", "disk": "disks"}
GOOD, ATTENTION, BAD = "好 good", "注意 attention", "坏 bad"

Document = dict[str, Any]
_COUNTERS = (
    "readings_total",
    "reading_failures_total",
    "chunks_sealed_total",
    "seal_failures_total",
    "rows_lost_total",
    "chunks_delivered_total",
    "chunks_refused_total",
    "deliveries_failed_total",
    "thinnings_total",
    "log_problems_total",
)
_MOMENTS = ("started_ms", "last_reading_ms", "last_seal_ms", "last_ack_ms", "last_delivery_ms")


class Board:
    """Counts and last moments of one life of the agent. May be used from several threads."""

    def __init__(
        self,
        wall_ms: Callable[[], int],
        *,
        interval_ms: int,
        code: str = UNKNOWN,
        before: Optional[Mapping[str, Any]] = None,
    ) -> None:
        """Start all counts at zero and all moments as unknown.

        ``code`` is what runs, ``before`` what the last life wrote: its month goes on.
        """
        self._wall_ms = wall_ms
        self._month = Month((before or {}).get("month"))
        self._manifest = b""
        self._lock = threading.Lock()
        self._fields: Document = {
            **dict.fromkeys(_COUNTERS, 0),
            **dict.fromkeys(_MOMENTS),
            "interval_ms": interval_ms,
            "last_delivery": "",
            "last_delivery_message": "",
            "last_problem": "",
            "clock_offset_ms": None,
            "clock_rtt_ms": None,
            "clock_state": "unknown",
            "agent": AGENT,
            "code": code,
            "month": self._month.document(),
            "measured": None,
        }
        self._fields["started_ms"] = wall_ms()

    def read(self, wall_ms: int, clock_state: str) -> None:
        """A reading was taken."""
        with self._lock:
            self._fields["readings_total"] += 1
            self._fields["last_reading_ms"] = wall_ms
            self._fields["clock_state"] = clock_state

    def measured(self, reading: Reading) -> None:
        """Remember what a reading measures, and count its time in the month."""
        manifest = reading.manifest
        with self._lock:
            self._month.read(reading.wall_ms, reading.boot_id, interval_ms=self._fields["interval_ms"])
            self._fields["month"] = self._month.document()
            if manifest.raw != self._manifest:
                self._manifest = manifest.raw
                self._fields["measured"] = _measured(manifest)

    def reading_failed(self, reason: str) -> None:
        """A reading was not possible."""
        self._problem("reading_failures_total", 1, reason)

    def sealed(self) -> None:
        """A chunk is on the disk."""
        with self._lock:
            self._fields["chunks_sealed_total"] += 1
            self._fields["last_seal_ms"] = self._wall_ms()

    def seal_failed(self, reason: str) -> None:
        """A chunk could not be written; its rows wait in memory."""
        self._problem("seal_failures_total", 1, reason)

    def rows_lost(self, rows: int, reason: str) -> None:
        """Rows were given up."""
        self._problem("rows_lost_total", rows, reason)

    def thinned(self, saved_bytes: int) -> None:
        """The spool was thinned, or could not be (0 bytes)."""
        self._problem("thinnings_total", 1, f"the spool was at its limit; thinning saved {saved_bytes} bytes")

    def delivered(self, decision: Decision, clock: ClockEstimate) -> None:
        """A request was made, with this result."""
        now_ms = self._wall_ms()
        failed = decision.back_off or decision.wait_s is not None or decision.shrink
        with self._lock:
            fields = self._fields
            fields["last_delivery_ms"] = now_ms
            fields["last_delivery"] = decision.code
            fields["last_delivery_message"] = decision.message
            fields["chunks_delivered_total"] += len(decision.stored)
            fields["chunks_refused_total"] += len(decision.refused)
            fields["deliveries_failed_total"] += int(failed)
            if decision.stored:
                fields["last_ack_ms"] = now_ms
            if clock.rtt_ms >= 0:
                fields["clock_offset_ms"], fields["clock_rtt_ms"] = clock.offset_ms, clock.rtt_ms

    def log_problem(self, reason: str) -> None:
        """The collector's log is not what it said before, or a receipt does not hold."""
        self._problem("log_problems_total", 1, reason)

    def snapshot(self) -> Document:
        """Return a copy of everything."""
        with self._lock:
            return dict(self._fields)

    def _problem(self, counter: str, step: int, reason: str) -> None:
        with self._lock:
            self._fields[counter] += step
            self._fields["last_problem"] = reason


def _measured(manifest: Manifest) -> Document:
    """Return the names of the devices that count, by kind, and how many do not."""
    counted: Document = {"cpus": manifest.host.get("cpus"), "nics": [], "disks": [], "not_counted": 0}
    for device in manifest.devices:
        if device.kind not in _KINDS:
            continue
        if device.counts:
            counted[_KINDS[device.kind]].append(device.name)
        else:
            counted["not_counted"] += 1
    for kind in _KINDS.values():
        counted[kind] = counted[kind][:MAX_NAMED]
    return counted


def write(path: str, document: Mapping[str, Any]) -> None:
    """Rewrite ``status.json`` in place: renaming a new file over it at every reading costs a millisecond.

    Not synced, and padded to whole blocks so that a shorter text leaves nothing of a longer one. A
    reader that meets a half-written one reads again.

    Raises:
        OSError: the disk does not take it.
    """
    text = json.dumps(document).encode("utf-8")
    padded = text.ljust(-(-(len(text) + 1) // BLOCK_BYTES) * BLOCK_BYTES - 1) + b"\n"
    handle = os.open(path, os.O_WRONLY | os.O_CREAT, FILE_MODE)
    try:
        os.write(handle, padded)
        if os.fstat(handle).st_size != len(padded):
            os.ftruncate(handle, len(padded))
    finally:
        os.close(handle)


def report(state: State, *, now_ms: int) -> Document:
    """Return what can be said about the agent of a state directory, at ``now_ms`` (wall clock).

    Raises:
        StateError: the directory cannot be read.
    """
    enrolled = state.enrolled()
    last = running(state)
    pending, spool_bytes, oldest_ms = _pending(state.path(states.SPOOL))
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
        "chunks_damaged": _count(state.path(states.SPOOL), DAMAGED),
        "chunks_refused": _count(state.path(states.SPOOL), REFUSED),
    }
    names = (*_COUNTERS, *_MOMENTS, "last_delivery", "last_delivery_message", "last_problem")
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


def running(state: State) -> Document:
    """Return what the last life of the agent wrote, empty if nothing usable."""
    for _ in range(READS):
        try:
            document = json.loads(state.read(states.STATUS) or b"{}")
        except ValueError:
            continue
        return document if isinstance(document, dict) else {}
    return {}


def _pending(folder: str) -> tuple[int, int, Optional[int]]:
    """Return number, bytes and the begin of the oldest of the pending chunks, from the files alone."""
    from evidence.chunk import parse_header, read_frame  # noqa: PLC0415 - not needed while the agent runs
    from evidence.errors import EvidenceError  # noqa: PLC0415 - the same

    try:
        names = sorted(
            name for name in os.listdir(folder) if name.endswith("." + CHUNK) and seq_of(name) >= 0
        )
    except FileNotFoundError:
        return 0, 0, None
    total, oldest_ms = 0, None
    for name in names:
        path = os.path.join(folder, name)
        try:
            total += os.lstat(path).st_size
            if oldest_ms is None:
                with open(path, "rb") as file:
                    oldest_ms = parse_header(read_frame(file.read()).header).start_ms
        except (OSError, EvidenceError):
            continue  # delivered in this moment, or damaged: the agent reports that itself
    return len(names), total, oldest_ms


def _count(*folder: str) -> int:
    try:
        return len(os.listdir(os.path.join(*folder)))
    except FileNotFoundError:
        return 0
