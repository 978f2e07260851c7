"""The one thread that writes to the store, with a short queue in front of it.

Writers of one process never contend for the database's lock; when the queue is full the service
says so at once instead of letting requests pile up. Batches that came in while another one was written are
written together, in one transaction with one wait for the disk.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Generic, TypeVar

from collector.errors import RequestError, StoreBusyError

RETRY_AFTER_S = 5

T = TypeVar("T")
Item = TypeVar("Item")
Outcome = TypeVar("Outcome")


class Writer(Generic[Item, Outcome]):
    """Runs jobs one after another in a thread of its own. Used from one event loop."""

    def __init__(self, pending: int, together: Callable[[Sequence[Item]], Sequence[Outcome]]) -> None:
        """Let at most ``pending`` jobs and items wait or run; ``together`` writes items, all or none."""
        self._pool = ThreadPoolExecutor(max_workers=1, thread_name_prefix="starproof-writer")
        self._free = pending
        self._together = together
        self._waiting: deque[tuple[Item, Future[Outcome]]] = deque()

    async def run(self, job: Callable[[], T]) -> T:
        """Return what ``job`` returns, once it has had its turn.

        A caller that goes away does not stop its job: what was begun is finished.

        Raises:
            RequestError: 503, too many jobs are waiting.
        """
        self._require_free()
        return await self._outcome(self._pool.submit(job))

    async def write(self, item: Item) -> Outcome:
        """Return what became of ``item``, written together with those that wait when its turn comes.

        Raises:
            RequestError: 503, too many jobs are waiting.
        """
        self._require_free()
        future: Future[Outcome] = Future()
        self._waiting.append((item, future))
        self._pool.submit(self._write_waiting)
        return await self._outcome(future)

    def close(self) -> None:
        """Finish what is waiting and end the thread."""
        self._pool.shutdown(wait=True)

    def _require_free(self) -> None:
        if self._free <= 0:
            raise RequestError(
                503, "UNAVAILABLE", "the collector is busy; try again", retry_after_s=RETRY_AFTER_S
            )
        self._free -= 1

    async def _outcome(self, running: Future[T]) -> T:
        future = asyncio.wrap_future(running)
        future.add_done_callback(self._done)
        return await asyncio.shield(future)

    def _write_waiting(self) -> None:
        """Write all that waits; an earlier turn may have written it already."""
        taken = [self._waiting.popleft() for _ in range(len(self._waiting))]
        if taken:
            self._write(taken)

    def _write(self, taken: Sequence[tuple[Item, Future[Outcome]]]) -> None:
        try:
            outcomes = self._together([item for item, _ in taken])
        except Exception as error:  # noqa: BLE001 - whatever it is, each caller gets it
            if len(taken) > 1 and not isinstance(error, StoreBusyError):
                for one in taken:  # nothing was written: the one that is at fault must not stop the others
                    self._write([one])
                return
            for _, future in taken:
                future.set_exception(error)
            return
        for (_, future), outcome in zip(taken, outcomes, strict=True):
            future.set_result(outcome)

    def _done(self, future: asyncio.Future[T]) -> None:
        self._free += 1
        if not future.cancelled():
            future.exception()  # seen here even if the caller has gone away
