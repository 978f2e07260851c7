"""The HTTP protocol of a connection: what the library leaves open towards those who mean no good.

1. Connections whose request head does not arrive are closed. The server itself only times out connections that are
   idle after an answer; without this, a few hundred silent connections would keep everybody else out.
2. A head that could be read in two ways is refused (``collector.http.heads``), and what comes between a whole
   request and its answer is not taken for the next one: nobody smuggles a second request behind a first.
3. The certificate that the other side showed, if it was asked for one, is handed on with its requests.
"""

from __future__ import annotations

import asyncio
from ssl import SSLObject
from typing import Any

import h11
from uvicorn.protocols.http.h11_impl import H11Protocol

from collector.http.heads import END, head_problem

MAX_HEADER_BYTES = 32 * 1024
CERTIFICATE = "client_certificate"
"""Where requests carry it in their state: DER, empty for none."""


class StrictProtocol(H11Protocol):
    """One connection. The class attributes are the server's, see ``strict_protocol``."""

    head_timeout_s: int
    _head_timer: asyncio.TimerHandle | None = None

    def __init__(self, *arguments: Any, **options: Any) -> None:
        """Put rule 2 between the library's reader and its server."""
        super().__init__(*arguments, **options)
        read = self.conn.next_event

        def judged() -> Any:
            if self.conn.their_state is h11.IDLE:
                waiting = self.conn.trailing_data[0]
                end = END.search(waiting)
                problem = head_problem(waiting[: end.start()]) if end else ""
                if problem:
                    raise h11.RemoteProtocolError(problem)
            return read()

        self.conn.next_event = judged  # type: ignore[method-assign]

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """Keep the other side's certificate (rule 3), and begin to wait for the first request."""
        super().connection_made(transport)
        tls: SSLObject | None = transport.get_extra_info("ssl_object")
        shown = tls.getpeercert(binary_form=True) if tls is not None else None
        self.app_state = {**self.app_state, CERTIFICATE: shown or b""}
        self._watch()

    def data_received(self, data: bytes) -> None:
        """Read on, and wait for what is missing of a head (rule 1)."""
        super().data_received(data)
        self._watch()

    def on_response_complete(self) -> None:
        """Wait for the next request, unless something came already (rule 2)."""
        if self.conn.their_state is h11.DONE and self.conn.trailing_data[0]:
            self.transport.close()
        super().on_response_complete()
        self._watch()

    def connection_lost(self, exc: Exception | None) -> None:
        """Wait for nothing more."""
        self._stop()
        super().connection_lost(exc)

    def _watch(self) -> None:
        cycle: object = self.cycle  # none before the first request, whatever its annotation says
        in_request = cycle is not None and not self.cycle.response_complete
        if in_request or self.transport.is_closing():
            self._stop()
        elif self._head_timer is None:
            self._head_timer = self.loop.call_later(self.head_timeout_s, self._too_late)

    def _stop(self) -> None:
        if self._head_timer is not None:
            self._head_timer.cancel()
            self._head_timer = None

    def _too_late(self) -> None:
        self.transport.close()


def strict_protocol(head_timeout_s: int) -> type[StrictProtocol]:
    """Return the protocol of one server."""
    return type("BoundStrictProtocol", (StrictProtocol,), {"head_timeout_s": head_timeout_s})
