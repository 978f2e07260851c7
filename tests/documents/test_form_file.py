"""The file itself: the same bytes, elements in Word's order, 宋体 小四 everywhere, clear refusals."""

from __future__ import annotations

import hashlib
import io
import os
import subprocess
import sys
from dataclasses import replace
from pathlib import Path
from zipfile import ZipFile

import docx
import form_inputs
import pytest
import word_files
from docx.shared import Mm
from form_inputs import EDITION
from word_files import W

from documents.form import FormError, form_docx
from verifier.edition import Edition
from verifier.errors import VerifierError
from verifier.profile import DeclaredRow, Profile

ROOT = Path(__file__).resolve().parents[2]


def drawn(profile: Profile | None = None, edition: Edition = EDITION) -> bytes:
    return form_docx(
        edition=edition,
        profile=profile or form_inputs.full_profile(),
        figures=form_inputs.figures_document(edition),
        verdict=form_inputs.verdict_document(edition),
    )


@pytest.fixture(scope="module")
def data() -> bytes:
    return drawn()


def test_the_same_input_gives_the_same_bytes(data: bytes) -> None:
    assert drawn() == data


@pytest.mark.slow
def test_the_bytes_depend_on_no_process_clock_or_zone(data: bytes) -> None:
    script = (
        "import sys, form_inputs as f; from documents.form import form_docx\n"
        "sys.stdout.buffer.write(form_docx(edition=f.EDITION, profile=f.full_profile(), "
        "figures=f.figures_document(), verdict=f.verdict_document()))"
    )
    path = os.pathsep.join((str(ROOT), str(ROOT / "tests")))
    environment = {**os.environ, "PYTHONPATH": path, "PYTHONHASHSEED": "7", "TZ": "America/Lima"}
    made = subprocess.run([sys.executable, "-c", script], env=environment, capture_output=True, check=True)
    assert hashlib.sha256(made.stdout).hexdigest() == hashlib.sha256(data).hexdigest()


def test_the_package_says_no_time_and_holds_no_part_that_is_not_used(data: bytes) -> None:
    with ZipFile(io.BytesIO(data)) as file:
        assert {entry.date_time for entry in file.infolist()} == {(1980, 1, 1, 0, 0, 0)}
        assert {entry.create_system for entry in file.infolist()} == {3}
        assert file.namelist() == [
            "[Content_Types].xml",
            "_rels/.rels",
            "docProps/core.xml",
            "word/_rels/document.xml.rels",
            "word/document.xml",
            "word/footer1.xml",
            "word/settings.xml",
            "word/styles.xml",
        ]


def test_every_part_has_a_type_and_every_reference_a_part(data: bytes) -> None:
    parts = word_files.parts(data)
    types = word_files.root(data, "[Content_Types].xml")
    typed = {node.get("PartName") for node in types if node.get("PartName")}
    defaults = {node.get("Extension") for node in types if node.get("Extension")}
    for name in parts:
        assert f"/{name}" in typed or name.rpartition(".")[2] in defaults, name
    relations = {
        node.get("Id"): node.get("Target") for node in word_files.root(data, "word/_rels/document.xml.rels")
    }
    assert {f"word/{target}" for target in relations.values()} <= parts.keys()
    used = word_files.root(data).xpath("//@*[local-name()='id']")
    assert used
    assert set(used) <= relations.keys()


def test_elements_stand_in_the_order_that_word_demands(data: bytes) -> None:
    for name in ("word/document.xml", "word/styles.xml", "word/settings.xml", "word/footer1.xml"):
        assert word_files.disorder(word_files.root(data, name)) == [], name


def test_the_check_of_the_order_finds_what_is_wrong(data: bytes) -> None:
    document = word_files.root(data)
    properties = document.find(f".//{W}tcPr")
    properties.insert(0, properties[-1])
    document.find(f".//{W}r").append(document.makeelement(f"{W}blink"))
    assert len(word_files.disorder(document)) == 3


def test_the_body_ends_with_the_section_and_every_table_is_followed_by_a_paragraph(data: bytes) -> None:
    names = [word_files.tag(child) for child in word_files.root(data).find(f"{W}body")]
    assert names[-1] == "sectPr"
    assert names.count("sectPr") == 1
    assert all(under == "p" for name, under in zip(names, names[1:]) if name == "tbl")


def test_every_row_fills_the_grid_and_every_cell_ends_with_a_paragraph(data: bytes) -> None:
    for table in word_files.root(data).iter(f"{W}tbl"):
        widths = [int(column.get(f"{W}w")) for column in table.iter(f"{W}gridCol")]
        for row in table.iterfind(f"{W}tr"):
            column = 0
            for cell in row.iterfind(f"{W}tc"):
                assert word_files.tag(cell[-1]) == "p"
                span = cell.find(f"{W}tcPr/{W}gridSpan")
                after = column + (1 if span is None else int(span.get(f"{W}val")))
                assert int(cell.find(f"{W}tcPr/{W}tcW").get(f"{W}w")) == sum(widths[column:after])
                column = after
            assert column == len(widths)


def test_every_continued_cell_has_one_of_the_same_width_above(data: bytes) -> None:
    for table in word_files.tables(data):
        above: dict[int, tuple[int, str]] = {}
        for row in table:
            column, places = 0, {}
            for cell in row:
                if cell.merge == "continue":
                    assert above[column][0] == cell.span
                    assert above[column][1] in {"restart", "continue"}
                places[column] = (cell.span, cell.merge)
                column += cell.span
            above = places


def test_every_run_and_every_paragraph_mark_is_songti_of_twelve_points(data: bytes) -> None:
    larger = {}
    for name in ("word/document.xml", "word/footer1.xml", "word/styles.xml"):
        properties = list(word_files.root(data, name).iter(f"{W}rPr"))
        assert properties
        for found in properties:
            fonts = found.find(f"{W}rFonts")
            assert {key.removeprefix(W): value for key, value in fonts.attrib.items()} == dict.fromkeys(
                ("ascii", "hAnsi", "eastAsia", "cs"), "宋体"
            )
            size = found.find(f"{W}sz").get(f"{W}val")
            assert found.find(f"{W}szCs").get(f"{W}val") == size
            if size != "24":
                larger[word_files.paragraph_text(found.getparent())] = size
    assert larger == {"星级上云企业评定申请表": "52", "（试行）": "32"}


def test_no_run_and_no_paragraph_is_without_its_font(data: bytes) -> None:
    for name in ("word/document.xml", "word/footer1.xml"):
        root = word_files.root(data, name)
        assert all(word_files.tag(run[0]) == "rPr" for run in root.iter(f"{W}r"))
        assert all(mark.find(f"{W}pPr/{W}rPr") is not None for mark in root.iter(f"{W}p"))


def test_every_style_that_is_named_exists(data: bytes) -> None:
    known = {style.get(f"{W}styleId") for style in word_files.root(data, "word/styles.xml").iter(f"{W}style")}
    for name in ("word/document.xml", "word/footer1.xml"):
        named = {style.get(f"{W}val") for style in word_files.root(data, name).iter(f"{W}pStyle")}
        assert named <= known


def test_the_page_is_a4_with_a_number_on_all_but_the_cover(data: bytes) -> None:
    section = docx.Document(io.BytesIO(data)).sections[0]
    assert round(section.page_width / Mm(1)) == 210
    assert round(section.page_height / Mm(1)) == 297
    assert section.different_first_page_header_footer
    assert "PAGE" in "".join(word_files.root(data, "word/footer1.xml").itertext())


def test_rows_stay_on_one_page_and_the_appendix_repeats_its_heading(data: bytes) -> None:
    application, appendix = word_files.root(data).iter(f"{W}tbl")
    splitting = [
        "".join(row[-2].itertext())
        for table in (application, appendix)
        for row in table.iterfind(f"{W}tr")
        if row.find(f"{W}trPr/{W}cantSplit") is None
    ]
    assert splitting == ["上云范围及内容简介", "上云综合绩效说明", "其他"]
    headings = [row.find(f"{W}trPr/{W}tblHeader") is not None for row in appendix.iterfind(f"{W}tr")]
    assert headings == [True, *[False] * 43]
    assert not list(application.iter(f"{W}tblHeader"))


def test_the_file_names_the_form_and_no_date(data: bytes) -> None:
    properties = docx.Document(io.BytesIO(data)).core_properties
    assert properties.title == "星级上云企业评定申请表"
    assert properties.created == properties.modified
    assert properties.created is not None
    assert properties.created.year == 1980


def test_an_edition_without_a_form_is_refused() -> None:
    with pytest.raises(FormError, match=r"prints no application form; .*\[form\]"):
        drawn(edition=replace(EDITION, form=None))


def test_inputs_of_another_edition_are_refused() -> None:
    with pytest.raises(FormError, match="the profile is for the edition 'other'"):
        drawn(replace(form_inputs.full_profile(), edition="other"))
    strange = replace(EDITION, sha256="0" * 64)
    for figures, verdict, name in ((strange, EDITION, "figures"), (EDITION, strange, "verdict")):
        with pytest.raises(FormError, match=f"the {name} document was made with another edition file"):
            form_docx(
                edition=EDITION,
                profile=form_inputs.full_profile(),
                figures=form_inputs.figures_document(figures),
                verdict=form_inputs.verdict_document(verdict),
            )


@pytest.mark.parametrize("character", ["\x00", "\x0b", "\x1b", "\ufffe", "\ud800"])
def test_a_character_that_word_cannot_hold_is_refused_with_its_place(character: str) -> None:
    profile = form_inputs.full_profile()
    code = f"U\\+{ord(character):04X}"
    applicant = replace(
        profile.applicant, contact=replace(profile.applicant.contact, title=f"经{character}理")
    )
    with pytest.raises(FormError, match=rf"^profile\.applicant\.contact\.title holds .*{code} at position 2"):
        drawn(replace(profile, applicant=applicant))
    rows = {"other": DeclaredRow("other", text=character)}
    with pytest.raises(FormError, match=rf"^profile\.rows\.other\.text holds .*{code}"):
        drawn(replace(profile, rows=rows))
    form = EDITION.form
    assert form is not None
    with pytest.raises(FormError, match=rf"^edition\.form\.footnotes number 1 holds .*{code}"):
        drawn(edition=replace(EDITION, form=replace(form, footnotes=(character,))))


def test_markup_in_a_text_is_text() -> None:
    profile = replace(form_inputs.full_profile(), industry="<w:p/>&amp; \"a\" 'b' ]]>")
    table, _ = word_files.tables(drawn(profile))
    assert [row[2].text for row in table[:-1] if row[1].text == "所处行业"] == ["<w:p/>&amp; \"a\" 'b' ]]>"]


def test_the_error_is_one_that_the_command_line_knows() -> None:
    assert issubclass(FormError, VerifierError)
    assert FormError.code == "FORM"
