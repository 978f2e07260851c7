"""How much one sender may have in progress at once, so that it does not take what all share.

A sender is a key together with an address: anybody can write the name of a key into a head, and must not use up
what its host may have (``sender_of``).
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager

from collector.errors import RequestError

AT_ONCE = 4
"""Whole batches of one key from one address that are judged or wait; an agent sends one after another."""
RETRY_AFTER_S = 1


def sender_of(address: str, key: str) -> str:
    """Return the name under which requests of a key from an address are counted."""
    return f"{address} {key}"


class Shares:
    """Batches in progress, by sender. Used from one event loop."""

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
