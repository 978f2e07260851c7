"""How much one sender may have in progress at once, so that it does not take what all share."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager

from collector.errors import RequestError

AT_ONCE = 4
"""Batches of one key that are read or wait; an agent sends one after another."""
RETRY_AFTER_S = 1


class Shares:
    """Requests in progress, by sender. Used from one event loop."""

    def __init__(self, most: int) -> None:
        """Let each sender have at most ``most``."""
        self._most = most
        self._open: Counter[str] = Counter()

    @contextmanager
    def hold(self, sender: str) -> Iterator[None]:
        """Count a request while it lasts.

        Raises:
            RequestError: 429, the sender has as many as it may.
        """
        if self._open[sender] >= self._most:
            raise RequestError(
                429,
                "SLOW_DOWN",
                f"{self._most} requests of this sender are under way; send one after another",
                retry_after_s=RETRY_AFTER_S,
            )
        self._open[sender] += 1
        try:
            yield
        finally:
            self._open[sender] -= 1
            if not self._open[sender]:
                del self._open[sender]
