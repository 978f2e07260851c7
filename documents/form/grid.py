"""What stands on the form, before it is drawn: lines, cells, rows and grids. Plain data.

A cell that spans several columns says so with ``span``. A cell that reaches down over several rows
is written once with ``Join.START``; the rows below hold an empty cell with ``Join.BELOW`` there.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum


class Align(Enum):
    """Where a line stands; the values are those of OOXML's ``w:jc``."""

    LEFT = "left"
    CENTER = "center"


class Join(Enum):
    """How a cell belongs to the one above."""

    NONE = "none"
    START = "start"
    BELOW = "below"


@dataclass(frozen=True)
class Line:
    """One paragraph. ``mark`` is the number of a footnote, printed raised behind the text."""

    text: str
    mark: str = ""
    align: Align = Align.LEFT
    bold: bool = False


@dataclass(frozen=True)
class Cell:
    """One cell; without lines it is printed empty. ``high``: the text begins at the cell's upper edge."""

    lines: tuple[Line, ...] = ()
    span: int = 1
    join: Join = Join.NONE
    high: bool = False


@dataclass(frozen=True)
class Row:
    """One row. ``splits``: it may go on on the next page; ``height_mm``: at least so high."""

    cells: tuple[Cell, ...]
    heading: bool = False
    splits: bool = False
    height_mm: float = 0


@dataclass(frozen=True)
class Grid:
    """A table: the widths of its columns and its rows, each as wide as all columns together.

    ``margin_mm`` stays free left and right of the text of every cell.
    """

    widths_mm: tuple[int, ...]
    rows: tuple[Row, ...]
    margin_mm: float = 1.5


def label(text: str, *, mark: str = "", span: int = 1, join: Join = Join.NONE, bold: bool = False) -> Cell:
    """Return a cell with a centred label of the form; a line feed in ``text`` starts a new line."""
    *above, last = text.split("\n")
    lines = [Line(line, align=Align.CENTER, bold=bold) for line in above]
    return Cell((*lines, Line(last, mark=mark, align=Align.CENTER, bold=bold)), span=span, join=join)


def below(*, span: int = 1) -> Cell:
    """Return the empty cell that belongs to the one above."""
    return Cell(span=span, join=Join.BELOW)


def entry(text: str, *, span: int = 1) -> Cell:
    """Return a cell with what the applicant enters; each line of ``text`` is a paragraph."""
    return Cell(tuple(Line(line) for line in text.splitlines()), span=span)
