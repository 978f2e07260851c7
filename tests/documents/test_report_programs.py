"""Which programs sealed the chunks: told whole, with what was replaced and what is not known."""

from __future__ import annotations

import pytest
from report_sample import CODE, report
from test_report_view import all_texts, blocks, section

from documents.report import programs
from documents.report.blocks import Points, Table
from documents.report.view import view


def told(document, language="zh-CN"):
    return section(view(document, language=language), "origin")


def test_every_program_has_a_row_with_its_whole_code_and_an_unknown_one_says_so():
    found = told(report())
    [table] = blocks(found, Table)
    rows = [[cell.text for cell in row] for row in table.rows]
    assert rows == [
        ["0.0.9", "未知", "1", "280", "2026-11-01 00:00:00"],
        ["0.1.0", CODE, "3", "1,880", "2026-11-01 00:00:00"],
    ]


@pytest.mark.parametrize(("language", "words"), [("zh-CN", "期内更换过程序"), ("en", "changed its program")])
def test_a_replaced_program_is_a_note_with_its_times(language, words):
    texts = all_texts(told(report(), language)).splitlines()
    changes = [text for text in texts if words in text]
    assert len(changes) == 2
    assert "erp-2" in changes[0]
    assert "2026-11-12 10:00:00" in changes[1]
    assert CODE[:16] in changes[1]
    assert CODE not in changes[1]


def test_many_replaced_programs_are_cut_and_counted(monkeypatch):
    monkeypatch.setattr(programs, "CHANGES_SHOWN", 1)
    [points] = [block for block in blocks(told(report()), Points) if "更换" in block.items[0]]
    assert len(points.items) == 2
    assert "另有 1 条" in points.items[1]


def test_without_chunks_there_is_nothing_to_tell():
    document = report()
    for host in document["hosts"]:
        host["programs"] = []
    assert not blocks(told(document), Table)
