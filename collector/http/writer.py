"""The one thread that writes to the store, with a short queue in front of it.

Writers of one process never contend for the database's lock; when the queue is full the service
says so at once instead of letting requests pile up.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

from collector.errors import RequestError

RETRY_AFTER_S = 5

T = TypeVar("T")


class Writer:
    """Runs jobs one after another in a thread of its own. Used from one event loop."""

    def __init__(self, pending: int) -> None:
        """Let at most ``pending`` jobs wait or run."""
        self._pool = ThreadPoolExecutor(max_workers=1, thread_name_prefix="starproof-writer")
        self._free = pending

    async def run(self, job: Callable[[], T]) -> T:
        """Return what ``job`` returns, once it has had its turn.

        A caller that goes away does not stop its job: what was begun is finished.

        Raises:
            RequestError: 503, too many jobs are waiting.
        """
        if self._free <= 0:
            raise RequestError(
                503, "UNAVAILABLE", "the collector is busy; try again", retry_after_s=RETRY_AFTER_S
            )
        self._free -= 1
        loop = asyncio.get_running_loop()
        future = loop.run_in_executor(self._pool, job)
        future.add_done_callback(self._done)
        return await asyncio.shield(future)

    def close(self) -> None:
        """Finish what is waiting and end the thread."""
        self._pool.shutdown(wait=True)

    def _done(self, future: asyncio.Future[T]) -> None:
        self._free += 1
        if not future.cancelled():
            future.exception()  # seen here even if the caller has gone away
