"""Copies for reading: form and report rendered for people, where the machine can."""

from __future__ import annotations

import os
from collections.abc import Mapping

from documents.errors import FontError
from starproof.extras import MissingExtraError, require_documents
from verifier import layout
from verifier.derivation import Declared, Documents

LANGUAGES = ("zh-CN", "en")


class ReadingCopies:
    """Renders the copies that go into a pack; ``without`` says what could not be made, and why.

    A pack without them proves the same, so their absence is no error.
    """

    def __init__(self, declared: Declared, *, language: str, font: str | None) -> None:
        self._declared = declared
        self._language = language
        self._font = font
        self.made: list[str] = []
        self.without: list[str] = []

    def __call__(self, derived: Documents) -> Mapping[str, bytes]:
        """Return the copies by the entry they become."""
        try:
            require_documents()
        except MissingExtraError as error:
            self.without.append(f"the pack has no form and no pages to read: {error}")
            return {}
        found = self._rendered(derived)
        self.made = sorted(found)
        return found

    def _rendered(self, derived: Documents) -> dict[str, bytes]:
        # Imported here: they are large, and a store without the extra packs without them.
        from documents.fonts import find_font  # noqa: PLC0415
        from documents.form.write import form_docx  # noqa: PLC0415
        from documents.report.html import report_html  # noqa: PLC0415
        from documents.report.pdf import report_pdf  # noqa: PLC0415

        report, declared = derived.report, self._declared
        found = {layout.REPORT_HTML: report_html(report, language=self._language).encode()}
        if declared.profile is not None and declared.edition.form is not None:
            found[layout.FORM] = form_docx(
                edition=declared.edition,
                profile=declared.profile,
                figures=report["figures"],
                verdict=report["verdict"],
            )
        try:
            font = find_font(self._font, environment=os.environ)
            found[layout.REPORT_PDF] = report_pdf(
                report, figures_json=derived.figures_bytes, language=self._language, font=font
            )
        except FontError as error:
            self.without.append(f"the pack has no PDF: {error}")
        return found
