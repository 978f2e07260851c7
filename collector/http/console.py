"""Where a console is plugged in: the collector serves one that is handed over, and knows none."""

from __future__ import annotations

import threading
from collections.abc import Callable
from contextlib import AbstractContextManager
from typing import Protocol

from starlette.types import ASGIApp, Receive, Scope, Send

from collector.alerts.matters import Seen
from collector.http.log import Log
from collector.ingest import Clock
from collector.opening import OpenStore
from collector.settings import Settings

WIRE = "/v1/"
"""Paths of the wire; what is not found there is answered as ``docs/wire.md`` says."""


class ConsoleOpener(Protocol):
    """Makes the console of an open store."""

    def __call__(
        self,
        opened: OpenStore,
        *,
        settings: Settings,
        url: str,
        clock: Clock,
        log: Log,
        stopping: threading.Event,
        seen: Callable[[], Seen | None],
    ) -> AbstractContextManager[ASGIApp]:
        """Return a context with the console's application.

        Args:
            opened: the store; it stays the caller's.
            settings: of the service.
            url: where the service answers on this machine.
            clock: wall clock in ms since 1970.
            log: takes events.
            stopping: set when the service begins to end: streams that stay open must end then.
            seen: tells what the service saw when it last looked at everything, ``None`` before it did.
        """
        ...


def beside_the_wire(console: ASGIApp, otherwise: ASGIApp) -> ASGIApp:
    """Return what answers paths without an endpoint: the console, except below ``WIRE``."""

    async def answer(scope: Scope, receive: Receive, send: Send) -> None:
        mine = scope["type"] == "http" and not scope["path"].startswith(WIRE)
        await (console if mine else otherwise)(scope, receive, send)

    return answer
