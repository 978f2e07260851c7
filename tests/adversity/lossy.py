"""A bad line: TCP through a proxy that is slow, stalls, and breaks off; and one that shares out to several."""

from __future__ import annotations

import random
import socket
import threading
import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass

PIECE_BYTES = 1460
"""What one packet of Ethernet carries."""


@dataclass(frozen=True)
class Line:
    """``delay_s`` each way, ``bytes_per_s`` (0: no limit), and shares of connections and packets.

    ``refused``: connections that never come about. ``broken``: the chance of each packet that the
    connection ends there, so that requests and answers are cut off at any byte. ``stalled``: the
    chance of each packet to wait for a retransmission.
    """

    delay_s: float = 0.0
    bytes_per_s: int = 0
    refused: float = 0.0
    broken: float = 0.0
    stalled: float = 0.0
    stall_s: float = 0.2


class Proxy:
    """Listens on a free port and carries connections to the targets, in turn, over the line."""

    def __init__(self, targets: Sequence[tuple[str, int]], line: Line, *, seed: int = 0) -> None:
        self._targets = targets
        self._line = line
        self._dice = random.Random(seed)
        self._server = socket.create_server(("127.0.0.1", 0), backlog=64)
        self.port: int = self._server.getsockname()[1]
        self.connections = 0
        self.cut = 0
        self._thread = threading.Thread(target=self._accept, daemon=True)
        self._thread.start()

    @property
    def listen(self) -> str:
        return f"127.0.0.1:{self.port}"

    def close(self) -> None:
        with suppress(OSError):
            self._server.shutdown(socket.SHUT_RDWR)
        self._server.close()
        self._thread.join(5)

    def _accept(self) -> None:
        while True:
            try:
                client, _ = self._server.accept()
            except OSError:
                return
            self.connections += 1
            if self._dice.random() < self._line.refused:
                self.cut += 1
                client.close()
                continue
            try:
                server = socket.create_connection(
                    self._targets[self.connections % len(self._targets)], timeout=5
                )
            except OSError:
                client.close()
                continue
            dice = random.Random(self._dice.random())
            for one, other in ((client, server), (server, client)):
                threading.Thread(target=self._carry, args=(one, other, dice.random), daemon=True).start()

    def _carry(self, source: socket.socket, target: socket.socket, chance: Callable[[], float]) -> None:
        line = self._line
        with suppress(OSError):
            source.settimeout(60)
            while data := source.recv(PIECE_BYTES if line.broken or line.bytes_per_s else 65536):
                wait_s = line.delay_s + (len(data) / line.bytes_per_s if line.bytes_per_s else 0)
                if chance() < line.stalled:
                    wait_s += line.stall_s
                if wait_s:
                    time.sleep(wait_s)
                if chance() < line.broken:
                    self.cut += 1
                    target.sendall(data[: int(len(data) * chance())])
                    break
                target.sendall(data)
        for side in (source, target):
            with suppress(OSError):
                side.shutdown(socket.SHUT_RDWR)
            side.close()
