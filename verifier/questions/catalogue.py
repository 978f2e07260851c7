"""What is asked: every question with its words, and how often it was asked of honest machines.

The rates are those of bench/flag_rates.py on public traces; docs/questions.md says what they are worth.
A definition that changes gets a new number.
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Rate:
    """On ``data``, ``asked`` of ``of`` genuine units gave rise to the question."""

    data: str
    asked: int
    of: int


@dataclass(frozen=True)
class Definition:
    """A question: what was found, what to ask the applicant for, and what may be an honest reason."""

    id: str
    zh: str
    en: str
    ask_zh: str
    ask_en: str
    innocent_zh: str
    innocent_en: str
    rates: tuple[Rate, ...] = ()


REPEATED = Definition(
    "busy-hour-repeated/1",
    "繁忙的一小时与更早的一小时逐值相同",
    "a busy hour has exactly the values of an earlier one",
    "两段时间的原始日志；数据是否被复制",
    "the logs of both hours; whether data were copied",
    "同一测试负载重放；监控系统补数",
    "a replayed test load; a monitor that fills gaps with old values",
    (Rate("aws", 0, 13), Rate("aws-io", 0, 4), Rate("bitbrains", 0, 180), Rate("planetlab", 0, 1052)),
)
CONSTANT = Definition(
    "constant/1",
    "CPU利用率高于5%且一小时以上不变",
    "processor use above 5 % that does not change for an hour or longer",
    "当时运行的程序及其用途",
    "what ran at that time, and what for",
    "达到配额上限或满载；监控系统停顿",
    "a quota or saturation; a monitor that stood still",
    (Rate("aws", 0, 13), Rate("bitbrains", 0, 36), Rate("planetlab", 2, 1052)),
)
VARIATION = Definition(
    "low-variation/1",
    "CPU利用率整周几乎不变（均值高于10%，变异系数低于5%）",
    "processor use hardly varies over a week (mean above 10 %, coefficient of variation below 5 %)",
    "处理器时间由哪个单元使用；与业务量（请求、用户）的对应",
    "which unit used the processor; requests and users of that week",
    "按目标利用率自动伸缩；限额容器；持续的批处理",
    "autoscaling to a target; a container at its limit; a batch that never ends",
    (Rate("aws", 0, 17), Rate("bitbrains", 0, 115)),
)
STEP = Definition(
    "step-at-start/1",
    "统计期开始后三天内CPU利用率上升超过15个百分点",
    "processor use rises by more than 15 points within three days of the window's start",
    "当时上线或迁移的内容；统计期之前的监控数据",
    "what went live or was moved then; monitoring data of the time before the window",
    "月初上线、迁移、结算；节假日结束",
    "launches, migrations and closings at the start of a month; the end of holidays",
    (Rate("aws", 4, 240), Rate("bitbrains", 51, 680)),
)
SOURCES = Definition(
    "sources-differ/1",
    "同一主机的两个数据源相差超出容许范围",
    "two sources of one host differ by more than the tolerance",
    "由评审人员在云平台控制台直接查看该主机的监控",
    "to see the host's monitoring in the cloud's console, opened by the reviewer",
    "采样方式不同；内外网流量范围不同",
    "other sampling; other scopes of traffic",
)
LOAD_TOOL = Definition(
    "unit-load-tool/1",
    "名称像负载工具的单元用去5%以上的忙碌时间",
    "a unit with the name of a load tool used 5 % or more of the busy time",
    "该单元的用途与运行记录",
    "what the unit is for, and its records",
    "统计期内的压力测试；同名的业务程序",
    "a load test within the window; a program of the same name",
)
NEW_UNIT = Definition(
    "unit-new/1",
    "统计期内新出现的单元用去25%以上的忙碌时间",
    "a unit first seen within the window used 25 % or more of the busy time",
    "该单元何时、为何上线",
    "when and why it went live",
    "新业务上线；服务改名或迁移",
    "a new service; one that was renamed or moved",
)
UNNAMED = Definition(
    "unit-unnamed/1",
    "一半以上的忙碌时间不属于任何被记录的单元",
    "more than half of the busy time is of no recorded unit",
    "当时运行的进程",
    "which processes ran",
    "许多小服务；内核与中断；短时任务；不由服务管理器启动的程序",
    "many small services; the kernel and interrupts; short jobs; programs that no service manager started",
)
TRAFFIC = Definition(
    "traffic-between-hosts/1",
    "一台主机发送的流量几乎就是另一台接收的流量",
    "what one host sends is nearly what another one receives",
    "两台主机之间传输的内容",
    "what is sent between the two",
    "应用与数据库、复制、备份、代理",
    "an application and its database, replication, backups, proxies",
    (Rate("bitbrains", 0, 396),),
)
DEFINITIONS = (REPEATED, CONSTANT, VARIATION, STEP, SOURCES, LOAD_TOOL, NEW_UNIT, UNNAMED, TRAFFIC)
