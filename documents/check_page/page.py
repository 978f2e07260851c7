"""The page of a check as one HTML file: no script, nothing fetched, every text from the pack escaped.

The page forbids itself scripts and addresses (Content-Security-Policy), so that text which slipped
through an escape could still do nothing. It holds no time of its own: the same check, the same bytes.
"""

from __future__ import annotations

from importlib.resources import files

from jinja2 import BaseLoader, Environment, StrictUndefined
from markupsafe import Markup

from documents.check_page.view import view
from documents.check_page.words import Pair, pair
from documents.errors import RenderError
from verifier.check import CheckReport

LANGUAGES = ("both", "zh", "en")
"""Chinese with English below it, or one of the two."""
_HTML_LANGUAGE = {"both": "zh-CN", "zh": "zh-CN", "en": "en"}
_HERE = files("documents.check_page")


def check_html(report: CheckReport, *, language: str = "both") -> str:
    """Return a check's report as one self-contained HTML file; the same report, the same text.

    Args:
        report: what the check found.
        language: one of ``LANGUAGES``.

    Raises:
        RenderError: there is no such language.
    """
    if language not in LANGUAGES:
        raise RenderError(f"language {language!r} is not known; write {' or '.join(LANGUAGES)}")
    environment = Environment(
        loader=BaseLoader(), autoescape=True, undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True
    )
    template = environment.from_string((_HERE / "page.html.j2").read_text(encoding="utf-8"))
    style = (_HERE / "page.css").read_text(encoding="utf-8")

    def plain(words: Pair) -> str:
        """Return words where no markup can stand."""
        return words[1] if language == "en" else words[0] if language == "zh" else " ".join(words)

    return template.render(
        page=view(report),
        language=language,
        html_language=_HTML_LANGUAGE[language],
        word=pair,
        plain=plain,
        style=Markup(style),  # noqa: S704 - our own file
    )
