"""The reading thread's work: one ``step`` for each tick, until it is stopped."""

from __future__ import annotations

import signal
import threading
import time
from collections.abc import Mapping
from typing import Any, Callable, Optional

from agent.board import Board, write_status
from agent.delivery import Delivery
from agent.errors import SpoolError
from agent.events import Events
from agent.notify import Notifier
from agent.reading import Host, Reading, ReadingError
from agent.schedule import MS_PER_S, Schedule, Ticker
from agent.sealing import Place, Sealer
from agent.shelf import Head
from agent.spool import Spool
from evidence.errors import EvidenceError


def wall_ms() -> int:
    """Return the wall clock in ms since 1970."""
    return time.time_ns() // 1_000_000


class Runner:
    """Reads and seals. Everything it works with is passed in."""

    def __init__(
        self,
        *,
        host: Host,
        sealer: Sealer,
        spool: Spool,
        delivery: Delivery,
        schedule: Schedule,
        board: Board,
        events: Events,
        status_path: str,
        once_sealed: Optional[Callable[[], None]] = None,
    ) -> None:
        """Take the parts.

        ``status_path`` is where ``status.json`` is written; ``once_sealed`` is called when the first
        chunk is on the disk, and again after the next one if it raised ``OSError``.
        """
        self._host = host
        self._sealer = sealer
        self._spool = spool
        self._delivery = delivery
        self._schedule = schedule
        self._board = board
        self._events = events
        self._status_path = status_path
        self._once_sealed = once_sealed

    def step(self) -> None:
        """Take one reading, and seal if its time has come."""
        before_ms = self._sealer.last_wall_ms
        reading = self._read()
        due = reading and before_ms is not None and self._schedule.seals_between(before_ms, reading.wall_ms)
        if due:
            self._sealer.close()
        self.seal()
        self.write_status()

    @property
    def begins(self) -> bool:
        """Whether nothing was ever sealed here: somebody has just enrolled this host and waits for its first figures."""
        return self._spool.head is None

    def seal_first(self) -> None:
        """Seal the first two readings without waiting for the seal period; later ones keep to it."""
        if self.begins:
            self._sealer.close()
            self.seal()

    def finish(self) -> None:
        """Seal what is there."""
        self._sealer.finish()
        self.seal()
        self.write_status()

    def finish_now(self) -> Optional[Head]:
        """Take a last reading and seal; return the chunk that ends with it, ``None`` if that failed."""
        reading = self._read()
        self.finish()
        head = self._spool.head
        if reading is None or head is None:
            return None
        return head if (head.boot, head.end_ms) == (reading.boot_id, reading.wall_ms) else None

    def _read(self) -> Optional[Reading]:
        """Take one reading; ``None`` if it failed, which is logged and counted."""
        try:
            reading = self._host.read()
            self._sealer.add(reading)
        except (ReadingError, OSError) as error:
            self._board.reading_failed(str(error))
            self._events.error("reading_failed", reason=str(error))
            return None
        self._board.read(reading.wall_ms, reading.clock_state)
        self._board.measured(reading)
        return reading

    def seal(self) -> None:
        """Write every run that has ended to the spool."""
        try:
            while self._seal_one():
                pass
        except SpoolError as error:
            self._board.seal_failed(str(error))
            self._events.error("seal_failed", reason=str(error), waiting_rows=self._sealer.waiting_rows)
            self._delivery.notify()
            self._sealer.reopen()
            self._lose(self._sealer.relieve(), "the disk did not take them and memory is full")

    def _seal_one(self) -> bool:
        try:
            head = self._spool.seal(self._draft)
        except EvidenceError as error:
            self._lose(self._sealer.discard(), str(error))
            return True
        if head is None:
            return False
        self._sealer.sealed()
        self._board.sealed()
        self._events.info("sealed", seq=head.seq, end_ms=head.end_ms, pending=self._spool.count)
        self._delivery.notify()
        if self._once_sealed is not None:
            try:
                self._once_sealed()
            except OSError as error:
                self._events.warning("mark_not_removed", reason=str(error))
            else:
                self._once_sealed = None
        return True

    def _draft(self, place: Place) -> Optional[bytes]:
        return self._sealer.draft(place, self._delivery.clock, self._delivery.anchor)

    def _lose(self, rows: int, reason: str) -> None:
        if rows:
            self._board.rows_lost(rows, reason)
            self._events.error("rows_lost", rows=rows, reason=reason)

    def snapshot(self) -> Mapping[str, Any]:
        """Return all figures of this moment, for metrics and status."""
        figures = self._board.snapshot()
        oldest_ms = self._spool.oldest_ms()
        figures.update(
            chunks_pending=self._spool.count,
            spool_bytes=self._spool.size_bytes,
            chunks_damaged=self._spool.damaged,
            chunks_refused=self._spool.refused,
            waiting_rows=self._sealer.waiting_rows,
            oldest_pending_ms=None if oldest_ms is None else max(0, wall_ms() - oldest_ms),
        )
        return figures

    def write_status(self) -> None:
        """Write ``status.json`` for ``agent status``."""
        try:
            write_status(self._status_path, self.snapshot())
        except OSError as error:
            self._events.warning("status_not_written", reason=str(error))


class Loop:
    """Calls ``step`` at every tick until it is stopped."""

    def __init__(self, *, interval_ms: int, clock_ms: Callable[[], int], notifier: Notifier) -> None:
        """Tick at multiples of ``interval_ms`` of the wall clock ``clock_ms``."""
        self._interval_ms = interval_ms
        self._clock_ms = clock_ms
        self._notifier = notifier
        self._stop = threading.Event()
        self.terminated = False

    @property
    def stopped(self) -> bool:
        """Whether the loop was asked to end."""
        return self._stop.is_set()

    def stop(self, number: int = 0, _frame: object = None) -> None:
        """End the loop; also a signal handler. ``terminated`` says whether it was SIGTERM."""
        self.terminated = self.terminated or number == signal.SIGTERM
        self._stop.set()

    def run(self, step: Callable[[], None]) -> None:
        """Call ``step`` at every tick."""
        ticker = Ticker(self._interval_ms, self._clock_ms())
        watchdog_s = self._notifier.watchdog_s
        while not self._stop.is_set():
            wait_ms = ticker.wait_ms(self._clock_ms())
            if wait_ms == 0:
                step()
            if watchdog_s is not None:
                self._notifier.send(WATCHDOG="1")
                wait_ms = min(wait_ms, int(watchdog_s * MS_PER_S / 2))
            self._stop.wait(wait_ms / MS_PER_S)
