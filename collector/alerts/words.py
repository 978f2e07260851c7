"""What each kind of matter is called, and what to do about it: Chinese first, English second."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

CHINESE, ENGLISH = "zh", "en"
LANGUAGES = (CHINESE, ENGLISH)


@dataclass(frozen=True)
class Said:
    """Title and remedy in one language. ``{percent}`` is the coverage that is wanted."""

    title: str
    remedy: str


WORDS: Mapping[str, tuple[Said, Said]] = {
    "silent": (
        Said("主机没有上报", "看主机是否开机、网络是否可达：在主机上运行 starproof doctor"),
        Said("Hosts are silent", "is it up, can it reach this server? run starproof doctor there"),
    ),
    "behind": (
        Said("数据积压，正在补传", "通常会自己追上；若几小时不变，在主机上运行 starproof doctor"),
        Said("Spools are catching up", "usually passes; else run starproof doctor on the host"),
    ),
    "never": (
        Said("已注册但从未上报", "在主机上启动服务：systemctl start starproof-agent"),
        Said("Enrolled, never heard of", "start the service: systemctl start starproof-agent"),
    ),
    "unknown": (
        Said("申报了但没有接入", "接入这台主机，或修改申报范围"),
        Said("Declared, not connected", "connect the host, or declare another scope"),
    ),
    "clock": (
        Said("主机时钟有偏差", "在主机上启用时间同步（chrony、ntpd）"),
        Said("Clocks are off", "turn time synchronisation on (chrony, ntpd)"),
    ),
    "coverage_lost": (
        Said(
            "本月覆盖率已不可能达到 {percent} %",
            "查明缺失原因；申报范围允许时，按批准的排除日期或预先声明的替代规则处理",
        ),
        Said(
            "Coverage of this month can no longer reach {percent} %",
            "find out why; only approved exclusions or the substitution rule that was declared can help",
        ),
    ),
    "coverage_risk": (
        Said("本月覆盖率可能达不到 {percent} %", "尽快恢复上报，或用文件导入缺少的数据块"),
        Said(
            "Coverage of this month may miss {percent} %", "get the outstanding data in, by file if need be"
        ),
    ),
    "history": (
        Said(
            "云平台即将删除尚未采集的历史",
            "运行 starproof source list 查看原因，修好后运行 starproof source backfill",
        ),
        Said(
            "A provider will soon forget history", "run starproof source list, then starproof source backfill"
        ),
    ),
    "source_file": (
        Said("数据源配置有误", "改正 sources.toml；其中有误的账号现在不会被采集"),
        Said("Settings of sources are wrong", "correct sources.toml: accounts that are wrong are not read"),
    ),
    "source": (
        Said(
            "云账号或监控系统没有按时采集",
            "运行 starproof source test 别名；平台只保留有限天数，拖久了补不回来",
        ),
        Said(
            "An account is not read in time",
            "run starproof source test ALIAS: providers keep their history for some time only",
        ),
    ),
    "unanchored": (
        Said("检查点未能锚定到外部", "运行 starproof anchor list 查看原因"),
        Said("Checkpoints are not anchored", "run starproof anchor list to see why"),
    ),
    "anchor_missing": (
        Said("缺少外部锚定", "按 docs/anchors.md 配置锚定，或打印检查点：starproof anchor print"),
        Said("Anchors are missing", "configure one (docs/anchors.md), or print it: starproof anchor print"),
    ),
    "unmarked": (
        Said("日终检查点缺失", "看采集端日志中的 days_not_marked，并核对采集端时钟"),
        Said("Days without a checkpoint", "see days_not_marked in the collector's log, and its clock"),
    ),
    "findings": (
        Said("采集端记录了异常", "运行 starproof audit；这些会写进证据包，评审员能看到"),
        Said("The collector noticed", "run starproof audit; a reviewer sees them in the pack"),
    ),
    "store": (
        Said(
            "数据库已损坏，不再接收数据，也不再检查其他事项",
            "停止采集端，用备份恢复：docs/runbook.zh-CN.md 第 7 节；主机保留全部数据",
        ),
        Said(
            "The store is damaged: nothing is taken in, nothing else is looked at",
            "stop the collector and restore a backup: docs/runbook.md, 7; hosts keep everything",
        ),
    ),
    "disk": (
        Said("采集端磁盘将满，或数据库无法写入", "扩容或清理；不要删除库文件；主机保留未被接收的数据"),
        Said(
            "The collector's disk is nearly full, or the store takes nothing",
            "make room; never delete files of the store; hosts keep what was not taken in",
        ),
    ),
    "certificate": (
        Said(
            "服务端证书即将到期或不能使用",
            "更换证书后 systemctl reload starproof-collector；见 docs/runbook.zh-CN.md",
        ),
        Said(
            "The server's certificate ends soon or cannot be used",
            "replace it, then systemctl reload starproof-collector; see docs/runbook.md",
        ),
    ),
}
RECOVERED = ("已恢复", "Recovered")


def said(code: str, language: str, *, percent: int) -> Said:
    """Return the words of a code in a language."""
    words = WORDS[code][LANGUAGES.index(language)]
    return Said(words.title.format(percent=percent), words.remedy.format(percent=percent))
