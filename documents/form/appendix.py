"""附表: the rows of the edition with ticks, texts and figures; equal neighbours share one cell."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from documents.form.figures import FormFigure
from documents.form.grid import Align, Cell, Grid, Join, Line, below, label
from documents.form.grid import Row as GridRow
from verifier.edition import FIGURE, TICK, Edition, Row
from verifier.profile import Profile

HEADINGS = ("", "类", "子类", "域", "子域", "是否上云\n/综合绩效")
TICKED = "√"
PLEASE_SAY = "（请说明）"
WIDTHS_MM = (14, 22, 32, 29, 22, 51)
ROW_HEIGHT_MM = 7.4
"""Room for a tick by hand; 上云内容 of the 2018 form fills its page, so no 大类 is torn apart."""
PROVISIONAL_FOOTNOTE = "注：统计期尚未结束，标为“（暂定）”的数值会改变；请在统计期结束后重新生成本表。"


def appendix(edition: Edition, profile: Profile, figures: Mapping[str, FormFigure]) -> Grid:
    """Return the table of all rows of ``edition`` under its heading.

    Args:
        edition: its rows, in printed order.
        profile: which rows are ticked, and the words of text rows.
        figures: the figures by id.
    """
    heading = GridRow(tuple(label(text) for text in HEADINGS), heading=True)
    rows = [
        GridRow(
            (*_labels(edition.rows, number), _answer(row, profile, figures)),
            splits=row.kind not in (TICK, FIGURE),
            height_mm=ROW_HEIGHT_MM,
        )
        for number, row in enumerate(edition.rows)
    ]
    return Grid(WIDTHS_MM, (heading, *rows))


def _labels(rows: Sequence[Row], number: int) -> list[Cell]:
    """Return the cells that say what row ``number`` is about; 域 takes the place of an empty 子域."""
    path = _path(rows[number])
    mark = rows[number].footnote
    above = _path(rows[number - 1]) if number else ()
    under = _path(rows[number + 1]) if number + 1 < len(rows) else ()
    cells = [_shared(path, above, under, depth=depth) for depth in range(len(path) - 1)]
    return [*cells, label(path[-1], mark=mark, span=len(HEADINGS) - len(path))]


def _path(row: Row) -> tuple[str, ...]:
    """Return the labels of a row from the left: the last one is its own, those before may be shared."""
    shared = (row.part, row.category, row.subcategory)
    return (*shared, row.domain, row.item) if row.item else (*shared, row.domain)


def _shared(path: tuple[str, ...], above: tuple[str, ...], under: tuple[str, ...], *, depth: int) -> Cell:
    """Return the cell at ``depth``, joined to the rows that agree up to there."""
    upto = path[: depth + 1]
    if _shares(above, upto):
        return below()
    return label(path[depth], join=Join.START if _shares(under, upto) else Join.NONE)


def _shares(other: tuple[str, ...], upto: tuple[str, ...]) -> bool:
    """Return whether the neighbour has these labels too, in cells of the same width."""
    return other[: len(upto)] == upto and len(other) > len(upto)


def _answer(row: Row, profile: Profile, figures: Mapping[str, FormFigure]) -> Cell:
    if row.kind == FIGURE:
        return _centred(figures[row.indicator].text)
    declared = profile.rows.get(row.id)
    if row.kind == TICK:
        return _centred(TICKED) if declared else Cell()
    return _centred(declared.text if declared and declared.text else PLEASE_SAY)


def _centred(text: str) -> Cell:
    return Cell(tuple(Line(line, align=Align.CENTER) for line in text.splitlines()))
