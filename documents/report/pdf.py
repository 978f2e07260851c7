"""The report as PDF/A-3b: typst lays out the view, the figures file travels inside.

The template is ours and fixed; everything from the report goes in as data, so no name or reason can
become markup. PDF/A refuses text that no font can show: such characters are printed by their number.
"""

from __future__ import annotations

import hashlib
import json
import os
import re
from collections.abc import Mapping
from dataclasses import asdict
from html import escape as markup_escape
from importlib.resources import files
from typing import Any, Final

import typst

from documents.charts.drawing import FONT
from documents.display import escape
from documents.errors import RenderError
from documents.fonts import Font, find_font
from documents.report.view import view

STANDARD: Final = "a-3b"
TRIALS = 4
"""Times the layout is tried while it still meets characters that no font has."""
ASCII_END = 0x80
_NOT_SHOWN = re.compile(r'the text `"(.*?)"` could not be displayed')
_POINT = re.compile(r"\\u\{([0-9a-f]{1,6})\}")
_HERE = files("documents.report")


def report_pdf(
    report: Mapping[str, Any], *, figures_json: bytes, language: str = "zh-CN", font: Font | None = None
) -> bytes:
    """Return a report document as PDF/A-3b with ``figures.json`` attached; the same input, the same bytes.

    Args:
        report: a document of schema ``starproof/report/1``.
        figures_json: the figures file that the report was made from.
        language: ``zh-CN`` or ``en``.
        font: what ``find_font`` found; by default it is called with the environment of the process.

    Raises:
        RenderError: the report, the language or the figures file cannot be used.
        FontError: no font can show Chinese.
    """
    shown = asdict(view(report, language=language))
    figures = _figures_text(report, figures_json)
    chosen = find_font(environment=os.environ) if font is None else font
    _name_family(shown, chosen.family)
    return _compile(shown, figures=figures, font=chosen, made_s=report["made_ms"] // 1000)


def _figures_text(report: Mapping[str, Any], figures_json: bytes) -> str:
    """Return the attachment as text, which is how it reaches the layout, and as what it is: UTF-8."""
    if hashlib.sha256(figures_json).hexdigest() != report["hashes"]["figures"]:
        raise RenderError(
            "the figures file is not the one this report names; attach the one it was made from"
        )
    return figures_json.decode("utf-8")


def _name_family(shown: dict[str, Any], family: str) -> None:
    """Let the drawings ask for the font of the text."""
    wanted = f'font-family="{markup_escape(family)}"'
    for section in shown["sections"]:
        for block in section["blocks"]:
            if block["kind"] == "picture":
                block["svg"] = block["svg"].replace(f'font-family="{FONT}"', wanted)


def _compile(shown: dict[str, Any], *, figures: str, font: Font, made_s: int) -> bytes:
    source = (_HERE / "report.typ").read_bytes()
    text = json.dumps(shown, ensure_ascii=False)
    fonts = typst.Fonts(font_paths=list(font.folders))
    for _ in range(TRIALS):
        try:
            return typst.compile(
                source,
                font_paths=fonts,
                sys_inputs={"view": text, "figures": figures, "family": font.family},
                pdf_standards=STANDARD,
                timestamp=made_s,
            )
        except typst.TypstError as error:
            odd = _not_shown(error)
            if not odd:
                raise RenderError(f"the PDF cannot be laid out: {error.message}") from error
            for character in sorted(odd):
                text = text.replace(character, json.dumps(escape(character))[1:-1])
    raise RenderError(f"the font {font.family} lacks too many characters of this report; name another font")


def _not_shown(error: typst.TypstError) -> set[str]:
    """Return the characters that typst could not show, out of its messages."""
    found: set[str] = set()
    for words in _NOT_SHOWN.findall(error.diagnostic):
        plain = _POINT.sub(lambda match: chr(int(match.group(1), 16)), words)
        found |= {character for character in plain if ord(character) >= ASCII_END}
    return found
