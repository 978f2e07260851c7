"""What was computed already, kept until the store has moved on.

What was quick to compute is computed anew as soon as the store has moved. What was slow is answered as
it was, with the instant of its making, and made anew in the background: at most one at a time, and not
more than a tenth of the time, so that a fleet that reports every second leaves room for its ingest.
"""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Callable, Hashable
from concurrent.futures import Executor, ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any, TypeVar

from collector.errors import CollectorError
from collector.http.log import Log
from collector.store import standing
from collector.store.engine import Store
from collector.store.standing import Revision
from evidence.errors import EvidenceError
from verifier.errors import VerifierError

T = TypeVar("T")
QUICK_S = 0.15
"""What takes no longer is never answered as it was."""
REST = 10
"""After a slow making the next one waits so many times as long."""
MOST_KEPT = 32
LOOK_EVERY_S = 1.0
"""The revision is asked for at most so often by streams."""


@dataclass
class _Kept:
    value: Any
    revision: Revision
    made_s: float
    cost_s: float
    busy: bool = False


class Snapshots:
    """Keeps what pages are made of; threads may share it."""

    def __init__(
        self, store: Store, *, monotonic: Callable[[], float], log: Log, executor: Executor | None = None
    ) -> None:
        self._store = store
        self._monotonic = monotonic
        self._log = log
        self._executor = executor or ThreadPoolExecutor(1, thread_name_prefix="console-reading")
        self._kept: OrderedDict[Hashable, _Kept] = OrderedDict()
        self._lock = threading.Lock()
        self._making: dict[Hashable, threading.Lock] = {}
        self._looked: tuple[float, Revision] | None = None

    def close(self) -> None:
        """Wait for what is being made; nothing new is begun."""
        self._executor.shutdown(wait=True, cancel_futures=True)

    def revision(self) -> Revision:
        """Return the store's revision, at most ``LOOK_EVERY_S`` old."""
        now_s = self._monotonic()
        looked = self._looked
        if looked is not None and now_s - looked[0] < LOOK_EVERY_S:
            return looked[1]
        found = self._revision()
        self._looked = (now_s, found)
        return found

    def get(self, key: Hashable, make: Callable[[], T]) -> T:
        """Return what ``make`` returns, or returned while the store was as it is, or shortly before.

        ``key`` names what is made, with everything it depends on beside the store.
        """
        revision = self._revision()
        with self._lock:
            kept = self._kept.get(key)
            if kept is not None:
                self._kept.move_to_end(key)
                if kept.revision == revision:
                    return kept.value  # type: ignore[no-any-return] # a key is always made by the same function
                if kept.cost_s > QUICK_S:
                    self._renew_later(key, kept, make)
                    return kept.value  # type: ignore[no-any-return]
            making = self._making.setdefault(key, threading.Lock())
        with making:  # who asks for the same waits, instead of making it too
            with self._lock:
                kept = self._kept.get(key)
                if kept is not None and kept.revision == revision:
                    return kept.value  # type: ignore[no-any-return]
            return self._make(key, make)

    def _make(self, key: Hashable, make: Callable[[], T]) -> T:
        revision, begun_s = self._revision(), self._monotonic()
        value = make()
        ended_s = self._monotonic()
        with self._lock:
            self._kept[key] = _Kept(value, revision, ended_s, ended_s - begun_s)
            self._kept.move_to_end(key)
            while len(self._kept) > MOST_KEPT:
                gone, _ = self._kept.popitem(last=False)
                self._making.pop(gone, None)
        return value

    def _renew_later(self, key: Hashable, kept: _Kept, make: Callable[[], Any]) -> None:
        if kept.busy or self._monotonic() - kept.made_s < REST * kept.cost_s:
            return
        kept.busy = True

        def renew() -> None:
            try:
                self._make(key, make)
            except (CollectorError, EvidenceError, VerifierError) as error:
                self._log("not_renewed", level="warning", message=str(error))
            finally:
                kept.busy = False

        self._executor.submit(renew)

    def _revision(self) -> Revision:
        with self._store.reading() as connection:
            return standing.revision(connection)
