"""Words of the calendar of coverage."""

from __future__ import annotations

from console.language import Words

WORDS: Words = {
    "coverage.title": ("覆盖率", "Coverage"),
    "coverage.calendar": ("{month} 覆盖率日历", "Coverage calendar of {month}"),
    "coverage.about": (
        "每格一台主机一天：数字是该日覆盖百分比（舍去小数），取各实测指标中最低者。",
        "Each box is a host on a day: the number is the day's coverage in percent, cut, of the least covered figure.",
    ),
    "coverage.kind.complete": ("完整（≥ 99%）", "complete (99 % and more)"),
    "coverage.kind.most": ("大部分（≥ 90%）", "most of it (90 % and more)"),
    "coverage.kind.part": ("部分", "part of it"),
    "coverage.kind.none": ("无数据", "no data"),
    "coverage.kind.downtime": ("停机", "down"),
    "coverage.kind.out": ("不计", "does not count"),
    "coverage.restarted": ("重启 {count} 次", "restarted {count} times"),
    "coverage.restart_mark": ("• 当日重启过", "• restarted on that day"),
    "coverage.fleet_row": ("无缺口的主机，%", "Hosts without a gap, %"),
    "coverage.fleet_cell": ("{day}：{fine} / {all} 台无缺口", "{day}: {fine} of {all} hosts without a gap"),
    "coverage.mean": ("平均", "Mean"),
    "coverage.sort": ("排序", "Sort"),
    "coverage.sort.worst": ("覆盖率从低到高", "Least covered first"),
    "coverage.sort.name": ("按名称", "By name"),
    "coverage.gaps": ("只看有缺口的主机", "Only hosts with gaps"),
    "coverage.count": ("{count} 台主机", "{count} hosts"),
    "coverage.none": ("没有符合的主机", "No such host"),
    "coverage.none_about": ("换一个词，或取消筛选。", "Search for something else, or clear the filters."),
    "coverage.clear": ("清除筛选", "Clear the filters"),
    "coverage.empty": ("还没有主机", "No host yet"),
    "coverage.empty_about": ("接入主机后，这里逐日显示哪些时间有数据。", "Once hosts report, this shows day by day what was seen."),
    "coverage.scroll": ("日历，可横向滚动", "Calendar, scrolls sideways"),
    "coverage.day": ("{day} 各主机覆盖率", "Coverage of all hosts on {day}"),
    "coverage.kind": ("情况", "How"),
    "coverage.share": ("覆盖率", "Coverage"),
    "coverage.restarts": ("重启", "Restarts"),
}  # fmt: skip
