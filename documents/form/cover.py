"""The cover and the page 填表说明, drawn."""

from __future__ import annotations

from docx.oxml.xmlchemy import BaseOxmlElement

from documents.form import content
from documents.form.content import Cover
from documents.form.grid import Align
from documents.form.ooxml import paragraph, run, run_properties

TITLE_HALF_POINTS = 52
"""一号, 26 points: the title alone is larger than 小四."""
SUBTITLE_HALF_POINTS = 32
"""三号, 16 points."""
TITLE_DROP_POINTS = 130
FIELDS_DROP_POINTS = 150
ISSUER_DROP_POINTS = 190
FIELD_INDENT_POINTS = 78
NAME_CHARACTERS = 16
"""The underlined place for the name is at least so wide."""
BLANK = "　"


def cover_page(cover: Cover) -> list[BaseOxmlElement]:
    """Return the paragraphs of the cover."""
    title = run_properties(half_points=TITLE_HALF_POINTS, bold=True)
    subtitle = run_properties(half_points=SUBTITLE_HALF_POINTS)
    return [
        paragraph(
            run(cover.title, title), align=Align.CENTER, before_points=TITLE_DROP_POINTS, style="Title"
        ),
        paragraph(run(cover.subtitle, subtitle), align=Align.CENTER, before_points=12, style="Subtitle"),
        paragraph(
            run(content.APPLICANT_LABEL, run_properties()),
            run(cover.applicant.ljust(NAME_CHARACTERS, BLANK), run_properties(underlined=True)),
            run(content.SEAL, run_properties()),
            before_points=FIELDS_DROP_POINTS,
            indent_points=FIELD_INDENT_POINTS,
        ),
        paragraph(
            run(content.DATE_LABEL, run_properties()),
            run(cover.date, run_properties()),
            before_points=24,
            indent_points=FIELD_INDENT_POINTS,
        ),
        paragraph(run(cover.issuer, run_properties()), align=Align.CENTER, before_points=ISSUER_DROP_POINTS),
    ]


def instructions_page(lines: tuple[str, ...]) -> list[BaseOxmlElement]:
    """Return 填表说明 on a page of its own."""
    heading = run(content.INSTRUCTIONS_TITLE, run_properties(bold=True))
    return [
        paragraph(heading, align=Align.CENTER, after_points=18, new_page=True),
        *(paragraph(run(line, run_properties()), after_points=9) for line in lines),
    ]
