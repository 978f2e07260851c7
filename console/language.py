"""The words of the pages: Chinese first, English by switch."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from documents import language as documents_language

CHINESE = "zh"
ENGLISH = "en"
LANGUAGES = (CHINESE, ENGLISH)
COOKIE = "language"
TAGS: Mapping[str, str] = {CHINESE: "zh-CN", ENGLISH: "en"}
"""What HTML and the documents call the languages."""

Words = Mapping[str, tuple[str, str]]
"""Chinese and English by key."""


def merged(tables: Iterable[Words]) -> dict[str, tuple[str, str]]:
    """Return all words in one table.

    Raises:
        ValueError: a key stands in two tables.
    """
    found: dict[str, tuple[str, str]] = {}
    for table in tables:
        twice = found.keys() & table.keys()
        if twice:
            raise ValueError(f"words defined twice: {', '.join(sorted(twice))}")
        found |= table
    return found


def chosen(cookie: str | None) -> str:
    """Return the language that a browser asks for; Chinese unless it asks for another that there is."""
    return cookie if cookie in LANGUAGES else CHINESE


def picked(entry: Mapping[str, Any], name: str, language: str) -> str:
    """Return the text of a document's entry (``name_zh``, ``name_en``) in a language."""
    return documents_language.picked(entry, name, TAGS[language])
