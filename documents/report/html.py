"""The report as one HTML file: styles and drawings inside, no script, nothing fetched, escaped throughout.

The page forbids itself scripts and addresses (Content-Security-Policy), so that text which slipped
through an escape could still do nothing. A reader's browser supplies the fonts.
"""

from __future__ import annotations

from collections.abc import Mapping
from importlib.resources import files
from typing import Any

from jinja2 import BaseLoader, Environment, StrictUndefined
from markupsafe import Markup

from documents.report.blocks import Picture
from documents.report.view import view

_HERE = files("documents.report")


def report_html(report: Mapping[str, Any], *, language: str = "zh-CN") -> str:
    """Return a report document as one self-contained HTML file; the same report, the same text.

    Args:
        report: a document of schema ``starproof/report/1``.
        language: ``zh-CN`` or ``en``.

    Raises:
        RenderError: the report or the language cannot be used.
    """
    environment = Environment(
        loader=BaseLoader(), autoescape=True, undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True
    )
    template = environment.from_string((_HERE / "report.html.j2").read_text(encoding="utf-8"))
    style = (_HERE / "report.css").read_text(encoding="utf-8")
    return template.render(
        view=view(report, language=language),
        style=Markup(style),  # noqa: S704 - our own file
        drawing=_drawing,
    )


def _drawing(picture: Picture) -> Markup:
    """Return a drawing as markup: it comes from our renderer, which escapes every text it draws."""
    return Markup(picture.svg)  # noqa: S704 - see above
