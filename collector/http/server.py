"""Running the service: sockets, timeouts, signals, and a clean end."""

from __future__ import annotations

import asyncio
import asyncio.sslproto
import logging
import signal
import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from types import FrameType

import uvicorn
from starlette.applications import Starlette

from collector.errors import SettingsError
from collector.http.accepting import CountingListener
from collector.http.log import Log, ServerMessages
from collector.http.protocol import MAX_HEADER_BYTES, strict_protocol
from collector.settings import Limits, parse_listen
from collector.tls.serving import Certificates

BACKLOG = 1024
TLS_BUFFER_BYTES = 32 * 1024
"""Two records of TLS. The library gives each connection eight times as much: most of what one that waits costs."""
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


def url_of(bound: socket.socket, *, scheme: str = "http") -> str:
    """Return the URL at which a bound socket answers."""
    address, port = bound.getsockname()[:2]
    return f"{scheme}://[{address}]:{port}" if ":" in address else f"{scheme}://{address}:{port}"


def run(
    app: Starlette,
    bound: socket.socket,
    *,
    limits: Limits,
    log: Log,
    stopping: threading.Event | None = None,
    certificates: Certificates | None = None,
) -> None:
    """Serve until SIGTERM or SIGINT, then finish the running requests and return; ``bound`` is closed then.

    ``stopping`` is set with the signal: answers without an end (streams of events) must end then.
    With ``certificates`` over TLS; SIGHUP then looks at their files, without it does nothing.
    """
    for name in _LOGGERS:
        logger = logging.getLogger(name)
        logger.handlers = [ServerMessages(log)] if name == "uvicorn" else []
        logger.propagate = name != "uvicorn"
    config = uvicorn.Config(
        app,
        http=strict_protocol(limits.header_timeout_s),
        loop="asyncio",  # another one would not ask the listener
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
    config.load()
    if certificates is not None:
        config.ssl = certificates.context
    url = url_of(bound, scheme="http" if certificates is None else "https")
    listener = CountingListener(
        bound, per_address=limits.connections_per_address, most=limits.connections, log=log
    )
    server = _Server(
        config,
        listener=listener,
        url=url,
        log=log,
        stopping=stopping or threading.Event(),
        certificates=certificates,
        handshake_s=limits.header_timeout_s,
    )
    server.run(sockets=[listener])
    log("stopped")


class _Server(uvicorn.Server):
    """Says where it listens, and ends without raising the signal again."""

    def __init__(
        self,
        config: uvicorn.Config,
        *,
        listener: CountingListener,
        url: str,
        log: Log,
        stopping: threading.Event,
        certificates: Certificates | None,
        handshake_s: int,
    ) -> None:
        super().__init__(config)
        self._listener = listener
        self._url = url
        self._log = log
        self._stopping = stopping
        self._certificates = certificates
        self._handshake_s = handshake_s

    def handle_exit(self, sig: int, frame: FrameType | None) -> None:
        self._stopping.set()
        super().handle_exit(sig, frame)

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        loop = asyncio.get_running_loop()
        loop.set_exception_handler(self._listener.say)
        if self._certificates is not None:
            # The library passes no limits on; a minute and half of one for each silent connection are its defaults.
            bounded = partial(
                loop.create_server,
                ssl_handshake_timeout=self._handshake_s,
                ssl_shutdown_timeout=self._handshake_s,
            )
            loop.create_server = bounded  # type: ignore[method-assign]
            asyncio.sslproto.SSLProtocol.max_size = TLS_BUFFER_BYTES
        await super().startup(sockets)
        if self.started:
            self._log("listening", url=self._url)

    @contextmanager
    def capture_signals(self) -> Iterator[None]:
        """The store must be closed after the last request, so the process outlives the signal."""
        before = {
            number: signal.signal(number, self.handle_exit) for number in (signal.SIGTERM, signal.SIGINT)
        }
        before[signal.SIGHUP] = signal.signal(signal.SIGHUP, self._look_at_certificates)
        try:
            yield
        finally:
            for number, handler in before.items():
                signal.signal(number, handler)

    def _look_at_certificates(self, _number: int, _frame: object) -> None:
        if self._certificates is not None:
            self._certificates.look_soon()
