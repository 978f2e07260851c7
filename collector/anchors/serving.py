"""Anchoring inside ``collector serve``: a thread that looks once a minute for something to hand over."""

from __future__ import annotations

import random
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from collector.anchors.courier import Courier, OpenAnchor
from collector.anchors.opening import open_anchor
from collector.anchors.settings import AnchorSettings, read_anchors
from collector.errors import CollectorError
from collector.http.log import Log
from collector.opening import OpenStore, wall_clock_ms
from collector.polling.opening import Keys
from collector.sources.secrets import read_secret
from collector.store.locks import alone

LOOK_EVERY_S = 60
LOCK = "anchors"


def courier_of(
    opened: OpenStore, settings: tuple[AnchorSettings, ...], *, stop: threading.Event | None = None
) -> Courier:
    """Return the courier of a store for these anchors.

    Raises:
        SettingsError: a key of an anchor is wrong.
    """
    keys = Keys(read_secret)
    ready = [
        OpenAnchor(one.alias, one.kind, open_anchor(one, secret=keys.read, wall_ms=wall_clock_ms))
        for one in settings
    ]
    return Courier(
        store=opened.store,
        enterprise=lambda: opened.identity.enterprise,
        opened=ready,
        wall_ms=wall_clock_ms,
        chance=random.SystemRandom().random,
        redacted=lambda text: keys.redactor.text(text),  # noqa: PLW0108 - the redactor learns every secret that is read
        stopping=(lambda: False) if stop is None else stop.is_set,
    )


@contextmanager
def anchoring(
    opened: OpenStore, file: Path, *, log: Log, look_every_s: float = LOOK_EVERY_S
) -> Iterator[None]:
    """Hand over the checkpoints of days while the block runs; nothing happens if no anchor is configured.

    Raises:
        SettingsError: the file is wrong.
    """
    settings = read_anchors(file)
    if not settings:
        yield
        return
    stop = threading.Event()
    courier = courier_of(opened, settings, stop=stop)
    directory = opened.keyring.directory

    def work() -> None:
        while True:
            _look(courier, directory, log)
            if stop.wait(look_every_s):
                return

    thread = threading.Thread(target=work, name="anchors", daemon=True)
    thread.start()
    log("anchoring", anchors=len(settings), file=str(file))
    try:
        yield
    finally:
        stop.set()
        thread.join()


def _look(courier: Courier, directory: Path, log: Log) -> None:
    """One look; whatever it meets, there is a next one."""
    try:
        with alone(courier.store, LOCK, directory=directory) as held:
            if held is None:
                return  # another process of this store is at it
            courier.queue()
            for one in courier.hand_over():
                if one.error:
                    log("anchor_failed", level="warning", alias=one.alias, size=one.size, message=one.error)
                else:
                    log("anchored", alias=one.alias, kind=one.kind, size=one.size, day=one.day)
    except CollectorError as error:
        log("anchoring_failed", level="error", message=str(error))
    except Exception as error:  # noqa: BLE001 - a fault of ours must not end the looks that follow
        log("anchoring_failed", level="error", message=f"{type(error).__name__}: {error}")
