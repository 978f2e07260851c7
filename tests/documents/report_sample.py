"""A report that could be real: four hosts, gaps, restarts, an exclusion, a profile; and its variants.

Everything follows from the arguments: no clock, no random numbers but a fixed sequence.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator, Sequence
from copy import deepcopy
from datetime import date, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from verifier.document import encode_figures

ENTERPRISE = "苏州太湖精密制造有限公司"
ZONE = "Asia/Shanghai"
DAY_S = 86_400
MADE_MS = 1_796_256_000_000  # 2026-12-03 08:00 in Shanghai
HOSTS = ("db-1", "erp-1", "erp-2", "mes-1")
CODE = "5c" * 32
SILENT = "mes-1"  # declared, never heard of
EXCLUDED = ("2026-11-14", "2026-11-15")
DARK_DAY = "2026-11-25"  # the collector was off: nobody has data
STARS = ("3", "4", "5")
NAMES = {"3": ("三星", "three stars"), "4": ("四星", "four stars"), "5": ("五星", "five stars")}
DECIDED = {
    "3": (
        "设区市经信委组织评定，报省经信委备案",
        "rated by the city's commission, filed with the province's",
    ),
    "4": ("设区市经信委组织推荐，省经信委组织评定", "recommended by the city, rated by the province"),
    "5": ("设区市经信委组织推荐，省经信委组织评定", "recommended by the city, rated by the province"),
}
VERDICTS = ("PASS", "FAIL", "INCONCLUSIVE", "NO_DATA", "DECLARED")

# id, 名称, name, definition, aggregation, unit, thresholds, (value, low, high)
FIGURES: tuple[tuple[Any, ...], ...] = (
    (
        "it_cost_reduction", "IT运维成本下降率", "Reduction of IT operating cost", "it_cost.before_after/1",
        "declared", "%", ("30", "30", "30"), None,
    ),
    (
        "monthly_user_rate", "月用户使用率", "Monthly user rate", "users.distinct_month/1",
        "declared", "%", ("30", "50", "80"), None,
    ),
    (
        "cpu_utilization", "业务主机平均CPU利用率", "Mean CPU utilization of the business hosts", "cpu.busy/1",
        "mean_over_hosts", "%", ("5", "10", "25"), ("24.3187654321098", "17.9012345678901", "43.2098765432109"),
    ),
    (
        "bandwidth_utilization", "业务主机宽带使用率", "Bandwidth utilization of the business hosts",
        "bandwidth.max_direction/1", "capacity_weighted", "%", ("30", "40", "50"),
        ("46.8712345678901", "42.0098765432101", "55.1999999999991"),
    ),
    (
        "daily_reads_writes", "日平均数据读写次数", "Mean data reads and writes per day", "reads_writes.block_io/1",
        "sum_over_hosts", "次/day", ("1000", "10000", "50000"), ("28417.9999999999", "27966.1234567890", None),
    ),
    (
        "cloud_investment", "上云投入", "Investment in the cloud", "investment.paid/1",
        "declared", "万元", ("5", "50", "400"), None,
    ),
)  # fmt: skip
DECLARED_VALUES = {"it_cost_reduction": "35.4", "monthly_user_rate": "62.1", "cloud_investment": "62.5"}
DEFINITIONS = (
    ("it_cost.before_after/1", "it_cost_reduction", "上云前后同口径年度IT运维成本之差除以上云前成本。", "The year's IT operating cost before and after, as a share of the cost before."),
    ("users.distinct_month/1", "monthly_user_rate", "当月有登录记录的不同账号数除以申报的使用云服务人员数量。", "Distinct accounts with a login in the month, divided by the declared head count."),
    ("cpu.busy/1", "cpu_utilization", "忙时钟周期（总量减空闲与等待I/O）除以总量；关机时间计为零；各主机取算术平均。", "Busy ticks (all but idle and waiting for I/O) over all ticks; time off counts as zero; each host counts once."),
    ("bandwidth.max_direction/1", "bandwidth_utilization", "收、发两个方向中较大者的比特数除以带宽与时间之积；各主机按带宽加权。", "Bits of the greater direction over capacity times time; hosts weigh by their capacity."),
    ("reads_writes.block_io/1", "daily_reads_writes", "块设备每日完成的读写次数；各主机相加。", "Completed block reads and writes per day; hosts are added up."),
    ("investment.paid/1", "cloud_investment", "年度内已支付的上云费用合计。", "What was paid for the cloud within the year."),
)  # fmt: skip
CRITERIA = (
    ("it_infrastructure", "IT基础设施", "IT infrastructure", ("6", "6", "6"), "6"),
    ("basic_business", "基础业务", "Basic business", ("3", "4", "5"), "7"),
    ("it_services", "IT服务", "IT services", ("1", "2", "3"), "0"),
    ("core_business", "核心业务", "Core business", ("1", "3", "5"), "4"),
    ("deep_application", "深度应用", "Deep application", ("0", "0", "2"), "1"),
)


def sha(text: str) -> str:
    """Return a hash that looks like one."""
    return hashlib.sha256(text.encode()).hexdigest()


def days_of(months: Sequence[str]) -> list[str]:
    """Return every day of the months, ``YYYY-MM-DD``."""
    result = []
    for month in months:
        day = date.fromisoformat(f"{month}-01")
        while day.isoformat()[:7] == month:
            result.append(day.isoformat())
            day += timedelta(days=1)
    return result


def instant(text: str) -> int:
    """Return the ms since 1970 of a local time such as ``2026-11-07T03:10``."""
    return int(datetime.fromisoformat(text).replace(tzinfo=ZoneInfo(ZONE)).timestamp()) * 1000


def sequence(seed: int) -> Iterator[int]:
    """Yield 0..999 without pattern, always the same for a seed."""
    state = seed
    while True:
        state = (state * 1_103_515_245 + 12_345) % 2**31
        yield state // 65_536 % 1000


def report(
    *,
    months: Sequence[str] = ("2026-11",),
    hosts: Sequence[str] = HOSTS,
    scope: bool = True,
    profile: bool = True,
    provisional: bool = False,
    complete: bool = True,
    pass_all: bool = False,
    enterprise: str = ENTERPRISE,
) -> dict[str, Any]:
    """Return a report document; the arguments choose the variant."""
    days = days_of(months)
    figures = _figures(months, days, hosts, scope=scope, pass_all=pass_all, enterprise=enterprise)
    verdict = _verdict(profile=profile, provisional=provisional, complete=complete, pass_all=pass_all)
    edition = _edition(complete=complete)
    return {
        "schema": "starproof/report/1",
        "software": "starproof 0.1.0",
        "made_ms": MADE_MS,
        "enterprise": enterprise,
        "month": months[-1],
        "months": list(months),
        "timezone": ZONE,
        "provisional": "yes" if provisional else "no",
        "edition": edition,
        "scope": _scope(days, hosts) if scope else None,
        "window": figures["window"],
        "exclusions": deepcopy(figures["exclusions"]),
        "verdict": verdict,
        "figures": figures,
        "definitions": [
            {"id": id_, "indicator": name, "zh": zh, "en": en} for id_, name, zh, en in DEFINITIONS
        ],
        "series": [
            _series(figure, days, seed=index, pass_all=pass_all)
            for index, figure in enumerate(FIGURES)
            if figure[7] is not None
        ],
        "calendar": [_calendar(host, days) for host in hosts],
        "hosts": [_host(host) for host in hosts],
        "profile": _profile(enterprise) if profile else None,
        "proved": [
            {"code": "UNALTERED", "zh": "数据自锚定之日起未被改动。", "en": "The data are unaltered since they were anchored."},
            {"code": "COMPLETE", "zh": "申报范围内的主机与时段齐全，缺失部分逐一列出。", "en": "All declared hosts and times are there; what is missing is listed."},
            {"code": "FOLLOWS", "zh": "指标由数据逐步重算得出，结果一致。", "en": "The figures follow from the data, recomputed step by step."},
        ],
        "not_proved": [
            {"code": "COUNTERS", "zh": "主机计数器本身真实（需现场核查或云平台数据佐证）。", "en": "That the hosts' counters were true (visit the site or compare with the cloud)."},
            {"code": "USEFUL", "zh": "负载为有用的业务工作。", "en": "That the load was useful work."},
            {"code": "DECLARED", "zh": "企业申报项的内容属实：仅核对了所附材料的摘要值。", "en": "That declared items are true: only the hashes of their documents were checked."},
        ],
        "anchors": anchors(days),
        "hashes": {
            "figures": hashlib.sha256(figures_json(figures)).hexdigest(),
            "verdict": hashlib.sha256(encode_figures(verdict)).hexdigest(),
            "edition": edition["sha256"],
            "scope": sha("scope-2") if scope else None,
            "profile": sha("profile") if profile else None,
            "day_sums": sha("day sums"),
        },
    }  # fmt: skip


def anchors(days: Sequence[str]) -> dict[str, Any]:
    """Return receipts from before the window and for every day, but for some days that stand otherwise."""

    def receipt(size: int, kind: str, logged_ms: int | None) -> dict[str, Any]:
        return {
            "size": size,
            "alias": {"mail": "authority"}.get(kind, kind),
            "kind": kind,
            "logged_ms": logged_ms,
        }

    first_ms = instant(f"{days[0]}T00:05")
    found = []
    for number, day in enumerate(days):
        size, at_ms = 100 + 97 * number, first_ms + (number + 1) * DAY_S * 1000
        receipts = [receipt(size, "mail", at_ms), receipt(size, "rfc3161", at_ms + 9_000)]
        if number % 7 == 4:
            receipts += [receipt(size, "print", at_ms + 30_000_000), receipt(size, "object", at_ms)]
        state = {11: "late", 12: "none", 17: "undated"}.get(number, "in_time")
        if number == len(days) - 1:
            state = "not_over"
        if state in {"none", "not_over"}:
            receipts = []
        elif state == "undated":
            receipts = [receipt(size, "mail", None)]
        found.append({"day": day, "size": size, "state": state, "receipts": receipts})
    early = [
        receipt(5, "mail", first_ms - 9 * DAY_S * 1000),
        receipt(5, "rfc3161", first_ms - 8 * DAY_S * 1000),
    ]
    return {"rules": {"state": "before", "size": 5, "receipts": early}, "days": found}


def figures_json(figures: dict[str, Any]) -> bytes:
    """Return the bytes of the figures file that belongs to a report."""
    return encode_figures(figures)


def attachment(document: dict[str, Any]) -> bytes:
    """Return the bytes that ``report_pdf`` attaches."""
    return figures_json(document["figures"])


def large(count: int = 50) -> dict[str, Any]:
    """Return a year of ``count`` hosts."""
    year = [f"2026-{month:02}" for month in range(1, 13)]
    return report(months=year, hosts=[f"host-{number:02}.example" for number in range(1, count)] + [SILENT])


def named(enterprise: str) -> dict[str, Any]:
    """Return the report of an enterprise that chose this name for itself, its hosts and its reasons."""
    document = deepcopy(report(enterprise=enterprise))
    document["hosts"][0]["host"] = enterprise
    document["calendar"][0]["host"] = enterprise
    document["exclusions"][0]["reason"] = enterprise
    document["profile"]["documents"][0]["title"] = enterprise
    document["profile"]["scope_summary"] = enterprise
    document["verdict"]["next"]["blockers"][0]["zh"] = enterprise
    document["verdict"]["stars"][0]["name_zh"] = enterprise
    return document


def _edition(*, complete: bool) -> dict[str, Any]:
    return {
        "id": "jiangsu-2018-trial" if complete else "jiangsu-2021",
        "title_zh": "江苏省星级上云企业评定工作指南（试行）",
        "title_en": "Work guide for rating star cloud enterprises of Jiangsu (trial)",
        "place": "江苏省",
        "document": "苏经信企信〔2017〕923号 附件2",
        "source": "江苏省经济和信息化委员会印发的指南，附件2《评定标准》表",
        "date": "2018",
        "complete": "yes" if complete else "no",
        "sha256": sha("edition"),
        "unknown": _unknown(complete=complete),
        "applies_to_zh": "在江苏省注册且具有独立法人地位的企业",
        "applies_to_en": "Enterprises registered in Jiangsu with legal personality",
    }


def _unknown(*, complete: bool) -> list[dict[str, str]]:
    if complete:
        return []
    return [
        {"about": "deep_application", "zh": "深度应用的项数未见公开文本。", "en": "How many deep applications are asked for is not published."},
        {"about": "cloud_investment", "zh": "上云投入的阈值未见公开文本。", "en": "The thresholds of the investment are not published."},
    ]  # fmt: skip


def _scope(days: Sequence[str], hosts: Sequence[str]) -> dict[str, Any]:
    return {
        "sha256": sha("scope-2"),
        "version": 2,
        "declared_ms": instant("2026-10-28T16:20"),
        "declared_before_window": "yes",
        "versions": [
            {"version": 1, "sha256": sha("scope-1"), "declared_ms": instant("2026-10-20T09:05"), "differences": []},
            {
                "version": 2,
                "sha256": sha("scope-2"),
                "declared_ms": instant("2026-10-28T16:20"),
                "differences": [
                    {"place": "hosts erp-1 bandwidth_mbps", "before": "100", "after": "200"},
                    {"place": "hosts mes-1", "before": None, "after": "agent"},
                ],
            },
        ],
        "hosts": [
            {
                "host": host,
                "sources": ["agent"] if host != "erp-2" else ["agent", "import"],
                "capacity": [{"from": days[0], "mbps": "200" if host == "erp-1" else "100"}],
                "iops_limit": "3000" if host == "db-1" else None,
            }
            for host in hosts
        ],
        "head_counts": {"total": 320, "cloud_users": 260},
        "substitution": {"cpu_utilization": "extreme_hour/1"},
    }  # fmt: skip


def _figures(
    months: Sequence[str],
    days: Sequence[str],
    hosts: Sequence[str],
    *,
    scope: bool,
    pass_all: bool,
    enterprise: str,
) -> dict[str, Any]:
    return {
        "schema": "starproof/figures/1",
        "enterprise": enterprise,
        "month": months[-1],
        "timezone": ZONE,
        "edition": {"id": "jiangsu-2018-trial", "sha256": sha("edition")},
        "scope_given": "yes" if scope else "no",
        "scope_sha256": sha("scope-2") if scope else None,
        "window": {
            "start_ms": instant(f"{days[0]}T00:00"),
            "end_ms": instant(f"{days[-1]}T00:00") + DAY_S * 1000,
            "first_day": days[0],
            "last_day": days[-1],
        },
        "exclusions": [
            {"from": EXCLUDED[0], "to": EXCLUDED[1], "reason": "机房供电检修，全部主机停机", "person": "王芳（信息部）"}
        ],
        "indicators": [_indicator(figure, months, days, hosts, pass_all=pass_all) for figure in FIGURES],
        "notes": []
        if scope
        else [{"code": "NO_SCOPE", "zh": "未声明申报范围：统计库中的全部主机。", "en": "No scope was declared: all hosts of the store count.", "hosts": []}],
    }  # fmt: skip


def _indicator(
    figure: tuple[Any, ...],
    months: Sequence[str],
    days: Sequence[str],
    hosts: Sequence[str],
    *,
    pass_all: bool,
) -> dict[str, Any]:
    id_, zh, en, definition, aggregation, unit, thresholds, bounds = figure
    value, low, high = _raised(bounds, pass_all=pass_all)
    measured = bounds is not None
    verdicts = _measured_verdicts(id_, pass_all=pass_all)
    names = list(hosts) if measured else []
    parts = [_seconds(host, days) for host in names]
    return {
        "id": id_,
        "name_zh": zh,
        "name_en": en,
        "definition": definition,
        "aggregation": aggregation,
        "unit": unit,
        "value": value,
        "low": low,
        "high": high,
        "running": value,
        "steal": "0.412345678901234" if id_ == "cpu_utilization" else None,
        "coverage": _coverage(parts),
        "suspect_s": 300 if measured else 0,
        "thresholds": dict(zip(STARS, thresholds, strict=True)),
        "verdicts": verdicts,
        "by_month": [
            {"month": month, "value": value, "low": low, "high": high, "share": "0.736412345678901" if measured else None, "verdicts": verdicts}
            for month in months
        ],
        "combine": "pooled",
        "months": len(months),
        "hosts": [_host_figure(host, figure, seconds) for host, seconds in zip(names, parts, strict=True)],
        "notes": _notes(id_, hosts, measured=measured),
    }  # fmt: skip


def _raised(bounds: Any, *, pass_all: bool) -> tuple[str | None, str | None, str | None]:
    if bounds is None:
        return (None, None, None)
    if not pass_all:
        return bounds  # type: ignore[no-any-return]
    scale = 2 if bounds[0] != "46.8712345678901" else 1
    raised = [None if end is None else str(int(float(end)) * scale + 10) for end in bounds]
    return (raised[0], raised[1], raised[2])


def _measured_verdicts(id_: str, *, pass_all: bool) -> dict[str, str]:
    if id_ in DECLARED_VALUES:
        return dict.fromkeys(STARS, "NO_DATA")
    return {"3": "PASS", "4": "PASS", "5": "PASS" if pass_all else "INCONCLUSIVE"}


def _host_figure(host: str, figure: tuple[Any, ...], seconds: dict[str, int]) -> dict[str, Any]:
    value = None if host == SILENT else figure[7][0]
    return {
        "host": host,
        "source": "agent",
        "value": value,
        "low": None if value is None else figure[7][1],
        "high": None if value is None else figure[7][2],
        "running": value,
        "capacity_bps": "100000000" if figure[0] == "bandwidth_utilization" else None,
        "steal": None,
        "coverage": _coverage([seconds]),
        "suspect_s": 300 if host == "erp-2" else 0,
    }


def _notes(id_: str, hosts: Sequence[str], *, measured: bool) -> list[dict[str, Any]]:
    if not measured:
        return [{"code": "NOT_MEASURED", "zh": "本版本不测量此项指标。", "en": "This version does not measure this indicator.", "hosts": []}]  # fmt: skip
    found = [
        {
            "code": "NO_DATA",
            "zh": "这些主机在统计期内没有数据：下限按零计，上限按极限计，没有极限则无上限。",
            "en": "These hosts have no data in the window: zero for the low end, their limit for the high end.",
            "hosts": [{"host": SILENT, "days": []}],
        }
    ]
    if id_ == "cpu_utilization":
        found.append(
            {
                "code": "SUSPECT_TIME",
                "zh": "部分时间的读数自相矛盾，按缺失计，不作修补。",
                "en": "Some readings contradict themselves; their time counts as missing and is not repaired.",
                "hosts": [{"host": hosts[-2], "days": ["2026-11-09", "2026-11-10"]}],
            }
        )
    return found


def _day_seconds(host: str, day: str) -> dict[str, int]:  # noqa: PLR0911 - a table of cases
    """Return how a day of a host divides: the story of the sample."""
    parts = dict.fromkeys(("observed_s", "bridged_s", "downtime_s", "excluded_s", "missing_s"), 0)
    if day in EXCLUDED:
        return {**parts, "excluded_s": DAY_S}
    if host == SILENT or day == DARK_DAY:
        return {**parts, "missing_s": DAY_S}
    if host == "erp-2" and day in ("2026-11-20", "2026-11-21"):
        return {**parts, "observed_s": 21_600, "downtime_s": 64_800}
    if host == "db-1" and day == "2026-11-29":
        return {**parts, "downtime_s": DAY_S}
    if day.endswith(("-07", "-18")):
        return {**parts, "observed_s": DAY_S - 9_000, "bridged_s": 3_600, "missing_s": 5_400}
    if day.endswith("-10"):
        return {**parts, "observed_s": 50_000, "missing_s": DAY_S - 50_000}
    return {**parts, "observed_s": DAY_S}


def _seconds(host: str, days: Sequence[str]) -> dict[str, int]:
    found = [_day_seconds(host, day) for day in days]
    return {name: sum(day[name] for day in found) for name in found[0]}


def _coverage(parts: Sequence[dict[str, int]]) -> dict[str, Any]:
    names = ("observed_s", "bridged_s", "downtime_s", "excluded_s", "missing_s")
    total = {name: sum(part[name] for part in parts) for name in names}
    return {**total, "share": _share(total)}


def _share(parts: dict[str, int]) -> str | None:
    covered = parts["observed_s"] + parts["bridged_s"]
    running = covered + parts["missing_s"]
    return None if running == 0 else f"{covered * 10**6 // running / 10**6:.6f}"


def _series(figure: tuple[Any, ...], days: Sequence[str], *, seed: int, pass_all: bool) -> dict[str, Any]:
    numbers = sequence(seed)
    base = float(_raised(figure[7], pass_all=pass_all)[0] or 0)
    rows = []
    for day in days:
        step = next(numbers)
        excluded = day in EXCLUDED
        if excluded or day == DARK_DAY:
            rows.append(
                {
                    "day": day,
                    "value": None,
                    "low": None,
                    "high": None,
                    "share": None if excluded else "0",
                    "excluded": "yes" if excluded else "no",
                }
            )
            continue
        value = base * (700 + step * 6 // 10) / 1000
        gap = day[-2:] in ("07", "10", "18")
        low, high = (value * 0.7, value * 1.35) if gap else (value * 0.96, value * 1.05)
        rows.append({
            "day": day, "value": f"{value:.6f}", "low": f"{low:.6f}",
            "high": None if gap and figure[7][2] is None else f"{high:.6f}",
            "share": "0.712" if gap else "0.9993", "excluded": "no",
        })  # fmt: skip
    known = sorted((row for row in rows if row["value"] is not None), key=lambda row: float(row["value"]))
    return {"indicator": figure[0], "days": rows, "worst": [row["day"] for row in known[:3]]}


def _calendar(host: str, days: Sequence[str]) -> dict[str, Any]:
    rows = []
    for day in days:
        parts = _day_seconds(host, day)
        restarts = 1 if host == "erp-2" and day == "2026-11-21" else 0
        suspect = 300 if host == "erp-2" and day == "2026-11-09" else 0
        rows.append({"day": day, "share": _share(parts), **parts, "suspect_s": suspect, "restarts": restarts})
    return {"host": host, "days": rows}


def _programs(host: str) -> list[dict[str, Any]]:
    """One host's agent was replaced, by one that tells its code."""
    first, last = instant("2026-11-01T00:00"), instant("2026-12-01T00:00")
    replaced = instant("2026-11-12T10:00")
    entry = {"source": "agent", "software": "0.1.0", "code": CODE, "last_ms": last, "chunks": 720}
    if host != "erp-2":
        return [{**entry, "first_ms": first, "changed": "no"}]
    older = {
        **entry,
        "software": "0.0.9",
        "code": None,
        "last_ms": replaced,
        "chunks": 280,
        "first_ms": first,
    }
    return [{**older, "changed": "yes"}, {**entry, "first_ms": replaced, "chunks": 440, "changed": "yes"}]


def _host(host: str) -> dict[str, Any]:
    if host == SILENT:
        return {
            "host": host, "sources": [], "software": [], "programs": [], "chunks": 0, "attested": 0, "restarts": 0,
            "clock": {"states": [], "least_ms": None, "most_ms": None},
            "capacity": {"source": "unknown", "mbps": None},
            "gaps": {"count": 0, "seconds": 0, "longest": []},
        }  # fmt: skip
    return {
        "host": host,
        "sources": ["agent", "import"] if host == "erp-2" else ["agent"],
        "software": ["0.1.0"] if host != "erp-2" else ["0.0.9", "0.1.0"],
        "programs": _programs(host),
        "chunks": 720,
        "attested": 700 if host == "erp-2" else 720,
        "restarts": 2 if host == "erp-2" else 0,
        "clock": {
            "states": ["synchronized"] if host != "db-1" else ["synchronized", "unknown"],
            "least_ms": -3,
            "most_ms": 12,
        },
        "capacity": {"source": "measured" if host == "db-1" else "declared", "mbps": "100"},
        "gaps": {
            "count": 3,
            "seconds": 97_200,
            "longest": [
                {"start_ms": instant(f"{DARK_DAY}T00:00"), "end_ms": instant(f"{DARK_DAY}T00:00") + DAY_S * 1000},
                {"start_ms": instant("2026-11-10T09:53:20"), "end_ms": instant("2026-11-10T20:00:00")},
                {"start_ms": instant("2026-11-07T03:10"), "end_ms": instant("2026-11-07T04:40")},
            ],
        },
    }  # fmt: skip


def _answer(verdict: str, needed: str | None, short: str | None = None, reason: str = "") -> dict[str, Any]:
    return {"verdict": verdict, "needed": needed, "short": short, "reason": reason}


def _verdict(*, profile: bool, provisional: bool, complete: bool, pass_all: bool) -> dict[str, Any]:
    criteria = _criteria(profile=profile, complete=complete, pass_all=pass_all)
    star = None if not (profile and complete) else "5" if pass_all else "4"
    standing = {}
    for star_id in STARS:
        found = {entry["answers"][star_id]["verdict"] for entry in criteria}
        supported = found <= {"PASS", "DECLARED"}
        standing[star_id] = "SUPPORTED" if supported else "NOT_REACHED" if "FAIL" in found else "UNDECIDED"
    following = {"4": "5", "5": None, None: "3"}[star]
    return {
        "schema": "starproof/verdict/1",
        "edition": {"id": "jiangsu-2018-trial", "sha256": sha("edition"), "complete": "yes" if complete else "no", "unknown": _unknown(complete=complete)},
        "star": star,
        "star_name_zh": NAMES[star][0] if star else None,
        "star_name_en": NAMES[star][1] if star else None,
        "provisional": "yes" if provisional else "no",
        "rests_on_declared": "yes" if profile else "no",
        "stars": [
            {"id": id_, "name_zh": NAMES[id_][0], "name_en": NAMES[id_][1], "standing": standing[id_], "decided_by_zh": DECIDED[id_][0], "decided_by_en": DECIDED[id_][1]}
            for id_ in STARS
        ],
        "criteria": criteria,
        "applied_for": "4" if profile else None,
        "next": _next(following, criteria) if following else None,
        "attachments": [
            {"id": "business_licence", "name_zh": "企业营业执照复印件", "name_en": "Copy of the business licence", "asked": "yes", "documents": []},
            {"id": "public_cloud_contract", "name_zh": "公有云服务合同复印件", "name_en": "Copy of the public cloud contract", "asked": "yes", "documents": [sha("contract")] if profile else []},
            {"id": "private_platform_contract", "name_zh": "私有云平台建设合同", "name_en": "Contract of the private platform", "asked": "no", "documents": []},
        ],
        "application": {"text_zh": "2018—2020年每年4月和9月各一批", "text_en": "Each April and September, 2018 to 2020", "open": "no"},
    }  # fmt: skip


def _criteria(*, profile: bool, complete: bool, pass_all: bool) -> list[dict[str, Any]]:
    entries = []
    for id_, zh, en, needed, got in CRITERIA:
        count = "9" if pass_all else got
        answers = {}
        for star_id, need in zip(STARS, needed, strict=True):
            short = str(int(need) - int(count)) if int(count) < int(need) else None
            if id_ == "it_services" and profile:
                answers[star_id] = _answer("PASS", need, reason="NOT_APPLICABLE")
            elif id_ == "deep_application" and not complete:
                answers[star_id] = _answer("INCONCLUSIVE", None, reason="EDITION_UNKNOWN")
            elif not profile:
                answers[star_id] = _answer("NO_DATA", need)
            elif need == "0":
                answers[star_id] = _answer("PASS", need)
            else:
                answers[star_id] = _answer("FAIL" if short else "DECLARED", need, short)
        entries.append(
            {
                "id": id_,
                "kind": "count",
                "name_zh": zh,
                "name_en": en,
                "unit": "项",
                "got": count if profile else None,
                "documents": [sha("contract")] if profile else [],
                "answers": answers,
            }
        )
    form = _answer("DECLARED" if profile else "NO_DATA", None)
    entries.append(
        {
            "id": "cloud_form",
            "kind": "cloud_form",
            "name_zh": "上云形式",
            "name_en": "Form of cloud",
            "unit": "",
            "got": "public" if profile else None,
            "documents": [],
            "answers": dict.fromkeys(STARS, form),
        }
    )
    entries.extend(
        _figure_criterion(figure, profile=profile, complete=complete, pass_all=pass_all) for figure in FIGURES
    )
    return entries  # fmt: skip


def _figure_criterion(
    figure: tuple[Any, ...], *, profile: bool, complete: bool, pass_all: bool
) -> dict[str, Any]:
    id_, zh, en, _, _, unit, thresholds, bounds = figure
    measured = _measured_verdicts(id_, pass_all=pass_all)
    declared = DECLARED_VALUES.get(id_) if profile else None
    if declared and pass_all:
        declared = "400"
    answers = {}
    for star_id, needed in zip(STARS, thresholds, strict=True):
        if not complete and id_ == "cloud_investment":
            answers[star_id] = _answer("INCONCLUSIVE", None, reason="EDITION_UNKNOWN")
        elif declared:
            short = float(needed) - float(declared)
            answers[star_id] = (
                _answer("FAIL", needed, f"{short:.1f}") if short > 0 else _answer("DECLARED", needed)
            )
        else:
            answers[star_id] = _answer(measured[star_id], needed)
    got = declared if bounds is None else _raised(bounds, pass_all=pass_all)[0]
    return {"id": id_, "kind": "figure", "name_zh": zh, "name_en": en, "unit": unit, "got": got, "documents": [sha("invoices")] if declared else [], "answers": answers}  # fmt: skip


def _next(star: str, criteria: Sequence[dict[str, Any]]) -> dict[str, Any]:
    blockers = []
    for entry in criteria:
        answer = entry["answers"][star]
        if answer["verdict"] in ("PASS", "DECLARED"):
            continue
        needed, short, unit = answer["needed"], answer["short"], entry["unit"]
        zh = f"{entry['name_zh']} {entry['got'] or '无数据'} {unit}"
        en = f"{entry['name_en']} {entry['got'] or 'no data'} {unit}"
        if needed:
            zh, en = (
                f"{zh}，{NAMES[star][0]}需 {needed} {unit}",
                f"{en}, {NAMES[star][1]} need {needed} {unit}",
            )
        if short:
            zh, en = f"{zh}，差 {short} {unit}", f"{en}, short by {short} {unit}"
        blockers.append(
            {
                "criterion": entry["id"],
                "verdict": answer["verdict"],
                "zh": zh,
                "en": en,
                "short": short,
                "unit": unit,
            }
        )
    return {"star": star, "blockers": blockers}  # fmt: skip


def _profile(enterprise: str) -> dict[str, Any]:
    return {
        "sha256": sha("profile"),
        "applicant": {
            "name": enterprise,
            "unit_nature": "有限责任公司",
            "registered_address": "江苏省苏州市吴中区太湖东路288号",
            "registration_number": "91320506MA1XXXXX0X",
            "legal_representative": "李建国",
            "website": "https://taihu-precision.example",
            "contact": {"name": "王芳", "title": "信息部经理", "office_phone": "0512-6500 0000", "mobile": "138 0000 0000", "fax": "", "email": "it@taihu-precision.example"},
            "total": 320,
            "cloud_users": 260,
        },
        "star": "4",
        "region": "苏州",
        "cloud_form": "public",
        "it_service": "no",
        "cloud_partner": "示例云计算有限公司",
        "cloud_start": "2024-03-01",
        "industry": "制造业",
        "planned_evaluation": "2026-12",
        "filled_on": "2026-12-03",
        "scope_summary": "ERP、MES与财务系统全部部署在公有云上，覆盖采购、生产、销售与财务。\n数据库为云数据库，每日备份。",
        "performance_summary": "",
        "rows": [
            {"id": "compute", "label_zh": "计算资源", "text": "", "documents": ["contract"]},
            {"id": "erp", "label_zh": "ERP", "text": "", "documents": ["contract", "invoices"]},
            {"id": "other", "label_zh": "其他", "text": "供应链协同平台", "documents": []},
        ],
        "figures": [
            {"id": name, "value": value, "basis": "2025年度账册与发票合计", "documents": ["invoices"]}
            for name, value in DECLARED_VALUES.items()
        ],
        "documents": [
            {"id": "contract", "title": "公有云服务合同", "file": "documents/contract.pdf", "sha256": sha("contract"), "attachment": "public_cloud_contract"},
            {"id": "invoices", "title": "云服务发票合订本", "file": "documents/invoices.pdf", "sha256": sha("invoices"), "attachment": ""},
        ],
    }  # fmt: skip


if __name__ == "__main__":
    print(json.dumps(report(), ensure_ascii=False, indent=1))  # noqa: T201 - to look at
