"""附件3 as a workbook: the table on one A4 sheet, the list of packs on another."""

from __future__ import annotations

import io
import unicodedata
from collections.abc import Sequence
from typing import Literal

from openpyxl import Workbook
from openpyxl.styles import Alignment, Border, Font, PatternFill, Side
from openpyxl.utils import get_column_letter
from openpyxl.worksheet.header_footer import HeaderFooterItem, _HeaderFooterPart
from openpyxl.worksheet.properties import PageSetupProperties
from openpyxl.worksheet.worksheet import Worksheet

from documents.office_file import settled
from documents.region_text import (
    ATTACHMENT,
    LIST_COLUMNS,
    LIST_COLUMNS_EN,
    LIST_TITLE,
    Cell,
    Words,
    steers,
)

FONT = "宋体"
TABLE_NAME = "附件3"
PAGE_OF_PAGES = "&P / &N"
A4 = 9
"""Excel's number of the paper."""
TITLE_PT, TEXT_PT, LIST_PT = 16, 12, 9
TABLE_WIDTHS = (12, 20)
STAR_WIDTH = 20
LIST_WIDTHS = (5, 24, 9, 8, 7, 16, 8, 25, 8, 30, 34, 16)
"""Widths in digits of the standard font, 11 pt; a Chinese character is two."""
TABLE_ROW_PT, FOOTNOTE_PT = 24, 28
LINE_PT, FILL = 12, 0.9
"""Height of a line of the list: not every program finds the height of wrapped text by itself."""
HEADER_FILL = PatternFill("solid", fgColor="FFE8EEF4")
_THIN = Side(style="thin", color="FF666666")
_BOX = Border(left=_THIN, right=_THIN, top=_THIN, bottom=_THIN)
_CENTRE = Alignment(horizontal="center", vertical="center", wrap_text=True)
_LEFT = Alignment(horizontal="left", vertical="center", wrap_text=True)


def region_xlsx(words: Words) -> bytes:
    """Return the workbook. Texts stay texts: none becomes a formula."""
    book = Workbook()
    book.remove(book.worksheets[0])
    _table(book.create_sheet(TABLE_NAME), words)
    _list(book.create_sheet(LIST_TITLE), words)
    book.properties.creator = "StarProof 星证"
    book.properties.title = words.title
    out = io.BytesIO()
    book.save(out)
    return settled(out.getvalue())


def _table(sheet: Worksheet, words: Words) -> None:
    last = len(words.columns)
    _put(sheet, 1, 1, ATTACHMENT, size=TEXT_PT, align=_LEFT, boxed=False)
    title = Font(name=FONT, size=TITLE_PT, bold=True)
    _merged(sheet, 2, last, words.title, font=title, align=_CENTRE, height=TABLE_ROW_PT * 1.5)
    _row(sheet, 3, words.columns, size=TEXT_PT, bold=True, fill=True)
    sheet.row_dimensions[3].height = TABLE_ROW_PT * 1.5
    number = 3
    for number, row in enumerate((*words.rows, words.total), 4):
        _row(sheet, number, row, size=TEXT_PT, bold=row is words.total)
        sheet.row_dimensions[number].height = TABLE_ROW_PT
    for place, note in enumerate(words.footnotes, 1):
        text, font = f"注{place}：{note}", Font(name=FONT, size=LIST_PT)
        _merged(sheet, number + place, last, text, font=font, align=_LEFT, height=FOOTNOTE_PT)
    _widths(sheet, (*TABLE_WIDTHS, *(STAR_WIDTH,) * (last - len(TABLE_WIDTHS))))
    sheet.freeze_panes = "B4"
    _print(sheet, "portrait", "1:3")


def _list(sheet: Worksheet, words: Words) -> None:
    headers = tuple(f"{zh}\n{en}" for zh, en in zip(LIST_COLUMNS, LIST_COLUMNS_EN, strict=True))
    _row(sheet, 1, headers, size=LIST_PT, bold=True, fill=True)
    sheet.row_dimensions[1].height = 28
    for number, row in enumerate(words.listed, 2):
        _row(sheet, number, row, size=LIST_PT, align=_LEFT)
        lines = max(_lines(str(value), width) for value, width in zip(row, LIST_WIDTHS, strict=True))
        sheet.row_dimensions[number].height = (lines + 0.5) * LINE_PT
    _widths(sheet, LIST_WIDTHS)
    sheet.freeze_panes = "C2"
    _print(sheet, "landscape", "1:1")


def _lines(text: str, width: float) -> int:
    """Return how many lines ``text`` needs at most; words do not fill their lines to the end."""
    columns = sum(2 if unicodedata.east_asian_width(c) in "WFA" else 1 for c in text)
    return -(-columns // max(int(width * FILL), 1)) or 1


def _row(
    sheet: Worksheet,
    number: int,
    cells: Sequence[Cell],
    *,
    size: int,
    bold: bool = False,
    fill: bool = False,
    align: Alignment = _CENTRE,
) -> None:
    for column, value in enumerate(cells, 1):
        _put(sheet, number, column, value, size=size, bold=bold, fill=fill, align=align)


def _put(
    sheet: Worksheet,
    row: int,
    column: int,
    value: Cell,
    *,
    size: int,
    bold: bool = False,
    fill: bool = False,
    align: Alignment = _CENTRE,
    boxed: bool = True,
) -> None:
    cell = sheet.cell(row, column)
    if value != "":
        cell.value = value
    if isinstance(value, str) and steers(value):
        cell.data_type = "s"  # openpyxl takes "=…" for a formula
        cell.quotePrefix = True  # Excel keeps it a text when somebody edits the cell
    cell.font = Font(name=FONT, size=size, bold=bold)
    cell.alignment = align
    if boxed:
        cell.border = _BOX
    if fill:
        cell.fill = HEADER_FILL


def _merged(
    sheet: Worksheet, row: int, last: int, text: str, *, font: Font, align: Alignment, height: float
) -> None:
    sheet.merge_cells(start_row=row, start_column=1, end_row=row, end_column=last)
    cell = sheet.cell(row, 1, text)
    cell.font, cell.alignment = font, align
    sheet.row_dimensions[row].height = height


def _widths(sheet: Worksheet, widths: Sequence[float]) -> None:
    for column, width in enumerate(widths, 1):
        sheet.column_dimensions[get_column_letter(column)].width = width


def _print(sheet: Worksheet, orientation: Literal["portrait", "landscape"], title_rows: str) -> None:
    sheet.page_setup.paperSize = A4
    sheet.page_setup.orientation = orientation
    sheet.page_setup.fitToWidth = 1
    sheet.page_setup.fitToHeight = 0
    sheet.sheet_properties.pageSetUpPr = PageSetupProperties(fitToPage=True)
    sheet.print_options.horizontalCentered = True
    sheet.print_title_rows = title_rows
    sheet.oddFooter = HeaderFooterItem(center=_HeaderFooterPart(PAGE_OF_PAGES))
