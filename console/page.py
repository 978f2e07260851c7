"""What a page declares: its path, who may open it, and its place in the navigation."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from starlette.responses import Response

from console.access.roles import Need
from console.visit import Visit

MOST_FORM_BYTES = 64 * 1024
"""Of a form without a file."""

Endpoint = Callable[[Visit], Response]


@dataclass(frozen=True)
class Entry:
    """A place in the navigation: the key of its words, and its order among the others."""

    words: str
    order: int


@dataclass(frozen=True)
class Page:
    """One route. ``most_bytes`` bounds what a browser may send to it; ``files`` how many files a form may have."""

    path: str
    endpoint: Endpoint
    needs: Need
    methods: tuple[str, ...] = ("GET",)
    entry: Entry | None = None
    most_bytes: int = MOST_FORM_BYTES
    files: int = 0
