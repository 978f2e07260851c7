"""Words of the overview."""

from __future__ import annotations

from console.language import Words

WORDS: Words = {
    "overview.title": ("总览", "Overview"),
    "overview.month": ("{month} 月度指标", "Figures of {month}"),
    "overview.until": (
        "截至 {day}（含），{past} / {days} 天",
        "Until {day} (included), {past} of {days} days",
    ),
    "overview.fresh": (
        "含今天到目前为止，每收到一批读数就更新",
        "today so far included, renewed with every delivery",
    ),
    "overview.over": ("整月", "The whole month"),
    "overview.made": ("计算于 {moment}", "Computed at {moment}"),
    "overview.star": ("六项指标目前可支持", "The six figures support so far"),
    "overview.no_star": ("暂无", "none yet"),
    "overview.not_award": ("计算所得，不是认定结果", "Computed; not an award"),
    "overview.reached": ("{name}：{count} / {all} 项达标", "{name}: {count} of {all} reached"),
    "overview.coverage": ("覆盖率", "Coverage"),
    "overview.coverage_about": ("CPU 读数，全部主机", "Processor readings, all hosts"),
    "overview.hosts": ("主机", "Hosts"),
    "overview.hosts_about": ("{count} 台正常上报", "{count} report as expected"),
    "overview.hosts_imported": ("{count} 台的数据来自导入", "{count} imported from files"),
    "overview.matters": ("需要处理", "Needs attention"),
    "overview.looked": ("检查于 {moment}", "Looked at {moment}"),
    "overview.fine": ("一切正常，没有需要处理的事。", "Everything is fine; nothing to do."),
    "overview.figures": ("六项指标", "The six figures"),
    "overview.scale": (
        "刻度按星级等分，不按数值；浅色段是缺失数据可能造成的区间，虚线圈是月末预计。",
        (
            "The scale is divided by stars, not by numbers. The light band is what missing data leave open; the dashed ring is "
            "the projection."
        ),
    ),
    "overview.likely": ("月末预计 {value} {unit}", "Projected: {value} {unit}"),
    "overview.likely_about": (
        "预计：余下各天与最近 7 天相同；不是证据",
        "A projection: the rest of the month like the last 7 days; not evidence",
    ),
    "overview.later.monthly_user_rate": (
        "月末至少 {value} {unit}：账号只会增加",
        "At the month's end {value} {unit} or more: accounts only add up",
    ),
    "overview.later.it_cost_reduction": ("取自台账，不作预计", "From the ledger; not projected"),
    "overview.later.cloud_investment": ("取自台账，不作预计", "From the ledger; not projected"),
    "overview.interval": ("区间 {low} 至 {high}", "Interval {low} to {high}"),
    "overview.open_end": ("区间 {low} 起，上限未知", "Interval from {low}, no upper end known"),
    "overview.nothing": ("还没有数据", "No data yet"),
    "overview.how.it_cost_reduction": (
        "在台账登记上云前后的成本",
        "Enter costs before and after in the ledger",
    ),
    "overview.how.monthly_user_rate": ("接入登录日志或账号来源", "Connect login logs or accounts"),
    "overview.how.cpu_utilization": ("接入主机或云账号", "Connect hosts or a cloud account"),
    "overview.how.bandwidth_utilization": (
        "接入主机，并在申报范围写明购买带宽",
        "Connect hosts and declare their bandwidth",
    ),
    "overview.how.daily_reads_writes": ("接入主机或数据库", "Connect hosts or databases"),
    "overview.how.cloud_investment": ("在台账登记付款", "Enter payments in the ledger"),
    "overview.gauge": ("{name}：{value}，门槛 {limits}", "{name}: {value}; thresholds {limits}"),
    "overview.undecided": ("有记录，还算不出", "There are records, no figure yet"),
    "overview.reason.COST_NOT_DECLARED": (
        "台账已有记录；请在“申报 → 申报范围”填写成本科目和上云前后的月份（[it_cost]）",
        "The ledger has entries; fill in the cost items and the months before and after in Application → Scope ([it_cost])",
    ),
    "overview.reason.COST_MONTHS_MISSING": (
        "有的月份没有登记某项成本；请在台账补上，没有花钱的登记金额为 0 的付款",
        "Some months lack an item; enter it in the ledger, a payment of 0 where nothing was paid",
    ),
    "overview.reason.COST_ITEMS_DIFFER": (
        "台账里有申报范围没有列出的成本科目；请让两边一致",
        "The ledger has cost items that the scope does not name; make them agree",
    ),
    "overview.thin": ("数据太少", "Too little data"),
    "overview.thin_about": (
        "每台平均不到 1 天的读数，数值还不能代表本月，不作预计",
        "less than a day of readings a host: it does not stand for the month, and nothing is projected",
    ),
    "overview.broken": ("这个月的指标暂时算不出来", "The figures of this month cannot be computed"),
    "overview.broken_about": (
        "库里的证据或申报范围互相矛盾，请在服务器上运行 starproof audit 查看原因。",
        "The stored evidence or the declared scope contradicts itself; run starproof audit on the server.",
    ),
    "overview.start": ("从接入第一台主机开始", "Begin with the first host"),
    "overview.start_about": (
        "在“设置 → 接入主机”生成令牌，复制一条命令到主机上运行，几分钟后它就会出现在这里。",
        "Make a token in Settings → Add hosts, run one command on the host, and it appears here within minutes.",
    ),
    "overview.ask_operator": ("请操作员或管理员来接入。", "Ask an operator or administrator to do it."),
    "matter.no_scope": ("还没有声明申报范围", "No scope is declared"),
    "matter.no_scope.how": (
        "未声明时所有主机都计入，带宽、人数等口径取默认值。请在统计期开始之前，在“申报 → 申报范围”页声明。",
        "All hosts count and the defaults hold. Declare one before the window begins, on the page Application → Scope.",
    ),
    "matter.scope_outside": ("申报范围不含这个月", "The scope does not hold this month"),
    "matter.scope_outside.how": ("以下按未声明计算。", "Shown as if none were declared."),
    "matter.scope_broken": ("申报范围无法使用", "The declared scope cannot be used"),
    "matter.scope_broken.how": (
        "在服务器上运行 starproof scope show 查看原因。",
        "Run starproof scope show on the server.",
    ),
    "matter.capacity": ("缺少带宽容量", "Bandwidth is not known"),
    "matter.capacity.how": (
        "在申报范围为这些主机写明合同带宽。",
        "Declare what the contract says, in the scope.",
    ),
    "matter.scope_late": ("申报范围在统计期开始后才声明", "The scope was declared after its window began"),
    "matter.scope_late.how": (
        "报告会如实注明；下一个统计期请提前声明。",
        "The report says so. Declare the next one before its window begins.",
    ),
    "matter.inconclusive": ("指标未定，挡住下一个星级", "Figures are open, and the next star waits for them"),
    "matter.inconclusive.how": (
        "缺失的数据可能使结论两可：在指标页看区间，补上缺失的数据。",
        "What is missing could decide either way: see the interval on the page of the figure, and get the data in.",
    ),
    "matter.no_data": ("指标还没有数据", "Figures without data"),
    "matter.no_data.how": (
        "按各指标下的提示接入，或由企业申报。",
        "Connect them as each says, or declare them.",
    ),
}
