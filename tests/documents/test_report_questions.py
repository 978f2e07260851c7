"""The section of questions: apart from figures, with what was tested and which units used the processor."""

from __future__ import annotations

from copy import deepcopy
from typing import Any

import pytest
from report_sample import report
from test_report_view import all_texts, blocks, section

from documents.report.blocks import Table
from documents.report.html import report_html
from documents.report.questions import SHOWN
from documents.report.view import view
from documents.report.words import TABLES
from verifier.questions.catalogue import DEFINITIONS

LANGUAGES = ("zh-CN", "en")
QUESTION: dict[str, Any] = {
    "definition": "constant/1", "host": "erp-1", "source": "agent", "about": "cpu.utilization", "count": 3,
    "start_ms": 1_793_545_200_000, "end_ms": 1_793_552_400_000, "values": {"value": "30.0199999999999", "hours": "2"},
}  # fmt: skip
UNIT: dict[str, Any] = {
    **QUESTION, "definition": "unit-load-tool/1", "about": "stress-ng.service", "start_ms": None, "end_ms": None,
    "values": {"share": "21.4285714285715"},
}  # fmt: skip


def definitions(*asked: str) -> list[dict[str, Any]]:
    return [
        {
            **{name: getattr(d, name) for name in ("id", "zh", "en", "ask_zh", "ask_en", "innocent_zh", "innocent_en")},
            "tested": 7, "asked": asked.count(d.id), "hosts": 1, "expected": "0.0123456789012345" if d.rates else None,
            "rates": [{"data": r.data, "asked": r.asked, "of": r.of} for r in d.rates],
        }
        for d in DEFINITIONS
    ]  # fmt: skip


def asking(*questions: dict[str, Any], units: tuple[dict[str, Any], ...] = ()) -> dict[str, Any]:
    found = deepcopy(report())
    found["questions"] = {
        "asked": list(questions[:500]), "count": len(questions),
        "definitions": definitions(*(q["definition"] for q in questions)), "units": list(units),
    }  # fmt: skip
    return found


def tables(document: dict[str, Any], language: str) -> list[Table]:
    return blocks(section(view(document, language=language), "questions"), Table)


def test_a_report_from_before_the_questions_has_no_such_section():
    document = deepcopy(report())
    document.pop("questions", None)
    assert "questions" not in [s.id for s in view(document, language="en").sections]


@pytest.mark.parametrize("language", LANGUAGES)
def test_a_question_says_what_when_and_what_to_ask_for(language):
    table = tables(asking(QUESTION, UNIT), language)[0]
    host, found, when, ask = table.rows[0]
    assert (host.text, host.sub) == ("erp-1", "agent")
    assert "30.01" in found.sub
    assert when.text.startswith("2026-11-01")
    assert when.sub.startswith("2026-11-02")
    constant = next(d for d in DEFINITIONS if d.id == "constant/1")
    assert ask.text == (constant.ask_en if language == "en" else constant.ask_zh)
    assert "stress-ng.service" in table.rows[1][1].sub


@pytest.mark.parametrize("language", LANGUAGES)
def test_every_test_is_listed_with_its_rate_or_the_word_for_none(language):
    table = tables(asking(UNIT), language)[-1]
    assert len(table.rows) == len(DEFINITIONS)
    by_id = {row[0].sub: row for row in table.rows}
    assert "Bitbrains 51/680" in by_id["step-at-start/1"][4].text
    assert by_id["step-at-start/1"][3].text == "0.02"
    assert by_id["unit-new/1"][3].tone == "quiet"
    assert by_id["unit-load-tool/1"][2].tone == "unsure"


def test_without_questions_it_is_said_that_there_are_none():
    shown = view(asking(), language="en")
    assert TABLES["en"]["questions_none"] in all_texts(section(shown, "questions"))
    assert len(tables(asking(), "en")) == 1


def test_very_many_questions_are_cut_and_counted():
    document = asking(*([QUESTION] * (SHOWN + 5)))
    assert len(tables(document, "en")[0].rows) == SHOWN
    assert f"These are {SHOWN} of {SHOWN + 5} questions." in all_texts(
        section(view(document, language="en"), "questions")
    )


def test_units_of_hosts_are_listed_and_their_names_are_escaped():
    units = {
        "host": "erp-1", "source": "agent", "busy_s": 86_400, "unnamed": "57.1428571428571",
        "units": [{"name": "<b>x.service", "used_s": 1, "share": "21.4285714285714"}],
    }  # fmt: skip
    document = asking(units=(units,))
    row = tables(document, "en")[-1].rows[0]
    assert [cell.text for cell in row] == ["erp-1", "<b>x.service 21.4 %", "24 h", "57.1 %"]
    assert "<b>x.service" not in report_html(document, language="en")
