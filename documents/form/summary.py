"""The text of 上云综合绩效说明, made from the figures when the applicant wrote none."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import date
from typing import Any

from documents.form.figures import FormFigure
from documents.form.values import NO_DATA, day_text, month_text, months_before, share_text
from evidence.accounts import CLIENT_ADDRESS
from verifier.edition import EVERY_MONTH, Edition

GENERATED = "（以下说明由星证（StarProof）根据测量结果自动生成，申报企业可以修改。）"
PROVISIONAL_NOTE = "统计期尚未结束，标为“（暂定）”的数值会改变；请在统计期结束后重新生成本表。"
NO_DATA_NOTE = "标为“无数据”的指标在统计期内没有数据，不按零计。"
LOWEST_MONTH = "，逐月分别计算和判定，以数值最低的月份为准"
POOLED_MONTHS = "，各月合并为一个统计期计算"

DEFINITION_WORDS = {
    "cpu.busy/1": "各业务主机处理器忙碌时间占全部时间的百分比（停机按零计），对主机取算术平均",
    "bandwidth.max_direction/1": "收、发两个方向中较大者占带宽容量的百分比，各主机按容量加权",
    "reads_writes.block_io/1": "块设备每天完成的读、写次数之和，各主机相加",
    "reads_writes.database/1": "数据库服务器每天执行的读、写语句数之和，各数据库主机相加",
    "it_cost.before_after/1": "上云前后IT运维成本之差占上云前成本的百分比",
    "users.distinct_month/1": "当月使用过云服务的不同用户数占人数的百分比",
    "investment.paid/1": "为上云实际支付的金额",
    "declared/1": "由企业申报，星证不测量",
}
"""Definitions in a few words; docs/definitions.md says them in full. Others stand by their id alone."""


PEOPLE_WORDS = {"total": "总人数", "cloud_users": "使用云服务人员数量"}


def summary_text(
    edition: Edition,
    shown: Sequence[FormFigure],
    figures: Mapping[str, Any],
    *,
    provisional: bool,
) -> str:
    """Return the generated text, one paragraph a line, marked as generated.

    Args:
        edition: named in the text.
        shown: the figures that stand on the form, in its order.
        figures: the figures document, for its months and window.
        provisional: whether the verdict is provisional.
    """
    lines = [GENERATED, f"依据：{edition.title_zh}；统计月份：{_months(figures['months'])}。"]
    lines += [f"{number}. {_sentence(figure, figures)}" for number, figure in enumerate(shown, 1)]
    if any(figure.text == NO_DATA for figure in shown):
        lines.append(NO_DATA_NOTE)
    if provisional:
        lines.append(PROVISIONAL_NOTE)
    return "\n".join(lines)


def _months(months: Sequence[str]) -> str:
    """Return the month, or the first and the last of several with their number."""
    if len(months) == 1:
        return month_text(months[0])
    return f"{month_text(months[0])}至{month_text(months[-1])}，共{len(months)}个月"


def _sentence(figure: FormFigure, figures: Mapping[str, Any]) -> str:
    name = figure.rule.name_zh
    source = _of_ledger(figure.detail)
    if source:
        return f"{name}：{figure.text}。{source}口径：{_definition(figure)}。"
    if figure.value is None:
        return f"{name}：{figure.text}。{_of_users(figure.detail)}口径：{_definition(figure)}。"
    if figure.declared:
        basis = figure.declared.basis.strip().rstrip("。")
        return f"{name}：{figure.text}。依据：{basis}。口径：{_definition(figure)}。"
    coverage = NO_DATA if figure.share is None else share_text(figure.share)
    return (
        f"{name}：{figure.text}。统计期：{_period(figure, figures)}；数据覆盖率：{coverage}；"
        f"{_of_users(figure.detail)}口径：{_definition(figure)}。"
    )


def _of_ledger(detail: Mapping[str, Any]) -> str:
    """Return the periods of a figure that the ledger gave, empty for any other."""
    if detail.get("kind") == "investment":
        window = detail["window"]
        return f"付款日期：{day_text(window['from'])}至{day_text(window['to'])}，取自台账；"
    if detail.get("kind") != "it_cost":
        return ""
    if detail["before"] is None:
        return "取自台账，申报范围未写明基准期；"
    before, after = (
        f"{month_text(detail[side]['from'])}至{month_text(detail[side]['to'])}"
        for side in ("before", "after")
    )
    return f"上云前：{before}；上云后：{after}；取自台账；"


def _of_users(detail: Mapping[str, Any]) -> str:
    """Return accounts and people of a figure that was counted from accounts, empty for any other."""
    if detail.get("kind") != "users":
        return ""
    people = "、".join(
        f"{PEOPLE_WORDS[entry['name']]}{entry['people']}人{'（分母）' if entry['name'] == detail['head_count'] else ''}"
        for entry in detail["head_counts"]
    )
    counted = {name for source in detail["sources"] for name in source["definitions"]}
    addresses = f"其中以访问地址计数（{CLIENT_ADDRESS}），地址不是人；" if CLIENT_ADDRESS in counted else ""
    return f"当月活动账号{detail['accounts']}个，{people or '未申报人数'}；{addresses}"


def _definition(figure: FormFigure) -> str:
    words = DEFINITION_WORDS.get(figure.definition)
    return f"{figure.definition}，{words}" if words else figure.definition


def _period(figure: FormFigure, figures: Mapping[str, Any]) -> str:
    """Return the days that the figure is about.

    The document's window is the longest of its figures'; they all end together, so a shorter one
    begins with its own first month.
    """
    rule, window = figure.rule, figures["window"]
    own_first = f"{months_before(figures['month'], rule.months - 1)}-01"
    first, last = max(window["first_day"], own_first), window["last_day"]
    days = _days(first, last)
    excluded = set[int]().union(*(_days(part["from"], part["to"]) for part in figures["exclusions"]))
    text = f"{day_text(first)}至{day_text(last)}，共{len(days)}天"
    if excluded & days:
        text += f"，其中按申报范围排除{len(excluded & days)}天"
    if rule.months > 1:
        text += LOWEST_MONTH if rule.combine == EVERY_MONTH else POOLED_MONTHS
    return text


def _days(first: str, last: str) -> set[int]:
    """Return the ordinals of the days from ``first`` to ``last``, both ISO and both included."""
    return set(range(date.fromisoformat(first).toordinal(), date.fromisoformat(last).toordinal() + 1))
