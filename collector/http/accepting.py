"""Who is let in: connections are counted from the moment they are taken, whatever they say or never say.

The protocol of a connection hears of it only when its TLS handshake is done, and a handshake may be left unfinished.
So the listening socket itself counts, for each address and in all, until the socket of a connection is closed.
"""

from __future__ import annotations

import asyncio
import errno
import os
import socket
import time
import weakref
from collections import Counter
from collections.abc import Callable
from typing import Any

from collector.http.log import Log

TOLD_BUSY = 64
"""So many more than the limit are taken at once, to be told 503; what comes beyond is closed without a word."""
CLOSED_AT_ONCE = 256
"""Of those that are too many, in one turn of the event loop."""
PAUSE_S = 0.9
"""How long nothing is accepted when the system has nothing left; the library looks again after a second."""
SAY_AGAIN_S = 60.0
_NOTHING_LEFT = (errno.EMFILE, errno.ENFILE, errno.ENOBUFS, errno.ENOMEM)


class _Connection(socket.socket):
    """A connection that is counted until it is closed."""

    uncount: Callable[[], object]

    def close(self) -> None:
        """Close it, and count it no longer."""
        super().close()
        self.uncount()


class CountingListener(socket.socket):
    """A listening socket that closes at once what is too much of one address, or in all."""

    def __init__(
        self,
        bound: socket.socket,
        *,
        per_address: int,
        most: int,
        log: Log,
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        """Listen where ``bound`` does, which is closed together with this one.

        ``monotonic`` returns seconds that never go back.
        """
        super().__init__(bound.family, bound.type, bound.proto, fileno=os.dup(bound.fileno()))
        self._bound = bound
        self._per_address = per_address
        self._most = most
        self._log = log
        self._monotonic = monotonic
        self._open: Counter[str] = Counter()
        self._paused_until_s = float("-inf")
        self._silent_until_s = float("-inf")

    def accept(self) -> tuple[socket.socket, Any]:
        """Return the next connection that may stay, and its address.

        Raises:
            BlockingIOError: there is none now.
            OSError: the system has nothing left for one.
        """
        if self._monotonic() < self._paused_until_s:
            raise BlockingIOError(errno.EAGAIN, "nothing is accepted for a moment")
        for _ in range(CLOSED_AT_ONCE):
            try:
                number, place = self._accept()  # type: ignore[attr-defined]  # what the base class builds upon
            except OSError as error:
                if error.errno in _NOTHING_LEFT:
                    # The library goes on asking in the same turn, and tells each failure.
                    self._paused_until_s = self._monotonic() + PAUSE_S
                raise
            connection = _Connection(self.family, self.type, self.proto, fileno=number)
            address = str(place[0])
            self._open[address] += 1
            connection.uncount = weakref.finalize(connection, self._gone, address)
            if self._open[address] <= self._per_address and self._open.total() <= self._most + TOLD_BUSY:
                return connection, place
            connection.close()
        raise BlockingIOError(errno.EAGAIN, "enough were closed for one turn")

    def close(self) -> None:
        """Listen no longer."""
        self._bound.close()
        super().close()

    def say(self, loop: asyncio.AbstractEventLoop, context: dict[str, Any]) -> None:
        """Handle the exceptions of an event loop: failures to accept are told once a minute, all others as ever."""
        error = context.get("exception")
        if "socket" not in context or not isinstance(error, OSError) or error.errno not in _NOTHING_LEFT:
            loop.default_exception_handler(context)
            return
        now_s = self._monotonic()
        if now_s >= self._silent_until_s:
            self._silent_until_s = now_s + SAY_AGAIN_S
            message = f"{error.strerror}; raise LimitNOFILE= or lower limits.connections"
            self._log("accept_failed", level="error", open=self._open.total(), message=message)

    def _gone(self, address: str) -> None:
        self._open[address] -= 1
        if not self._open[address]:
            del self._open[address]
