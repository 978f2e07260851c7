"""Polling inside ``collector serve``: started with the service if sources are configured, stopped with it."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from importlib.util import find_spec
from pathlib import Path

from collector.errors import SettingsError
from collector.http.log import Log, ServerMessages
from collector.opening import OpenStore
from collector.polling.accounts import read_accounts
from collector.polling.opening import Keys, redacted_logging
from collector.polling.poller import Poller
from collector.polling.world import World
from collector.sources.calling import real_clocks
from collector.sources.registry import load
from collector.sources.secrets import read_secret


@contextmanager
def polling(opened: OpenStore, sources: Path, *, log: Log, keys: Keys | None = None) -> Iterator[None]:
    """Poll the accounts in a file while the block runs; nothing happens if there are none.

    ``keys`` reads the secrets, and knows then what ``log`` must not write.

    Raises:
        SettingsError: the file is wrong, or the scheduler is not installed.
    """
    accounts = read_accounts(sources)
    if not accounts:
        yield
        return
    if find_spec("apscheduler") is None:
        raise SettingsError(
            f"{sources} names sources, but polling needs the extra 'polling': pip install 'starproof[polling]'"
        )
    from collector.polling.schedule import LOOK_EVERY_S, Schedule, stopping_sleep  # noqa: PLC0415 - the extra

    stop = threading.Event()
    world = World(
        opened=opened,
        plugins=load(),
        keys=keys or Keys(read_secret),
        clocks=replace(real_clocks(), sleep=stopping_sleep(stop)),
        log=log,
        lock_directory=opened.keyring.directory,
        stopping=stop.is_set,
    )
    with redacted_logging(world.keys, ServerMessages(log)):
        schedule = Schedule(Poller(world, accounts), world, stop, look_every_s=LOOK_EVERY_S)
        schedule.start()
        log("polling", sources=len(accounts), file=str(sources))
        try:
            yield
        finally:
            schedule.close()
