"""The page of a check: what a reviewer reads and prints, one HTML file that stands alone."""

from __future__ import annotations

from documents.check_page.page import LANGUAGES, check_html

__all__ = ["LANGUAGES", "check_html"]
