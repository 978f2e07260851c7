"""The report document as a ``View``: the one place that decides what stands where."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from documents.display import legible
from documents.errors import RenderError
from documents.report import anchors, criteria, declared, figures, hosts, origin, questions
from documents.report.blocks import View
from documents.report.cover import cover
from documents.report.phrases import Phrases
from verifier.document import encode_figures

SCHEMA = "starproof/report/1"


def view(report: Mapping[str, Any], *, language: str) -> View:
    """Return the report, ready to lay out.

    Args:
        report: a document of schema ``starproof/report/1``.
        language: ``zh-CN`` or ``en``.

    Raises:
        RenderError: another schema, an unknown language, a number that is none.
        VerifierError: the document holds what no document may hold (floats, for example).
    """
    schema = report.get("schema")
    if schema != SCHEMA:
        raise RenderError(f"this is {schema!r}, not {SCHEMA}; make the report with this version of starproof")
    say = Phrases(language)
    report_hash = _hash(report)
    asked = questions.section(report, say)
    sections = (
        figures.overview(report, say),
        *figures.sections(report, say),
        criteria.section(report, say),
        hosts.calendar_section(report, say),
        hosts.hosts_section(report, say),
        anchors.section(report, say),
        *(() if asked is None else (asked,)),
        declared.exclusions(report, say),
        declared.scope(report, say),
        declared.profile(report, say),
        origin.section(report, say, report_hash=report_hash),
    )
    return View(
        language=language,
        title=say("title", enterprise=report["enterprise"], month=report["month"]),
        author=legible(report["enterprise"]),
        footer=say("footer", enterprise=report["enterprise"], month=report["month"]),
        hash=report_hash,
        hash_label=say("hash"),
        page_words=(say("page"), say("of")),
        contents_title=say("contents"),
        cover=cover(report, say),
        sections=tuple(
            replace(section, number=str(number)) for number, section in enumerate(sections, start=1)
        ),
    )


def _hash(report: Mapping[str, Any]) -> str:
    """Return the SHA-256 of the report's bytes, as the encoding of documents writes them."""
    try:
        return hashlib.sha256(encode_figures(dict(report))).hexdigest()
    except UnicodeEncodeError:
        raise RenderError("a text of the report holds half a character; make the report anew") from None
