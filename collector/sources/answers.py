"""Answers decoded within bounds: size, numbers as exact decimals, pages, items."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from decimal import Decimal
from typing import Any, Generic, NoReturn, TypeVar

from collector.sources.errors import AnswerError

MAX_ANSWER_BYTES = 32 * 1024 * 1024
MAX_PAGES = 10_000
MAX_ITEMS = 10_000_000
"""Points or rows of one question over all its pages."""

Item = TypeVar("Item")


def decode(raw: bytes | str, *, where: str, most: int = MAX_ANSWER_BYTES) -> Any:
    """Return a JSON document with numbers as ``int`` and ``Decimal``, never ``float``.

    Raises:
        AnswerError: larger than ``most`` bytes, not JSON, NaN or infinite, or nested too deep.
    """
    if len(raw) > most:
        raise AnswerError(f"{where}: the answer has more than {most} bytes; ask for less at once")
    try:
        return json.loads(raw, parse_float=Decimal, parse_constant=_refuse)
    except RecursionError:
        raise AnswerError(f"{where}: the answer is nested too deep") from None
    except (ValueError, ArithmeticError):
        raise AnswerError(f"{where}: the answer is not JSON; is this the right address?") from None


def _refuse(_constant: str) -> NoReturn:
    raise ValueError


@dataclass(frozen=True)
class Page(Generic[Item]):
    """One page and the token of the next one, ``None`` after the last."""

    items: tuple[Item, ...]
    next_token: str | None


@dataclass(frozen=True)
class Numbered(Generic[Item]):
    """One page of an answer that says how many items there are in all."""

    items: tuple[Item, ...]
    total: int


def pages(
    fetch: Callable[[str | None], Page[Item]],
    *,
    where: str,
    most_pages: int = MAX_PAGES,
    most_items: int = MAX_ITEMS,
) -> Iterator[Item]:
    """Yield the items of all pages; ``fetch`` gets the token of the page, ``None`` for the first.

    Raises:
        AnswerError: a token comes twice (the pages go round), or there are too many pages or items.
    """
    seen: set[str] = set()
    token: str | None = None
    count = 0
    for _ in range(most_pages):
        page = fetch(token)
        count = _counted(count, len(page.items), most_items, where)
        yield from page.items
        token = page.next_token
        if token is None:
            return
        if token in seen:
            raise AnswerError(f"{where}: the same page token came twice; the pages would never end")
        seen.add(token)
    raise AnswerError(f"{where}: more than {most_pages} pages; ask for less at once")


def numbered_pages(
    fetch: Callable[[int], Numbered[Item]],
    *,
    where: str,
    most_pages: int = MAX_PAGES,
    most_items: int = MAX_ITEMS,
) -> Iterator[Item]:
    """Yield the items of all pages; ``fetch`` gets how many items came before (0 for the first page).

    Raises:
        AnswerError: a page is empty although the total says that more is to come, or too many.
    """
    count = 0
    for _ in range(most_pages):
        page = fetch(count)
        if not page.items and count < page.total:
            raise AnswerError(f"{where}: {page.total} items were announced, but they end after {count}")
        count = _counted(count, len(page.items), most_items, where)
        yield from page.items
        if count >= page.total:
            return
    raise AnswerError(f"{where}: more than {most_pages} pages; ask for less at once")


def _counted(count: int, more: int, most: int, where: str) -> int:
    if count + more > most:
        raise AnswerError(f"{where}: more than {most} items; ask for less at once")
    return count + more
