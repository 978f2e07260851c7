"""The report of a real pack, not of a sample: what the verifier derives is what the pages can draw."""

from __future__ import annotations

import os
from dataclasses import replace

import pytest
from packs import ARCHIVE, FULL_PACK, PACK, RULES, SCOPED, checked, packed

from documents.errors import FontError
from documents.fonts import find_font
from documents.report import report_html, report_pdf
from verifier.derivation import Declared


def report_of(data: bytes) -> dict:
    found = checked(data).report
    assert found is not None
    return found


@pytest.mark.parametrize("language", ["zh-CN", "en"])
@pytest.mark.parametrize("data", [PACK, FULL_PACK], ids=["bare", "full"])
def test_a_checked_pack_is_drawn_as_html(data, language):
    report = report_of(data)
    page = report_html(report, language=language)
    assert report["enterprise"] in page
    # The calendar, and the figures with data: without a scope nothing is known of the bandwidth.
    assert page.count("<svg") == (3 if report["scope"] is None else 4)
    assert {"zh-CN": "未支持任何星级", "en": "No star is supported"}[language].lower() in page.lower()


def test_a_checked_pack_is_drawn_as_pdfa():
    try:
        font = find_font(environment=os.environ)
    except FontError as missing:
        pytest.skip(f"no Chinese font here: {missing}")
    pdfa = pytest.importorskip("pdfa", reason="pikepdf is not installed")
    found = checked(FULL_PACK)
    assert found.derived is not None
    data = report_pdf(found.derived.report, figures_json=found.derived.figures_bytes, font=font)
    pdfa.require_pdfa(data)


def test_a_scope_without_a_record_is_said_on_page_one_and_in_its_section():
    rules = replace(
        SCOPED, scope_records=(), declared=Declared(SCOPED.declared.edition, SCOPED.declared.scope)
    )
    page = report_html(report_of(packed(ARCHIVE, rules)))
    assert "所用的申报范围没有声明记录" in page
    assert "没有声明记录。" in page
    assert "申报范围在统计期开始之后才声明" not in page


def test_a_criterion_that_asks_nothing_at_a_star_says_so():
    assert "无要求" in report_html(report_of(FULL_PACK))
    assert "需 0" not in report_html(report_of(FULL_PACK))
    assert RULES.declared.profile is None
