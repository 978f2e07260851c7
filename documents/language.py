"""The languages of the documents: Chinese first, English by choice."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from documents.errors import RenderError

CHINESE = "zh-CN"
ENGLISH = "en"
SUFFIXES: Mapping[str, str] = {CHINESE: "zh", ENGLISH: "en"}


def words(tables: Mapping[str, Mapping[str, str]], language: str) -> Mapping[str, str]:
    """Return the table of a language.

    Raises:
        RenderError: there is no such language.
    """
    if language not in tables:
        raise RenderError(f"language {language!r} is not known; write {' or '.join(tables)}")
    return tables[language]


def picked(entry: Mapping[str, Any], name: str, language: str) -> str:
    """Return the text ``name`` of an entry in a language: ``name_zh`` or ``name_en``, ``zh`` or ``en``.

    An entry without a text in that language answers with the Chinese one.
    """
    stem = f"{name}_" if name else ""
    return str(entry.get(stem + SUFFIXES[language]) or entry.get(f"{stem}zh") or "")
