"""Words of the pages of figures."""

from __future__ import annotations

from console.language import Words

WORDS: Words = {
    "figures.title": ("指标", "Figures"),
    "figures.list": ("{month} 六项指标", "The six figures of {month}"),
    "figures.value": ("当前数值", "The figure now"),
    "figures.no_value": ("还没有数据", "No data yet"),
    "figures.threshold": ("门槛", "Thresholds"),
    "figures.daily": ("逐日", "Day by day"),
    "figures.no_days": ("这项指标不按天计量", "This figure is not measured day by day"),
    "figures.no_days_about": (
        "它来自企业的台账、登录记录或申报，按月计算。",
        "It comes from the ledger, login records or a declaration, and is computed by the month.",
    ),
    "figures.meaning": ("这个数是什么", "What this number is"),
    "figures.definition": ("口径", "Definition"),
    "figures.declared": (
        "本版本不测量：数值由企业申报，以所附材料为据。",
        "Not measured by this version: the enterprise declares it, with the documents attached.",
    ),
    "figures.aggregation": ("汇总", "The fleet"),
    "figures.aggregation.mean_over_hosts": ("全部申报主机的算术平均", "Mean over all declared hosts"),
    "figures.aggregation.sum_over_hosts": ("全部申报主机之和", "Sum over all declared hosts"),
    "figures.aggregation.capacity_weighted": ("按带宽容量加权平均", "Mean weighted by bandwidth"),
    "figures.aggregation.declared": ("企业整体的一个数", "One number of the enterprise"),
    "figures.interval_about": (
        "区间：缺失的时间什么也没做，或一直满载，真实数值都在其中。判定只用区间，不用中间的数。",
        "Interval: whether nothing or everything happened in the missing time, the true figure lies in it. Verdicts go by the interval.",
    ),
    "figures.coverage": ("覆盖率", "Coverage"),
    "figures.coverage_about": ("主机时间的构成，全部主机合计", "What the hosts' time is made of, all hosts together"),
    "figures.calendar": ("查看覆盖率日历", "Open the coverage calendar"),
    "figures.class": ("时间", "Time"),
    "figures.length": ("时长", "Length"),
    "figures.of_all": ("占比", "Share"),
    "figures.observed_s": ("观测", "observed"),
    "figures.bridged_s": ("衔接", "bridged"),
    "figures.downtime_s": ("停机", "down"),
    "figures.missing_s": ("缺失", "missing"),
    "figures.excluded_s": ("排除", "excluded"),
    "figures.worst": ("最低的几天", "The worst days"),
    "figures.worst_about": (
        "按区间下限排列：数据缺失的日子也算低。",
        "By the low end: days that were not seen count as low.",
    ),
    "figures.hosts": ("各主机的贡献", "What every host contributes"),
    "figures.hosts_count": ("{count} 台主机", "{count} hosts"),
    "figures.no_hosts": ("没有符合的主机", "No such host"),
    "figures.no_hosts_about": ("换一个词再搜。", "Search for something else."),
    "figures.part": ("贡献", "Contribution"),
    "figures.part_about": ("占整体数值的份额", "Share of the fleet's figure"),
    "figures.capacity": ("带宽", "Bandwidth"),
    "figures.sort": ("排序", "Sort"),
    "figures.sort.part": ("贡献从大到小", "Greatest contribution first"),
    "figures.sort.name": ("按名称", "By name"),
    "figures.sort.value": ("数值从大到小", "Greatest value first"),
    "figures.sort.share": ("覆盖率从低到高", "Least covered first"),
    "figures.notes": ("说明", "Remarks"),
}  # fmt: skip
