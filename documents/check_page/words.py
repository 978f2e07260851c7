"""The page's own words, Chinese and English; sentences about findings and proofs are the verifier's."""

from __future__ import annotations

from collections.abc import Mapping

Pair = tuple[str, str]
"""Chinese, English."""

WORDS: Mapping[str, Pair] = {
    "title": ("证据包核验结果", "Check of an evidence pack"),
    "outcome_pass": ("通过", "PASS"),
    "outcome_fail": ("不通过", "FAIL"),
    "outcome_incomplete": ("不完整", "INCOMPLETE"),
    "means_pass": (
        "没有发现矛盾，也没有缺少证明。",
        "Nothing contradicts, and nothing that the pack should prove is missing.",
    ),
    "means_fail": (
        "证据自相矛盾，或与其密钥、规则不符：不能采信，以下逐项列出。",
        "The evidence contradicts itself, its key or its rules: do not rely on it. Every point is listed below.",
    ),
    "means_incomplete": (
        "没有发现矛盾，但有些事项没有得到证明：以下逐项列出。",
        "Nothing contradicts, but less is proved than a pack can prove. Every point is listed below.",
    ),
    "means_nothing": (
        "无法由证据包复算出指标。",
        "No figures could be recomputed from the pack.",
    ),
    "not_an_award": ("本页是核验程序的计算结果，不是星级认定。", "This page is computed. It is not an award."),
    "enterprise": ("申报单位", "Enterprise"),
    "month": ("统计月份", "Month"),
    "made": ("证据包生成时间", "Pack made"),
    "amount": ("规模", "Size"),
    "amount_of": ("{hosts} 台主机，{chunks} 个数据块，其中 {attested} 个由主机签名", "{hosts} hosts, {chunks} chunks, {attested} of them signed by hosts"),
    "steps": ("核验步骤", "Steps"),
    "step": ("步骤", "Step"),
    "result": ("结果", "Result"),
    "found": ("发现", "Findings"),
    "state_pass": ("通过", "pass"),
    "state_fail": ("不通过", "fail"),
    "state_incomplete": ("不完整", "incomplete"),
    "state_note": ("提示", "note"),
    "state_not_run": ("未执行", "not run"),
    "findings": ("发现的问题", "Findings"),
    "no_findings": ("没有发现任何问题。", "Nothing was found."),
    "findings_cut": ("此步骤共 {count} 项，列出前 {shown} 项；全部见 starproof check --json。", "{count} in this step, the first {shown} are listed; all stand in starproof check --json."),
    "where": ("位置", "Place"),
    "host": ("主机", "Host"),
    "when": ("日期、时间", "Day, hour"),
    "expected": ("应为", "Expected"),
    "got": ("实为", "Got"),
    "proved": ("本次核验证明了", "What this check proves"),
    "proved_nothing": ("不通过的证据包不证明任何事项。", "A pack that fails proves nothing."),
    "proved_none": ("没有一项得到完全证明，见上。", "None of the usual points is fully proved; see above."),
    "not_proved": ("不能证明", "What it does not prove"),
    "rules_fixed": ("申报范围、评定版本和日志密钥在统计期之前已经确定：外部证实于 {time}。", "Scope, edition and log key were fixed before the window: confirmed from outside at {time}."),
    "days_confirmed": ("统计期各日的记录当时已经存在：{count} 天由外部按时证实。", "The records of the window were there at the time: {count} days confirmed from outside in time."),
    "anchors": ("外部锚定", "Anchors"),
    "anchors_lead": ("只有您自己带来的（时间戳机构根证书、邮箱、记录簿短码、取回的对象）才能证实；证据包里的回执只是列名。时间按证据包的时区。", "Only what you brought yourself (a time-stamping authority's root, a mailbox, codes, fetched objects) confirms; receipts in the pack are merely named. Times are of the pack's zone."),
    "anchors_none": ("证据包没有可用的日志，因此没有锚定可核。", "The pack has no usable log, so there are no anchors to confirm."),
    "rules": ("统计期前的规则", "Rules before the window"),
    "rules_not_fixed": ("未证实", "not confirmed"),
    "day": ("日期", "Day"),
    "confirmed": ("证实于", "Confirmed"),
    "by": ("凭证", "By"),
    "chunks_in_time": ("按时证实的数据块", "Chunks in time"),
    "chunks_later": ("，其余 {time}", ", others {time}"),
    "chunks_never": ("，其余未证实", ", others not confirmed"),
    "made_after": ("不早于", "Made after"),
    "day_in_time": ("按时证实", "in time"),
    "day_late": ("迟", "late"),
    "day_bridged": ("读数相隔一天以上，事后写成", "told afterwards"),
    "day_empty": ("当日无数据块", "no chunk"),
    "day_none": ("未证实", "not confirmed"),
    "named": ("仅列名：", "only named: "),
    "anchors_open": ("没有证实的锚定", "Anchors that were not confirmed"),
    "anchor_mail": ("邮件", "mail"),
    "anchor_rfc3161": ("时间戳", "time stamp"),
    "anchor_print": ("记录簿", "log book"),
    "anchor_object": ("对象存储", "object store"),
    "state_named": ("仅列名", "named"),
    "state_refused": ("不符", "refused"),
    "why": ("原因", "Why"),
    "figures": ("复算的指标", "Figures, recomputed"),
    "figure": ("指标", "Figure"),
    "value": ("数值", "Value"),
    "interval": ("区间", "Interval"),
    "coverage": ("覆盖率", "Coverage"),
    "bridged": ("其中桥接", "Of it bridged"),
    "no_data": ("无数据", "no data"),
    "unbounded": ("无上限", "unbounded"),
    "star_some": ("计算支持{zh}", "The figures support {en}"),
    "star_none": ("未支持任何星级", "No star is supported"),
    "star_declared": ("（含企业申报项）", " (resting on declared items too)"),
    "star_provisional": ("（暂定）", " (provisional)"),
    "unit_次/day": ("次/日", "operations/day"),
    "unit_万元": ("万元", "× 10,000 yuan"),
    "questions": ("给评审人员的问题", "Questions for the reviewer"),
    "questions_lead": ("不改变任何数值、结论和核验结果；诚实的机器也会偶然引出。", "They change no figure, no verdict and no outcome; honest machines give rise to some by chance."),
    "questions_none": ("没有问题。", "None."),
    "questions_cut": ("共 {count} 个，列出前 {shown} 个。", "{count}, the first {shown} are listed."),
    "times": ("{count} 次", "{count} times"),
    "ask": ("请询问：", "Ask for: "),
    "versions": ("版本与摘要值", "Versions and hashes"),
    "verifier": ("核验程序", "Verifier"),
    "software": ("打包程序", "Packed by"),
    "log_key": ("日志密钥", "Log key"),
    "manifest": ("清单", "Manifest"),
    "edition": ("评定版本", "Edition"),
    "hash_figures": ("指标", "Figures"),
    "hash_verdict": ("结论", "Verdict"),
    "hash_edition": ("评定版本文件", "Edition file"),
    "hash_scope": ("申报范围", "Scope"),
    "hash_profile": ("企业申报材料", "Profile"),
    "hash_ledger": ("台账", "Ledger"),
    "hash_day_sums": ("日合计", "Day sums"),
    "log_size": ("日志叶子数", "Leaves of the log"),
    "key_given": ("由您提供", "given by you"),
    "key_packed": ("取自证据包，未经证实", "taken from the pack, not confirmed"),
}  # fmt: skip


def pair(name: str, **values: object) -> Pair:
    """Return the words of a name in both languages, with its values filled in."""
    chinese, english = WORDS[name]
    return (chinese.format(**values), english.format(**values)) if values else (chinese, english)


def known(prefix: str, name: str) -> Pair:
    """Return the words for a code, or the code itself where there are none."""
    return WORDS.get(f"{prefix}_{name}", (name, name))
