"""The running agent: one thread reads and seals, another delivers.

A reading that fails, a chunk that cannot be written, a collector that is away: each is logged and
counted, and reading goes on. ``Runner`` is the reading thread's work, one ``step`` per tick; ``run``
puts everything together for the command line.
"""

from __future__ import annotations

import contextlib
import os
import signal
import sys
import threading
import time
from collections.abc import Iterator, Mapping
from dataclasses import replace
from typing import Any, Callable, Optional

from agent import lean, status
from agent.config import Settings, listen
from agent.delivery import Delivery, Surroundings
from agent.enrol import AGENT
from agent.errors import AgentError, SpoolError
from agent.events import Events
from agent.notify import Notifier
from agent.reading import Host, Reading, ReadingError
from agent.schedule import MS_PER_S, Schedule, Ticker
from agent.sealing import Identity, LastRow, Sealer, last_row
from agent.shelf import Head
from agent.spool import Spool
from agent.state import SHUTDOWN, SPOOL, STATUS, Enrolled, State, default_state
from agent.status import Board
from agent.transport import HttpTransport
from evidence import __version__ as version
from evidence.errors import EvidenceError

GRACE_S = 5.0
"""How long a stopping agent waits for its last delivery."""
SPREAD_S = 10.0
SPREAD_SHARE = 20
"""Sending waits up to a twentieth of the seal period, at most 10 s: all agents seal at once."""
_MIB = 1024 * 1024


def wall_ms() -> int:
    """Return the wall clock in ms since 1970."""
    return time.time_ns() // 1_000_000


def chance() -> float:
    """Return a random number in [0, 1) for jitter; the module ``random`` costs 0.4 MB."""
    return int.from_bytes(os.urandom(4), "big") / 2**32


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
            head = self._spool.seal(lambda place: self._sealer.draft(place, self._delivery.clock))
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
            status.write(self._status_path, self.snapshot())
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


def machine_goes_down() -> bool:
    """Return whether this machine is known to be shutting down or rebooting."""
    from agent.shutdown import going_down  # noqa: PLC0415 - only at the end of a life

    return going_down()


def run(
    settings: Settings,
    make_host: Callable[[], Host],
    *,
    environment: Mapping[str, str],
    goes_down: Callable[[], bool] = machine_goes_down,
) -> int:
    """Run the agent until SIGTERM or SIGINT; return the exit code.

    ``goes_down`` is asked after SIGTERM whether the machine is shutting down.

    Raises:
        AgentError: it cannot start: not enrolled, locked, or settings that cannot be used.
    """
    schedule = Schedule(settings.interval_s * MS_PER_S, settings.seal_s * MS_PER_S)
    state = State(settings.state or default_state())
    events = Events(sys.stderr, wall_ms, level=settings.log_level)
    loop = Loop(interval_ms=schedule.interval_ms, clock_ms=wall_ms, notifier=Notifier(environment))
    with state.lock():
        enrolled = state.require_enrolled()
        board = Board(wall_ms, interval_ms=schedule.interval_ms)
        spool = _spool(settings, state, enrolled, events)
        delivery = _delivery(settings, schedule, spool, enrolled, board=board, events=events)
        host = make_host()
        last = _last_life(state, spool, host)
        runner = Runner(
            host=host,
            sealer=_sealer(enrolled, last),
            spool=spool,
            delivery=delivery,
            schedule=schedule,
            board=board,
            events=events,
            status_path=state.path(STATUS),
            once_sealed=(lambda: state.remove(SHUTDOWN)) if last and last.shut_down else None,
        )
        with _metrics(settings, runner), _signals(loop):
            thread = threading.Thread(target=delivery.run, name="delivery", daemon=True)
            thread.start()

            def step() -> None:
                runner.step()
                if not thread.is_alive():  # a fault of ours: let the service manager start us anew
                    loop.stop()

            _told(loop, runner, enrolled, events, step=step, environment=environment)
            if loop.terminated and goes_down():
                _finish_marked(runner, state, events)
            else:
                runner.finish()
            died = not thread.is_alive()
            delivery.stop()
            thread.join(GRACE_S)
            runner.write_status()
            events.info("stopped", pending=spool.count)
    if died:
        raise AgentError("the delivery ended unexpectedly; everything read is in the spool, see the log")
    return 0


def _told(
    loop: Loop,
    runner: Runner,
    enrolled: Enrolled,
    events: Events,
    *,
    step: Callable[[], None],
    environment: Mapping[str, str],
) -> None:
    """Run the loop, and tell the log and the service manager when it begins and ends."""
    notifier = Notifier(environment)
    record = enrolled.signed.enrolment
    events.info("started", host=record.host, key=enrolled.key.public.id[:16], agent=AGENT, pid=os.getpid())
    lean.settle()
    notifier.send(READY="1", STATUS=f"reading {record.host}")
    runner.write_status()
    loop.run(step)
    notifier.send(STOPPING="1")


def _finish_marked(runner: Runner, state: State, events: Events) -> None:
    """Seal a last reading, and leave a mark that the machine is going down right after it."""
    from agent.shutdown import leave_mark  # noqa: PLC0415 - only at the end of a life

    head = runner.finish_now()
    if head is None:  # nobody will know when the machine stopped
        return
    try:
        leave_mark(state, head)
    except AgentError as error:
        events.error("shutdown_not_marked", reason=str(error))
    else:
        events.info("shutdown_seen", seq=head.seq, end_ms=head.end_ms)


def _last_life(state: State, spool: Spool, host: Host) -> Optional[LastRow]:
    """Return the last sealed row, and whether the machine was seen going down after it."""
    last = last_of(spool.head)
    if state.read(SHUTDOWN) is None:
        return last
    from agent.shutdown import was_seen  # noqa: PLC0415 - rare

    return replace(last, shut_down=True) if was_seen(state, last, host) and last else last


def _spool(settings: Settings, state: State, enrolled: Enrolled, events: Events) -> Spool:
    return Spool(
        state.path(SPOOL),
        chain=enrolled.signed.hash,
        epoch=enrolled.signed.enrolment.epoch,
        key=enrolled.key.public,
        note=lambda event, fields: events.error(event, **fields),
        max_bytes=settings.spool_max_mib * _MIB,
    )


def _sealer(enrolled: Enrolled, last: Optional[LastRow]) -> Sealer:
    record = enrolled.signed.enrolment
    identity = Identity(enterprise=record.enterprise, host=record.host, agent=AGENT)
    return Sealer(identity=identity, key=enrolled.key, last=last)


def last_of(head: Optional[Head]) -> Optional[LastRow]:
    """Return the row that the next chunk goes on from; without a readable head only its time and boot."""
    if head is None or not (head.chunk or head.boot):
        return None
    return last_row(head.chunk) if head.chunk else LastRow(boot_id=head.boot, wall_ms=head.end_ms)


def _delivery(
    settings: Settings,
    schedule: Schedule,
    spool: Spool,
    enrolled: Enrolled,
    *,
    board: Board,
    events: Events,
) -> Delivery:
    transport = HttpTransport(
        settings.collector or enrolled.collector,
        wall_ms=wall_ms,
        mono_s=time.monotonic,
        ca_file=settings.delivery_ca_file,
    )
    return Delivery(
        spool=spool,
        key=enrolled.key,
        transport=transport,
        around=Surroundings(mono_s=time.monotonic, random=chance),
        board=board,
        events=events,
        timeout_s=float(settings.delivery_timeout_s),
        max_chunks=settings.delivery_max_chunks,
        spread_s=min(SPREAD_S, schedule.seal_ms / MS_PER_S / SPREAD_SHARE),
    )


@contextlib.contextmanager
def _metrics(settings: Settings, runner: Runner) -> Iterator[None]:
    if not settings.metrics_listen:
        yield
        return
    from agent.metrics import serve  # noqa: PLC0415 - only when asked for

    address, port = listen(settings)
    stop = serve(address, port, runner.snapshot, version=version)
    try:
        yield
    finally:
        stop()


@contextlib.contextmanager
def _signals(loop: Loop) -> Iterator[None]:
    """Let SIGTERM and SIGINT end the loop, and SIGHUP do nothing."""
    before = {}
    if threading.current_thread() is threading.main_thread():
        handlers: dict[str, Any] = {"SIGTERM": loop.stop, "SIGINT": loop.stop, "SIGHUP": signal.SIG_IGN}
        for name, handler in handlers.items():
            number = getattr(signal, name, None)
            if number is not None:
                before[number] = signal.signal(number, handler)
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
