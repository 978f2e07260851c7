"""The empty document: A4, 宋体 小四 in every style, page numbers, and nothing that is not used."""

from __future__ import annotations

from datetime import UTC, datetime

import docx
from docx.document import Document
from docx.oxml.ns import qn
from docx.oxml.xmlchemy import BaseOxmlElement
from docx.shared import Mm

from documents.form.grid import Align
from documents.form.ooxml import element, field, paragraph, run, run_properties

PAGE_WIDTH_MM, PAGE_HEIGHT_MM = 210, 297
SIDE_MARGIN_MM = 20
TOP_MARGIN_MM, BOTTOM_MARGIN_MM = 25, 22
FOOTER_MM = 12
FIXED_INSTANT = datetime(1980, 1, 1, tzinfo=UTC)
"""What the properties of the file say: the same input gives the same bytes, so no clock is read."""

_KEPT_PARTS = ("/styles", "/settings", "/officeDocument", "/core-properties")
"""Ends of the relationship types that a document needs; the template's theme, thumbnail and the like go."""
_STYLES = (("Normal", "Normal"), ("Title", "Title"), ("Subtitle", "Subtitle"), ("Footer", "footer"))
_COMPATIBILITY = "http://schemas.microsoft.com/office/word"


def empty_document(*, title: str) -> Document:
    """Return a document without a body, its page, styles and properties set."""
    document = docx.Document()
    _drop_unused_parts(document)
    _set_styles(document)
    _set_settings(document)
    _set_page(document)
    properties = document.core_properties
    properties.title = title
    properties.author = properties.last_modified_by = "StarProof"
    properties.comments = ""
    properties.language = "zh-CN"
    properties.revision = 1
    properties.created = properties.modified = FIXED_INSTANT
    return document


def _drop_unused_parts(document: Document) -> None:
    for relationships in (document.part.rels, document.part.package.rels):
        for name, relationship in list(relationships.items()):
            if not relationship.reltype.endswith(_KEPT_PARTS):
                del relationships[name]


def _set_styles(document: Document) -> None:
    """Leave the four paragraph styles that are used, every one 宋体 小四."""
    root = document.styles.element
    for child in list(root):
        root.remove(child)
    language = element("w:lang", val="en-US", eastAsia="zh-CN", bidi="ar-SA")
    defaults = run_properties()
    defaults.append(language)
    root.append(
        element(
            "w:docDefaults",
            element("w:rPrDefault", defaults),
            element("w:pPrDefault", element("w:pPr")),
        )
    )
    for style_id, name in _STYLES:
        root.append(_style(style_id, name))


def _style(style_id: str, name: str) -> BaseOxmlElement:
    style = element("w:style", type="paragraph", styleId=style_id)
    if style_id == "Normal":
        style.set(qn("w:default"), "1")
    style.append(element("w:name", val=name))
    if style_id != "Normal":
        style.append(element("w:basedOn", val="Normal"))
    style.append(element("w:qFormat"))
    style.append(run_properties())
    return style


def _set_settings(document: Document) -> None:
    root = document.settings.element
    for child in list(root):
        root.remove(child)
    root.append(element("w:zoom", percent=100))
    root.append(element("w:defaultTabStop", val=420))
    root.append(element("w:characterSpacingControl", val="compressPunctuation"))
    root.append(
        element(
            "w:compat",
            element("w:compatSetting", name="compatibilityMode", uri=_COMPATIBILITY, val=15),
        )
    )


def _set_page(document: Document) -> None:
    section = document.sections[0]
    section.page_width, section.page_height = Mm(PAGE_WIDTH_MM), Mm(PAGE_HEIGHT_MM)
    section.left_margin = section.right_margin = Mm(SIDE_MARGIN_MM)
    section.top_margin, section.bottom_margin = Mm(TOP_MARGIN_MM), Mm(BOTTOM_MARGIN_MM)
    section.footer_distance = Mm(FOOTER_MM)
    section.different_first_page_header_footer = True
    footer = section.footer
    footer.is_linked_to_previous = False
    root = footer._element  # noqa: SLF001 - python-docx offers no fields; the paragraph is replaced whole
    for child in list(root):
        root.remove(child)
    runs = [run("第 ", run_properties()), *field("PAGE"), run(" 页", run_properties())]
    root.append(paragraph(*runs, align=Align.CENTER, style="Footer"))
