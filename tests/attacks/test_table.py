"""The table, the tests and the two documents say the same."""

from __future__ import annotations

import ast
import re
from pathlib import Path

import pytest
from table import NO, PARTLY, TABLE, YES, ZH

from verifier.finding import CATALOGUE
from verifier.proved import NOT_PROVED
from verifier.questions.catalogue import DEFINITIONS

HERE = Path(__file__).parent
DOCS = HERE.parents[1] / "docs"
ANSWERS = {"CLOCK_AHEAD"}
"""Codes of the collector's answers (docs/wire.md)."""
_CODE = re.compile(r"`([^`]+)`")


def attacked() -> list[tuple[str, str]]:
    """Row and way of every test that says that it is an attack."""
    found = []
    for path in sorted(HERE.glob("test_*.py")):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            for call in getattr(node, "decorator_list", ()):
                if isinstance(call, ast.Call) and getattr(call.func, "id", "") == "attack":
                    row, way = (ast.literal_eval(argument) for argument in call.args)
                    found.append((row, way))
    return found


def test_every_way_has_one_test_and_every_test_a_way() -> None:
    ways = [(row.id, way.name) for row in TABLE for way in row.ways]
    assert sorted(attacked()) == sorted(ways)
    assert len(set(ways)) == len(ways)


def test_the_codes_and_sentences_of_the_table_exist() -> None:
    known = CATALOGUE.keys() | ANSWERS | {definition.id for definition in DEFINITIONS}
    for row in TABLE:
        assert row.codes <= known
        assert row.sentences <= NOT_PROVED.keys()


def test_what_is_not_proved_is_said() -> None:
    for row in TABLE:
        assert row.proved in {YES, PARTLY, NO}
        if row.proved == YES:
            assert not row.sentences
        else:
            assert row.sentences, row.id


@pytest.mark.parametrize(("name", "language"), [("threat-model.md", "en"), ("threat-model.zh-CN.md", "zh")])
def test_the_document_has_the_same_table(name: str, language: str) -> None:
    """Columns: attack, proved, found by, what remains."""
    lines = (DOCS / name).read_text(encoding="utf-8").splitlines()
    begin = next(number for number, line in enumerate(lines) if line.startswith("| `edited-sample`"))
    rows = []
    for line in lines[begin:]:
        if not line.startswith("|"):
            break
        rows.append([cell.strip() for cell in line.strip("|").split("|")])
    assert [_CODE.findall(row[0]) for row in rows] == [[row.id] for row in TABLE]
    for cells, row in zip(rows, TABLE, strict=True):
        what, proved, found, remains = cells
        assert what == f"`{row.id}` {row.zh if language == 'zh' else row.en}"
        assert proved == (ZH[row.proved] if language == "zh" else row.proved)
        assert set(_CODE.findall(found)) == row.codes, row.id
        assert {code for code in _CODE.findall(remains) if code in NOT_PROVED} == row.sentences, row.id


@pytest.mark.parametrize(("name", "column"), [("threat-model.md", 1), ("threat-model.zh-CN.md", 0)])
def test_the_document_quotes_page_one(name: str, column: int) -> None:
    text = (DOCS / name).read_text(encoding="utf-8")
    for code, sentence in NOT_PROVED.items():
        assert f"| `{code}` | {sentence[column]} |" in text
