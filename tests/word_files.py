"""Reading a DOCX file in tests: its parts, its tables as cells with merges, and the order of OOXML."""

from __future__ import annotations

import io
from dataclasses import dataclass
from typing import Any
from zipfile import ZipFile

from lxml import etree

W = "{http://schemas.openxmlformats.org/wordprocessingml/2006/main}"

# The sequences of ECMA-376 part 1 (wml.xsd) for the elements that a form uses. Word refuses others.
ORDER = {
    "body": "p tbl sectPr",
    "p": "pPr r",
    "pPr": "pStyle keepNext keepLines pageBreakBefore widowControl spacing ind jc rPr sectPr",
    "r": "rPr t br fldChar instrText",
    "rPr": "rFonts b bCs i iCs color sz szCs u vertAlign lang",
    "tbl": "tblPr tblGrid tr",
    "tblPr": "tblStyle tblW jc tblInd tblBorders tblLayout tblCellMar tblLook",
    "tblBorders": "top left bottom right insideH insideV",
    "tblCellMar": "top left bottom right",
    "tblGrid": "gridCol",
    "tr": "trPr tc",
    "trPr": "cantSplit trHeight tblHeader",
    "tc": "tcPr p",
    "tcPr": "tcW gridSpan vMerge tcBorders shd noWrap tcMar vAlign",
    "sectPr": "headerReference footerReference type pgSz pgMar pgNumType cols titlePg docGrid",
    "styles": "docDefaults latentStyles style",
    "style": "name basedOn next link uiPriority qFormat pPr rPr",
    "docDefaults": "rPrDefault pPrDefault",
    "settings": "zoom defaultTabStop characterSpacingControl compat",
    "ftr": "p",
}
FREE = {"body"}
"""Elements whose children may stand in any order, but for the last (sectPr)."""


@dataclass(frozen=True)
class WordCell:
    """A cell as Word reads it: its lines, how many columns it spans, and ``restart``, ``continue`` or ``""``."""

    text: str
    span: int
    merge: str


def parts(data: bytes) -> dict[str, bytes]:
    with ZipFile(io.BytesIO(data)) as file:
        assert file.testzip() is None
        return {name: file.read(name) for name in file.namelist()}


def root(data: bytes, name: str = "word/document.xml") -> Any:
    return etree.fromstring(parts(data)[name])


def tag(element: Any) -> str:
    return etree.QName(element).localname


def paragraph_text(paragraph: Any) -> str:
    return "".join(node.text or "" for node in paragraph.iter(f"{W}t"))


def body_lines(data: bytes) -> list[str]:
    """Return the paragraphs outside tables."""
    return [paragraph_text(child) for child in root(data).find(f"{W}body") if tag(child) == "p"]


def tables(data: bytes) -> list[list[list[WordCell]]]:
    return [
        [[_cell(cell) for cell in row.iterfind(f"{W}tc")] for row in table.iterfind(f"{W}tr")]
        for table in root(data).iter(f"{W}tbl")
    ]


def _cell(cell: Any) -> WordCell:
    span, merge = cell.find(f"{W}tcPr/{W}gridSpan"), cell.find(f"{W}tcPr/{W}vMerge")
    return WordCell(
        text="\n".join(paragraph_text(paragraph) for paragraph in cell.iterfind(f"{W}p")),
        span=1 if span is None else int(span.get(f"{W}val")),
        merge="" if merge is None else merge.get(f"{W}val"),
    )


def disorder(element: Any) -> list[str]:
    """Return what stands in the wrong place below ``element``."""
    wrong = []
    for parent in element.iter(*(f"{W}{name}" for name in ORDER)):
        known = ORDER[tag(parent)].split()
        found = [tag(child) for child in parent]
        wrong += [f"{name} in {tag(parent)}" for name in found if name not in known]
        if tag(parent) not in FREE and found != sorted(
            found, key=known.index if set(found) <= set(known) else len
        ):
            wrong.append(f"{tag(parent)}: {' '.join(found)}")
    return wrong
