"""Polling inside ``collector serve``: started with the service if sources are configured, stopped with it.

Whatever is wrong with the sources, the agents are served: a file that cannot be read is told, with
what to do, and looked at again; an account that is wrong is left out.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from importlib.util import find_spec
from pathlib import Path

from collector.errors import SettingsError
from collector.http.log import Log, ServerMessages
from collector.opening import OpenStore
from collector.polling.accounts import Account, usable_accounts
from collector.polling.opening import Keys, redacted_logging
from collector.polling.poller import Poller
from collector.polling.world import World
from collector.sources.calling import real_clocks
from collector.sources.registry import load
from collector.sources.secrets import read_secret

LOOK_AGAIN_S = 60
"""At a file that could not be read."""


@contextmanager
def polling(
    opened: OpenStore,
    sources: Path,
    *,
    log: Log,
    keys: Keys | None = None,
    look_again_s: float = LOOK_AGAIN_S,
) -> Iterator[None]:
    """Poll the accounts in a file while the block runs; nothing happens if there are none.

    ``keys`` reads the secrets, and knows then what ``log`` must not write.

    Raises:
        SettingsError: sources are named, but the scheduler is not installed.
    """
    service = _Service(opened, sources, log=log, keys=keys or Keys(read_secret))
    with redacted_logging(service.keys, ServerMessages(log)):
        try:
            if not service.begin():
                service.wait(look_again_s)
            yield
        finally:
            service.close()


class _Service:
    """Begins to poll as soon as the file of sources can be read."""

    def __init__(self, opened: OpenStore, sources: Path, *, log: Log, keys: Keys) -> None:
        self.keys = keys
        self._opened = opened
        self._sources = sources
        self._log = log
        self._told = ""
        self._stop = threading.Event()
        self._waiting: threading.Thread | None = None
        self._close: Callable[[], None] = self._stop.set

    def begin(self) -> bool:
        """Start polling if there is anything to poll; return whether the file could be read.

        Raises:
            SettingsError: the scheduler is not installed.
        """
        try:
            accounts, broken = usable_accounts(self._sources)
        except SettingsError as error:
            if str(error) != self._told:
                self._told = str(error)
                self._log("sources_unreadable", level="error", message=f"{error}; it is looked at again")
            return False
        for problem in broken:
            self._log("source_refused", level="error", message=problem)
        if accounts:
            self._poll(accounts)
        return True

    def wait(self, look_again_s: float) -> None:
        """Try again until the file can be read."""
        self._waiting = threading.Thread(target=self._try_again, args=(look_again_s,), daemon=True)
        self._waiting.start()

    def close(self) -> None:
        """Let the questions that are being asked end, and stop."""
        self._stop.set()
        if self._waiting is not None:
            self._waiting.join()
        self._close()

    def _try_again(self, look_again_s: float) -> None:
        try:
            while not self._stop.wait(look_again_s):
                if self.begin():
                    return
        except SettingsError as error:
            self._log("sources_unreadable", level="error", message=str(error))

    def _poll(self, accounts: tuple[Account, ...]) -> None:
        if find_spec("apscheduler") is None:
            raise SettingsError(
                f"{self._sources} names sources, but polling needs the extra 'polling': "
                "pip install 'starproof[polling]'"
            )
        from collector.polling.schedule import LOOK_EVERY_S, Schedule, stopping_sleep  # noqa: PLC0415 - the extra

        world = World(
            opened=self._opened,
            plugins=load(),
            keys=self.keys,
            clocks=replace(real_clocks(), sleep=stopping_sleep(self._stop)),
            log=self._log,
            lock_directory=self._opened.keyring.directory,
            stopping=self._stop.is_set,
        )
        schedule = Schedule(Poller(world, accounts), world, self._stop, look_every_s=LOOK_EVERY_S)
        self._close = schedule.close
        schedule.start()
        self._log("polling", sources=len(accounts), file=str(self._sources))
