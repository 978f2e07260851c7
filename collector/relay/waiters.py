"""Requests that wait until chunks of their key were answered; rung from the forwarder's thread."""

from __future__ import annotations

import asyncio
from collections import defaultdict
from collections.abc import Iterator
from contextlib import contextmanager


class Waiters:
    """The requests that wait, by key. ``loop`` is the event loop that they wait in."""

    def __init__(self) -> None:
        """Begin with nobody waiting."""
        self.loop: asyncio.AbstractEventLoop | None = None
        self._bells: defaultdict[str, set[asyncio.Event]] = defaultdict(set)

    @contextmanager
    def waiting(self, key: str) -> Iterator[asyncio.Event]:
        """Give an event that is set whenever something became of the chunks of ``key``."""
        bell = asyncio.Event()
        self._bells[key].add(bell)
        try:
            yield bell
        finally:
            self._bells[key].discard(bell)
            if not self._bells[key]:
                del self._bells[key]

    def ring(self, key: str) -> None:
        """Wake who waits for ``key``; may be called from any thread."""
        if self.loop is not None and not self.loop.is_closed():
            self.loop.call_soon_threadsafe(self._ring, key)

    def _ring(self, key: str) -> None:
        for bell in self._bells.get(key, ()):
            bell.set()
