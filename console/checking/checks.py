"""Running checks: begun with an upload, watched while they run, kept for a while, ended with the service.

The pack is a file without a name from the moment it arrives: the kernel takes it away when the worker ends,
however it ends. Results are kept in memory for who asked, for ``KEPT_MS`` or until ``MOST_KEPT`` later ones.
"""

from __future__ import annotations

import contextlib
import os
import secrets
import subprocess
import sys
import tempfile
import threading
from collections import OrderedDict
from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import Enum
from pathlib import Path
from typing import IO, BinaryIO

from collector.http.log import Log
from collector.ingest import Clock
from console.checking.order import MOST_CHECK_S, MOST_RESULT_BYTES, Order, Result, read_result

MOST_AT_ONCE = 2
"""Checks that run at the same time; the collector has its own work on the same machine."""
MOST_KEPT = 8
KEPT_MS = 3_600_000
ID_BYTES = 12
MOST_NAME = 128
WORKER = "console.checking.worker"
ENVIRONMENT = (
    "PATH",
    "PYTHONPATH",
    "PYTHONHOME",
    "LANG",
    "LC_ALL",
    "LD_LIBRARY_PATH",
    "TZDIR",
    "PYTHONTZPATH",
)
"""What a worker gets of the service's environment: no secret is among it."""
COVERAGE = "COVERAGE_"
"""Measuring coverage in processes goes by these."""


class BusyError(Exception):
    """As many checks run as may."""


class State(Enum):
    """How a check stands; the value ends the key of its words."""

    RUNNING = "running"
    DONE = "done"
    LONG = "long"
    """It took longer than it may."""
    BROKEN = "broken"
    """The worker ended without a result."""


@dataclass
class Check:
    """One check. ``read`` counts bytes of the pack that the worker has read, some of them twice."""

    id: str
    owner: int
    name: str
    size: int
    begun_ms: int
    with_key: bool
    state: State = State.RUNNING
    read: int = 0
    result: Result | None = None
    ended_ms: int | None = None
    process: subprocess.Popen[bytes] | None = field(default=None, repr=False)

    @property
    def share(self) -> int:
        """About how much is done, in percent; never 100 before it is over."""
        if self.state is not State.RUNNING:
            return 100
        # The container is walked once and every entry is read about once after that.
        return min(99, 100 * self.read // max(1, 2 * self.size))


class Checks:
    """The checks of a console; threads may share it."""

    def __init__(self, *, clock: Clock, log: Log, most_s: float = MOST_CHECK_S) -> None:
        self._clock = clock
        self._log = log
        self._most_s = most_s
        self._lock = threading.Lock()
        self._kept: OrderedDict[str, Check] = OrderedDict()
        self._threads: list[threading.Thread] = []

    def begin(self, pack: BinaryIO, order: Order, *, owner: int, name: str) -> Check:
        """Begin a check and return it; the pack's file may be closed afterwards.

        Args:
            pack: an open file of the system's.
            order: what the reviewer brings beside it.
            owner: number of the person who may see the result.
            name: of the file, as the browser called it.

        Raises:
            BusyError: as many checks run as may.
        """
        size = os.fstat(pack.fileno()).st_size
        check = Check(
            secrets.token_urlsafe(ID_BYTES),
            owner,
            name[-MOST_NAME:],
            size,
            self._clock(),
            bool(order.log_key),
        )
        with self._lock:
            self._forget()
            if sum(one.state is State.RUNNING for one in self._kept.values()) >= MOST_AT_ONCE:
                raise BusyError
            result = tempfile.TemporaryFile()  # noqa: SIM115 - closed by the thread that waits for it
            check.process = _start(pack, result)
            self._kept[check.id] = check
            given = (check, check.process, result, order)
            thread = threading.Thread(target=self._watch, args=given, daemon=True)
            self._threads = [*(one for one in self._threads if one.is_alive()), thread]
        thread.start()
        return check

    def find(self, name: str, *, owner: int) -> Check | None:
        """Return the check of this id, if it is still kept and this person's."""
        with self._lock:
            self._forget()
            found = self._kept.get(name)
        return found if found is not None and found.owner == owner else None

    def of(self, owner: int) -> list[Check]:
        """Return a person's checks, the newest first."""
        with self._lock:
            self._forget()
            return [one for one in reversed(self._kept.values()) if one.owner == owner]

    def remove(self, name: str, *, owner: int) -> bool:
        """End a check, if it runs, and forget it; return whether there was one."""
        found = self.find(name, owner=owner)
        if found is None:
            return False
        with self._lock:
            self._kept.pop(name, None)
        if found.process is not None and found.state is State.RUNNING:
            found.process.kill()
        return True

    def close(self) -> None:
        """End all checks and wait for their processes."""
        with self._lock:
            running = [one for one in self._kept.values() if one.process and one.state is State.RUNNING]
            threads = list(self._threads)
        for one in running:
            if one.process is not None:
                one.process.kill()
        for thread in threads:
            thread.join()

    def _watch(self, check: Check, process: subprocess.Popen[bytes], result: IO[bytes], order: Order) -> None:
        """Hand the worker its order, count with it, and take what it found."""
        late = threading.Event()

        def end() -> None:
            late.set()
            process.kill()

        timer = threading.Timer(self._most_s, end)
        timer.daemon = True
        timer.start()
        with result, process:
            if process.stdin is not None:
                with (
                    contextlib.suppress(BrokenPipeError),
                    process.stdin as stdin,
                ):  # it ended: its status says so
                    stdin.write(order.line())
            if process.stdout is not None:
                for line in process.stdout:
                    check.read = int(line)
            status = process.wait()
            timer.cancel()
            found = None
            if status == 0:
                result.seek(0)
                with contextlib.suppress(ValueError):
                    found = read_result(result.read(MOST_RESULT_BYTES))
        check.ended_ms = self._clock()
        check.result = found
        check.state = State.DONE if found else State.LONG if late.is_set() else State.BROKEN
        self._log(
            "pack_checked",
            state=check.state.value,
            bytes=check.size,
            outcome=found.view["outcome"] if found else "",
        )

    def _forget(self) -> None:
        """Forget results that are old or too many; what runs is kept."""
        now_ms = self._clock()
        over = [one for one in self._kept.values() if one.state is not State.RUNNING]
        for number, one in enumerate(reversed(over)):
            if number >= MOST_KEPT or now_ms - (one.ended_ms or now_ms) > KEPT_MS:
                self._kept.pop(one.id, None)


def _start(pack: BinaryIO, result: IO[bytes]) -> subprocess.Popen[bytes]:
    """Start a worker, which waits for its order."""
    numbers = (pack.fileno(), result.fileno())
    return subprocess.Popen(
        [sys.executable, "-P", "-m", WORKER, *map(str, numbers)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,  # it would show what stands in the pack
        pass_fds=numbers,
        env=_environment(os.environ),
        cwd=Path(tempfile.gettempdir()),
    )


def _environment(own: Mapping[str, str]) -> dict[str, str]:
    return {name: value for name, value in own.items() if name in ENVIRONMENT or name.startswith(COVERAGE)}
