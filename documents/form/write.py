"""The application form, from edition, profile, figures and verdict to the bytes of a DOCX file.

Steps: (1) the inputs belong together, (2) every text can stand in a Word file, (3) what stands in
each place, (4) drawn in the order of the guide. Pure: no clock, no disk.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from docx.oxml.xmlchemy import BaseOxmlElement

from documents.form import appendix, content, scope, summary
from documents.form.cover import cover_page, instructions_page
from documents.form.errors import FormError
from documents.form.figures import FormFigure, form_figures
from documents.form.grid import Line
from documents.form.layout import empty_document
from documents.form.legible import require_legible
from documents.form.ooxml import paragraph, run, run_properties
from documents.form.package import package_bytes
from documents.form.tables import line_paragraph, table
from verifier.edition import FIGURE, Edition, FormTexts
from verifier.profile import Profile

YES = "yes"


def form_docx(
    *,
    edition: Edition,
    profile: Profile,
    figures: Mapping[str, Any],
    verdict: Mapping[str, Any] | None,
) -> bytes:
    """Return the form 星级上云企业评定申请表 as a DOCX file: same input, same bytes.

    Args:
        edition: the words of the form and its rows.
        profile: what the applicant enters.
        figures: the figures document (``starproof/figures/1``) of the month.
        verdict: the verdict document (``starproof/verdict/1``); says whether the figures are
            provisional. ``None``: nothing is said.

    Raises:
        FormError: the edition prints no form, the inputs belong to different editions, or a text
            holds a character that a Word file cannot hold.
        DecimalError: a figure is not a plain decimal.
    """
    # (1)
    texts = _texts(edition)
    _require_same_edition(edition, profile, figures, verdict)
    # (2)
    require_legible(edition, "edition")
    require_legible(profile, "profile")
    # (3)
    provisional = verdict is not None and verdict["provisional"] == YES
    shown = form_figures(edition, profile, figures, provisional=provisional)
    # (4)
    document = empty_document(title=texts.title)
    body = document.element.body
    parts = [
        *cover_page(content.cover(texts, profile)),
        *instructions_page(texts.instructions),
        *_application(edition, profile, _performance(edition, profile, figures, shown)),
        *_attachments(edition, texts),
        *_appendix(edition, texts, profile, shown),
    ]
    for part in parts:
        body.sectPr.addprevious(part)
    return package_bytes(document)


def _texts(edition: Edition) -> FormTexts:
    if edition.form is None:
        raise FormError(
            f"the edition {edition.id} prints no application form; choose an edition with one, or add "
            "its words to the edition's file under [form]"
        )
    return edition.form


def _require_same_edition(
    edition: Edition, profile: Profile, figures: Mapping[str, Any], verdict: Mapping[str, Any] | None
) -> None:
    if profile.edition != edition.id:
        raise FormError(
            f"the profile is for the edition {profile.edition!r}, not {edition.id!r}; write one for it"
        )
    for name, document in (("figures", figures), ("verdict", verdict)):
        if document is not None and document["edition"]["sha256"] != edition.sha256:
            raise FormError(
                f"the {name} document was made with another edition file than {edition.id}; compute it anew"
            )


def _performance(
    edition: Edition, profile: Profile, figures: Mapping[str, Any], shown: Mapping[str, FormFigure]
) -> str:
    if profile.performance_summary.strip():
        return profile.performance_summary
    on_form = [shown[row.indicator] for row in edition.rows if row.kind == FIGURE]
    provisional = any(figure.provisional for figure in on_form)
    return summary.summary_text(edition, on_form, figures, provisional=provisional)


def _application(edition: Edition, profile: Profile, performance: str) -> list[BaseOxmlElement]:
    written = profile.scope_summary
    moved = written if written.strip() else scope.scope_text(edition, profile)
    return [
        paragraph(new_page=True),
        table(content.basics(edition, profile, scope=moved, performance=performance)),
    ]


def _attachments(edition: Edition, texts: FormTexts) -> list[BaseOxmlElement]:
    lines = content.attachment_lines(texts, edition.attachments)
    return [paragraph(), *(line_paragraph(Line(line)) for line in lines)]


def _appendix(
    edition: Edition, texts: FormTexts, profile: Profile, shown: Mapping[str, FormFigure]
) -> list[BaseOxmlElement]:
    heading = paragraph(run(texts.appendix_title, run_properties(bold=True)), after_points=9, new_page=True)
    notes = list(texts.footnotes)
    if any(figure.provisional for figure in shown.values()):
        notes.append(appendix.PROVISIONAL_FOOTNOTE)
    return [
        heading,
        table(appendix.appendix(edition, profile, shown)),
        *(line_paragraph(Line(note)) for note in notes),
        # A body must not end with a table, and a table must not touch the section's end.
        *([] if notes else [paragraph()]),
    ]
