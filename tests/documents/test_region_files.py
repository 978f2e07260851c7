"""附件3 as CSV, workbook and document: the same words in all, nothing that a spreadsheet would run."""

from __future__ import annotations

import csv
import io
import shutil
import subprocess
import time
import zipfile
from dataclasses import replace
from pathlib import Path

import pytest
from docx import Document
from docx.oxml.ns import qn
from openpyxl import load_workbook
from region_tables import LAYOUT, REGIONS, example_table, pack

from documents.region import tabulate
from documents.region_csv import region_csv
from documents.region_docx import region_docx
from documents.region_text import LIST_COLUMNS, MAX_TEXT, plain, steers, words
from documents.region_xlsx import region_xlsx
from verifier.check import FAILED, PARTIAL

WORDS = words(example_table())
HOSTILE = '=HYPERLINK("http://example.invalid","点我")'
COLUMNS = ["地区", "新增企业上云数量", "五星级上云企业数量", "四星级上云企业数量", "三星级上云企业数量"]


def test_the_words_are_those_of_the_guides_table() -> None:
    assert WORDS.title == "2026年度“企业上云”目标任务情况表"
    assert list(WORDS.columns) == COLUMNS
    assert [row[0] for row in WORDS.rows] == list(REGIONS)
    assert {row[1] for row in WORDS.rows} == {""}
    assert WORDS.total == ("合计", "", 1, 1, 2)
    assert {row[0]: row[2:] for row in WORDS.rows}["苏州"] == (0, 1, 0)


def test_the_footnotes_say_what_is_left_blank_and_what_was_counted() -> None:
    text = "\n".join(WORDS.footnotes)
    assert "“新增企业上云数量”一栏由主管部门填写" in text
    assert "给出证据包9个，其中核验通过的企业5家；计入的企业5家，其中1家没有可支持的星级" in text
    assert "不等于主管部门的认定" in text
    assert "不完整的证据包不计入" in text
    counted = words(tabulate([pack("甲", "苏州", "4")], LAYOUT, year=2026, count_incomplete=True))
    assert "按要求计入核验不完整的证据包0个" in "\n".join(counted.footnotes)


def test_enterprises_that_pass_and_enterprises_that_count_are_two_numbers() -> None:
    packs = [
        pack("甲", "苏州", "4"), pack("甲", "苏州", "4", month="2026-10"), pack("乙", "苏州", "4", month="2025-11"),
        replace(pack("丙", "苏州", ""), outcome=PARTIAL), replace(pack("丁", "苏州", "4"), outcome=FAILED),
    ]  # fmt: skip
    first = words(tabulate(packs, LAYOUT, year=2026, count_incomplete=True)).footnotes[0]
    assert "给出证据包5个，其中核验通过的企业2家；计入的企业2家，其中1家没有可支持的星级" in first
    first = words(tabulate(packs, LAYOUT, year=2026)).footnotes[0]
    assert "核验通过的企业2家；计入的企业1家，其中0家没有可支持的星级" in first
    assert "enterprises with a pack that passes: 2; enterprises counted: 1," in first


def test_what_a_clerk_should_read_stands_beside_the_outcome() -> None:
    noted = replace(pack("甲", "苏州", "4"), notes=("DAYS_EXCLUDED", "SCOPE_CHANGED"))
    listed = words(tabulate([noted], LAYOUT, year=2026)).listed[0]
    assert LIST_COLUMNS[6:9] == ("核验", "提示", "是否计入")
    assert listed[6:9] == ("通过", "DAYS_EXCLUDED SCOPE_CHANGED", "是")


def test_every_pack_stands_in_the_list_with_its_hash_and_reason() -> None:
    by_number = {row[0]: row for row in WORDS.listed}
    assert len(by_number) == 9
    assert by_number[1][4:10] == ("四星", "三星可支持；四星可支持；五星未达到", "通过", "", "是", "计入")
    assert by_number[2][8:10] == ("否", "同一企业有更晚月份的证据包，以其为准；2026-11")
    assert by_number[6][8] == "无星级"
    assert by_number[9][6:10] == (
        "不通过",
        "",
        "否",
        "核验不通过，不计入；ENTRY_CHANGED FIGURES STATEMENT_SIGNATURE",
    )
    assert all(len(row) == len(LIST_COLUMNS) and len(str(row[10])) == 64 for row in WORDS.listed)


def test_texts_of_packs_are_one_line_of_bounded_length_without_controls() -> None:
    assert plain("a\nb\x1b[31m") == "a\\nb\\x1b[31m"
    assert plain("星" * (MAX_TEXT + 1)) == "星" * MAX_TEXT + "…"


@pytest.mark.parametrize("text", ["=1+1", "+1", "-1", "@SUM(A1)", " =1", "＝1"])
def test_what_a_spreadsheet_would_run_is_recognized(text: str) -> None:
    assert steers(text)
    assert not steers("江苏" + text)


def test_csv_has_a_byte_order_mark_and_no_cell_that_begins_a_formula() -> None:
    data = region_csv(WORDS)
    assert data.startswith(b"\xef\xbb\xbf")
    rows = list(csv.reader(io.StringIO(data.decode("utf-8-sig"))))
    assert rows[:3] == [["附件3"], [WORDS.title], COLUMNS]
    assert rows[3 + len(REGIONS)] == ["合计", "", "1", "1", "2"]
    cells = [cell for row in rows for cell in row]
    assert "'" + HOSTILE in cells
    assert not [cell for cell in cells if steers(cell)]


def test_the_workbook_holds_table_and_list_and_no_formula() -> None:
    book = load_workbook(io.BytesIO(region_xlsx(WORDS)))
    assert book.sheetnames == ["附件3", "证据包清单"]
    table, listed = book["附件3"], book["证据包清单"]
    assert table["A2"].value == WORDS.title
    assert "A2:E2" in {str(area) for area in table.merged_cells.ranges}
    assert [cell.value for cell in table[3]] == COLUMNS
    assert [table.cell(row, 1).value for row in range(4, 20)] == list(REGIONS)
    assert [cell.value for cell in table[8]] == ["苏州", None, 0, 1, 0]
    assert [cell.value for cell in table[20]] == ["合计", None, 1, 1, 2]
    assert [cell.value for cell in listed[6]][1] == HOSTILE
    kinds = {cell.data_type for sheet in book for row in sheet.iter_rows() for cell in row}
    assert kinds <= {"s", "n", "inlineStr"}
    assert listed["B6"].quotePrefix
    assert not listed["B2"].quotePrefix


def test_the_workbook_prints_on_a4_the_list_across() -> None:
    book = load_workbook(io.BytesIO(region_xlsx(WORDS)))
    setups = [(s.page_setup.paperSize, s.page_setup.orientation, s.page_setup.fitToWidth) for s in book]
    assert setups == [(9, "portrait", 1), (9, "landscape", 1)]
    assert all(sheet.sheet_properties.pageSetUpPr.fitToPage for sheet in book)
    assert all(row.height for row in list(book["证据包清单"].row_dimensions.values()))


def test_the_document_holds_table_and_list_in_song_type() -> None:
    document = Document(io.BytesIO(region_docx(WORDS)))
    table, listed = document.tables
    assert [cell.text for cell in table.rows[0].cells] == COLUMNS
    assert [row.cells[0].text for row in table.rows] == ["地区", *REGIONS, "合计"]
    assert [cell.text for cell in table.rows[5].cells] == ["苏州", "", "0", "1", "0"]
    assert len(listed.rows) == 10
    assert listed.rows[5].cells[1].text == HOSTILE
    assert listed.rows[0]._tr.trPr.find(qn("w:tblHeader")) is not None
    fonts = document.styles["Normal"].element.rPr.rFonts
    assert {fonts.get(qn(name)) for name in ("w:ascii", "w:hAnsi", "w:eastAsia")} == {"宋体"}
    assert [section.page_width > section.page_height for section in document.sections] == [False, True]
    assert all(note in "\n".join(p.text for p in document.paragraphs) for note in WORDS.footnotes)


@pytest.mark.parametrize("write", [region_xlsx, region_docx, region_csv])
def test_the_same_table_gives_the_same_bytes_at_another_time(
    write: object, monkeypatch: pytest.MonkeyPatch
) -> None:
    first = write(WORDS)
    real = time.time() + 100_000
    monkeypatch.setattr(time, "time", lambda: real)
    time.sleep(1.1 if write is region_xlsx else 0)  # openpyxl stamps with datetime, to the second
    assert write(words(example_table())) == first


def test_no_entry_of_an_office_file_carries_a_date() -> None:
    for data in (region_xlsx(WORDS), region_docx(WORDS)):
        with zipfile.ZipFile(io.BytesIO(data)) as archive:
            assert {info.date_time for info in archive.infolist()} == {(1980, 1, 1, 0, 0, 0)}
            assert archive.namelist()[0] == "[Content_Types].xml"
            core = archive.read("docProps/core.xml").decode()
        assert core.count("1980-01-01T00:00:00Z") == 2


@pytest.mark.slow
@pytest.mark.parametrize(("write", "suffix"), [(region_xlsx, "xlsx"), (region_docx, "docx")])
def test_an_office_program_prints_both_on_one_page_each(write: object, suffix: str, tmp_path: Path) -> None:
    if not (shutil.which("soffice") and shutil.which("pdftotext")):
        pytest.skip("needs soffice and pdftotext (libreoffice, poppler-utils)")
    file = tmp_path / f"region.{suffix}"
    file.write_bytes(write(WORDS))
    profile = f"-env:UserInstallation=file://{tmp_path / 'profile'}"
    subprocess.run(
        ["soffice", profile, "--headless", "--convert-to", "pdf", "--outdir", tmp_path, file],
        check=True, capture_output=True, timeout=180,
    )  # fmt: skip
    text = subprocess.run(
        ["pdftotext", "-layout", tmp_path / "region.pdf", "-"], check=True, capture_output=True, timeout=60
    ).stdout.decode()
    pages = text.rstrip("\f").split("\f")
    assert len(pages) == 2
    shown = pages[0].replace(" ", "")
    assert all(region in shown for region in (*REGIONS, "合计"))
    assert "=HYPERLINK" in pages[1].replace(" ", "").replace("\n", "")
