"""What was computed already, kept until the store has moved on.

What was quick to compute is computed anew as soon as the store has moved. What was slow is answered as
it was, with the instant of its making, and made anew in the background: at most one at a time, and not
more than a tenth of the time, so that a fleet that reports every second leaves room for its ingest.
Somebody has to look: what nobody asks for, and no open page waits for, is not made.
"""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Callable, Hashable
from concurrent.futures import Executor, Future, ThreadPoolExecutor
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
QUICK_S = 0.25
"""What takes no longer is never answered as it was."""
REST = 10
"""After a slow making the next one waits so many times as long."""
MOST_KEPT = 32
LOOK_EVERY_S = 1.0
"""The revision is asked for at most so often by streams."""
PATIENCE_S = 1.0
"""Who asks for what is being made for the first time waits so long, and is then told to come again."""
Mark = tuple[Revision, int]


class NotReadyError(Exception):
    """It is being made for the first time and takes longer than anybody should wait for a page."""


@dataclass
class _Kept:
    value: Any
    revision: Hashable
    made_s: float
    cost_s: float
    wanted: tuple[Callable[[], Any], Callable[[], Hashable]] | None = None
    """Makes it anew; set when somebody asked for it after the store had moved."""
    busy: bool = False

    @property
    def due_s(self) -> float:
        return self.made_s + REST * self.cost_s


class Snapshots:
    """Keeps what pages are made of; threads may share it."""

    def __init__(
        self,
        store: Store,
        *,
        monotonic: Callable[[], float],
        log: Log,
        executor: Executor | None = None,
    ) -> None:
        self._store = store
        self._monotonic = monotonic
        self._log = log
        self._executor = executor or ThreadPoolExecutor(1, thread_name_prefix="console-reading")
        self._kept: OrderedDict[Hashable, _Kept] = OrderedDict()
        self._lock = threading.Lock()
        self._making: dict[Hashable, threading.Lock] = {}
        self._begun: dict[Hashable, Future[Any]] = {}
        self._looked: tuple[float, Revision] | None = None
        self._renewed = 0

    def close(self) -> None:
        """Wait for what is being made; nothing new is begun."""
        self._executor.shutdown(wait=True, cancel_futures=True)

    def mark(self) -> Mark:
        """Return what differs when there is something new to see; its part of the store is ``LOOK_EVERY_S`` old at most.

        Begins what was asked for and has rested.
        """
        now_s = self._monotonic()
        looked = self._looked
        if looked is None or now_s - looked[0] >= LOOK_EVERY_S:
            looked = self._looked = (now_s, self._revision())
        with self._lock:
            for key, kept in self._kept.items():
                self._renew_if_due(key, kept)
            return looked[1], self._renewed

    def get(
        self, key: Hashable, make: Callable[[], T], *, revision: Callable[[], Hashable] | None = None
    ) -> T:
        """Return what ``make`` returns, or returned while the store was as it is, or shortly before.

        Args:
            key: names what is made, with everything that makes it another thing.
            make: makes it.
            revision: tells whether it would be made differently now; by default whether the store moved.
        """
        tell = revision or self._revision
        now = tell()
        with self._lock:
            kept = self._kept.get(key)
            if kept is not None:
                self._kept.move_to_end(key)
                if kept.revision == now:
                    return kept.value  # type: ignore[no-any-return] # a key is always made by the same function
                if kept.cost_s > QUICK_S:
                    kept.wanted = (make, tell)
                    self._renew_if_due(key, kept)
                    return kept.value  # type: ignore[no-any-return]
            making = self._making.setdefault(key, threading.Lock())
        if not making.acquire(timeout=PATIENCE_S):  # who asks for the same waits, instead of making it too
            raise NotReadyError
        try:
            with self._lock:
                kept = self._kept.get(key)
                if kept is not None and kept.revision == now:
                    return kept.value  # type: ignore[no-any-return]
            return self._make(key, make, tell)
        finally:
            making.release()

    def soon(
        self, key: Hashable, make: Callable[[], T], *, revision: Callable[[], Hashable] | None = None
    ) -> T:
        """Return what ``get`` returns; what was never made is made in the background, and nobody waits long for it.

        Raises:
            NotReadyError: it is being made.
        """
        with self._lock:
            if key in self._kept:
                self._begun.pop(key, None)
                begun = None
            else:
                begun = self._begun.get(key)
                if begun is None:
                    begun = self._begun[key] = self._executor.submit(self.get, key, make, revision=revision)
        if begun is None:
            return self.get(key, make, revision=revision)
        try:
            return begun.result(timeout=PATIENCE_S)  # type: ignore[no-any-return] # as above
        except TimeoutError:
            raise NotReadyError from None
        finally:
            if begun.done():
                with self._lock:
                    self._begun.pop(key, None)

    def warm(self, job: Callable[[], Any]) -> None:
        """Run what asks for the pages that are opened first, in the background."""

        def run() -> None:
            try:
                job()
            except (CollectorError, EvidenceError, VerifierError) as error:
                self._log("not_renewed", level="warning", message=str(error))

        self._executor.submit(run)

    def _make(self, key: Hashable, make: Callable[[], T], tell: Callable[[], Hashable]) -> T:
        revision, begun_s = tell(), self._monotonic()
        value = make()
        ended_s = self._monotonic()
        with self._lock:
            self._kept[key] = _Kept(value, revision, ended_s, ended_s - begun_s)
            self._kept.move_to_end(key)
            while len(self._kept) > MOST_KEPT:
                gone, _ = self._kept.popitem(last=False)
                self._making.pop(gone, None)
        return value

    def _renew_if_due(self, key: Hashable, kept: _Kept) -> None:
        if kept.wanted is None or kept.busy or self._monotonic() < kept.due_s:
            return
        kept.busy = True
        make, tell = kept.wanted

        def renew() -> None:
            try:
                self._make(key, make, tell)
                self._renewed += 1
            except (CollectorError, EvidenceError, VerifierError) as error:
                self._log("not_renewed", level="warning", message=str(error))
                kept.made_s = self._monotonic()  # it rests before it is tried again
            finally:
                kept.busy = False

        self._executor.submit(renew)

    def _revision(self) -> Revision:
        with self._store.reading() as connection:
            return standing.revision(connection)
