"""The form holds what the guide's form holds, cell by cell; the expectation is the guide's own text."""

from __future__ import annotations

from pathlib import Path

import form_inputs
import pytest
import word_files
from word_files import WordCell

from documents.form import form_docx

GUIDE = (Path(__file__).parent / "form-2018.txt").read_text("utf-8")
WHOLE_WIDTH = 6


def guide_rows() -> list[list[str]]:
    """Return the rows of the guide's tables: a tab begins a cell, an empty line ends a row."""
    rows: list[list[str]] = []
    row: list[str] = []
    for line in GUIDE.splitlines():
        if line.startswith("\t"):
            row.append(line[1:].strip(" "))
        elif row and line.strip():
            row[-1] += "\n" + line
        elif row:
            rows.append(row)
            row = []
    return rows


def split_tables(rows: list[list[str]]) -> tuple[list[list[str]], list[list[str]]]:
    heading = next(number for number, row in enumerate(rows) if row[1:3] == ["类", "子类"])
    return rows[:heading], rows[heading:]


BASICS, APPENDIX = split_tables(guide_rows())


def one_line(text: str) -> str:
    return text.replace("\n", "")


@pytest.fixture(scope="module")
def bare() -> bytes:
    return form_docx(
        edition=form_inputs.EDITION,
        profile=form_inputs.bare_profile(),
        figures=form_inputs.figures_document(values={}),
        verdict=None,
    )


@pytest.fixture(scope="module")
def full() -> bytes:
    return form_docx(
        edition=form_inputs.EDITION,
        profile=form_inputs.full_profile(),
        figures=form_inputs.figures_document(),
        verdict=form_inputs.verdict_document(),
    )


def answers(data: bytes) -> dict[str, str]:
    """Return the last cell of every row of 附表 by the label before it."""
    _, appendix = word_files.tables(data)
    return {row[-2].text: row[-1].text for row in appendix[1:]}


def basics(data: bytes) -> dict[str, str]:
    """Return what stands behind every label of 申请单位基本情况."""
    table, _ = word_files.tables(data)
    return {
        label.text: value.text
        for row in table[:-1]
        for label, value in zip(row, row[1:])
        if label.merge == "" or len(row) == 2
    }


def test_the_guide_s_text_was_read_as_fourteen_three_and_forty_four_rows() -> None:
    assert len(BASICS) == 14 + 3
    assert len(APPENDIX) == 1 + 43


def test_the_application_has_the_guide_s_cells_row_by_row(bare: bytes) -> None:
    table, _ = word_files.tables(bare)
    entered = {"中文名称": "某公司", "申请评定星级": "三星"}
    assert len(table) == len(BASICS)
    for ours, guide in zip(table[:14], BASICS):
        expected = [*guide[:-1], entered.get(guide[1], guide[-1])]
        assert [cell.text for cell in ours] == expected
    for ours, guide in zip(table[14:16], BASICS[14:]):
        assert ours[0].text == guide[0]
        assert ours[1].text.splitlines()[0] == guide[1]
    opinion, signature = BASICS[16][0].splitlines()
    assert [line for line in table[16][0].text.splitlines() if line] == [opinion, signature]


def test_the_cells_of_the_application_are_merged_as_the_guide_merges_them(bare: bytes) -> None:
    table, _ = word_files.tables(bare)
    for ours, guide in zip(table, BASICS):
        assert [cell.span for cell in ours] == {
            1: [6],
            2: [1, 5],
            3: [1, 1, 4],
            5: [1, 1, 2, 1, 1],
            6: [1] * 6,
        }[len(guide)]
    assert [row[0].merge for row in table] == ["restart", *["continue"] * 13, "", "", ""]
    assert [row[1].merge for row in table[5:8]] == ["restart", "continue", "continue"]
    others = [cell.merge for number, row in enumerate(table) for cell in row[2 if 5 <= number < 8 else 1 :]]
    assert set(others) == {""}


def test_the_appendix_has_the_guide_s_forty_three_rows(bare: bytes) -> None:
    _, appendix = word_files.tables(bare)
    assert [[cell.text for cell in row] for row in appendix[:1]] == APPENDIX[:1]
    for ours, guide in zip(appendix[1:], APPENDIX[1:], strict=True):
        assert [cell.text for cell in ours[:-1]] == [one_line(text) for text in guide[:-1]]
    assert [row[-1].text for row in appendix[1:]] == [*[""] * 36, "（请说明）", *["无数据"] * 6]


def test_the_labels_of_the_appendix_are_merged_downward_as_in_the_guide(bare: bytes) -> None:
    _, appendix = word_files.tables(bare)
    for number, (ours, guide) in enumerate(zip(appendix, APPENDIX, strict=True)):
        under = APPENDIX[number + 1] if number + 1 < len(APPENDIX) else []
        for column in range(len(guide) - 2):
            reaches = len(under) > column + 2 and under[column] == ""
            expected = "continue" if number and not guide[column] else "restart" if reaches else ""
            assert ours[column].merge == expected, (number, column)
        assert {cell.merge for cell in ours[-2:]} == {""}


def test_the_domain_spans_the_place_of_an_empty_item(bare: bytes) -> None:
    _, appendix = word_files.tables(bare)
    for ours, guide in zip(appendix, APPENDIX, strict=True):
        assert [cell.span for cell in ours] == {5: [1, 1, 1, 2, 1], 6: [1] * 6}[len(guide)]


def test_footnote_marks_are_raised_and_explained_below(bare: bytes) -> None:
    raised = [
        word_files.paragraph_text(run.getparent())
        for run in word_files.root(bare).iter(f"{word_files.W}r")
        if run.find(f"{word_files.W}rPr/{word_files.W}vertAlign") is not None
    ]
    assert raised == ["IT开发1", "IT测试1", "IT运维1"]
    assert word_files.body_lines(bare)[-1] == "注1：只适用于信息技术服务企业。"


def test_cover_instructions_and_attachments_are_the_guide_s(bare: bytes) -> None:
    ours = [squeezed(line) for line in word_files.body_lines(bare)]
    outside = [squeezed(line) for line in GUIDE.splitlines() if line and not line.startswith("\t")]
    in_cells = {squeezed(text) for row in (*BASICS, *APPENDIX) for cell in row for text in cell.splitlines()}
    expected = [line for line in outside if line not in in_cells]
    expected[2] = "申报企业：某公司(盖章)"
    assert [line for line in ours if line] == expected


def squeezed(text: str) -> str:
    return "".join(text.split())


def test_everything_that_was_entered_stands_in_its_place(full: bytes) -> None:
    entered = basics(full)
    assert entered["中文名称"] == "苏州样例精密制造有限公司"
    assert entered["单位性质"] == "有限责任公司"
    assert entered["注册地址"] == "江苏省苏州市工业园区样例路100号"
    assert entered["注册号"] == "91320594MA00000000"
    assert entered["法人代表"] == "王样例"
    assert entered["公司网址"] == "https://www.example.com"
    assert entered["姓名"] == "李样例"
    assert entered["职务"] == "信息部经理"
    assert entered["办公电话"] == "0512-00000000"
    assert entered["手机"] == "13800000000"
    assert entered["传真"] == "0512-00000001"
    assert entered["电子邮箱"] == "li.yangli@example.com"
    assert entered["总人数"] == "320 人"
    assert entered["使用云服务人员数量"] == "260 人"
    assert entered["申请评定星级"] == "四星"
    assert entered["上云合作机构"] == "阿里云计算有限公司、天翼云科技有限公司"
    assert entered["上云开始时间"] == "2024年3月1日"
    assert entered["所处行业"] == "制造业"
    assert entered["计划接受评定时间"] == "2026年12月"
    assert entered["上云范围及内容简介"].splitlines() == [
        "*简要说明企业上云的范围和内容，并勾选附表中的上云内容。",
        "公司于2024年3月起将ERP、MES和客户服务系统迁移到公有云，历史数据保存在自建私有云。",
        "全部业务主机共12台。",
    ]
    assert "填　报　日　期：2026年12月3日" in word_files.body_lines(full)


def test_ticks_words_and_figures_stand_in_their_rows_and_nowhere_else(full: bytes) -> None:
    said = {label: answer for label, answer in answers(full).items() if answer}
    assert said == {
        "计算资源": "√",
        "内容安全": "√",
        "IT开发1": "√",
        "企业资源规划": "√",
        "其他": "设备远程监测",
        "IT运维成本下降率": "无数据",
        "月用户使用率": "无数据",
        "业务主机平均CPU利用率": "8.23 %",
        "业务主机宽带使用率": "30.00 %",
        "日平均数据读写次数": "12345 次/日",
        "上云投入": "62.509 万元（企业申报）",
    }


def test_signature_seal_and_opinion_are_left_for_the_hand(full: bytes) -> None:
    table, _ = word_files.tables(full)
    assert table[-1] == [
        WordCell(
            text="申请单位意见：\n\n\n\n\n法人代表（签字）：                         年   月   日（公章）",
            span=WHOLE_WIDTH,
            merge="",
        )
    ]
