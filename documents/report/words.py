"""Every word of the report that does not come from the report document, in both languages."""

from __future__ import annotations

from collections.abc import Mapping

from documents.report.words_en import ENGLISH_WORDS
from documents.report.words_zh import CHINESE_WORDS

TABLES: Mapping[str, Mapping[str, str]] = {"zh-CN": CHINESE_WORDS, "en": ENGLISH_WORDS}
