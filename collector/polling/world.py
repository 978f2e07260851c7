"""What a poller works with, handed in from outside."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path

from sqlalchemy import Connection

from collector.errors import StoreBusyError
from collector.http.log import Log
from collector.opening import OpenStore
from collector.polling.opening import Keys
from collector.sources.calling import Clocks
from collector.sources.registry import Plugins
from collector.store.engine import Store

WRITE_ATTEMPTS = 6
WRITE_PAUSE_S = 2


@dataclass(frozen=True)
class World:
    """What a poller works with: the store, time, plug-ins, secrets, and where it tells what happens."""

    opened: OpenStore
    plugins: Plugins
    keys: Keys
    clocks: Clocks
    log: Log
    lock_directory: Path
    stopping: Callable[[], bool] = bool
    """Asked between questions: the run ends early when it returns true."""


@contextmanager
def patiently_writing(store: Store, clocks: Clocks) -> Iterator[Connection]:
    """Give a writing connection, waiting for others that write for longer than usual.

    Raises:
        StoreBusyError: they write for too long.
        StoreError: the store cannot be used.
    """
    for attempt in range(1, WRITE_ATTEMPTS + 1):
        with ExitStack() as stack:
            try:
                connection = stack.enter_context(store.writing())
            except StoreBusyError:
                if attempt == WRITE_ATTEMPTS:
                    raise
            else:
                yield connection
                return
        clocks.sleep(WRITE_PAUSE_S)
