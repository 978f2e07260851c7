"""Fields of a decoded answer, checked. Each function says where in the answer something is wrong."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from decimal import Decimal
from typing import Any

from collector.sources.errors import AnswerError

Row = tuple[Mapping[str, Any], str]
"""A row of an answer and the id of the request that gave it."""

MAX_TEXT = 4_096
"""Characters of one text field; names and identifiers are far shorter."""


def mapping(value: object, *, where: str) -> Mapping[str, Any]:
    """Return an object of the answer.

    Raises:
        AnswerError: it is something else.
    """
    if isinstance(value, dict):
        return value
    raise AnswerError(f"{where}: an object was expected")


def rows(document: Mapping[str, Any], key: str, *, where: str) -> tuple[Mapping[str, Any], ...]:
    """Return a list of objects; ``null`` is an empty one.

    Raises:
        AnswerError: it is missing or not a list of objects.
    """
    return tuple(
        mapping(row, where=f"{where}: {key}[{number}]")
        for number, row in enumerate(values(document, key, where=where))
    )


def values(document: Mapping[str, Any], key: str, *, where: str) -> list[Any]:
    """Return a list; ``null`` is an empty one.

    Raises:
        AnswerError: it is missing or not a list.
    """
    found = document.get(key, "")
    if found is None:
        return []
    if isinstance(found, list):
        return found
    raise AnswerError(f"{where}: {key} is not a list")


def text(document: Mapping[str, Any], key: str, *, where: str) -> str:
    """Return a text that is not empty.

    Raises:
        AnswerError: it is missing, empty, too long or something else.
    """
    found = document.get(key)
    if isinstance(found, str) and 0 < len(found) <= MAX_TEXT:
        return found
    raise AnswerError(f"{where}: {key} is not a text of 1 to {MAX_TEXT} characters")


def text_or_empty(document: Mapping[str, Any], key: str, *, where: str) -> str:
    """Return a text, "" where it is missing or ``null``.

    Raises:
        AnswerError: it is something else or too long.
    """
    return text(document, key, where=where) if document.get(key) not in (None, "") else ""


def whole(value: object, *, where: str) -> int:
    """Return a whole number that is not negative; 60, 60.0 and "60" are the same.

    Raises:
        AnswerError: it is not one.
    """
    if isinstance(value, str) and value.isascii() and value.isdigit() and len(value) <= _MAX_DIGITS:
        return int(value)
    if isinstance(value, (int, Decimal)) and not isinstance(value, bool):
        if isinstance(value, Decimal) and value.adjusted() > _MAX_DIGITS:
            raise AnswerError(f"{where}: a whole number was expected")
        if value >= 0 and value == int(value):
            return int(value)
    raise AnswerError(f"{where}: a whole number was expected")


def once(found: Iterable[Row], *, key: str) -> Iterator[Row]:
    """Yield each row once: where rows come and go between two pages, one can stand on both."""
    seen: set[object] = set()
    for row, request_id in found:
        if row.get(key) not in seen:
            seen.add(row.get(key))
            yield row, request_id


_MAX_DIGITS = 18
