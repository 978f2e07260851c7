"""What ``starproof source`` says: lines for people, documents for programs."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

from collector.polling.budget import Budget
from collector.polling.recording import Report
from collector.polling.standing import MetricStanding, Standing
from collector.polling.trial import Tried
from starproof.tables import printable

MS_PER_S = 1000
SOON_DAYS = 7
"""History that is forgotten so soon is pointed out."""


def budget_lines(budget: Budget) -> list[str]:
    """Return the call budget."""
    free = "未知 unknown" if budget.free is None else f"{budget.free:,}"
    lines = [
        f"调用预算 call budget：实例 instances {budget.instances}，指标 metrics {budget.metrics}",
        f"  每月 a month               ≤ {budget.monthly:,}（免费额度 free: {free}）",
        f"  首次补采 to catch up now   ≤ {budget.first_run:,}",
    ]
    lines.append(
        "  以上不含重试、实例清单（每 6 小时）与账单（每天）/ without retries, the list of machines (every 6 hours) "
        "and bills (once a day)"
    )
    if budget.exceeds:
        lines.append("  ⚠ 超出免费额度，可能收费或被拒 / more than is free: it may cost money or be refused")
    return lines


def tried_lines(tried: Tried) -> list[str]:
    """Return what was tried."""
    lines = [f"{tried.alias}（{tried.provider}）"]
    if tried.experimental:
        lines.append("  实验性：尚未对真实服务验证 / experimental: not yet run against the real service")
    for probe in tried.probes:
        mark = "✓" if probe.ok else "✗"
        lines.append(f"  {mark} {printable(probe.what)}：{printable(probe.detail)}")
        if probe.permission_missing:
            lines.append(f"      缺少权限 missing permission: {printable(probe.permission_missing)}")
    if tried.budget is not None:
        lines += [f"  {line}" for line in budget_lines(tried.budget)]
    if tried.policy:
        lines += ["", "授予以下最小权限策略 / grant this least-privilege policy:", tried.policy]
    return lines


def tried_document(tried: Tried) -> dict[str, Any]:
    """Return what was tried for programs."""
    return {
        "schema": "starproof/source-test/1",
        "alias": tried.alias,
        "provider": tried.provider,
        "experimental": "yes" if tried.experimental else "no",
        "ok": "yes" if tried.ok else "no",
        "probes": [
            {
                "what": probe.what,
                "ok": "yes" if probe.ok else "no",
                "detail": probe.detail,
                "permission_missing": probe.permission_missing,
            }
            for probe in tried.probes
        ],
        "missing": list(tried.missing),
        "policy": tried.policy,
        "budget": _budget_document(tried.budget),
    }


def standing_lines(one: Standing, *, now_ms: int) -> Iterator[str]:
    """Yield how an account stands."""
    account = one.account
    regions = ", ".join(account.regions)
    yield f"{account.alias}（{account.provider}{' ' + regions if regions else ''}）：实例 instances {one.instances}"
    for metric in one.metrics:
        yield f"  {metric.metric:<18} {_read_until(metric)}{_forgotten(metric)}"
    if one.last is not None:
        ago_min = max(0, now_ms - one.last.time_ms) // 60_000
        outcome = "成功 ok" if one.last.outcome == "OK" else f"失败 failed {one.last.outcome}"
        yield f"  最近采集 last poll  {instant(one.last.time_ms)}（{ago_min} 分钟前 min ago）{outcome}"
        if one.last.outcome != "OK" and one.last.retry_ms is not None:
            why = "" if one.told else f"：{printable(one.last.detail)}"
            yield f"    下次尝试 next try {instant(one.last.retry_ms)}{why}"
    else:
        yield "  尚未采集 / never polled"
    if one.totals is not None:
        yield (
            f"  数据点 points {one.totals.points:,}，封存 sealed {one.totals.sealed:,}，"
            f"冲突 conflicts {one.totals.conflicts:,}，近 30 天调用 calls in 30 days ≤ {one.calls_this_month:,}"
        )
    if one.budget is not None:
        yield from (f"  {line}" for line in budget_lines(one.budget))
    else:
        yield f"  调用预算未知，运行 / call budget not known yet, run: starproof source test {account.alias}"
    yield from (f"  ⚠ {printable(text)}" for text in (*one.notes, *map(_nothing, one.barren)))
    for problem in one.problems:
        yield f"  ✗ {printable(problem)}"


def standing_document(one: Standing) -> dict[str, Any]:
    """Return how an account stands for programs. Times in ms since 1970."""
    return {
        "alias": one.account.alias,
        "provider": one.account.provider,
        "instances": one.instances,
        "last": None
        if one.last is None
        else {
            "time_ms": one.last.time_ms,
            "outcome": one.last.outcome,
            "detail": one.last.detail,
            "retry_ms": one.last.retry_ms,
        },
        "points": 0 if one.totals is None else one.totals.points,
        "sealed": 0 if one.totals is None else one.totals.sealed,
        "conflicts": 0 if one.totals is None else one.totals.conflicts,
        "calls_in_30_days": one.calls_this_month,
        "budget": _budget_document(one.budget),
        "metrics": [
            {
                "metric": metric.metric,
                "mark_ms": metric.mark_ms,
                "forgotten_in_days": metric.forgotten_in_days,
            }
            for metric in one.metrics
        ],
        "problems": list(one.problems),
        "asked_again": list(one.notes),
        "without_points": list(one.barren),
    }


def backfill_lines(report: Report) -> list[str]:
    """Return what became of a run."""
    if report.elsewhere:
        return [
            f"{report.alias}：另一个进程正在采集，未做改动 / another process is polling it; nothing was done"
        ]
    counts = report.counts
    named = (
        ("数据点 points", counts.points),
        ("新封存 newly sealed", counts.sealed),
        ("数据块 chunks", counts.chunks),
        ("此前已有 known", counts.known),
        ("已覆盖 covered", counts.covered),
        ("冲突 conflicts", counts.conflicts),
        ("无效 refused", counts.refused),
        ("高于 100 % above 100 %", counts.capped),
    )
    lines = [report.alias, *(f"  {name} {count:,}" for name, count in named)]
    lines += [f"  ⚠ {printable(text)}" for text in (*report.notes, *map(_nothing, report.barren))]
    lines += [f"  ✗ {printable(problem)}" for problem in (*report.problems, *report.refused)]
    if report.failed:
        lines.append("  再次运行会接着补采 / run it again to go on from here")
    return lines


def backfill_document(report: Report) -> dict[str, Any]:
    """Return what became of a run for programs."""
    return {
        "schema": "starproof/source-backfill/1",
        "alias": report.alias,
        "elsewhere": "yes" if report.elsewhere else "no",
        "questions": report.questions,
        "failed": report.failed,
        **vars(report.counts),
        "problems": list(report.problems),
        "refused_instances": list(report.refused),
        "asked_again": list(report.notes),
        "without_points": list(report.barren),
        "budget": _budget_document(report.budget),
    }


def instant(time_ms: int) -> str:
    """Return an instant in UTC."""
    return f"{datetime.fromtimestamp(time_ms // MS_PER_S, UTC):%Y-%m-%d %H:%M} UTC"


def _budget_document(budget: Budget | None) -> dict[str, Any] | None:
    if budget is None:
        return None
    return {
        "instances": budget.instances,
        "metrics": budget.metrics,
        "calls_a_month": budget.monthly,
        "calls_now": budget.first_run,
        "free_a_month": budget.free,
    }


def _nothing(metric: str) -> str:
    return (
        f"{metric}：历史已读完，但没有任何实例有数据点 / was read whole and no instance had a point; "
        "check filters, profiles and metrics"
    )


def _read_until(metric: MetricStanding) -> str:
    return "未采集 nothing read" if metric.mark_ms is None else f"已采至 read until {instant(metric.mark_ms)}"


def _forgotten(metric: MetricStanding) -> str:
    days = metric.forgotten_in_days
    if days is None:
        return ""
    if days == 0:
        return "；⚠ 提供方正在丢弃未采历史，请立即补采 / the provider is forgetting history: back-fill now"
    mark = "⚠ " if days <= SOON_DAYS else ""
    return f"；{mark}未采部分 {days} 天后被丢弃 / unread history is forgotten in {days} days"
