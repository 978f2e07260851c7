"""How many bytes of request bodies the service holds at once, over all connections.

Who sends is not known before a body is whole: the key's name in the head is no secret. So nothing here is counted
for a key. (1) The first ``UNCOUNTED_BYTES`` of each body are always taken: the ordinary delivery of a host is
smaller, so it comes in whatever others hold; the limit of connections bounds these. (2) What is above is bounded in
all, and one address has a half of it at most.
"""

from __future__ import annotations

from collections import Counter
from types import TracebackType
from typing import Self

from collector.errors import RequestError
from collector.http.writer import RETRY_AFTER_S

MAX_BODY_BYTES_IN_FLIGHT = 128 * 1024 * 1024
"""Bodies that are being read, wait for the writer or are taken in."""
UNCOUNTED_BYTES = 64 * 1024
"""Ten minutes of a host are two or three KiB; 512 connections with so much each are 32 MiB."""
PARTS = 2
"""One address holds at most this part."""


class Budget:
    """A number of bytes that requests hold and give back. Used from one event loop."""

    def __init__(self, most: int) -> None:
        """Let requests hold at most ``most`` bytes together, beside what is not counted."""
        self._free = most
        self._of_one = most // PARTS
        self._held: Counter[str] = Counter()

    def hold(self, address: str) -> Hold:
        """Return the part of a request from an address, empty at first; it is given back when its block ends."""
        return Hold(self, address)

    def take(self, count: int, address: str) -> None:
        """Hold ``count`` bytes more.

        Raises:
            RequestError: 503, all requests together, or those of this address, hold too much already.
        """
        if count > min(self._free, self._of_one - self._held[address]):
            raise RequestError(
                503, "UNAVAILABLE", "too much is being sent at once; try again", retry_after_s=RETRY_AFTER_S
            )
        self._free -= count
        self._held[address] += count

    def give_back(self, count: int, address: str) -> None:
        """Hold ``count`` bytes less."""
        self._free += count
        self._held[address] -= count
        if not self._held[address]:
            del self._held[address]


class Hold:
    """What one request holds of a budget, as a context manager."""

    def __init__(self, budget: Budget, address: str) -> None:
        self._budget = budget
        self._address = address
        self._read = 0

    def take(self, count: int) -> None:
        """Hold ``count`` bytes more.

        Raises:
            RequestError: 503, all requests together, or those of this address, hold too much already.
        """
        more = _counted(self._read + count) - _counted(self._read)
        if more:
            self._budget.take(more, self._address)
        self._read += count

    def __enter__(self) -> Self:
        """Begin with nothing held."""
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Give everything back."""
        self._budget.give_back(_counted(self._read), self._address)
        self._read = 0


def _counted(size: int) -> int:
    return max(0, size - UNCOUNTED_BYTES)
