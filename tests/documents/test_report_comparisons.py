"""The table of compared sources, and reports from before there was one."""

from __future__ import annotations

from copy import deepcopy
from typing import Any

import pytest
from report_sample import report
from test_report_view import all_texts, blocks, section

from documents.report.blocks import Subhead, Table, Text
from documents.report.comparisons import SHOWN
from documents.report.html import report_html
from documents.report.view import view
from documents.report.words import TABLES
from verifier import comparison
from verifier.facts import UNKNOWN_SCOPE

CPU: dict[str, Any] = {
    "host": "erp-1", "metric": "cpu.utilization", "unit": "percent", "difference": "points",
    "primary": "agent", "other": "aliyun", "scope": None, "hours": 718,
    "median": "29.4310000000000", "p95": "41.0000000000000", "bias": "-29.4310000000000",
    "means": {"primary": "60.1299999999999", "other": "30.5000000000000", "difference": "-29.6300000000000"},
    "worst": [
        {"start_ms": 1_793_545_200_000, "primary": "91.0000000000000", "other": "40.0000000000000",
         "difference": "-51.0000000000000"},
    ],
    "tolerance": {"typical": "3", "rare": "10"}, "within": "no",
}  # fmt: skip
RX: dict[str, Any] = {
    **CPU, "host": "db-1", "metric": "net.rx.rate", "unit": "byte/s", "difference": "percent_of_the_greater",
    "scope": {"primary": "all_interfaces", "other": "public"}, "within": "unlike", "tolerance": {"typical": "25", "rare": None},
    "means": {"primary": "1234567.89012345", "other": "600000.000000000", "difference": "-51.4000000000000"},
}  # fmt: skip
FEW: dict[str, Any] = {
    **CPU, "host": "mes-1", "hours": 0, "median": None, "p95": None, "bias": None, "means": None, "worst": [],
    "within": "too-few",
}  # fmt: skip
AGREE = {**CPU, "host": "erp-2", "within": "yes", "bias": "0.00400000000000"}


def compared(*entries, language="zh-CN"):
    document = report()
    document["comparisons"] = [deepcopy(entry) for entry in entries]
    return section(view(document, language=language), "hosts")


def table(entry):
    return next(
        t
        for t in blocks(entry, Table)
        if any(column.head in ("比对内容", "Compared") for column in t.columns)
    )


def test_a_report_without_comparisons_has_no_table_of_them():
    plain = section(view(report(), language="zh-CN"), "hosts")
    assert "数据源比对" not in all_texts(plain)
    assert compared() == plain


def test_a_difference_is_shown_with_its_direction_its_worst_hour_and_the_tolerance():
    [row] = table(compared(CPU)).rows
    assert [(cell.text, cell.sub) for cell in row] == [
        ("erp-1", ""),
        ("处理器", ""),
        ("agent / aliyun", "718 小时"),
        ("60.12 / 30.50 %", "相差 −29.63 个百分点"),
        ("29.44 个百分点", "偏向 −29.44 个百分点"),
        ("41.00 个百分点", "最大 −51.00 个百分点，2026-11-01 23:00:00"),
        ("否", "容许 3 / 10 个百分点"),
    ]
    assert row[-1].tone == "unsure"


def test_what_differs_comes_first_and_what_agrees_last():
    rows = table(compared(AGREE, FEW, RX, CPU)).rows
    assert [(row[0].text, row[-1].text) for row in rows] == [
        ("erp-1", "否"),
        ("db-1", "流量范围不同，不判断"),
        ("mes-1", "小时太少，不判断"),
        ("erp-2", "是"),
    ]
    assert (rows[1][1].sub, rows[1][-1].sub) == ("全部网卡 / 公网", "容许 25 %")
    assert rows[1][3].text == "1,234,567 / 600,000 字节/秒"
    assert [cell.text for cell in rows[2][3:6]] == ["无数据"] * 3
    assert rows[3][-1].tone == "pass"
    assert rows[3][4].sub == "偏向 0.01 个百分点"


def test_of_many_comparisons_those_out_of_tolerance_are_shown():
    entry = compared(*[{**AGREE, "host": f"h-{n}"} for n in range(SHOWN)], CPU)
    assert len(table(entry).rows) == SHOWN
    assert table(entry).rows[0][0].text == "erp-1"
    assert f"此处列出 {SHOWN} 项比对，共 {SHOWN + 1} 项：先列超出容许范围的。" in [
        text.text for text in blocks(entry, Text)
    ]


def test_the_table_has_a_heading_and_says_what_it_means():
    entry = compared(CPU, language="en")
    assert "Sources compared" in [head.text for head in blocks(entry, Subhead)]
    assert any("changes no figure and no verdict" in text.text for text in blocks(entry, Text))


@pytest.mark.parametrize("language", ["zh-CN", "en"])
def test_every_answer_metric_and_scope_has_its_word(language):
    words = TABLES[language]
    answers = (comparison.AGREE, comparison.DIFFER, comparison.TOO_FEW, comparison.UNLIKE)
    scopes = ("public", "all_interfaces", UNKNOWN_SCOPE, comparison.MIXED)
    codes = [
        *(f"within_{answer}" for answer in answers),
        *(f"metric_{metric}" for metric in comparison.TOLERANCES),
        *(f"traffic_{scope}" for scope in scopes),
        *(
            f"unit_{unit}"
            for unit in ("percent", "byte/s", "operation/s", comparison.POINTS, comparison.OF_THE_GREATER)
        ),
    ]
    assert [code for code in codes if code not in words] == []


def test_an_unknown_key_of_the_document_breaks_nothing():
    document = report()
    before = view(document, language="zh-CN").sections[:-1]
    document["comparison_notes"] = []
    document["something_new"] = [{"a": 1}]
    assert view(document, language="zh-CN").sections[:-1] == before


def test_names_of_sources_are_escaped():
    page = report_html({**report(), "comparisons": [{**CPU, "host": "<script>x</script>"}]})
    assert "<script>x" not in page


def test_undeclared_sources_are_said_to_be():
    document = report()
    document["scope"]["hosts"][0]["sources"] = []
    shown = all_texts(section(view(document, language="zh-CN"), "scope"))
    assert "未声明（依次为 agent、import、其他）" in shown


def test_the_origins_of_capacity_have_their_words():
    document = report()
    for host, source in zip(document["hosts"], ("inventory", "cap"), strict=False):
        host["capacity"] = {"source": source, "mbps": "10.0000000000000"}
    shown = all_texts(section(view(document, language="zh-CN"), "hosts"))
    assert "云平台已购" in shown
    assert "流量计费上限" in shown
