"""What a report is made of before it is HTML or PDF: pages of blocks, every text ready to print.

Both formats lay out the same ``View``, so they cannot say different things. All texts are plain text;
the formats escape them. ``tone`` is the look of a cell: pass, fail, unsure, none, declared, quiet.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Literal

Tone = Literal["", "pass", "fail", "unsure", "none", "declared", "quiet"]
Align = Literal["left", "right", "center"]


@dataclass(frozen=True)
class Cell:
    """A text with its look; ``sub`` stands smaller below it, ``mono`` is for hashes and names."""

    text: str
    tone: Tone = ""
    sub: str = ""
    mono: bool = False


@dataclass(frozen=True)
class Column:
    """A column: its head, its side, and its share of the width (0: as wide as its contents)."""

    head: str
    align: Align = "left"
    share: int = 0


@dataclass(frozen=True)
class Text:
    """A paragraph; ``tone`` other than empty sets it apart."""

    text: str
    tone: Tone = ""
    kind: str = field(default="text", init=False)


@dataclass(frozen=True)
class Subhead:
    """A heading within a section."""

    text: str
    kind: str = field(default="subhead", init=False)


@dataclass(frozen=True)
class Facts:
    """Pairs of a label and a value."""

    pairs: tuple[tuple[str, Cell], ...]
    kind: str = field(default="facts", init=False)


@dataclass(frozen=True)
class Table:
    """A table with a head. Every row has a cell for every column."""

    columns: tuple[Column, ...]
    rows: tuple[tuple[Cell, ...], ...]
    kind: str = field(default="table", init=False)


@dataclass(frozen=True)
class Picture:
    """A drawing as SVG, with what it shows in words."""

    svg: str
    alt: str
    kind: str = field(default="picture", init=False)


@dataclass(frozen=True)
class Part:
    """A part of a bar: its length in thousandths, and what stands in the legend."""

    name: str
    permille: int
    label: str
    amount: str


@dataclass(frozen=True)
class Bar:
    """A bar of parts that together are a whole."""

    parts: tuple[Part, ...]
    kind: str = field(default="bar", init=False)


@dataclass(frozen=True)
class Mark:
    """A star's verdict beside a figure, the threshold below it."""

    star: str
    verdict: Cell


@dataclass(frozen=True)
class Measure:
    """The figure itself: number, unit, interval, and the verdict for every star."""

    value: str
    unit: str
    interval: str
    remark: str
    marks: tuple[Mark, ...]
    kind: str = field(default="measure", init=False)


@dataclass(frozen=True)
class Points:
    """A list of points."""

    items: tuple[str, ...]
    kind: str = field(default="points", init=False)


Block = Text | Subhead | Facts | Table | Picture | Bar | Measure | Points


@dataclass(frozen=True)
class Section:
    """A section with its anchor; ``turn``: begins on a new page; ``keep``: is not divided between two.

    ``together``: so many of its first blocks stay on one page with the heading.
    """

    id: str
    title: str
    blocks: tuple[Block, ...]
    number: str = ""
    turn: bool = False
    keep: bool = False
    together: int = 0


@dataclass(frozen=True)
class Rung:
    """A star on the first page with its standing."""

    name: str
    standing: Cell
    decided_by: str


@dataclass(frozen=True)
class Cover:
    """The first page: who, when, the verdict, what is proved and what is not, what is in the way."""

    kicker: str
    enterprise: str
    period: str
    banners: tuple[str, ...]
    headline: str
    tone: Tone
    under: str
    rungs: tuple[Rung, ...]
    caution: str
    proved_title: str
    proved: tuple[str, ...]
    not_proved_title: str
    not_proved: tuple[str, ...]
    blockers_title: str
    blockers: tuple[tuple[Cell, str], ...]
    facts: Facts


@dataclass(frozen=True)
class View:
    """A whole report, ready to lay out."""

    language: str
    title: str
    author: str
    footer: str
    hash: str
    hash_label: str
    page_words: tuple[str, str]
    contents_title: str
    cover: Cover
    sections: tuple[Section, ...]
