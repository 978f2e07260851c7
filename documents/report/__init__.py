"""The report: one view of the report document, laid out as HTML and as PDF/A."""

from __future__ import annotations

from documents.report.html import report_html
from documents.report.pdf import report_pdf

__all__ = ["report_html", "report_pdf"]
