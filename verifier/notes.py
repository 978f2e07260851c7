"""Notes: what a reader of a figure must know beside the number, in Chinese and English."""

from __future__ import annotations

from dataclasses import dataclass

TEXTS: dict[str, tuple[str, str]] = {
    "NO_SCOPE": (
        "未声明申报范围：统计库中的全部主机。",
        "No scope was declared: all hosts of the store count.",
    ),
    "ENTERPRISE_DIFFERS": (
        "申报范围中的企业名称与数据中的企业名称不同。",
        "The scope names another enterprise than the data.",
    ),
    "HOSTS_OUTSIDE_SCOPE": (
        "有数据但不在申报范围内的主机，未计入。",
        "These hosts have data but are not in the scope; they do not count.",
    ),
    "NOT_MEASURED": (
        "没有此项指标的测量数据：数值由企业申报。",
        "Nothing was measured for this indicator: the enterprise declares the value.",
    ),
    "NO_DATA": (
        "这些主机在统计期内没有数据：下限按零计，上限按极限计，没有极限则无上限。",
        (
            "These hosts have no data in the window: they count as zero for the low end and as their "
            "limit for the high end; without a limit there is no high end."
        ),
    ),
    "NOT_ATTESTED": (
        "这些主机的数据来自导入文件、云平台或监控系统，未经主机上的代理程序签名证明。",
        "The data of these hosts come from imported files, a cloud or a monitor; no agent attests them.",
    ),
    "SECOND_SOURCE": (
        "这些主机申报的首选数据源没有此项数据：使用了其后的数据源，见各主机的“数据源”。",
        (
            "The first declared source of these hosts has no data for this figure: a later one is used, "
            "printed with the host."
        ),
    ),
    "SUSPECT_TIME": (
        "部分时间的读数自相矛盾，按缺失计，不作修补。",
        "Some readings contradict themselves; their time counts as missing and is not repaired.",
    ),
    "CAPACITY_UNKNOWN": (
        "带宽容量未知，无法计算使用率；请在申报范围中写明 bandwidth_mbps。",
        "The capacity is unknown, so there is no utilization; declare bandwidth_mbps in the scope.",
    ),
    "CAPACITY_INVENTORY": (
        "未申报带宽，使用云平台资源清单所载的已购公网带宽；代理程序统计的是全部网卡的流量。",
        (
            "No bandwidth was declared; what the cloud's inventory says was bought for the public line is used. "
            "An agent counts the traffic of all interfaces."
        ),
    ),
    "CAPACITY_CAP": (
        "这些主机（部分或全部日期）按流量计费：所用的是带宽峰值上限，并非已购带宽。",
        (
            "The traffic of these hosts is what is paid for, on some days or all: the bandwidth is a cap, none "
            "of it was bought."
        ),
    ),
    "CAPACITY_MEASURED": (
        "未申报带宽，使用代理程序读到的网卡速率。",
        "No bandwidth was declared; the link speed that the agent read is used.",
    ),
    "CAPACITY_EXCEEDED": (
        "在这些日期观测到的流量超过容量：申报的带宽不可能属实，因此没有使用率；请更正申报范围。",
        (
            "On these days more was transferred than the capacity allows: the declared bandwidth cannot be "
            "true, so there is no utilization; correct the scope."
        ),
    ),
    "LIMIT_EXCEEDED": (
        "观测到的数量超过极限：有缺失时间时不给出上限。",
        "More was observed than the limit allows, so there is no upper bound while time is missing.",
    ),
    "NO_UPPER_BOUND": (
        "有缺失时间且读写次数没有已知极限：不给出上限，也不会判为不达标。",
        (
            "Time is missing and reads and writes have no known limit: there is no upper bound, so the verdict "
            "cannot be FAIL."
        ),
    ),
    "ONE_DIRECTION_ONLY": (
        "只有一个方向的流量有数据。",
        "Only one direction of the traffic has data.",
    ),
    "ONE_KIND_ONLY": (
        "读与写只有一项有数据：另一项未加入，数值偏低。",
        "Only reads or only writes have data; the other is not added, so the value is too low.",
    ),
    "NO_DATABASE": (
        "这些主机未申报数据库数据源：对数据库语句数不作贡献，也不产生缺失时间。",
        "No database is declared or read on these hosts: they add nothing to the statements, and no time of theirs is missing.",
    ),
    "SOURCES_DIFFER": (
        "这些主机的不同数据源逐小时比对，差异超出容许范围：请评审人员查明原因。此项不改变任何数值和结论。",
        (
            "Compared hour by hour, the sources of these hosts differ by more than the tolerance: a question to "
            "the reviewer. It changes no figure and no verdict."
        ),
    ),
    "SCOPES_UNLIKE": (
        "这些主机的不同数据源统计的流量范围不同（公网流量与全部网卡流量）：列出差异，不作一致与否的判断。",
        (
            "The sources of these hosts count different traffic (the public line, or all interfaces): the "
            "difference is printed and not judged."
        ),
    ),
    "SUBSTITUTED": (
        "这些主机的缺失时间按统计期前申报的规则 extreme_hour/1 代入：下限取已观测到的最低一小时，上限取最高一小时。",
        (
            "The missing time of these hosts takes, by the rule extreme_hour/1 that was declared before the window, "
            "the lowest hour seen for the low end and the highest for the high end."
        ),
    ),
    "SUBSTITUTION_COVERAGE": (
        "这些主机的覆盖率低于代入规则的要求：保留严格上下限。",
        "The coverage of these hosts is below what the substitution rule asks; they keep their hard bounds.",
    ),
    "SUBSTITUTION_DAYS": (
        "这些主机缺失的整日过多（连续超过3日，或一个月内超过5日）：保留严格上下限。",
        (
            "Too many whole days of these hosts are missing (more than 3 on end, or 5 in a month); they keep "
            "their hard bounds."
        ),
    ),
    "SUBSTITUTION_HOURS": (
        "这些主机观测到的小时不足168个：保留严格上下限。",
        "Fewer than 168 hours of these hosts were seen; they keep their hard bounds.",
    ),
    "SUBSTITUTION_LITTLE": (
        "这些主机的缺失时间不足1小时：不作代入，保留严格上下限。",
        "Less than an hour of these hosts is missing; nothing is substituted, they keep their hard bounds.",
    ),
    "SUBSTITUTION_NO_VALUE": (
        "这些主机没有数值，无从代入。",
        "These hosts have no figure, so nothing can be substituted.",
    ),
    "HEAD_COUNT_UNKNOWN": (
        "未申报人数：有账号数，没有使用率；请在申报范围的 [head_counts] 中写明。",
        "No head count is declared: there is a number of accounts and no rate; declare [head_counts] in the scope.",
    ),
    "HEAD_COUNT_NOT_CHOSEN": (
        "申报范围没有用 [users] 指明分母：取已申报人数中较大者。",
        "The scope does not choose the head count under [users]: the greatest of those declared is used.",
    ),
    "USERS_ABOVE_HEAD_COUNT": (
        "观测到的账号数多于申报人数：账号数照实列出，使用率按100%计；请核对一人多号、外部账号和人数。",
        (
            "More accounts were active than people are declared: the number is printed as it is, the rate is 100 %; "
            "look for people with several accounts, outsiders, and the head count."
        ),
    ),
    "ACCOUNT_KEYS_DIFFER": (
        "账号哈希使用了不同的密钥，无法合并，也不相加：下限取其中最大的一个，上限为全部人数。",
        (
            "The accounts are hashed under different keys: they cannot be united and are not added up; the low end is "
            "the greatest of them, the high end everybody."
        ),
    ),
    "USERS_SKETCHED": (
        "账号数超过一百万：用概率草图估计，其误差（三倍标准差）已计入上下限。",
        "More than a million accounts: estimated with a sketch; its error, three standard deviations, widens both ends.",
    ),
    "USERS_NOT_READ": (
        "这些数据源在这些日期没有完整读取：下限只计观测到的账号，上限按全部人数计。",
        "On these days these sources were not wholly read: the low end counts who was seen, the high end everybody.",
    ),
    "USERS_NOT_ATTESTED": (
        "这些账号数据由采集端从数据库、目录、平台接口或文件取得，未经主机上的程序签名证明。",
        "The collector got these accounts from a database, a directory, a provider or a file; no host attests them.",
    ),
    "USERS_ARE_ADDRESSES": (
        "这些数据源以客户端地址代替账号（client-address/1）：地址不是人。多人共用一个出口只计一次，一人更换地址则计多次。",
        (
            "These sources count client addresses (client-address/1), and addresses are not people: many behind one "
            "address count once, one person with changing addresses several times."
        ),
    ),
    "USERS_OTHER_ZONE": (
        "账号数据按另一时区的自然日采集，不能换算成统计期的自然日：无法判定。",
        "The accounts were gathered by days of another time zone and cannot be filed by the days of this one: undecided.",
    ),
    "LEDGER_DECLARED": (
        "金额取自企业登记的台账，以所附合同、发票和付款凭证为据：其内容由评审人员审阅。",
        (
            "The amounts are those of the enterprise's ledger, with contracts, invoices and vouchers by hash: "
            "whether they show it is for the reviewer to read."
        ),
    ),
    "PAYMENTS_IN_DOUBT": (
        "部分付款与合同、发票或凭证不能对应：计入数值，不计入下限。",
        "Some payments do not reconcile with contract, invoice or document: in the value, not in the low end.",
    ),
    "PAYMENTS_AHEAD": (
        "有付款或退款的日期尚未到来：尚未实际支付，不计入。",
        "Payments or refunds are dated later than today: not paid yet, not counted.",
    ),
    "LEDGER_GAPS": (
        "合同、发票与付款有不能对应之处，逐条列出。",
        "Contracts, invoices and payments do not reconcile everywhere; what does not is listed.",
    ),
    "LONGER_THAN_A_YEAR": (
        "申报的统计周期长于一年，以“年度”为门槛的星级因此无法判定。",
        "The declared period is longer than a year, so stars whose threshold is for a year cannot be decided.",
    ),
    "BILLS_DIFFER": (
        "云平台账单与台账付款逐月不同：列出差额，不改变任何数值和结论。",
        "Cloud bills and payments differ by month: the difference is listed and changes no figure and no verdict.",
    ),
    "COST_NOT_DECLARED": (
        "申报范围没有写明 [it_cost]（基准期和成本科目），无法计算。",
        "The scope declares no [it_cost] (baseline and cost items), so nothing can be compared.",
    ),
    "COST_OVERLAPS": (
        "上云前的期间没有在上云后的期间开始之前结束。",
        "The period before does not end before the period after begins.",
    ),
    "COST_MONTHS_MISSING": (
        "有成本科目缺少若干月份的记录：缺失不按零计，因此无法判定。",
        "Months of a cost item are missing: missing is not zero, so nothing is decided.",
    ),
    "COST_ITEMS_DIFFER": (
        "台账中有未申报的成本科目，前后科目不一致，因此无法判定。",
        "The ledger holds cost items that were not declared, so both sides are not the same and nothing is decided.",
    ),
    "COST_MISPLACED": (
        "部分上云前（后）的成本落在另一期间，因此无法判定。",
        "Costs of one side lie in the period of the other, so nothing is decided.",
    ),
    "COST_UNDOCUMENTED": (
        "部分成本记录没有凭证文件：列出数值，不作判定。",
        "Some costs have no document: the value is printed and decides nothing.",
    ),
    "COST_NOTHING_BEFORE": (
        "上云前没有成本，下降率没有意义。",
        "Nothing was paid before, so there is no reduction.",
    ),
}
"""Every code with its Chinese and its English text."""


@dataclass(frozen=True)
class Mark:
    """A note about one host; ``days`` are the ordinals of the local days it is about, if any."""

    code: str
    days: tuple[int, ...] = ()


@dataclass(frozen=True)
class Note:
    """A note of a document or an indicator, with the hosts and days it is about, if any."""

    code: str
    hosts: tuple[tuple[str, tuple[int, ...]], ...] = ()

    @property
    def zh(self) -> str:
        """The Chinese text."""
        return TEXTS[self.code][0]

    @property
    def en(self) -> str:
        """The English text."""
        return TEXTS[self.code][1]
