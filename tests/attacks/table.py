"""The threat table: every attack, whether it is proved, by which findings, and what page one says instead.

The tests of this folder take their expectations from here, and ``docs/threat-model.md`` must say the same (``test_table.py``).
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from verifier.check import FAILED, PARTIAL, PASS

YES, PARTLY, NO = "yes", "partly", "no"
"""Proved in all its ways; in some of them; in none."""
ZH = {YES: "能", PARTLY: "部分", NO: "不能"}


@dataclass(frozen=True)
class Way:
    """One way to attack.

    ``outcome`` is that of the check, empty if the attack does not get as far as a pack. ``codes`` are the findings that show it, or the
    collector's answer, or the questions asked; ``sentences`` those of page one that say what is not proved; ``beside``
    notes that may stand there though nothing shows the attack.
    """

    name: str
    outcome: str
    codes: frozenset[str] = frozenset()
    sentences: tuple[str, ...] = ()
    beside: tuple[str, ...] = ()


@dataclass(frozen=True)
class Row:
    """One attack with its ways, from naive to strong."""

    id: str
    zh: str
    en: str
    proved: str
    ways: tuple[Way, ...]

    @property
    def codes(self) -> set[str]:
        return {code for way in self.ways for code in way.codes}

    @property
    def sentences(self) -> set[str]:
        return {sentence for way in self.ways for sentence in way.sentences}


def _way(
    name: str, outcome: str, codes: str = "", *, says: Iterable[str] = (), beside: Iterable[str] = ()
) -> Way:
    return Way(name, outcome, frozenset(codes.split()), tuple(says), tuple(beside))


TABLE = (
    Row("edited-sample", "修改读数（证据包、数据库）", "edit a reading, in the pack or in the collector's database", YES, (
        _way("bytes in the pack", FAILED, "ENTRY_CHANGED CHUNK"),
        _way("in the collector's database", "", "CHUNK"),
        _way("signed again with the host's key", FAILED, "CHAIN LOG_LEAF_MISSING"),
        _way("everything after it made again", FAILED, "ANCHOR_FORK"),
    )),
    Row("fabricated-month", "事后伪造整月", "fabricate the whole month afterwards", YES, (
        _way("without anchors", PARTIAL, "DAY_NOT_ANCHORED SCOPE_NOT_ANCHORED"),
        _way("anchored afterwards", PARTIAL, "DAY_ANCHORED_LATE SCOPE_NOT_ANCHORED"),
        _way("delivered afterwards", PARTIAL, "CHUNK_LATE LOG_DAY_LATE DAY_ANCHORED_LATE"),
        _way("delivered afterwards, empty days anchored in time", PARTIAL, "CHUNKS_ANCHORED_LATE CHUNK_LATE"),
        _way("told by one interval, empty days anchored in time", PARTIAL, "BRIDGED_LONG"),
    )),
    Row("prepared-in-advance", "事先做好数据", "prepare the data in advance", PARTLY, (
        _way("released day by day, with time stamps", PARTIAL, "ANCHOR_STALE"),
        _way("the later time stamps left out of the pack", PARTIAL, "ANCHOR_LEFT_OUT"),
        _way("beside a small fresh chunk of the same day", PARTIAL, "ANCHOR_STALE"),
        _way("under a new key every day", PARTIAL, "ANCHOR_STALE"),
        _way("under a rotated key every day, its last hours fresh", PARTIAL, "ANCHOR_STALE"),
        _way("under a key enrolled anew every day, its last hours fresh", PARTIAL, "ANCHOR_STALE KEY_BREAK"),
        _way("released day by day, by mail alone", PASS, says=("WHEN",)),
    )),
    Row("forked-history", "保留多份历史，择优提交", "keep several histories and hand in the best", PARTLY, (
        _way("the authority's mailbox is asked", FAILED, "ANCHOR_FORK"),
        _way("beyond the sizes of the other", FAILED, "ANCHOR_FORK"),
        _way("time stamps alone", PASS, says=("ONE_HISTORY",)),
    )),
    Row("faked-proc", "伪造 /proc 或改动代理程序", "fake /proc as root, or patch the agent", PARTLY, (
        _way("impossible counters", FAILED, "TICKS_EXCEED"),
        _way("beside the provider's data", PASS, "SOURCES_DIFFER"),
        _way("consistent counters", PASS, says=("COUNTERS_TRUE",)),
    )),
    Row("forged-provider-file", "伪造云平台数据文件", "forge the provider's file", NO, (
        _way("agreeing with faked counters", PASS, says=("IMPORTED",), beside=("NOT_ATTESTED",)),
    )),
    Row("burner", "空转CPU、自发流量", "burn the processor, send traffic to oneself", NO, (
        _way("at a set point", PASS, "low-variation/1", says=("COUNTERS_TRUE",)),
        _way("traffic from host to host", PASS, "traffic-between-hosts/1", says=("COUNTERS_TRUE",)),
        _way("a random walk", PASS, says=("COUNTERS_TRUE",)),
    )),
    Row("replay", "重放旧数据块", "replay old chunks or busy days", PARTLY, (
        _way("old bytes under another day", FAILED, "CHUNK_MISPLACED"),
        _way("a busy day signed again", PASS, "busy-hour-repeated/1", says=("COUNTERS_TRUE",)),
        _way("with a little noise", PASS, says=("COUNTERS_TRUE",)),
    )),
    Row("shifted-clock", "拨动时钟或时区", "shift the clock or the zone", PARTLY, (
        _way("a host that is ahead", "", "CLOCK_AHEAD"),
        _way("a host that is set back", PASS, "CLOCK_BACK"),
        _way("the whole site ahead", FAILED, "ANCHOR_TIME"),
        _way("the whole site behind", PARTIAL, "DAY_ANCHORED_LATE"),
        _way("the whole site ahead, no anchors", PARTIAL, "DAY_NOT_ANCHORED", says=("WHEN",)),
    )),
    Row("dropped-hours", "删去差的时段、夜间停代理", "drop bad hours, stop the agent at night", YES, (
        _way("chunks taken out of the pack", FAILED, "SEQ_MISSING LOG_CUT"),
        _way("chains numbered and signed again", FAILED, "LOG_LEAF_MISSING"),
        _way("the agent stopped within a boot", PASS),
        _way("the agent's state lost", PASS),
    )),
    Row("bridged-weeks", "停代理数周，以一次读数跨过", "stop the agent for weeks, let one interval tell of them", YES, (
        _way("three intervals for the month", PARTIAL, "BRIDGED_LONG"),
    )),
    Row("hidden-reboot", "借重启隐藏时段", "reboot to hide a stretch", PARTLY, (
        _way("under the boot id from before", FAILED, "UPTIME_BACK"),
        _way("a boot that began too early", FAILED, "BOOTS_OVERLAP"),
        _way("an unexplained gap", PASS),
        _way("an invented shutdown", PASS, says=("COUNTERS_TRUE",)),
    )),
    Row("cherry-picked-hosts", "挑选主机", "leave hosts out", PARTLY, (
        _way("a declared host taken out of the pack", FAILED, "LOG_CUT"),
        _way("out of a later scope", PARTIAL, "SCOPE_CHANGED SCOPE_DECLARED_AFTER SCOPE_NOT_ANCHORED"),
        _way("out of a scope dated back", FAILED, "ANCHOR_FORK"),
        _way("by the older of two declared scopes, the newer one left out", FAILED, "SCOPE_OTHER"),
        _way("by the older of two declared scopes", FAILED, "SCOPE_OTHER"),
        _way("by the older of two declared scopes, under marks of before", PARTIAL, "SCOPE_NOT_BOUND MARKS_WITHOUT_SCOPE"),
        _way("by a scope of the window that is left out of the pack", FAILED, "SCOPE_OTHER LOG_UNACCOUNTED"),
        _way("never declared", PASS, says=("HOSTS_COMPLETE",)),
    )),
    Row("late-enrolment", "中途加入繁忙主机", "enrol busy hosts late", YES, (
        _way("declared when it is busy", PARTIAL, "SCOPE_CHANGED SCOPE_DECLARED_AFTER SCOPE_NOT_ANCHORED"),
        _way("with readings from before", PARTIAL, "ENROLLED_AFTER CHUNK_LATE ANCHOR_STALE BRIDGED_LONG"),
        _way("with readings from before, dated back", PARTIAL, "CHUNK_LATE ANCHOR_STALE BRIDGED_LONG"),
        _way("dated back, with one interval for the time before", PARTIAL, "BRIDGED_LONG"),
    )),
    Row("re-enrolled-key", "重新登记密钥，另起一链", "enrol a new key to restart a bad chain", YES, (
        _way("without the key before", PASS, "KEY_BREAK"),
        _way("the old epoch's chunks left out", FAILED, "LOG_CUT"),
        _way("the old enrolment left out", FAILED, "ENROLMENT"),
        _way("the new key and its chunks left out", FAILED, "LOG_UNACCOUNTED"),
    )),
    Row("cut-tail", "截去末尾", "cut the tail of a chain", YES, (
        _way("out of the pack", FAILED, "LOG_CUT"),
        _way("out of the pack and the headers", FAILED, "LOG_UNACCOUNTED"),
        _way("out of the log too", FAILED, "ANCHOR_FORK"),
    )),
    Row("missing-close", "不关账", "leave the month open", PARTLY, (
        _way("never closed", PARTIAL, "LOG_NOT_CLOSED"),
        _way("the close taken out of the pack", PARTIAL, "LOG_NOT_CLOSED"),
        _way("the pack made before the window ended", PASS, "PROVISIONAL", says=("WHOLE_WINDOW",)),
        _way("the pack dated back before the window ended", FAILED, "LOG_ARRIVAL"),
    )),
    Row("cloned-key", "复制代理密钥", "clone an agent's key to a busier machine", PARTLY, (
        _way("both machines deliver", "", "CONFLICT"),
        _way("both in the pack", FAILED, "CONFLICT"),
        _way("one machine under two names", PARTIAL, "SAME_MACHINE"),
        _way("moved there", PASS, says=("HOSTS_EXIST",)),
    )),
    Row("changed-threshold", "改动门槛或平均规则", "change thresholds or the averaging rule", YES, (
        _way("in the edition", FAILED, "EDITION_DIFFERS"),
        _way("in an edition of another name", PARTIAL, "EDITION_UNKNOWN SCOPE_NOT_ANCHORED"),
        _way("in the figures", FAILED, "FIGURES"),
    )),
    Row("odd-keys", "使用怪异密钥以便抵赖", "use odd keys, to disown signatures later", YES, (
        _way("a key of small order", FAILED, "ENROLMENT"),
        _way("a signature whose S is not reduced", FAILED, "CHUNK_SIGNATURE"),
    )),
    Row("hostile-pack", "恶意证据包攻击评审人员", "attack the reviewer with the pack", YES, (
        _way("another container", FAILED, "CONTAINER"),
        _way("a file too many", FAILED, "ENTRY_UNKNOWN"),
        _way("hostile content", FAILED, "SCOPES ENROLMENT"),
        _way("escape sequences", FAILED, "ENROLMENT"),
    )),
    Row("personal-data", "泄露个人信息", "leak personal data", YES, (
        _way("account names", PASS),
        _way("command lines", ""),
    )),
)  # fmt: skip


def way_of(row: str, way: str) -> Way:
    """One way of one row."""
    (found,) = (one for entry in TABLE if entry.id == row for one in entry.ways if one.name == way)
    return found
