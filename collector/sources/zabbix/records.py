"""Parts of answers, checked before they are used. Zabbix writes every number as a text."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from collector.sources.errors import AnswerError

_MAX_DIGITS = 20


def rows(result: Any, *, where: str) -> list[Mapping[str, Any]]:
    """Return a result that is a list of objects.

    Raises:
        AnswerError: it is something else.
    """
    if not isinstance(result, list) or not all(isinstance(row, dict) for row in result):
        raise AnswerError(f"{where}: the result is not a list of objects")
    return result


def text(row: Mapping[str, Any], name: str, *, where: str) -> str:
    """Return a property as text.

    Raises:
        AnswerError: it is not there or is neither text nor whole number.
    """
    value = row.get(name)
    if isinstance(value, bool) or not isinstance(value, (str, int)):
        raise AnswerError(f"{where}: {name} is missing or not a text")
    return str(value)


def whole(row: Mapping[str, Any], name: str, *, where: str) -> int:
    """Return a property that is a whole number of at least 0. Raises as ``text``, and if it is none."""
    value = text(row, name, where=where)
    if not value.isascii() or not value.isdigit() or len(value) > _MAX_DIGITS:
        raise AnswerError(f"{where}: {name} is not a whole number")
    return int(value)


def parts(row: Mapping[str, Any], name: str, *, where: str) -> list[Mapping[str, Any]]:
    """Return a property that is a list of objects, empty where it is left out. Raises as ``rows``."""
    return rows(row.get(name, []), where=f"{where}: {name}")
