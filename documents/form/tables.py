"""Grids drawn as tables: merged cells, repeated headings, rows that stay on one page."""

from __future__ import annotations

from docx.oxml.xmlchemy import BaseOxmlElement

from documents.form.grid import Cell, Grid, Join, Line, Row
from documents.form.ooxml import element, paragraph, run, run_properties

BORDER_EIGHTHS_OF_POINT = 4
"""Half a point."""
_SIDES = ("top", "left", "bottom", "right", "insideH", "insideV")
_VERTICAL = {Join.START: "restart", Join.BELOW: "continue"}


def twips(millimetres: float) -> int:
    """Return a length in twentieths of a point."""
    return round(millimetres * 1440 / 25.4)


def line_paragraph(line: Line, *, indent_points: int = 0) -> BaseOxmlElement:
    """Return the paragraph of a line; its footnote mark stands raised behind it."""
    runs = [run(line.text, run_properties(bold=line.bold))] if line.text else []
    if line.mark:
        runs.append(run(line.mark, run_properties(bold=line.bold, raised=True)))
    return paragraph(*runs, align=line.align, indent_points=indent_points)


def table(grid: Grid) -> BaseOxmlElement:
    """Return ``w:tbl`` with fixed widths."""
    borders = [
        element(f"w:{side}", val="single", sz=BORDER_EIGHTHS_OF_POINT, space=0, color="000000")
        for side in _SIDES
    ]
    margins = [element(f"w:{side}", w=twips(grid.margin_mm), type="dxa") for side in ("left", "right")]
    properties = element(
        "w:tblPr",
        element("w:tblW", w=sum(map(twips, grid.widths_mm)), type="dxa"),
        element("w:jc", val="center"),
        element("w:tblBorders", *borders),
        element("w:tblLayout", type="fixed"),
        element("w:tblCellMar", *margins),
    )
    columns = element("w:tblGrid", *(element("w:gridCol", w=twips(width)) for width in grid.widths_mm))
    return element("w:tbl", properties, columns, *(_row(row, grid.widths_mm) for row in grid.rows))


def _row(row: Row, widths_mm: tuple[int, ...]) -> BaseOxmlElement:
    settings = []
    if not row.splits:
        settings.append(element("w:cantSplit"))
    if row.height_mm:
        settings.append(element("w:trHeight", val=twips(row.height_mm), hRule="atLeast"))
    if row.heading:
        settings.append(element("w:tblHeader"))
    properties = [element("w:trPr", *settings)] if settings else []
    cells, column = [], 0
    for cell in row.cells:
        cells.append(_cell(cell, sum(map(twips, widths_mm[column : column + cell.span]))))
        column += cell.span
    return element("w:tr", *properties, *cells)


def _cell(cell: Cell, width_twips: int) -> BaseOxmlElement:
    properties = [element("w:tcW", w=width_twips, type="dxa")]
    if cell.span > 1:
        properties.append(element("w:gridSpan", val=cell.span))
    if cell.join in _VERTICAL:
        properties.append(element("w:vMerge", val=_VERTICAL[cell.join]))
    properties.append(element("w:vAlign", val="top" if cell.high else "center"))
    paragraphs = [line_paragraph(line) for line in cell.lines] or [paragraph()]
    return element("w:tc", element("w:tcPr", *properties), *paragraphs)
