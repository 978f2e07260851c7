"""Running the service: sockets, timeouts, signals, and a clean end."""

from __future__ import annotations

import asyncio
import logging
import signal
import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType

import uvicorn
from starlette.applications import Starlette
from uvicorn.protocols.http.h11_impl import H11Protocol

from collector.errors import SettingsError
from collector.http.log import Log, ServerMessages
from collector.settings import Limits, parse_listen

MAX_HEADER_BYTES = 32 * 1024
BACKLOG = 1024
_LOGGERS = ("uvicorn", "uvicorn.error", "uvicorn.asgi", "uvicorn.access")


def listening_socket(listen: str) -> socket.socket:
    """Return a bound socket; port 0 takes any free one.

    Raises:
        SettingsError: the address cannot be used.
    """
    address, port = parse_listen(listen)
    try:
        family, kind, protocol, _, place = socket.getaddrinfo(
            address, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE
        )[0]
        bound = socket.socket(family, kind, protocol)
    except OSError as error:
        raise SettingsError(f"cannot listen on {listen}: {error.strerror}") from None
    try:
        bound.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        bound.bind(place)
    except OSError as error:
        bound.close()
        raise SettingsError(f"cannot listen on {listen}: {error.strerror}") from None
    return bound


def url_of(bound: socket.socket) -> str:
    """Return the URL at which a bound socket answers."""
    address, port = bound.getsockname()[:2]
    return f"http://[{address}]:{port}" if ":" in address else f"http://{address}:{port}"


def run(
    app: Starlette, bound: socket.socket, *, limits: Limits, log: Log, stopping: threading.Event | None = None
) -> None:
    """Serve until SIGTERM or SIGINT, then finish the running requests and return.

    ``stopping`` is set with the signal: answers without an end (streams of events) must end then.
    """
    for name in _LOGGERS:
        logger = logging.getLogger(name)
        logger.handlers = [ServerMessages(log)] if name == "uvicorn" else []
        logger.propagate = name != "uvicorn"
    config = uvicorn.Config(
        app,
        http=_protocol(limits.header_timeout_s),
        ws="none",
        lifespan="on",
        log_config=None,
        access_log=False,
        server_header=False,
        proxy_headers=False,
        backlog=BACKLOG,
        limit_concurrency=limits.connections,
        timeout_keep_alive=limits.idle_timeout_s,
        timeout_graceful_shutdown=limits.shutdown_timeout_s,
        h11_max_incomplete_event_size=MAX_HEADER_BYTES,
    )
    _Server(config, url=url_of(bound), log=log, stopping=stopping or threading.Event()).run(sockets=[bound])
    log("stopped")


class _Server(uvicorn.Server):
    """Says where it listens, and ends without raising the signal again."""

    def __init__(self, config: uvicorn.Config, *, url: str, log: Log, stopping: threading.Event) -> None:
        super().__init__(config)
        self._url = url
        self._log = log
        self._stopping = stopping

    def handle_exit(self, sig: int, frame: FrameType | None) -> None:
        self._stopping.set()
        super().handle_exit(sig, frame)

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets)
        if self.started:
            self._log("listening", url=self._url)

    @contextmanager
    def capture_signals(self) -> Iterator[None]:
        """The store must be closed after the last request, so the process outlives the signal."""
        before = {
            number: signal.signal(number, self.handle_exit) for number in (signal.SIGTERM, signal.SIGINT)
        }
        try:
            yield
        finally:
            for number, handler in before.items():
                signal.signal(number, handler)


def _protocol(timeout_s: int) -> type[H11Protocol]:
    """Return the HTTP protocol that closes connections whose request head does not arrive.

    The server itself only times out connections that are idle after an answer; without this, a
    few hundred silent connections would keep everybody else out.
    """

    class BoundedHead(H11Protocol):
        _head_timer: asyncio.TimerHandle | None = None

        def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
            super().connection_made(transport)
            self._watch()

        def data_received(self, data: bytes) -> None:
            super().data_received(data)
            self._watch()

        def on_response_complete(self) -> None:
            super().on_response_complete()
            self._watch()

        def connection_lost(self, exc: Exception | None) -> None:
            self._stop()
            super().connection_lost(exc)

        def _watch(self) -> None:
            cycle: object = self.cycle  # none before the first request, whatever its annotation says
            in_request = cycle is not None and not self.cycle.response_complete
            if in_request or self.transport.is_closing():
                self._stop()
            elif self._head_timer is None:
                self._head_timer = self.loop.call_later(timeout_s, self._too_late)

        def _stop(self) -> None:
            if self._head_timer is not None:
                self._head_timer.cancel()
                self._head_timer = None

        def _too_late(self) -> None:
            self.transport.close()

    return BoundedHead
