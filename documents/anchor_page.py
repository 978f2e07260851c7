"""One page for the company log book: the short code, the QR code of the whole note, lines to sign."""

from __future__ import annotations

import os

import typst

from documents.errors import RenderError
from documents.fonts import find_font

_SOURCE = """
#set page(paper: "a5", margin: 14mm)
#set text(font: sys.inputs.family, size: 10pt, lang: "zh")
#set par(leading: 0.7em)
#text(size: 15pt, weight: "bold")[星证 StarProof：日志检查点 log checkpoint]
#v(2mm)
#grid(columns: (34mm, 1fr), row-gutter: 3mm,
  [企业 enterprise], sys.inputs.enterprise,
  [时点 moment], sys.inputs.day,
  [记录数 size], sys.inputs.size,
)
#v(3mm)
短码 short code
#block(width: 100%, inset: 3mm, stroke: 0.6pt, align(center, text(size: 15pt, sys.inputs.code)))
#v(2mm)
#align(center, image(bytes(sys.inputs.qr), format: "svg", width: 62mm))
#v(2mm)
#set text(size: 9pt)
请粘贴或抄写在当日记录之后并写上日期，不得涂改；评审人员用它核对证据包：\\
Glue or copy this behind the entries of the day, with the date. A reviewer checks the pack with it:
#align(center, raw("--code " + sys.inputs.size + "=" + sys.inputs.code + "@YYYY-MM-DD"))
#v(6mm)
#grid(columns: (1fr, 1fr), column-gutter: 8mm,
  [日期 date #box(width: 1fr, line(length: 100%, stroke: 0.4pt))],
  [签名 signature #box(width: 1fr, line(length: 100%, stroke: 0.4pt))],
)
"""


def anchor_pdf(*, enterprise: str, day: str, size: int, code: str, qr_svg: bytes) -> bytes:
    """Return the page as PDF (A5).

    Args:
        enterprise: whose log it is.
        day: the local day or month that the checkpoint closes, empty if none.
        size: leaves of the log.
        code: the short code.
        qr_svg: the QR code of the whole note.

    Raises:
        FontError: there is no Chinese font.
        RenderError: the page cannot be laid out.
    """
    font = find_font(environment=os.environ)
    inputs = {
        "family": font.family,
        "enterprise": enterprise,
        "day": f"{day} 结束时 end of {day}" if day else "日间 made during the day",
        "size": str(size),
        "code": code,
        "qr": qr_svg.decode(),
    }
    fonts = typst.Fonts(font_paths=list(font.folders))
    try:
        return bytes(typst.compile(_SOURCE.encode(), font_paths=fonts, sys_inputs=inputs))
    except typst.TypstError as error:
        raise RenderError(f"the page cannot be laid out: {error.message}") from error
