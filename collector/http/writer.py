"""The one thread that writes to the store, with a short queue in front of it in which senders take turns.

Writers of one process never contend for the database's lock; when the queue is full the service says so at
once instead of letting requests pile up. One sender has a part of it at most, and its second batch comes
after everybody's first. Batches that came in while something else was written are written together, in one
transaction with one wait for the disk.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any, Generic, TypeVar

from collector.errors import RequestError, StoreBusyError

RETRY_AFTER_S = 5
PARTS = 4
"""One sender's jobs and items take at most this part of the queue."""

T = TypeVar("T")
Item = TypeVar("Item")
Outcome = TypeVar("Outcome")


@dataclass(frozen=True)
class _Turn(Generic[Item]):
    """What waits: a job, or an item that is written together with others."""

    future: asyncio.Future[Any]
    job: Callable[[], Any] | None = None
    item: Item | None = None


class Writer(Generic[Item, Outcome]):
    """Runs jobs one after another in a thread of its own. Used from one event loop."""

    def __init__(self, pending: int, together: Callable[[Sequence[Item]], Sequence[Outcome]]) -> None:
        """Let at most ``pending`` jobs and items wait or run; ``together`` writes items, all or none."""
        self._pool = ThreadPoolExecutor(max_workers=1, thread_name_prefix="starproof-writer")
        self._free = pending
        self._of_one = max(1, pending // PARTS)
        self._together = together
        self._waiting: dict[str, deque[_Turn[Item]]] = {}
        self._senders: deque[str] = deque()
        self._runs = False

    async def run(self, job: Callable[[], T], *, sender: str = "") -> T:
        """Return what ``job`` returns, once it has had its turn among the senders.

        A caller that goes away does not stop its job: what was begun is finished.

        Raises:
            RequestError: 503, too many jobs are waiting; 429, too many of this sender.
        """
        future = self._require_place(sender)
        self._queue(sender, _Turn(future, job=job))
        return await asyncio.shield(future)

    async def write(self, item: Item, *, sender: str = "") -> Outcome:
        """Return what became of ``item``, written together with those that wait when its turn comes.

        Raises:
            RequestError: 503, too many jobs are waiting; 429, too many of this sender.
        """
        future = self._require_place(sender)
        self._queue(sender, _Turn(future, item=item))
        return await asyncio.shield(future)

    def close(self) -> None:
        """Finish what runs and end the thread; what still waits was acknowledged to nobody."""
        for turns in self._waiting.values():
            for turn in turns:
                turn.future.cancel()
        self._waiting.clear()
        self._senders.clear()
        self._pool.shutdown(wait=True)

    def _require_place(self, sender: str) -> asyncio.Future[Any]:
        if self._free <= 0:
            raise RequestError(
                503, "UNAVAILABLE", "the collector is busy; try again", retry_after_s=RETRY_AFTER_S
            )
        if len(self._waiting.get(sender, ())) >= self._of_one:
            raise RequestError(
                429, "SLOW_DOWN", "batches of this sender are waiting already", retry_after_s=RETRY_AFTER_S
            )
        self._free -= 1
        return asyncio.get_running_loop().create_future()

    def _queue(self, sender: str, turn: _Turn[Item]) -> None:
        if sender not in self._waiting:
            self._waiting[sender] = deque()
            self._senders.append(sender)
        self._waiting[sender].append(turn)
        if not self._runs:
            self._next()

    def _next(self) -> None:
        """Begin the job whose turn it is, or all items whose turns follow one another."""
        self._runs = bool(self._senders)
        if not self._runs:
            return
        turns = [self._take()]
        job = turns[0].job
        while job is None and self._senders and self._waiting[self._senders[0]][0].job is None:
            turns.append(self._take())
        loop = asyncio.get_running_loop()
        if job is not None:
            running = loop.run_in_executor(self._pool, _outcome, job)
            running.add_done_callback(lambda done: self._done(turns, [done.result()]))
            return
        items = [turn.item for turn in turns]
        writing = loop.run_in_executor(self._pool, self._write, items)
        writing.add_done_callback(lambda done: self._done(turns, done.result()))

    def _take(self) -> _Turn[Item]:
        sender = self._senders.popleft()
        turns = self._waiting[sender]
        turn = turns.popleft()
        if turns:
            self._senders.append(sender)
        else:
            del self._waiting[sender]
        return turn

    def _write(self, items: Sequence[Any]) -> Sequence[Any]:
        """Return what became of each item, an exception where it failed. Runs in the thread."""
        outcomes = _outcome(lambda: self._together(items))
        if not isinstance(outcomes, Exception):
            return list(outcomes)
        if len(items) == 1 or isinstance(outcomes, StoreBusyError):
            return [outcomes] * len(items)
        # Nothing was written: the one that is at fault must not stop the others.
        return [self._write([item])[0] for item in items]

    def _done(self, turns: Sequence[_Turn[Item]], outcomes: Sequence[Any]) -> None:
        self._free += len(turns)
        for turn, outcome in zip(turns, outcomes, strict=True):
            if turn.future.done():
                continue
            if isinstance(outcome, Exception):
                turn.future.set_exception(outcome)
                turn.future.exception()  # seen here even if the caller has gone away
            else:
                turn.future.set_result(outcome)
        self._next()


def _outcome(job: Callable[[], Any]) -> Any:
    """Return what a job returns, or its exception: whatever it is, each caller gets it."""
    try:
        return job()
    except Exception as error:  # noqa: BLE001 - see above
        return error
