"""What a page declares: its path, who may open it, and its place in the navigation."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from starlette.responses import Response

from console.access.roles import Need
from console.visit import Visit

MOST_FORM_BYTES = 64 * 1024
"""Of a form without a file, and of each field that is none."""
HEAVY_BYTES = 64 * 1024 * 1024

Endpoint = Callable[[Visit], Response]


@dataclass(frozen=True)
class Entry:
    """A place in the navigation: the key of its words, its order among the others, whether it shows a month."""

    words: str
    order: int
    monthly: bool = False


@dataclass(frozen=True)
class Page:
    """One route. ``most_bytes`` bounds what a browser may send to it; ``files`` how many files a form may have.

    ``is_page``: it answers with a page of its own, not with a file to save, and does not lead elsewhere.
    ``within_s``: how long sending may take; ``None``: as long as the service's settings say.
    """

    path: str
    endpoint: Endpoint
    needs: Need
    methods: tuple[str, ...] = ("GET",)
    entry: Entry | None = None
    most_bytes: int = MOST_FORM_BYTES
    files: int = 0
    is_page: bool = True
    within_s: float | None = None

    @property
    def heavy(self) -> bool:
        """Whether so much may be sent that only some may do so at once."""
        return self.most_bytes > HEAVY_BYTES
