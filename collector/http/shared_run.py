"""Work that many ask for and that is done once for all who ask while it lasts, in a thread of its own.

Whoever may ask without a key (``/healthz``, ``/metrics``) so takes no thread that chunks need, and a crowd costs
what one costs.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Generic, TypeVar

Result = TypeVar("Result")


class SharedRun(Generic[Result]):
    """Runs ``work``. Used from one event loop at a time."""

    def __init__(self, work: Callable[[], Result]) -> None:
        """Begin with nobody asking."""
        self._work = work
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="starproof-shared")
        self._running: asyncio.Future[Result] | None = None

    def close(self) -> None:
        """Begin nothing more."""
        self._thread.shutdown(wait=False, cancel_futures=True)

    async def result(self) -> Result:
        """Return what the run under way finds, or what a new one does; its exceptions are passed on."""
        loop = asyncio.get_running_loop()
        running = self._running
        if running is None or running.get_loop() is not loop:
            running = self._running = loop.run_in_executor(self._thread, self._work)
            running.add_done_callback(self._ended)
        return await asyncio.shield(running)  # who hangs up does not end it for the others

    def _ended(self, run: asyncio.Future[Result]) -> None:
        if self._running is run:
            self._running = None
        if not run.cancelled():
            run.exception()  # seen, also if nobody waits any more
