"""Nothing of the 2018 guide is in the code: another guide's stars, rows and words make another form."""

from __future__ import annotations

from dataclasses import replace

import form_inputs
import pytest
import word_files

from documents.form import form_docx
from verifier.edition import Attachment, Edition, FormTexts, Row, Star
from verifier.profile import DeclaredFigure, DeclaredRow, Profile

SEALED = replace(
    form_inputs.EDITION.rules[0],
    id="sealed_share",
    name_zh="密封率",
    name_en="Sealed share",
    definition="sealed.share/2",
    unit="‰",
)


def row(name: str, path: str, kind: str = "tick", footnote: str = "") -> Row:
    part, category, subcategory, domain, item = path.split("/")
    indicator = SEALED.id if kind == "figure" else ""
    return Row(name, part, category, subcategory, domain, item, kind, indicator, footnote)


EDITION = replace(
    form_inputs.EDITION,
    id="harbour-2031",
    title_zh="港口云评定办法",
    stars=(Star("7", "七级", "seven", ("public",), "港务局", "port"),),
    rows=(
        row("a", "甲/一/子/域/项1"),
        row("b", "甲/一/子/域/项2", footnote="1"),
        row("c", "甲/一/子/域/"),
        row("d", "甲/二/子/域/项1"),
        row("e", "乙/二/子/域/项1", "text"),
        row("f", "乙/二/子/域/", "text"),
        row("g", "乙/二/丑/寅/", "figure", "2"),
    ),
    rules=(SEALED,),
    criteria=(),
    attachments=(Attachment("permit", "许可证", "permit", ()),),
    form=FormTexts(
        title="港口云申请书",
        subtitle="（2031）",
        issuer="港务局印制",
        instructions=("请用墨水填写。",),
        attachments_intro="附：",
        attachments_note="完。",
        appendix_title="附录",
        footnotes=("注1：甲。", "注2：乙。"),
    ),
    sha256="7" * 64,
)


def profile(**changes: object) -> Profile:
    base = replace(
        form_inputs.bare_profile(),
        edition=EDITION.id,
        star="7",
        rows={"b": DeclaredRow("b"), "e": DeclaredRow("e", text="第一行\n第二行"), "f": DeclaredRow("f")},
        figures={SEALED.id: DeclaredFigure(SEALED.id, "3.999", "数出来的")},
    )
    return replace(base, **changes)


def drawn(edition: Edition = EDITION) -> bytes:
    return form_docx(
        edition=edition, profile=profile(), figures=form_inputs.figures_document(edition, {}), verdict=None
    )


def test_the_rows_of_another_edition_make_its_table() -> None:
    _, appendix = word_files.tables(drawn())
    assert [[(cell.text, cell.span, cell.merge) for cell in line] for line in appendix[1:]] == [
        [
            ("甲", 1, "restart"), ("一", 1, "restart"), ("子", 1, "restart"), ("域", 1, "restart"),
            ("项1", 1, ""), ("", 1, ""),
        ],
        [
            ("", 1, "continue"), ("", 1, "continue"), ("", 1, "continue"), ("", 1, "continue"),
            ("项21", 1, ""), ("√", 1, ""),
        ],
        [("", 1, "continue"), ("", 1, "continue"), ("", 1, "continue"), ("域", 2, ""), ("", 1, "")],
        [("", 1, "continue"), ("二", 1, ""), ("子", 1, ""), ("域", 1, ""), ("项1", 1, ""), ("", 1, "")],
        [
            ("乙", 1, "restart"), ("二", 1, "restart"), ("子", 1, "restart"), ("域", 1, ""),
            ("项1", 1, ""), ("第一行\n第二行", 1, ""),
        ],
        [("", 1, "continue"), ("", 1, "continue"), ("", 1, "continue"), ("域", 2, ""), ("（请说明）", 1, "")],
        [("", 1, "continue"), ("", 1, "continue"), ("丑", 1, ""), ("寅2", 2, ""), ("3.999 ‰（企业申报）", 1, "")],
    ]  # fmt: skip


def test_the_words_of_another_edition_stand_on_the_form_and_none_of_the_first() -> None:
    data = drawn()
    lines = word_files.body_lines(data)
    for words in (
        "港口云申请书",
        "（2031）",
        "港务局印制",
        "请用墨水填写。",
        "附：",
        "1. 许可证。",
        "完。",
        "附录",
    ):
        assert words in lines
    assert lines[-2:] == ["注1：甲。", "注2：乙。"]
    document = word_files.parts(data)["word/document.xml"].decode()
    for words in ("江苏", "三星", "星级上云企业", "营业执照", "CPU"):
        assert words not in document
    table, _ = word_files.tables(data)
    assert [line[2].text for line in table[:-1] if line[1].text == "申请评定星级"] == ["七级"]
    assert "1. 密封率：3.999 ‰（企业申报）。依据：数出来的。口径：sealed.share/2。" in document


def test_a_form_without_footnotes_ends_with_a_paragraph_all_the_same() -> None:
    form = EDITION.form
    assert form is not None
    data = drawn(replace(EDITION, form=replace(form, footnotes=())))
    names = [word_files.tag(child) for child in word_files.root(data).find(f"{word_files.W}body")]
    assert names[-3:] == ["tbl", "p", "sectPr"]
    assert word_files.body_lines(data)[-1] == ""


@pytest.mark.parametrize("edition", [EDITION, form_inputs.EDITION], ids=lambda edition: edition.id)
def test_the_elements_are_in_order_whatever_the_edition(edition: Edition) -> None:
    chosen = profile() if edition is EDITION else form_inputs.bare_profile()
    figures = form_inputs.figures_document(edition, {})
    data = form_docx(edition=edition, profile=chosen, figures=figures, verdict=None)
    assert word_files.disorder(word_files.root(data)) == []
