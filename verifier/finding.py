"""A finding: one thing that a check or an audit found.

Every code has a severity and one sentence in Chinese and in English. ``fail``: the evidence
contradicts itself or its key. ``incomplete``: nothing contradicts, but something is not there, so
that less is proved than the pack could prove. ``note``: worth knowing, decides nothing.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from verifier.steps import step_of

FAIL = "fail"
INCOMPLETE = "incomplete"
NOTE = "note"

CATALOGUE: dict[str, tuple[str, str, str]] = {
    "CONTAINER": (FAIL, "文件不是星证证据包的唯一格式", "the file is not in the one form of a StarProof pack"),
    "ENTRY_MISSING": (FAIL, "缺少文件", "an entry is missing"),
    "ENTRY_UNKNOWN": (FAIL, "出现不应有的文件", "an entry does not belong here"),
    "ENTRY_CHANGED": (FAIL, "文件内容与清单不符", "an entry differs from its hash in the manifest"),
    "TAG_CHANGED": (FAIL, "说明文件与应有内容不符", "a tag file differs from what it must be"),
    "STATEMENT": (FAIL, "声明不可读或与内容不符", "the statement cannot be read or differs from the content"),
    "STATEMENT_SIGNATURE": (FAIL, "声明的签名无效", "the signature of the statement is not valid"),
    "LOG_KEY": (FAIL, "签名密钥不是您提供的日志密钥", "the pack is signed by another key than the log key you gave"),
    "LOG_KEY_NOT_GIVEN": (
        INCOMPLETE,
        "未提供日志密钥：无法证明由谁签名，请用 --log-key 提供向评审部门登记的密钥",
        "no log key was given, so it is not proved who signed; give the key registered with the authority (--log-key)",
    ),
    "ENROLMENT": (FAIL, "登记记录无效", "an enrolment record is not valid"),
    "KEY_TWICE": (FAIL, "同一密钥登记了两次", "one key is enrolled twice"),
    "KEY_BREAK": (NOTE, "主机更换密钥时没有旧密钥的签名", "a host changed its key without the signature of the key before"),
    "HOSTS": (FAIL, "主机表不可读或与登记不符", "the table of hosts cannot be read or contradicts the enrolments"),
    "CHUNK": (FAIL, "数据块损坏或不合格式", "a chunk is damaged or breaks the format"),
    "CHUNK_SIGNATURE": (FAIL, "数据块的签名无效", "the signature of a chunk is not valid"),
    "CHUNK_MISPLACED": (FAIL, "数据块放错了位置", "a chunk stands in the wrong place"),
    "CHAIN": (FAIL, "数据块与前一块不衔接", "a chunk does not continue the one before"),
    "SEQ_MISSING": (INCOMPLETE, "缺少若干数据块", "chunks are missing from the chain"),
    "EMPTY": (INCOMPLETE, "证据包中没有任何数据块", "the pack holds no chunk at all"),
    "SAME_MACHINE": (
        INCOMPLETE,
        "不同主机的数据块来自同一台机器的同一次开机",
        "chunks of different hosts come from one boot of one machine",
    ),
    "MADE_BEFORE": (FAIL, "数据块晚于证据包的生成时间", "a chunk is later than the making of the pack"),
    "ENROLLED_AFTER": (NOTE, "读数早于该主机密钥的登记", "readings are older than the enrolment of their key"),
    "BRIDGED_LONG": (
        INCOMPLETE,
        "两次读数相隔一天以上，或读数早于密钥入日志一天以上：这段时间的用量是事后一次写成的，不能证明当时已有记录",
        "readings are more than a day apart, or more than a day older than the leaf of their key: that time was told afterwards, all at once",
    ),
    "WINDOW_SHORT": (NOTE, "申报的统计期不是整月", "the declared window is not the whole month"),
    "DAYS_EXCLUDED": (NOTE, "申报范围排除了若干天", "the scope excludes days"),
    "MOSTLY_LEFT_OUT": (
        INCOMPLETE,
        "申报范围去掉了超过十分之一的日子：结论只说明余下的日子",
        "the scope leaves out more than a tenth of the days: the verdict speaks of the rest only",
    ),
    "CLOCK_BACK": (NOTE, "主机时钟曾被拨回", "the clock of the host was set back"),
    "LOG_ABSENT": (
        INCOMPLETE,
        "证据包中没有日志：无法证明数据块何时到达、有没有被删去",
        "the pack holds no log: it is not proved when chunks arrived, nor that none was taken out",
    ),
    "LOG_FORMAT": (FAIL, "日志文件缺失或不可读", "a file of the log is missing or cannot be read"),
    "LOG_SIGNATURE": (FAIL, "检查点的签名无效", "a checkpoint is not signed by the log key"),
    "LOG_ROOT": (FAIL, "检查点与日志内容不符", "a checkpoint or proof is not that of the leaves"),
    "LOG_ARRIVAL": (FAIL, "到达时间自相矛盾", "an arrival contradicts another time"),
    "LOG_RECORD": (FAIL, "日志中的记录与叶子不符", "a record of the log is not the one that its leaf names, or is of somebody else"),
    "LOG_LEAF_MISSING": (FAIL, "日志中没有该记录的叶子", "something in the pack was never logged"),
    "LOG_DAY_MISSING": (
        INCOMPLETE,
        "统计期内有些日子没有日终标记或检查点",
        "days of the window have no mark, or no checkpoint after it",
    ),
    "LOG_DAY_LATE": (NOTE, "日终标记迟于一天以上", "the mark of a day was made more than a day late"),
    "LOG_NOT_CLOSED": (
        INCOMPLETE,
        "该月没有关账：请运行 starproof log close 后重新打包",
        "the month was not closed: run starproof log close, then pack again",
    ),
    "LOG_AFTER_CLOSE": (
        INCOMPLETE,
        "关账之后又收到数据块：请再次关账后重新打包",
        "chunks arrived after the month was closed: close it again, then pack again",
    ),
    "SCOPE_OTHER": (
        FAIL,
        "统计期内的日终标记所记的申报范围不是证据包所用的那一个",
        "the day marks name another declared scope than the one that the pack rests on",
    ),
    "SCOPE_NOT_BOUND": (
        INCOMPLETE,
        "所用申报范围在日志中的叶子早于证据包所含部分，日终标记又未记载申报范围：不能排除有更新的申报范围",
        "the leaf of the scope in use is older than the packed leaves and day marks name no scope: a newer one cannot be ruled out",
    ),
    "MARKS_WITHOUT_SCOPE": (
        NOTE,
        "旧版程序的日终标记不记载申报范围：这些日子的范围不由标记约束，只由证据包所含的日志叶子约束",
        "day marks of an earlier version name no scope: the scope of those days is not bound by marks, only by the packed leaves",
    ),
    "LOG_CUT": (
        FAIL,
        "日志中有申报主机在统计期内的数据块，证据包中却没有",
        "the log holds chunks of a declared host and of the window that are not in the pack",
    ),
    "LOG_UNACCOUNTED": (
        FAIL,
        "日志中有些内容证据包没有交代：既没有数据块或登记，也没有能说明它与统计无关的数据块头",
        "the pack does not account for something in its log: neither the thing itself nor a header that tells what it was",
    ),
    "CHUNK_LATE": (NOTE, "数据块在结束一天以后才到达", "chunks arrived more than a day after their end"),
    "DAY_SUMS": (FAIL, "日合计与数据块重算结果不符", "the day sums differ from those recomputed from the chunks"),
    "DAY_SUM_DIFFERS": (FAIL, "存储的日合计与重算结果不同", "a stored day sum is not the one recomputed from the chunks"),
    "DAY_SUM_MISSING": (FAIL, "缺少日合计", "the chunks give a day sum that is not stored"),
    "DAY_SUM_EXTRA": (FAIL, "日合计没有数据块支持", "no chunk supports a stored day sum"),
    "ACTIVITY_DIFFERS": (FAIL, "存储的账号集合与重算结果不同", "a stored set of accounts is not the one recomputed from the chunks"),
    "ACTIVITY_MISSING": (FAIL, "缺少账号集合", "the chunks give a set of accounts that is not stored"),
    "ACTIVITY_EXTRA": (FAIL, "账号集合没有数据块支持", "no chunk supports a stored set of accounts"),
    "MONTH_DROPPED": (
        NOTE,
        "该月的数据块已在证据包导出后移出数据库：须核验证据包",
        "the chunks of this month were dropped from the store after its pack was exported: check the pack",
    ),
    "EDITION": (FAIL, "评定版本文件不可读", "the edition file cannot be read"),
    "EDITION_DIFFERS": (
        FAIL, "评定版本与本程序所带的同名版本不同", "the edition differs from the one of the same name shipped here",
    ),
    "EDITION_UNKNOWN": (
        INCOMPLETE, "本程序不认识该评定版本，请自行核对", "this verifier does not know the edition; compare it yourself",
    ),
    "SCOPE": (FAIL, "申报范围文件不可读或与内容不符", "the scope file cannot be read or contradicts the content"),
    "SCOPE_NOT_DECLARED": (NOTE, "没有声明申报范围", "no scope was declared"),
    "NOT_ATTESTED": (
        NOTE,
        "含未经主机签名的数据（导入文件、云平台或监控系统）",
        "holds data that no host has signed (imported files, a cloud or a monitor)",
    ),
    "SOURCES_DIFFER": (
        NOTE,
        "同一主机的两个数据源逐小时比对，差异超出容许范围：请查明原因",
        "two sources of one host differ by more than the tolerance, hour by hour: ask why",
    ),
    "SCOPES": (FAIL, "申报范围的声明记录不可读或互相矛盾", "the declared versions of the scope cannot be read or contradict one another"),
    "SCOPE_UNDECLARED": (
        NOTE, "所用的申报范围没有声明记录", "the scope in use was not declared: there is no record of its date",
    ),
    "SCOPE_DECLARED_AFTER": (NOTE, "申报范围在统计期开始之后声明", "the scope was declared after the window had begun"),
    "SCOPE_CHANGED": (NOTE, "申报范围有过多个版本", "the scope was declared more than once"),
    "PROFILE": (FAIL, "申报资料文件不可读或与内容不符", "the profile cannot be read or contradicts the content"),
    "DOCUMENT": (FAIL, "证明材料与其哈希不符，或申报资料和台账都没有提到它", "a document differs from its hash, or neither profile nor ledger names it"),
    "DOCUMENT_MISSING": (INCOMPLETE, "缺少申报资料或台账所列的证明材料", "a document that profile or ledger names is not in the pack"),
    "LEDGER": (FAIL, "台账不可读或违反其规则", "the ledger cannot be read or breaks its rules"),
    "DOCUMENT_EMPTY": (INCOMPLETE, "证明材料是空文件", "a document is empty and proves nothing"),
    "MADE_IN_FUTURE": (
        INCOMPLETE,
        "证据包的生成时间晚于本机时钟：请核对时钟",
        "the pack was made later than this computer's clock says: compare the clocks",
    ),
    "PROVISIONAL": (NOTE, "生成时统计期尚未结束：结论是暂定的", "the window was not over when the pack was made: the verdict is provisional"),
    "READING_COPY": (
        NOTE,
        "申请表和报告的文件供阅读，核验不重算其版面；请用 starproof report --pack 自行打印",
        "form and report files are copies for reading and are not recomputed; print your own: starproof report --pack",
    ),
    "FIGURES": (FAIL, "指标与重算结果不符", "the figures differ from those recomputed"),
    "VERDICT": (FAIL, "结论与重算结果不符", "the verdict differs from the one recomputed"),
    "REPORT": (FAIL, "报告数据与重算结果不符", "the report differs from the one recomputed"),
    "ANCHOR_RECEIPT": (FAIL, "锚定回执与日志的检查点不符", "the receipt of an anchor is not about a checkpoint of this log"),
    "ANCHOR_NOT_JUDGED": (
        INCOMPLETE,
        "此处无法判断该时间戳，因此不予采信：请按提示安装后重新核验",
        "a time stamp cannot be judged here and so confirms nothing: install what is named and check again",
    ),
    "ANCHOR_REFUSED": (
        INCOMPLETE,
        "时间戳不能由您提供的根证书证实",
        "a time stamp does not hold under the root certificates that you gave",
    ),
    "ANCHOR_FORK": (
        FAIL,
        "外部保存的检查点与证据包中的日志矛盾：存在另一份历史",
        "a checkpoint kept outside contradicts the log of the pack: there is another history",
    ),
    "ANCHOR_TIME": (FAIL, "外部时间早于日志所载的到达时间", "an anchor is older than what it anchors claims to be"),
    "ANCHOR_CODE": (FAIL, "记录簿上的短码不是该检查点的短码", "the code in the log book is not that of the checkpoint"),
    "ANCHOR_CODE_MISTYPED": (INCOMPLETE, "短码输入有误，请重新核对", "a code was mistyped; read the log book again"),
    "ANCHOR_OBJECT": (
        INCOMPLETE, "取回的对象不能证实任何检查点", "an object that was fetched confirms no checkpoint",
    ),
    "ANCHOR_UNKNOWN": (
        INCOMPLETE, "数据块所指的锚定回执不在证据包中", "chunks name the receipt of an anchor that is not in the pack",
    ),
    "ANCHOR_LEFT_OUT": (
        INCOMPLETE,
        "日志所记的锚定回执不在证据包中：请用完整的数据库重新打包；缺少的时间戳可能说明数据块是事先做好的",
        "the log names receipts of anchors that are not in the pack: pack again from the whole store; the time stamps that are missing may show that chunks were made before",
    ),
    "ANCHOR_NEWER": (
        INCOMPLETE,
        "数据块所指的锚定晚于其读数时间：封存晚于读数",
        "a chunk names an anchor that is newer than its readings: it was sealed later than it was read",
    ),
    "ANCHOR_STALE": (
        INCOMPLETE,
        "数据块所指的时间戳早于当时已有的时间戳三天以上：不能证明不是事先做好的",
        "chunks name a time stamp (or none) that was out of date by more than three days: they may have been made before",
    ),
    "DAY_NOT_ANCHORED": (
        INCOMPLETE,
        "没有任何外部凭证证实这些日子的检查点",
        "nothing from outside confirms a checkpoint of these days",
    ),
    "DAY_ANCHORED_LATE": (
        INCOMPLETE,
        "这些日子的检查点迟于次日才有外部凭证",
        "the checkpoints of these days were outside only later than a day after",
    ),
    "CHUNKS_ANCHORED_LATE": (
        INCOMPLETE,
        "这些日子的部分数据块在次日的锚定之后才进入有外部凭证的日志：当日的锚定不包含它们",
        "chunks of these days came into the log only after the anchor of the next day: no anchor of the time covers them",
    ),
    "EDITION_NOT_LOGGED": (
        INCOMPLETE,
        "日志中没有所用评定版本的叶子：请用新版程序再次声明申报范围",
        "the log has no leaf of the edition in use: declare the scope again with this version",
    ),
    "SCOPE_NOT_ANCHORED": (
        INCOMPLETE,
        "没有外部凭证证实申报范围、评定版本和日志密钥在统计期之前已确定",
        "nothing from outside confirms that scope, edition and log key were fixed before the window",
    ),
    "TICKS_EXCEED": (
        FAIL,
        "处理器计数多于处理器数×时间：不可能",
        "the processors counted more ticks than there was time for: impossible",
    ),
    "TICKS_SHORT": (
        NOTE,
        "处理器计数少于处理器数×时间：主机可能曾被虚拟化平台暂停，这段时间不计入",
        "the processors counted fewer ticks than there was time for: the host may have been stopped by its hypervisor; that time does not count",
    ),
    "LINK_EXCEEDED": (
        FAIL,
        "流量超过物理网卡的速率：不可能",
        "more bytes than a physical card's speed allows: impossible",
    ),
    "LINK_NAME_EXCEEDED": (
        NOTE,
        "流量超过虚拟网卡的标称速率：宿主机内部的流量可以如此，请核对带宽",
        "more bytes than the nominal speed of a virtual card: traffic inside the machine below it may be faster; compare the bandwidth",
    ),
    "SECTORS_SHORT": (
        FAIL,
        "磁盘完成的读次数多于读出的扇区数：不可能",
        "a disk completed more reads than it moved sectors: impossible",
    ),
    "SECTORS_EXCEED": (
        FAIL,
        "磁盘读出的扇区数多于其读次数所能读出的：不可能",
        "a disk moved more sectors than its reads can have moved: impossible",
    ),
    "UNITS_EXCEED": (
        FAIL,
        "各单元的处理器时间之和超过处理器的时间：不可能",
        "units used more processor time than the processors had: impossible",
    ),
    "UNITS_UNLIKE": (
        FAIL,
        "处理器的忙碌时间不属于任何单元：两种计数互相矛盾",
        "busy time of the processors is of no unit: the two counters contradict one another",
    ),
    "UPTIME_BACK": (
        FAIL,
        "同一次开机内，开机时长变小：不可能",
        "the clock since boot went back within one boot: impossible",
    ),
    "BOOTS_OVERLAP": (
        FAIL,
        "时钟已同步，而开机时刻早于上一次开机的读数：不可能",
        "a boot began before the boot before it ended, with synchronized clocks: impossible",
    ),
    "BOOTS_OVERLAP_CLOCK": (
        NOTE,
        "开机时刻早于上一次开机的读数，但时钟未同步",
        "a boot began before the boot before it ended, but the clocks were not synchronized",
    ),
    "CONFLICT": (FAIL, "同一序号收到过不同的数据块", "different chunks with one number were received"),
    "INTERNAL": (
        FAIL,
        "核验程序在某一步中断：该步视为未通过，请保留证据包并报告此错误",
        "the check broke off in a step, which counts as failed; keep the pack and report this error",
    ),
}  # fmt: skip
"""Code → severity, sentence in Chinese, sentence in English."""


@dataclass(frozen=True)
class Finding:
    """What was found, where, what was expected there and what stood there.

    ``slot`` is the time that it is about (``verifier.slots``), empty if none. Findings are ordered by step,
    host, slot and code.
    """

    code: str
    place: str
    host: str = ""
    expected: str = ""
    got: str = ""
    slot: str = ""

    @property
    def severity(self) -> str:
        """``fail``, ``incomplete`` or ``note``."""
        return CATALOGUE[self.code][0]

    @property
    def step(self) -> int:
        """The number of its step (``verifier.steps``)."""
        return step_of(self.code)

    @property
    def order(self) -> tuple[int, str, str, str, str, str, str]:
        """What findings are sorted by."""
        return self.step, self.host, self.slot, self.code, self.place, self.expected, self.got

    def __lt__(self, other: Finding) -> bool:
        """Return whether this finding comes before another."""
        return self.order < other.order

    def document(self) -> dict[str, Any]:
        """Return the finding as it stands in JSON output."""
        severity, zh, en = CATALOGUE[self.code]
        return {
            "step": self.step,
            "code": self.code,
            "severity": severity,
            "host": self.host,
            "slot": self.slot,
            "place": self.place,
            "expected": self.expected,
            "got": self.got,
            "zh": zh,
            "en": en,
        }
