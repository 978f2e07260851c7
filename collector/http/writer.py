"""The one thread that writes to the store, with a short queue in front of it in which senders take turns.

Writers of one process never contend for the database's lock; when the queue is full the service
says so at once instead of letting requests pile up. One sender has a part of it at most, and its second job
comes after everybody's first.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any, TypeVar

from collector.errors import RequestError

RETRY_AFTER_S = 5
PARTS = 4
"""One sender's jobs take at most this part of the queue."""

T = TypeVar("T")


class Writer:
    """Runs jobs one after another in a thread of its own. Used from one event loop."""

    def __init__(self, pending: int) -> None:
        """Let at most ``pending`` jobs wait or run."""
        self._pool = ThreadPoolExecutor(max_workers=1, thread_name_prefix="starproof-writer")
        self._free = pending
        self._of_one = max(1, pending // PARTS)
        self._waiting: dict[str, deque[tuple[Callable[[], Any], asyncio.Future[Any]]]] = {}
        self._turns: deque[str] = deque()
        self._runs = False

    async def run(self, job: Callable[[], T], *, sender: str = "") -> T:
        """Return what ``job`` returns, once it has had its turn among the senders.

        A caller that goes away does not stop its job: what was begun is finished.

        Raises:
            RequestError: 503, too many jobs are waiting; 429, too many of this sender.
        """
        mine = self._waiting.get(sender, ())
        if self._free <= 0:
            raise RequestError(
                503, "UNAVAILABLE", "the collector is busy; try again", retry_after_s=RETRY_AFTER_S
            )
        if len(mine) >= self._of_one:
            raise RequestError(
                429, "SLOW_DOWN", "batches of this sender are waiting already", retry_after_s=RETRY_AFTER_S
            )
        self._free -= 1
        future: asyncio.Future[T] = asyncio.get_running_loop().create_future()
        if sender not in self._waiting:
            self._waiting[sender] = deque()
            self._turns.append(sender)
        self._waiting[sender].append((job, future))
        if not self._runs:
            self._next()
        return await asyncio.shield(future)

    def close(self) -> None:
        """Finish what runs and end the thread; what still waits was acknowledged to nobody."""
        for jobs in self._waiting.values():
            for _, future in jobs:
                future.cancel()
        self._waiting.clear()
        self._turns.clear()
        self._pool.shutdown(wait=True)

    def _next(self) -> None:
        """Begin the first job of the sender whose turn it is."""
        self._runs = bool(self._turns)
        if not self._runs:
            return
        sender = self._turns.popleft()
        jobs = self._waiting[sender]
        job, future = jobs.popleft()
        if jobs:
            self._turns.append(sender)
        else:
            del self._waiting[sender]
        running = asyncio.get_running_loop().run_in_executor(self._pool, job)
        running.add_done_callback(lambda done: self._done(done, future))

    def _done(self, done: asyncio.Future[Any], future: asyncio.Future[Any]) -> None:
        self._free += 1
        error = None if done.cancelled() else done.exception()
        if not future.done():
            if done.cancelled():
                future.cancel()
            elif error is not None:
                future.set_exception(error)
                future.exception()  # seen here even if the caller has gone away
            else:
                future.set_result(done.result())
        self._next()
