"""附件3 as a Word document: the table on an upright A4 page, the list of packs on pages across."""

from __future__ import annotations

import io
from collections.abc import Sequence

from docx import Document
from docx.document import Document as DocumentType
from docx.enum.section import WD_ORIENT, WD_SECTION
from docx.enum.table import WD_CELL_VERTICAL_ALIGNMENT, WD_TABLE_ALIGNMENT
from docx.enum.text import WD_ALIGN_PARAGRAPH
from docx.oxml import OxmlElement
from docx.oxml.ns import qn
from docx.section import Section
from docx.shared import Mm, Pt
from docx.table import Table, _Cell, _Row
from docx.text.paragraph import Paragraph

from documents.office_file import settled
from documents.region_text import ATTACHMENT, LIST_COLUMNS, LIST_TITLE, Cell, Words

FONT = "宋体"
LANGUAGE = "zh-CN"
"""Decides which region's shapes a substitute font draws."""
TITLE_PT, TEXT_PT, NOTE_PT, LIST_PT = 18, 12, 9, 7.5
"""小四 is 12 pt."""
A4_MM = (210, 297)
MARGIN_MM = 18
TABLE_WIDTHS_MM = (26, 40)
LIST_WIDTHS_MM = (9, 30, 15, 13, 11, 25, 13, 36, 13, 35, 40, 21)
LINE = 1.8
"""Least height of a row in sizes of its letters."""
SMALL_MARGIN_TWIPS = 40
"""Of the cells of the list, left and right; the usual 108 would break short words."""


def region_docx(words: Words) -> bytes:
    """Return the document."""
    document = Document()
    _fonts(document)
    _page(document.sections[0])
    _paragraph(document, ATTACHMENT, TEXT_PT)
    _paragraph(document, words.title, TITLE_PT, bold=True, align=WD_ALIGN_PARAGRAPH.CENTER)
    rest = sum(TABLE_WIDTHS_MM)
    stars = len(words.columns) - len(TABLE_WIDTHS_MM)
    widths = (*TABLE_WIDTHS_MM, *((A4_MM[0] - 2 * MARGIN_MM - rest) // max(stars, 1),) * stars)
    _table(document, words.columns, (*words.rows, words.total), widths, TEXT_PT)
    for number, note in enumerate(words.footnotes, 1):
        _paragraph(document, f"注{number}：{note}", NOTE_PT)
    _page(document.add_section(WD_SECTION.NEW_PAGE), across=True)
    _paragraph(document, LIST_TITLE, TITLE_PT, bold=True, align=WD_ALIGN_PARAGRAPH.CENTER)
    table = _table(document, LIST_COLUMNS, words.listed, LIST_WIDTHS_MM, LIST_PT)
    _small_margins(table)
    properties = document.core_properties
    properties.author, properties.title, properties.comments = "StarProof 星证", words.title, ""
    out = io.BytesIO()
    document.save(out)
    return settled(out.getvalue())


def _fonts(document: DocumentType) -> None:
    style = document.styles["Normal"]
    style.font.name = FONT
    style.font.size = Pt(TEXT_PT)
    fonts = style.element.get_or_add_rPr().get_or_add_rFonts()
    for script in ("w:ascii", "w:hAnsi", "w:eastAsia", "w:cs"):
        fonts.set(qn(script), FONT)
    language = OxmlElement("w:lang")
    language.set(qn("w:val"), "en-US")
    language.set(qn("w:eastAsia"), LANGUAGE)
    style.element.get_or_add_rPr().append(language)


def _page(section: Section, *, across: bool = False) -> None:
    width, height = reversed(A4_MM) if across else A4_MM
    section.orientation = WD_ORIENT.LANDSCAPE if across else WD_ORIENT.PORTRAIT
    section.page_width, section.page_height = Mm(width), Mm(height)
    section.left_margin = section.right_margin = Mm(MARGIN_MM)
    section.top_margin = section.bottom_margin = Mm(MARGIN_MM)


def _paragraph(
    document: DocumentType,
    text: str,
    size: float,
    *,
    bold: bool = False,
    align: WD_ALIGN_PARAGRAPH = WD_ALIGN_PARAGRAPH.LEFT,
) -> None:
    paragraph = document.add_paragraph()
    paragraph.alignment = align
    paragraph.paragraph_format.space_after = Pt(size / 3)
    _run(paragraph, text, size, bold=bold)


def _run(paragraph: Paragraph, text: str, size: float, *, bold: bool) -> None:
    run = paragraph.add_run(text)
    run.font.size = Pt(size)
    run.bold = bold


def _table(
    document: DocumentType,
    columns: Sequence[str],
    rows: Sequence[Sequence[Cell]],
    widths_mm: Sequence[int],
    size: float,
) -> Table:
    table: Table = document.add_table(rows=len(rows) + 1, cols=len(columns), style="Table Grid")
    table.alignment = WD_TABLE_ALIGNMENT.CENTER
    table.autofit = False
    for column, width in zip(table.columns, widths_mm, strict=True):
        column.width = Mm(width)  # the grid: without it every column is as wide as the others
    head, *others = table.rows
    _fill(head, columns, widths_mm, size, bold=True)
    _repeat(head)
    for row, cells in zip(others, rows, strict=True):
        _fill(row, cells, widths_mm, size)
    return table


def _fill(
    row: _Row, cells: Sequence[Cell], widths_mm: Sequence[int], size: float, *, bold: bool = False
) -> None:
    row.height = Pt(size * LINE)
    for cell, value, width in zip(row.cells, cells, widths_mm, strict=True):
        cell.width = Mm(width)
        cell.vertical_alignment = WD_CELL_VERTICAL_ALIGNMENT.CENTER
        _write(cell, str(value), size, bold=bold)


def _write(cell: _Cell, text: str, size: float, *, bold: bool) -> None:
    paragraph = cell.paragraphs[0]
    paragraph.alignment = WD_ALIGN_PARAGRAPH.CENTER
    _run(paragraph, text, size, bold=bold)


def _repeat(row: _Row) -> None:
    """Print the first row on every page."""
    element = OxmlElement("w:tblHeader")
    element.set(qn("w:val"), "true")
    row._tr.get_or_add_trPr().append(element)  # noqa: SLF001 - python-docx has no call for it


def _small_margins(table: Table) -> None:
    margins = OxmlElement("w:tblCellMar")
    for side in ("w:left", "w:right"):
        element = OxmlElement(side)
        element.set(qn("w:w"), str(SMALL_MARGIN_TWIPS))
        element.set(qn("w:type"), "dxa")
        margins.append(element)
    table._tbl.tblPr.append(margins)  # noqa: SLF001 - the same
