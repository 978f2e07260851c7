"""The log inside ``collector serve``: a thread that marks every day once it is over.

What is due stands in the store, not in this clock: a day that ended while nobody served is marked
late, at the next start.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import date

from collector.errors import CollectorError, StoreBusyError
from collector.http.log import Log
from collector.log import keeping
from collector.opening import OpenStore
from collector.store import partitions
from evidence.errors import EvidenceError

LOOK_EVERY_S = 30.0


@contextmanager
def day_marks(
    opened: OpenStore, *, clock: Callable[[], int], log: Log, look_every_s: float = LOOK_EVERY_S
) -> Iterator[None]:
    """Mark days while the block runs.

    Args:
        opened: the store with its keys.
        clock: wall clock in ms since 1970.
        log: is told of every mark and every failure.
        look_every_s: seconds between two looks.
    """
    stop = threading.Event()

    def run() -> None:
        while not stop.is_set():
            look(opened, now_ms=clock(), log=log)
            stop.wait(look_every_s)

    thread = threading.Thread(target=run, name="starproof-day-marks", daemon=True)
    thread.start()
    try:
        yield
    finally:
        stop.set()
        thread.join()


def look(opened: OpenStore, *, now_ms: int, log: Log) -> None:
    """Mark what is due, and make room for the month to come; a failure is told, and tried again at the next look."""
    try:
        partitions.make_ahead(opened.store, now_ms=now_ms)
        days = keeping.keep_days(opened.store, key=opened.keyring.log_key(), now_ms=now_ms)
    except (CollectorError, EvidenceError) as error:
        busy = isinstance(error, StoreBusyError)
        log("days_not_marked", level="warning" if busy else "error", message=str(error))
        return
    for day in days:
        log("day_marked", day=date.fromordinal(day).isoformat())
