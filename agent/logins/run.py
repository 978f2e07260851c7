"""The running reader of logs: one thread reads and seals, another delivers. See ``agent.run``."""

from __future__ import annotations

import contextlib
import os
import sys
import threading
from collections.abc import Iterator, Mapping

from agent import lean
from agent.board import Board
from agent.code import running_code
from agent.courier import delivery_of
from agent.delivery import Delivery
from agent.enrol import AGENT
from agent.errors import AgentError, ConfigError, StateError
from agent.events import Events
from agent.files import Files, RealFiles
from agent.logins.batch import Batch, load, sealed_of
from agent.logins.config import Settings
from agent.logins.reader import Reader
from agent.logins.sealing import Signer
from agent.logins.tally import Accounts
from agent.logins.worker import LoginSpool, Worker, newest
from agent.notify import Notifier
from agent.receipts import Receipts
from agent.run import GRACE_S, signals
from agent.runner import Loop, wall_ms
from agent.schedule import MS_PER_S, Schedule
from agent.shelf import CHAIN, Shelf
from agent.spool import Spool
from agent.state import SPOOL, STATUS, Enrolled, State, default_state
from evidence.accounts import parse_key
from evidence.calendar import LocalCalendar
from evidence.errors import EvidenceError
from evidence.sources import LOGIN_LOG

CREDENTIAL = "account-key"
MAX_KEY_BYTES = 4_096
_MIB = 1024 * 1024
_OTHERS = 0o077


def state_folder() -> str:
    """Return the state directory of the reader for this user and system."""
    return os.path.join(os.path.dirname(default_state()), "logins")


def account_key(settings: Settings, environment: Mapping[str, str]) -> bytes:
    """Return the enterprise's key for accounts, from the file named or from systemd's credential.

    Raises:
        ConfigError: there is none, others can read it, or it is no key.
    """
    path = settings.account_key
    if path is None and environment.get("CREDENTIALS_DIRECTORY"):
        path = os.path.join(environment["CREDENTIALS_DIRECTORY"], CREDENTIAL)
    if path is None:
        raise ConfigError(
            'no account key is named; write account_key = "FILE" (starproof account-key --out FILE)'
        )
    try:
        with open(path, encoding="utf-8") as file:
            if os.name != "nt" and os.fstat(file.fileno()).st_mode & _OTHERS:
                raise ConfigError(f"{path} can be read by others; run chmod 600 on it")
            return parse_key(file.read(MAX_KEY_BYTES))
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigError(
            f"the account key {path} cannot be read: {error}; make one with: starproof account-key --out FILE"
        ) from None
    except EvidenceError as error:
        raise ConfigError(f"{path}: {error}") from None


def accounts_of(settings: Settings, key: bytes) -> list[Accounts]:
    """Return what turns names into hashes, one for each log."""
    return [
        Accounts(key, excluded=settings.exclude, domains=settings.domains, encoding=log.encoding)
        for log in settings.logs
    ]


def run(settings: Settings, *, environment: Mapping[str, str]) -> int:
    """Run the reader until SIGTERM or SIGINT; return the exit code.

    Raises:
        AgentError: it cannot start: not enrolled, locked, or settings that cannot be used.
    """
    schedule = Schedule(settings.poll_s * MS_PER_S, settings.seal_s * MS_PER_S)
    state = State(settings.state or state_folder())
    events = Events(sys.stderr, wall_ms, level=settings.log_level)
    notifier = Notifier(environment)
    loop = Loop(interval_ms=schedule.interval_ms, clock_ms=wall_ms, notifier=notifier)
    accounts = accounts_of(settings, account_key(settings, environment))
    with state.lock():
        enrolled = state.require_enrolled()
        if enrolled.signed.enrolment.source != LOGIN_LOG:
            raise StateError(
                f"{state.folder} is enrolled as the agent; give the reader a directory of its own"
            )
        files = RealFiles()
        reader = Reader(settings, accounts)
        batch = _batch(reader, files, state, enrolled)
        spool = _spool(settings, state, enrolled, events)
        code = running_code()
        board = Board(wall_ms, interval_ms=schedule.interval_ms, code=code)
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
        worker = Worker(
            reader=reader,
            batch=_of_chain(batch, spool, files, state),
            files=files,
            folder=state.folder,
            spool=spool,
            signer=_signer(settings, enrolled, accounts[0], code),
            delivery=delivery,
            schedule=schedule,
            board=board,
            events=events,
            status_path=state.path(STATUS),
            wall_ms=wall_ms,
            stopped=lambda: loop.stopped,
        )
        with _metrics(settings, worker), signals(loop):
            record = enrolled.signed.enrolment
            events.info(
                "started", host=record.host, key=enrolled.key.public.id[:16], agent=AGENT, pid=os.getpid()
            )
            died = _work(worker, delivery, loop, notifier)
            events.info("stopped", pending=spool.count)
    if died:
        raise AgentError("the delivery ended unexpectedly; everything read is in the spool, see the log")
    return 0


def _work(worker: Worker, delivery: Delivery, loop: Loop, notifier: Notifier) -> bool:
    """Run until stopped; return whether the delivery died."""
    thread = threading.Thread(target=delivery.run, name="delivery", daemon=True)
    thread.start()
    lean.settle()
    notifier.send(READY="1", STATUS="reading logs")

    def step() -> None:
        worker.step()
        if not thread.is_alive():  # a fault of ours: let the service manager start us anew
            loop.stop()

    step()
    loop.run(step)
    notifier.send(STOPPING="1")
    worker.finish()
    died = not thread.is_alive()
    delivery.stop()
    thread.join(GRACE_S)
    worker.write_status()
    return died


def _batch(reader: Reader, files: Files, state: State, enrolled: Enrolled) -> Batch:
    """Return the batch to go on from: the one on the disk, or the first. Before the spool is opened.

    A batch of another chain is one from before this enrolment; what its chain has of it, its spool's names say.
    """
    batch = load(files, state.folder)
    if batch is None:
        batch = reader.begin(enrolled.signed.hash, wall_ms())
        batch.save(files, state.folder)
        return batch
    if batch.chain != enrolled.signed.hash:
        shelf = Shelf(state.path(SPOOL), files)
        known = -1
        with contextlib.suppress(OSError):
            if shelf.text(CHAIN) == batch.chain:
                found = shelf.found()
                known = max((*found.pending, *found.sent, found.aside), default=-1)
        del batch.pieces[: sealed_of(batch, known)]
        batch.chain, batch.first_seq = enrolled.signed.hash, 0
        batch.save(files, state.folder)
    reader.resume(batch, wall_ms())
    return batch


def _of_chain(batch: Batch, spool: Spool, files: Files, state: State) -> Batch:
    """Return the batch, told the truth about a chain that is not where it left it."""
    if batch.first_seq > newest(spool.head) + 1:
        batch.first_seq = newest(spool.head) + 1
        batch.save(files, state.folder)
    return batch


def _spool(settings: Settings, state: State, enrolled: Enrolled, events: Events) -> LoginSpool:
    return LoginSpool(
        state.path(SPOOL),
        chain=enrolled.signed.hash,
        epoch=enrolled.signed.enrolment.epoch,
        key=enrolled.key.public,
        note=lambda event, fields: events.error(event, **fields),
        max_bytes=settings.spool_max_mib * _MIB,
    )


def _signer(settings: Settings, enrolled: Enrolled, accounts: Accounts, code: str) -> Signer:
    logs: dict[str, str] = {}
    for log in settings.logs:
        words = f"{log.name} ({log.format})"
        logs[log.definition] = f"{logs[log.definition]}, {words}" if log.definition in logs else words
    record = enrolled.signed.enrolment
    return Signer(
        enterprise=record.enterprise,
        host=record.host,
        key=enrolled.key,
        calendar=LocalCalendar(settings.timezone),
        account_key=accounts.key_id,
        excluded=accounts.excluded,
        interval_ms=settings.poll_s * MS_PER_S,
        logs=logs,
        code=code,
    )


@contextlib.contextmanager
def _metrics(settings: Settings, worker: Worker) -> Iterator[None]:
    if not settings.metrics_listen:
        yield
        return
    from agent.config import address  # noqa: PLC0415 - only when asked for
    from agent.logins.metrics import serve  # noqa: PLC0415 - the same

    stop = serve(*address(settings.metrics_listen, remote=settings.metrics_allow_remote), worker.snapshot)
    try:
        yield
    finally:
        stop()
