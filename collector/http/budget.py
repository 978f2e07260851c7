"""How many bytes of request bodies the service holds at once, over all connections."""

from __future__ import annotations

from types import TracebackType
from typing import Self

from collector.errors import RequestError
from collector.http.writer import RETRY_AFTER_S

MAX_BODY_BYTES_IN_FLIGHT = 128 * 1024 * 1024
"""Bodies that are being read, wait for the writer or are taken in."""


class Budget:
    """A number of bytes that requests hold and give back. Used from one event loop."""

    def __init__(self, most: int) -> None:
        """Let requests hold at most ``most`` bytes together."""
        self._free = most

    def hold(self) -> Hold:
        """Return a request's part, empty at first; it is given back when its block ends."""
        return Hold(self)

    def take(self, count: int) -> None:
        """Hold ``count`` bytes more.

        Raises:
            RequestError: 503, all requests together hold too much already.
        """
        if count > self._free:
            raise RequestError(
                503, "UNAVAILABLE", "too much is being sent at once; try again", retry_after_s=RETRY_AFTER_S
            )
        self._free -= count

    def give_back(self, count: int) -> None:
        """Hold ``count`` bytes less."""
        self._free += count


class Hold:
    """What one request holds of a budget, as a context manager."""

    def __init__(self, budget: Budget) -> None:
        self._budget = budget
        self._held = 0

    def take(self, count: int) -> None:
        """Hold ``count`` bytes more.

        Raises:
            RequestError: 503, all requests together hold too much already.
        """
        self._budget.take(count)
        self._held += count

    def __enter__(self) -> Self:
        """Begin with nothing held."""
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Give everything back."""
        self._budget.give_back(self._held)
        self._held = 0
