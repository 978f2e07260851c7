"""What a pack proves and what it does not: the sentences of page one (docs/threat-model.md)."""

from __future__ import annotations

from collections.abc import Mapping

PROVED: Mapping[str, tuple[str, str]] = {
    "UNALTERED": (
        "证据包自日志密钥持有人签名以来未被改动。",
        "The pack is unaltered since the holder of the log key signed it.",
    ),
    "SIGNED_READINGS": (
        "代理程序的每条读数都由该持有人登记的主机密钥签名；每条链首尾之间不缺数据块。",
        (
            "Every reading of an agent is signed by a host key that this holder enrolled; no chunk is missing "
            "between the first and the last of a chain."
        ),
    ),
    "FIGURES_FOLLOW": (
        "指标、结论和本报告可以由读数、评定版本、申报范围和申报资料精确复算。",
        "Figures, verdict and this report follow exactly from the readings, the edition, the scope and the profile.",
    ),
    "MISSING_COUNTS_AGAINST": (
        "没有观测到的时间不会帮助达标：判定“达标”时按零计。",
        "Time that was not seen never helps: for PASS it counts as nothing.",
    ),
}
"""Holds only for a pack that passed its check."""

NOT_PROVED: Mapping[str, tuple[str, str]] = {
    "COUNTERS_TRUE": (
        "主机上的计数器是真实的；负载是有用的工作。",
        "That the counters of the hosts were true, and that the load was useful work.",
    ),
    "WHEN": (
        "测量和声明发生在何时：日期来自采集服务自己的时钟；外部锚定只证实“不晚于”，数据块写有时间戳的日子才另有“不早于”。",
        (
            'When it was measured and declared: dates are of the collector\'s clock. Anchors confirm "not later than", '
            'and "not earlier than" only where chunks name a time stamp.'
        ),
    ),
    "ONE_HISTORY": (
        "这是唯一的一份历史：只有与评审部门自己的邮箱核对才能证明。",
        "That there is no second history of the month: only the authority's own mailbox shows it.",
    ),
    "RULES_FIXED": (
        "申报范围、评定版本和日志密钥在统计期开始之前已经确定：证据包中没有统计期之前的锚定回执。",
        (
            "That scope, edition and log key were fixed before the window: the pack holds no receipt of an anchor from "
            "before it."
        ),
    ),
    "WHOLE_WINDOW": (
        "这是完整的统计期：本证据包在统计期结束之前生成，是暂定的；没有关账，最后几天的日终标记和锚定也不作要求。请在统计期结束后重新打包。",
        (
            "That this is the whole window: the pack was made before it ended and is provisional; no close, and no mark "
            "and anchor of its last days, was asked for. Ask for a pack from after it."
        ),
    ),
    "HOSTS_EXIST": (
        "主机真实存在，密钥没有离开所登记的主机：持有日志密钥的人可以登记虚构的主机，密钥可以复制。",
        "That the hosts exist and no key left its host: the log key's holder can enrol invented ones and copy keys.",
    ),
    "HOSTS_COMPLETE": (
        "没有漏报主机：主机清单由企业申报，请与云平台的实例清单核对。",
        "That no host was left out: compare the declared list with the cloud's own.",
    ),
    "IMPORTED": (
        "标为“未经证明”的数据：来自导入文件、云平台或监控系统，由采集服务封存，企业可以改动；请向平台查询。",
        "Data marked as not attested (files, clouds, monitors): the enterprise could change them; ask the provider.",
    ),
    "DECLARED": (
        "“已申报”的各项：材料以哈希保存，其内容须由评审人员审阅。",
        "What is declared: documents are kept by hash; whether they show what they should is for the reviewer to read.",
    ),
    "RATING": (
        "星级本身：计算得出的星级不是认定结果。",
        "The rating itself: a computed star is not an award.",
    ),
}


def page_one(
    *, agents: bool, imports: bool, declared: bool, anchored: bool | None = None, provisional: bool = False
) -> dict[str, list[dict[str, str]]]:
    """Return the sentences ``proved`` and ``not_proved`` of a report.

    Args:
        agents: some chunks were signed by agents.
        imports: some were imported.
        declared: there is a profile.
        anchored: a receipt from before the window covers its rules; ``None``: there is no log to tell.
        provisional: the window was not over.
    """
    left_out = set()
    if not agents:
        left_out.add("SIGNED_READINGS")
    if not imports:
        left_out.add("IMPORTED")
    if not declared:
        left_out.add("DECLARED")
    if anchored is not False:
        left_out.add("RULES_FIXED")
    if not provisional:
        left_out.add("WHOLE_WINDOW")
    return {"proved": _sentences(PROVED, left_out), "not_proved": _sentences(NOT_PROVED, left_out)}


def _sentences(texts: Mapping[str, tuple[str, str]], left_out: set[str]) -> list[dict[str, str]]:
    return [{"code": code, "zh": zh, "en": en} for code, (zh, en) in texts.items() if code not in left_out]
