"""Figures and the generated text: rounded down, never invented, and said where they come from."""

from __future__ import annotations

from dataclasses import replace

import form_inputs
import pytest
import word_files
from form_inputs import EDITION

from documents.form import FormError, form_docx
from documents.form.summary import DEFINITION_WORDS
from documents.form.values import day_text, figure_text, month_text, months_before, share_text
from verifier.definitions import DEFINITIONS
from verifier.edition import EVERY_MONTH, POOLED, Edition
from verifier.errors import DecimalError
from verifier.profile import DeclaredFigure, Profile

PERFORMANCE = "上云综合绩效说明"


def drawn(
    *,
    profile: Profile | None = None,
    values: dict[str, str] | None = None,
    provisional: str | None = None,
    edition: Edition = EDITION,
) -> bytes:
    return form_docx(
        edition=edition,
        profile=profile or form_inputs.full_profile(),
        figures=form_inputs.figures_document(edition, values),
        verdict=provisional and form_inputs.verdict_document(edition, provisional=provisional),
    )


def answer(data: bytes, label: str) -> str:
    _, appendix = word_files.tables(data)
    return next(row[-1].text for row in appendix if row[-2].text == label)


def performance(data: bytes) -> list[str]:
    table, _ = word_files.tables(data)
    return next(row[1].text.splitlines() for row in table if row[0].text == PERFORMANCE)


@pytest.mark.parametrize(
    ("value", "unit", "shown"),
    [
        ("8.2399999999999", "%", "8.23 %"),
        ("9.9999999", "%", "9.99 %"),
        ("10", "%", "10.00 %"),
        ("0.009", "%", "0.00 %"),
        ("0", "%", "0.00 %"),
        ("62.509", "万元", "62.50 万元"),
        ("9999.99999", "次/day", "9999 次/日"),
        ("0.5", "次/day", "0 次/日"),
        ("49999.9", "次", "49999 次"),
        ("1.239", "", "1.23"),
        ("123456789012345678901234567890.129", "万元", "123456789012345678901234567890.12 万元"),
    ],
)
def test_a_figure_is_rounded_down_and_bears_its_unit(value: str, unit: str, shown: str) -> None:
    assert figure_text(value, unit) == shown


@pytest.mark.parametrize("value", ["35.5", "35.50", "35", "0.333333"])
def test_a_declared_figure_is_printed_as_the_profile_writes_it(value: str) -> None:
    claimed = DeclaredFigure("it_cost_reduction", value, "合同与发票")
    profile = replace(form_inputs.full_profile(), figures={"it_cost_reduction": claimed})
    data = drawn(profile=profile, values={})
    assert answer(data, "IT运维成本下降率") == f"{value} %（企业申报）"
    assert any(line.startswith(f"1. IT运维成本下降率：{value} %（企业申报）。") for line in performance(data))


def test_a_figure_that_is_no_plain_decimal_is_refused() -> None:
    for value in ("--1", "1e3", "", "-", "1,000"):
        with pytest.raises(DecimalError):
            figure_text(value, "%")


def test_a_cost_that_rose_is_printed_below_zero_and_rounded_down() -> None:
    assert figure_text("-0.001", "%") == "-0.01 %"
    assert figure_text("-12.5", "%") == "-12.50 %"


def test_shares_days_and_months_are_written_in_chinese() -> None:
    assert share_text("0.999379999999999") == "99.93 %"
    assert share_text("1.00000000000000") == "100.00 %"
    assert day_text("2026-12-03") == "2026年12月3日"
    assert month_text("2026-09") == "2026年9月"
    assert months_before("2026-11", 2) == "2026-09"
    assert months_before("2026-02", 2) == "2025-12"
    assert months_before("2026-12", 0) == "2026-12"


def test_a_declared_figure_never_stands_in_for_one_that_hosts_are_measured_for() -> None:
    profile = form_inputs.full_profile()
    claimed = DeclaredFigure("cpu_utilization", "99", "我们认为如此")
    data = drawn(profile=replace(profile, figures={"cpu_utilization": claimed}), values={})
    assert answer(data, "业务主机平均CPU利用率") == "无数据"
    assert "99" not in "".join(performance(data)).replace("99.93", "")


def test_a_measured_figure_stands_before_a_declared_one() -> None:
    data = drawn(values={"cloud_investment": "61.239"})
    assert answer(data, "上云投入") == "61.23 万元"


def test_the_generated_text_says_value_period_coverage_and_definition_of_every_figure() -> None:
    assert performance(drawn()) == [
        "*简要说明企业上云的后的综合绩效，并在附表中综合绩效部分填写具体数值。",
        "（以下说明由星证（StarProof）根据测量结果自动生成，申报企业可以修改。）",
        "依据：江苏省星级上云企业评定工作指南（试行）；统计月份：2026年11月。",
        "1. IT运维成本下降率：无数据。口径：it_cost.before_after/1，上云前后IT运维成本之差占上云前成本的百分比。",
        "2. 月用户使用率：无数据。口径：users.distinct_month/1，当月使用过云服务的不同用户数占人数的百分比。",
        (
            "3. 业务主机平均CPU利用率：8.23 %。统计期：2026年11月1日至2026年11月30日，共30天；"
            "数据覆盖率：99.93 %；口径：cpu.busy/1，各业务主机处理器忙碌时间占全部时间的百分比（停机按零计），对主机取算术平均。"
        ),
        (
            "4. 业务主机宽带使用率：30.00 %。统计期：2026年11月1日至2026年11月30日，共30天；"
            "数据覆盖率：99.93 %；口径：bandwidth.max_direction/1，"
            "收、发两个方向中较大者占带宽容量的百分比，各主机按容量加权。"
        ),
        (
            "5. 日平均数据读写次数：12345 次/日。统计期：2026年11月1日至2026年11月30日，共30天；"
            "数据覆盖率：99.93 %；口径：reads_writes.block_io/1，块设备每天完成的读、写次数之和，各主机相加。"
        ),
        (
            "6. 上云投入：62.509 万元（企业申报）。依据：2026年实际付款，见发票。"
            "口径：investment.paid/1，为上云实际支付的金额。"
        ),
        "标为“无数据”的指标在统计期内没有数据，不按零计。",
    ]


def test_every_definition_that_can_be_chosen_has_its_few_words() -> None:
    assert DEFINITIONS.keys() <= DEFINITION_WORDS.keys()


def test_no_missing_figure_is_spoken_of_when_none_is_missing() -> None:
    values = {rule.id: "50" for rule in EDITION.rules}
    assert not [line for line in performance(drawn(values=values)) if "无数据" in line]


def test_a_figure_without_coverage_says_so_and_an_unknown_definition_stands_by_its_id() -> None:
    figures = form_inputs.figures_document()
    indicator = next(item for item in figures["indicators"] if item["id"] == "cpu_utilization")
    indicator.update(definition="cpu.other/7", coverage={"share": None})
    data = form_docx(edition=EDITION, profile=form_inputs.full_profile(), figures=figures, verdict=None)
    line = next(line for line in performance(data) if "CPU" in line)
    assert line.endswith("共30天；数据覆盖率：无数据；口径：cpu.other/7。")


@pytest.mark.parametrize(
    ("combine", "how"),
    [
        (POOLED, "，各月合并为一个统计期计算；数据覆盖率"),
        (EVERY_MONTH, "，逐月分别计算和判定，以数值最低的月份为准；数据覆盖率"),
    ],
)
def test_figures_of_longer_and_shorter_windows_each_name_their_own_days(combine: str, how: str) -> None:
    rules = tuple(
        replace(rule, months=3, combine=combine) if rule.id == "cpu_utilization" else rule
        for rule in EDITION.rules
    )
    edition = replace(EDITION, rules=rules)
    figures = form_inputs.figures_document(edition)
    figures["window"]["first_day"] = "2026-09-01"
    figures["months"] = ["2026-09", "2026-10", "2026-11"]
    data = form_docx(edition=edition, profile=form_inputs.full_profile(), figures=figures, verdict=None)
    cpu, bandwidth = (line for line in performance(data) if line.startswith(("3. ", "4. ")))
    assert "；统计月份：2026年9月至2026年11月，共3个月。" in "".join(performance(data))
    assert f"统计期：2026年9月1日至2026年11月30日，共91天{how}" in cpu
    assert "统计期：2026年11月1日至2026年11月30日，共30天；数据覆盖率" in bandwidth


def test_a_window_that_the_scope_cuts_short_and_excluded_days_are_named() -> None:
    figures = form_inputs.figures_document()
    figures["window"]["first_day"] = "2026-11-10"
    figures["exclusions"] = [
        {"from": "2026-11-08", "to": "2026-11-11", "reason": "检修", "person": "王样例"},
        {"from": "2026-11-11", "to": "2026-11-12", "reason": "检修", "person": "王样例"},
    ]
    data = form_docx(edition=EDITION, profile=form_inputs.full_profile(), figures=figures, verdict=None)
    line = next(line for line in performance(data) if "CPU" in line)
    assert "统计期：2026年11月10日至2026年11月30日，共21天，其中按申报范围排除3天；" in line


def test_the_applicant_s_own_text_is_printed_instead_of_a_generated_one() -> None:
    profile = replace(form_inputs.full_profile(), performance_summary="成本下降明显。\n员工都在使用。")
    lines = performance(drawn(profile=profile))
    assert lines[1:] == ["成本下降明显。", "员工都在使用。"]


def test_a_provisional_verdict_is_said_beside_every_measured_figure_and_below() -> None:
    data = drawn(provisional="yes")
    assert answer(data, "业务主机平均CPU利用率") == "8.23 %（暂定）"
    assert answer(data, "上云投入") == "62.509 万元（企业申报）"
    assert answer(data, "月用户使用率") == "无数据"
    assert any("统计期尚未结束" in line for line in performance(data))
    assert word_files.body_lines(data)[-1].startswith("注：统计期尚未结束")


def test_a_final_verdict_or_none_calls_nothing_provisional() -> None:
    for data in (drawn(provisional="no"), drawn()):
        document = word_files.parts(data)["word/document.xml"].decode()
        assert "暂定" not in document
        assert "尚未结束" not in document


def test_a_provisional_verdict_is_said_even_where_the_applicant_wrote_the_text() -> None:
    profile = replace(form_inputs.full_profile(), performance_summary="由企业自行说明。")
    data = drawn(profile=profile, provisional="yes")
    assert performance(data)[1:] == ["由企业自行说明。"]
    assert word_files.body_lines(data)[-1].startswith("注：统计期尚未结束")


def test_a_figure_that_the_document_lacks_is_an_error() -> None:
    figures = form_inputs.figures_document()
    figures["indicators"] = [item for item in figures["indicators"] if item["id"] != "cpu_utilization"]
    with pytest.raises(FormError, match=r"lacks cpu_utilization .*compute the figures anew"):
        form_docx(edition=EDITION, profile=form_inputs.full_profile(), figures=figures, verdict=None)
