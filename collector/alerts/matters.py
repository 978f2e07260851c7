"""What somebody must look at, decided from a situation. Pure: the same situation, the same matters.

=================  ====  ===================================================================
code               kind  when
=================  ====  ===================================================================
``silent``         bad   nothing came for three deliveries of a host's agent (``hosts.state_of``), or of a reader beside it
``behind``         warn  what comes is hours old: the host's spool is catching up
``never``          warn  enrolled, and never heard of
``unknown``        warn  declared in the scope, and never enrolled
``clock``          warn  the host's clock is off by more than ``CLOCK_OFF_MS``
``coverage_lost``  bad   the month can no longer reach the wanted coverage, whatever still comes
``coverage_risk``  warn  it cannot unless what is outstanding comes
``history``        bad   a provider forgets within ``HISTORY_DAYS`` what was not read yet
``source_file``    bad   accounts in the file of sources cannot be used
``source``         warn  an account cannot be asked, ``SOURCE_FAILURES`` times in a row, or was not read in time
``unanchored``     bad   an anchor does not take a checkpoint
``anchor_missing`` bad   no anchor has taken anything for ``ANCHOR_AGE_MS``, or none is configured
``unmarked``       bad   days are over and stand in no checkpoint
``findings``       warn  the collector noticed something that a reviewer will see
``store``          bad   the store is damaged (told without it, ``collector.alerts.damage``)
``disk``           bad   the store's disk is nearly full, or the store takes nothing (``collector.alerts.unkept``)
``certificate``    bad   the server's certificate ends within ``CERTIFICATE_DAYS``, or its files cannot be used
=================  ====  ===================================================================
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from collector.alerts.hosts import CLOCK_OFF_MS, State
from collector.alerts.situation import HostFacts, Situation

BAD, WARN = "bad", "warn"
HISTORY_DAYS = 7
"""A monitor that keeps fifteen days, as Prometheus does unless told otherwise, must not always be near its end."""
SOURCE_FAILURES = 3
STALE_MS = 86_400_000
STALE_TURNS = 3
"""An account is late when it was not read for a day, or for three of its turns where those are longer."""
CERTIFICATE_DAYS = 14
ANCHOR_AGE_MS = 48 * 3_600_000
"""A checkpoint a day is handed over; two days without one is one that was left out."""
DISK_FREE_PERCENT = 5
MS_PER_S, MS_PER_MINUTE, MS_PER_HOUR, MS_PER_DAY = 1_000, 60_000, 3_600_000, 86_400_000
MIB = 1024 * 1024
EVIDENCE = "log"
STORE = "store"
"""Subjects of matters that are about no host and no account."""

CODES = {
    "silent": BAD,
    "behind": WARN,
    "never": WARN,
    "unknown": WARN,
    "clock": WARN,
    "coverage_lost": BAD,
    "coverage_risk": WARN,
    "history": BAD,
    "source_file": BAD,
    "source": WARN,
    "unanchored": BAD,
    "anchor_missing": BAD,
    "unmarked": BAD,
    "findings": WARN,
    "store": BAD,
    "disk": BAD,
    "certificate": BAD,
}
URGENT_FIRST = tuple(sorted(CODES, key=lambda code: CODES[code] != BAD))
"""The codes in the order in which people are told: the urgent ones, then the others, each as above."""
SOURCE_CODES = ("history", "source_file", "source")
"""About accounts of clouds and monitors."""


@dataclass(frozen=True)
class Matter:
    """One thing to look at. ``zh`` and ``en`` say how it stands with this subject."""

    code: str
    subject: str
    zh: str
    en: str

    @property
    def kind(self) -> str:
        """How urgent it is."""
        return CODES[self.code]


Seen = tuple[Situation, Sequence[Matter]]
"""How everything stood at one look, and what was decided."""


def decide(situation: Situation) -> tuple[Matter, ...]:
    """Return everything to look at, the urgent first, else in the order of the table above."""
    found = [
        *(matter for host in situation.hosts for matter in _host(host, situation)),
        *_sources(situation),
        *_evidence(situation),
        *_store(situation),
    ]
    return tuple(sorted(found, key=lambda one: URGENT_FIRST.index(one.code)))


def _host(host: HostFacts, situation: Situation) -> Iterator[Matter]:
    now_ms = situation.made_ms
    if host.state is State.SILENT:
        since = now_ms - (host.arrived_ms if host.arrived_ms is not None else now_ms)
        if since < 0:
            words = (
                "最近一次上报在采集端时钟拨回之前",
                "last heard of before this collector's clock was set back",
            )
        else:
            words = f"最近一次上报在 {_zh(since)}前", f"last heard of {_en(since)} ago"
        yield Matter("silent", host.name, *words)
    elif host.state is State.BEHIND:
        lag = now_ms - (host.read_ms if host.read_ms is not None else now_ms)
        yield Matter(
            "behind", host.name, f"最新的读数已是 {_zh(lag)}前", f"its newest reading is {_en(lag)} old"
        )
    elif host.state is State.NEVER:
        yield Matter("never", host.name, "已注册，从未上报", "enrolled, never heard of")
    elif host.state is State.UNKNOWN:
        yield Matter("unknown", host.name, "已申报，没有接入", "declared, not connected")
    for source, arrived_ms in host.quiet:
        since = abs(now_ms - arrived_ms)
        yield Matter(
            "silent",
            f"{host.name} {source}",
            f"{source} 最近一次上报在 {_zh(since)}前",
            f"{source} was last heard of {_en(since)} ago",
        )
    offset = host.clock_offset_ms
    if offset is not None and abs(offset) > CLOCK_OFF_MS:
        seconds = offset // MS_PER_S if offset > 0 else -(-offset // MS_PER_S)
        yield Matter(
            "clock", host.name, f"与采集端相差 {seconds} 秒", f"differs from the collector's by {seconds} s"
        )
    yield from _coverage(host, situation)


def _coverage(host: HostFacts, situation: Situation) -> Iterator[Matter]:
    one, percent = host.coverage, situation.percent
    if one is None or not one.possible_ms:
        return
    if not one.can_reach(percent):
        yield Matter(
            "coverage_lost",
            host.name,
            f"{situation.month} 最多还能达到 {one.best_text()} %（已确定缺失 {_zh(one.lost_ms)}）",
            f"{situation.month}: {one.best_text()} % at the most ({_en(one.lost_ms)} are lost for good)",
        )
    elif not one.reaches_without(percent):
        yield Matter(
            "coverage_risk",
            host.name,
            f"{situation.month} 有 {_zh(one.outstanding_ms)}的数据尚未到达；若不补上，最多 {one.worst_text()} %",
            f"{situation.month}: {_en(one.outstanding_ms)} are outstanding; without them {one.worst_text()} % at the most",
        )


def _sources(situation: Situation) -> Iterator[Matter]:
    for one in situation.histories:
        if one.broken:
            yield Matter("source_file", one.alias, one.problem, one.problem)
            continue
        if one.left_days is not None and one.left_days < HISTORY_DAYS:
            yield Matter(
                "history",
                one.alias,
                f"{one.metric} 还有 {one.left_days} 天就会被平台删除，且尚未采集"
                if one.left_days
                else f"{one.metric} 尚未采集的部分不到一天就会被平台删除，或已有丢失",
                f"{one.metric}: {one.left_days} days until the provider forgets what is not read yet"
                if one.left_days
                else f"{one.metric}: less than a day until the provider forgets what is not read yet, or some is lost",
            )
        unread_ms = one.unread_ms
        if one.failures >= SOURCE_FAILURES:
            yield Matter(
                "source",
                one.alias,
                f"连续 {one.failures} 次失败：{one.problem}",
                f"failed {one.failures} times in a row: {one.problem}",
            )
        elif unread_ms is not None and unread_ms > max(STALE_MS, STALE_TURNS * one.every_ms):
            yield Matter(
                "source",
                one.alias,
                f"只采集到 {unread_ms // MS_PER_DAY} 天前",
                f"is read only until {unread_ms // MS_PER_DAY} days ago",
            )


def _evidence(situation: Situation) -> Iterator[Matter]:
    for one in situation.anchors:
        if one.waiting_since_ms is not None:
            since = situation.made_ms - one.waiting_since_ms
            yield Matter(
                "unanchored",
                one.alias,
                f"{one.waiting} 个检查点未送达，最早的已等 {_zh(since)}",
                f"{one.waiting} checkpoints wait, the oldest for {_en(since)}",
            )
    yield from _missing_anchor(situation)
    if situation.days_unmarked:
        days = situation.days_unmarked
        yield Matter(
            "unmarked", EVIDENCE, f"{days} 天没有日终检查点", f"{days} days are over without a checkpoint"
        )
    for code, count in situation.findings.items():
        yield Matter("findings", code, f"{count} 条", f"{count} recorded")


def _missing_anchor(situation: Situation) -> Iterator[Matter]:
    if situation.began_ms is None or situation.anchors_configured is None:
        return
    taken = [one.taken_ms for one in situation.anchors if one.taken_ms is not None]
    # A time in the future was told by a clock that was ahead: it is as far from now as one in the past.
    age = min(abs(situation.made_ms - at) for at in taken or [situation.began_ms])
    if age <= ANCHOR_AGE_MS:
        return
    if not situation.anchors_configured:
        yield Matter("anchor_missing", EVIDENCE, "没有配置任何外部锚定", "no anchor is configured")
    else:
        yield Matter(
            "anchor_missing",
            EVIDENCE,
            f"已有 {_zh(age)}没有外部锚定",
            f"nothing was anchored for {_en(age)}",
        )


def _store(situation: Situation) -> Iterator[Matter]:
    disk = situation.disk
    if disk is not None and disk.free * 100 < DISK_FREE_PERCENT * disk.size:
        free = disk.free // MIB
        yield Matter("disk", STORE, f"只剩 {free} MiB", f"{free} MiB are left")
    told = list(_certificate(situation))
    if told:
        yield Matter("certificate", STORE, "；".join(zh for zh, _ in told), "; ".join(en for _, en in told))


def _certificate(situation: Situation) -> Iterator[tuple[str, str]]:
    """Yield what is wrong with it, in both languages."""
    begins_ms = situation.certificate_begins_ms
    if begins_ms is not None and begins_ms > situation.made_ms:
        wait = begins_ms - situation.made_ms
        yield f"{_zh(wait)}后才生效，主机无法上报", f"it begins in {_en(wait)}: hosts refuse this server"
    if situation.certificate_ends_ms is not None:
        left_ms = situation.certificate_ends_ms - situation.made_ms
        if left_ms <= 0:
            yield "已过期，主机无法上报", "it has ended: hosts refuse this server"
        elif left_ms < CERTIFICATE_DAYS * MS_PER_DAY:
            days = left_ms // MS_PER_DAY
            yield f"还有 {days} 天到期", f"it ends in {days} days"
    if situation.certificate_problem:
        problem = situation.certificate_problem
        yield (
            f"证书或密钥文件不能使用，没有生效，服务重启后将无法启动：{problem}",
            f"certificate or key cannot be used; it is not in force, and a restart would fail: {problem}",
        )


def _zh(length_ms: int) -> str:
    hours, minutes = _split(length_ms)
    return f"{hours} 小时 {minutes} 分" if hours else f"{minutes} 分"


def _en(length_ms: int) -> str:
    hours, minutes = _split(length_ms)
    return f"{hours} h {minutes} min" if hours else f"{minutes} min"


def _split(length_ms: int) -> tuple[int, int]:
    whole = max(0, length_ms)
    return whole // MS_PER_HOUR, whole % MS_PER_HOUR // MS_PER_MINUTE
