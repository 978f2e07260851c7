"""The agent as a Windows service, by the functions that advapi32 has for every service.

1. The service manager starts this program; ``dispatch`` tells it where the service's main is and
   stays with it until the service has stopped.
2. The manager calls that main in a thread of its own. It registers a handler and says START_PENDING.
3. When the agent is ready, RUNNING is said; from then on STOP, SHUTDOWN and PRESHUTDOWN are taken.
4. The handler, called in the manager's thread, says STOP_PENDING and ends the agent's loop. A
   shutdown of the machine is passed on as such, so that the agent leaves its mark.
5. STOPPED is the last word, with an error of the service's own if the agent could not run; then the
   manager starts it again as the installer told it to.

The manager must find the process that it started: a virtual environment's ``python.exe`` starts
another one. So the installer names the real Python and this file, which finds its packages itself.
Source: Microsoft, "Services" (winsvc.h): the numbers below are that header's.
"""

from __future__ import annotations

import contextlib
import os
import signal
import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Callable, Optional, Protocol

NAME = "StarProofAgent"
OWN_PROCESS = 0x10
STOPPED, START_PENDING, STOP_PENDING, RUNNING = 1, 2, 3, 4
ACCEPT_STOP, ACCEPT_SHUTDOWN, ACCEPT_PRESHUTDOWN = 0x1, 0x4, 0x100
ACCEPTED = ACCEPT_STOP | ACCEPT_SHUTDOWN | ACCEPT_PRESHUTDOWN
STOP, INTERROGATE, SHUTDOWN, PRESHUTDOWN = 1, 4, 5, 0xF
NO_ERROR, NOT_IMPLEMENTED, SERVICE_SPECIFIC = 0, 120, 1066
FAILED = 1
"""The service's own error code: see the log."""
START_HINT_MS, STOP_HINT_MS = 30_000, 20_000
"""As long as systemd is told for stopping: a last reading, a last delivery, and the disk."""


@dataclass(frozen=True)
class Status:
    """What the service manager is told (SERVICE_STATUS)."""

    state: int
    accepted: int = 0
    exit_code: int = NO_ERROR
    specific: int = 0
    checkpoint: int = 0
    hint_ms: int = 0


class Manager(Protocol):
    """The service manager, as far as a service speaks with it. All raise ``OSError``."""

    def dispatch(self, name: str, main: Callable[[], None]) -> None:
        """Connect to the manager; returns after ``main`` has run and STOPPED was said."""
        ...

    def register(self, name: str, handler: Callable[[int], int]) -> None:
        """Let the manager call ``handler`` with each control."""
        ...

    def tell(self, status: Status) -> None:
        """Say how the service is."""
        ...


class Loop(Protocol):
    """What can be ended."""

    def stop(self, number: int = 0) -> None:
        """End it, as the signal ``number`` would."""
        ...


Steering = Callable[[Loop], "contextlib.AbstractContextManager[None]"]
Work = Callable[[Steering, Callable[[], bool]], int]
"""Runs the agent: what steers it, and what says whether the machine goes down; returns an exit code."""


class Service:
    """One life of the service. ``work`` is the agent; ``report`` takes what went wrong in one line."""

    def __init__(self, manager: Manager, work: Work, report: Callable[[str], None]) -> None:
        """Nothing happens before ``main`` is called by the manager."""
        self._manager = manager
        self._work = work
        self._report = report
        self._loop: Optional[Loop] = None
        self._status = Status(STOPPED)
        self._stopping = False
        self._goes_down = False

    def main(self) -> None:
        """Steps 2 to 5; the manager's thread."""
        self._manager.register(NAME, self.handle)
        self._tell(Status(START_PENDING, checkpoint=1, hint_ms=START_HINT_MS))
        code = FAILED
        try:
            code = self._work(self.steering, lambda: self._goes_down)
        except Exception as error:  # noqa: BLE001 - the last frame of this thread: the manager must hear of it
            self._report(" ".join(str(error).split()) or type(error).__name__)
        self._tell(Status(STOPPED) if code == 0 else Status(STOPPED, 0, SERVICE_SPECIFIC, code))

    @contextlib.contextmanager
    def steering(self, loop: Loop) -> Iterator[None]:
        """Step 3: while entered, controls end ``loop``."""
        self._loop = loop
        if self._stopping:  # asked while starting
            self._end(loop)
        else:
            self._tell(Status(RUNNING, ACCEPTED))
        try:
            yield
        finally:
            self._loop = None

    def handle(self, control: int) -> int:
        """Step 4; called in another thread. Returns what the manager is told about the control."""
        if control == INTERROGATE:
            self._manager.tell(self._status)
            return NO_ERROR
        if control not in (STOP, SHUTDOWN, PRESHUTDOWN):
            return NOT_IMPLEMENTED
        self._goes_down = self._goes_down or control != STOP
        self._stopping = True
        self._tell(Status(STOP_PENDING, checkpoint=1, hint_ms=STOP_HINT_MS))
        if self._loop is not None:
            self._end(self._loop)
        return NO_ERROR

    @staticmethod
    def _end(loop: Loop) -> None:
        loop.stop(signal.SIGTERM)

    def _tell(self, status: Status) -> None:
        self._status = status
        self._manager.tell(status)


class Advapi:  # pragma: no cover - no Windows machine in CI; what it is asked for is tested with a stand-in
    """The service manager of this Windows, through advapi32."""

    def __init__(self) -> None:
        """Describe the functions of winsvc.h."""
        import ctypes  # noqa: PLC0415 - what follows exists on Windows only
        from ctypes import wintypes  # noqa: PLC0415 - the same

        prototype: Any = getattr(ctypes, "WINFUNCTYPE")  # noqa: B009 - the same
        self._ctypes: Any = ctypes
        self._api: Any = getattr(ctypes, "WinDLL")("advapi32", use_last_error=True)  # noqa: B009 - the same
        self._main_type = prototype(None, wintypes.DWORD, ctypes.POINTER(wintypes.LPWSTR))
        self._handler_type = prototype(
            wintypes.DWORD, wintypes.DWORD, wintypes.DWORD, ctypes.c_void_p, ctypes.c_void_p
        )

        class Entry(ctypes.Structure):
            _fields_ = (("name", wintypes.LPWSTR), ("main", self._main_type))

        self._entry = Entry
        self._status_type = wintypes.DWORD * 7  # SERVICE_STATUS is seven DWORDs
        self._api.StartServiceCtrlDispatcherW.argtypes = (ctypes.POINTER(Entry),)
        self._api.StartServiceCtrlDispatcherW.restype = wintypes.BOOL
        self._api.RegisterServiceCtrlHandlerExW.argtypes = (
            wintypes.LPCWSTR,
            self._handler_type,
            ctypes.c_void_p,
        )
        self._api.RegisterServiceCtrlHandlerExW.restype = ctypes.c_void_p
        self._api.SetServiceStatus.argtypes = (ctypes.c_void_p, ctypes.POINTER(self._status_type))
        self._api.SetServiceStatus.restype = wintypes.BOOL
        self._handle: Any = None
        self._kept: list[Any] = []  # callbacks live as long as the manager may call them

    def dispatch(self, name: str, main: Callable[[], None]) -> None:
        """Connect to the manager, and stay until the service has stopped."""
        callback = self._main_type(lambda _count, _arguments: main())
        table = (self._entry * 2)(self._entry(name, callback), self._entry(None, self._main_type()))
        self._kept.append((callback, table))
        self._require(self._api.StartServiceCtrlDispatcherW(table))

    def register(self, name: str, handler: Callable[[int], int]) -> None:
        """Let the manager call ``handler``."""
        callback = self._handler_type(lambda control, _type, _data, _context: handler(control))
        self._kept.append(callback)
        self._handle = self._api.RegisterServiceCtrlHandlerExW(name, callback, None)
        self._require(self._handle)

    def tell(self, status: Status) -> None:
        """Call SetServiceStatus."""
        fields = self._status_type(
            OWN_PROCESS, status.state, status.accepted, status.exit_code, status.specific,
            status.checkpoint, status.hint_ms,
        )  # fmt: skip
        self._require(self._api.SetServiceStatus(self._handle, self._ctypes.byref(fields)))

    def _require(self, done: Any) -> None:
        if not done:
            raise self._ctypes.WinError(self._ctypes.get_last_error())


def agent_work(config: str, state: str) -> Work:
    """Return what runs the agent with these settings and this state directory."""

    def work(steering: Steering, goes_down: Callable[[], bool]) -> int:
        from agent.config import load  # noqa: PLC0415 - imported only when the manager has called
        from agent.run import run  # noqa: PLC0415 - the same
        from agent.this_host import this_host  # noqa: PLC0415 - the same

        settings = load(config, state=state)
        interval_ms = settings.interval_s * 1000
        return run(
            settings,
            lambda: this_host(interval_ms=interval_ms, **settings.devices()),
            environment=os.environ,
            goes_down=goes_down,
            steering=steering,
        )

    return work


def main(argv: Sequence[str], *, manager: Optional[Manager] = None) -> int:
    """Be the service: ``CONFIG STATE LOG``; return the exit code.

    Everything written to standard output and error goes to the log file.
    """
    from agent.log_file import LogFile  # noqa: PLC0415 - after the packages can be found

    try:
        config, state, log = argv
    except ValueError:
        print(f"usage: windows_service.py CONFIG STATE LOG (the service manager starts it as {NAME})")  # noqa: T201
        return 2
    stream = LogFile(log)
    with contextlib.redirect_stdout(stream), contextlib.redirect_stderr(stream):
        chosen = manager or Advapi()
        service = Service(chosen, agent_work(config, state), lambda text: print(f"error: {text}"))  # noqa: T201 - the log
        try:
            chosen.dispatch(NAME, service.main)
        except OSError as error:
            print(f"error: {error}; only the service manager can start this: Start-Service {NAME}")  # noqa: T201
            return 1
        finally:
            stream.close()
    return 0


if __name__ == "__main__":  # pragma: no cover - started by the service manager
    import site

    site.addsitedir(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
    sys.exit(main(sys.argv[1:]))
