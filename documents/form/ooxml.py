"""Paragraphs and runs in WordprocessingML, children in the order of ECMA-376's schemas.

Word refuses a file whose elements stand in another order, so every element is made in one place,
in order. Fonts and sizes stand in every run and every paragraph mark, not in styles alone: what is
typed later in an empty cell is 宋体 小四 too.
"""

from __future__ import annotations

from docx.oxml import OxmlElement
from docx.oxml.ns import qn
from docx.oxml.xmlchemy import BaseOxmlElement

from documents.form.grid import Align

FONT = "宋体"
BODY_HALF_POINTS = 24
"""小四 is 12 points; OOXML counts half points."""
TWIPS_PER_POINT = 20


def element(tag: str, *children: BaseOxmlElement, **attributes: str | int) -> BaseOxmlElement:
    """Return the element ``tag`` (``w:p``) with attributes of the ``w:`` namespace and children in order."""
    made = OxmlElement(tag)
    for name, value in attributes.items():
        made.set(qn(f"w:{name}"), str(value))
    for child in children:
        made.append(child)
    return made


def run_properties(
    *,
    half_points: int = BODY_HALF_POINTS,
    bold: bool = False,
    underlined: bool = False,
    raised: bool = False,
) -> BaseOxmlElement:
    """Return ``w:rPr``: 宋体 for every script, and the size."""
    children = [element("w:rFonts", ascii=FONT, hAnsi=FONT, eastAsia=FONT, cs=FONT)]
    if bold:
        children.append(element("w:b"))
    children += [element("w:sz", val=half_points), element("w:szCs", val=half_points)]
    if underlined:
        children.append(element("w:u", val="single"))
    if raised:
        children.append(element("w:vertAlign", val="superscript"))
    return element("w:rPr", *children)


def run(text: str, properties: BaseOxmlElement) -> BaseOxmlElement:
    """Return a run of text; blanks count."""
    words = element("w:t")
    words.text = text
    words.set(qn("xml:space"), "preserve")
    return element("w:r", properties, words)


def field(instruction: str) -> list[BaseOxmlElement]:
    """Return the runs of a field, such as ``PAGE``, that the word processor fills in."""
    code = element("w:instrText")
    code.text = f" {instruction} "
    code.set(qn("xml:space"), "preserve")
    return [
        element("w:r", run_properties(), element("w:fldChar", fldCharType="begin")),
        element("w:r", run_properties(), code),
        element("w:r", run_properties(), element("w:fldChar", fldCharType="separate")),
        run("1", run_properties()),
        element("w:r", run_properties(), element("w:fldChar", fldCharType="end")),
    ]


def paragraph(
    *runs: BaseOxmlElement,
    align: Align = Align.LEFT,
    before_points: int = 0,
    after_points: int = 0,
    indent_points: int = 0,
    new_page: bool = False,
    style: str = "Normal",
) -> BaseOxmlElement:
    """Return a paragraph of ``runs``; its mark is 宋体 小四 as well."""
    children = [element("w:pStyle", val=style)]
    if new_page:
        children.append(element("w:pageBreakBefore"))
    if before_points or after_points:
        before, after = before_points * TWIPS_PER_POINT, after_points * TWIPS_PER_POINT
        children.append(element("w:spacing", before=before, after=after))
    if indent_points:
        children.append(element("w:ind", left=indent_points * TWIPS_PER_POINT))
    children += [element("w:jc", val=align.value), run_properties()]
    return element("w:p", element("w:pPr", *children), *runs)
