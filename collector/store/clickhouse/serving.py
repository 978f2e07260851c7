"""Moving inside ``collector serve``: a thread that does a turn now and then, one process of all at a time.

What was put and what waits is asked of the cluster at each turn, so a process that dies leaves nothing undone.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from pathlib import Path

from collector.errors import CollectorError, StoreBusyError
from collector.http.log import Log
from collector.store import locks
from collector.store.clickhouse import moving
from collector.store.clickhouse.moving import Turn
from collector.store.engine import Store

LOCK = "clickhouse"
SUMS_EVERY_S = 3_600
"""Sums of past months are looked for more rarely: what is due changes once a month."""


def moving_frames(
    store: Store, *, directory: Path, clock: Callable[[], int], log: Log
) -> AbstractContextManager[None]:
    """Move frames while the block runs, if the settings name a cluster."""
    return (
        nullcontext() if store.cluster is None else _moving(store, directory=directory, clock=clock, log=log)
    )


@contextmanager
def _moving(store: Store, *, directory: Path, clock: Callable[[], int], log: Log) -> Iterator[None]:
    every_s = moving.require_cluster(store).settings.every_s
    stop = threading.Event()

    def run() -> None:
        sums_ms = 0
        while not stop.is_set():
            now_ms = clock()
            due = abs(now_ms - sums_ms) >= SUMS_EVERY_S * 1_000
            if look(store, directory=directory, now_ms=now_ms, log=log, sums=due) and due:
                sums_ms = now_ms
            stop.wait(every_s)

    thread = threading.Thread(target=run, name="starproof-clickhouse", daemon=True)
    thread.start()
    try:
        yield
    finally:
        stop.set()
        thread.join()


def look(store: Store, *, directory: Path, now_ms: int, log: Log, sums: bool) -> bool:
    """Do a turn, unless another process is at it; return whether it was done. A failure is told, and tried again."""
    try:
        done = turn(store, directory=directory, now_ms=now_ms, sums=sums)
    except CollectorError as error:
        busy = isinstance(error, StoreBusyError)
        log("frames_not_moved", level="warning" if busy else "error", message=str(error))
        return False
    if done is not None and (done.frames.put or done.frames.left or done.sums):
        log(
            "frames_moved",
            put=done.frames.put,
            left=done.frames.left,
            waiting=done.frames.waiting,
            day_sums=done.sums,
        )
    return done is not None


def turn(store: Store, *, directory: Path, now_ms: int, sums: bool = True) -> Turn | None:
    """Do a turn and return what it did, ``None`` if another process is at it.

    Raises:
        ClusterError: no settings name a cluster, or a server of it does not answer.
        StoreError: the database cannot be used.
    """
    with locks.alone(store, LOCK, directory=directory) as check:
        if check is None:
            return None
        return moving.turn(store, moving.bind(store), now_ms=now_ms, sums=sums)
