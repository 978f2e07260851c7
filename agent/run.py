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
from collections.abc import Iterator, Mapping
from dataclasses import replace
from typing import Any, Callable, Optional

from agent import lean
from agent.board import Board, running
from agent.code import running_code
from agent.config import Settings, listen
from agent.courier import delivery_of
from agent.enrol import AGENT
from agent.errors import AgentError, NotEnrolledError
from agent.events import Events
from agent.notify import Notifier
from agent.reading import Host
from agent.receipts import Receipts
from agent.runner import Loop, Runner, wall_ms
from agent.schedule import MS_PER_S, Schedule
from agent.sealing import Identity, LastRow, Sealer, last_row
from agent.shelf import Head
from agent.spool import Spool
from agent.state import SHUTDOWN, SPOOL, STATUS, Enrolled, State, default_state
from evidence import __version__ as version
from evidence.sources import AGENT as SOURCE

GRACE_S = 5.0
"""How long a stopping agent waits for its last delivery."""
_MIB = 1024 * 1024


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
    source: str = SOURCE,
    steering: Optional[Callable[[Loop], contextlib.AbstractContextManager[None]]] = None,
) -> int:
    """Run the agent until SIGTERM or SIGINT; return the exit code.

    ``goes_down`` is asked after SIGTERM whether the machine is shutting down. ``source`` is what the
    state directory must be enrolled as. ``steering`` is what ends the loop, signals if not given; it is
    entered when the agent is ready.

    Raises:
        AgentError: it cannot start: not enrolled, or as another source, locked, or settings that cannot
            be used.
    """
    schedule = Schedule(settings.interval_s * MS_PER_S, settings.seal_s * MS_PER_S)
    state = State(settings.state or default_state())
    events = Events(sys.stderr, wall_ms, level=settings.log_level)
    loop = Loop(interval_ms=schedule.interval_ms, clock_ms=wall_ms, notifier=Notifier(environment))
    with state.lock():
        enrolled = state.require_enrolled()
        _require_source(state, enrolled, source)
        code = running_code()
        board = Board(wall_ms, interval_ms=schedule.interval_ms, code=code, before=running(state))
        spool = _spool(settings, state, enrolled, events)
        receipts = Receipts(state, enrolled.log_key)
        delivery = delivery_of(
            settings,
            schedule,
            spool,
            enrolled,
            receipts,
            board=board,
            events=events,
            state=state,
        )
        host = make_host()
        last = _last_life(state, spool, host)
        runner = Runner(
            host=host,
            sealer=_sealer(enrolled, last, code),
            spool=spool,
            delivery=delivery,
            schedule=schedule,
            board=board,
            events=events,
            status_path=state.path(STATUS),
            once_sealed=(lambda: state.remove(SHUTDOWN)) if last and last.shut_down else None,
        )
        with _metrics(settings, runner), (steering or signals)(loop):
            thread = threading.Thread(target=delivery.run, name="delivery", daemon=True)
            thread.start()

            def step() -> None:
                runner.step()
                runner.seal_first()
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
    if runner.begins and not loop.stopped:
        step()  # with the next tick's reading it makes the first figures, a tick sooner
    loop.run(step)
    notifier.send(STOPPING="1")


def _require_source(state: State, enrolled: Enrolled, source: str) -> None:
    found = enrolled.signed.enrolment.source
    if found != source:
        raise NotEnrolledError(
            f"{state.folder} is enrolled as {found}, not as {source}; give each process a state directory of its own"
        )


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


def _sealer(enrolled: Enrolled, last: Optional[LastRow], code: str) -> Sealer:
    record = enrolled.signed.enrolment
    identity = Identity(
        enterprise=record.enterprise, host=record.host, agent=AGENT, source=record.source, code=code
    )
    return Sealer(identity=identity, key=enrolled.key, last=last)


def last_of(head: Optional[Head]) -> Optional[LastRow]:
    """Return the row that the next chunk goes on from; without a readable head only its time and boot."""
    if head is None or not (head.chunk or head.boot):
        return None
    return last_row(head.chunk) if head.chunk else LastRow(boot_id=head.boot, wall_ms=head.end_ms)


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
def signals(loop: Loop) -> Iterator[None]:
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
