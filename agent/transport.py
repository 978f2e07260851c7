"""One HTTP request to the collector, bounded in time and size. Redirects are not followed.

TLS is loaded only for an ``https`` URL: it costs about 5 MB of memory.
"""

from __future__ import annotations

import http.client
import re
import socket
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Callable, Optional, Protocol

from agent.errors import ConfigError, TransportError

MAX_ANSWER_BYTES = 1024 * 1024
"""256 results of about 300 bytes, with room."""
DEFAULT_TIMEOUT_S = 30.0
_PIECE_BYTES = 64 * 1024
_URL = re.compile(
    r"(https?)://(\[[0-9A-Fa-f:.]+\]|[A-Za-z0-9._-]+)(?::(\d{1,5}))?((?:/[A-Za-z0-9._~%/-]*)?)\Z", re.ASCII
)
_PORTS = {"http": 80, "https": 443}
_MAX_PORT = 65_535


@dataclass(frozen=True)
class Answer:
    """What the collector answered. ``elapsed_ms`` from the first byte sent to the last received."""

    status: int
    body: bytes
    retry_after: str
    received_ms: int
    elapsed_ms: int


class Transport(Protocol):
    """Something that carries a request to the collector."""

    def post(self, path: str, body: bytes, headers: Mapping[str, str], *, timeout_s: float) -> Answer:
        """Return the answer, whatever its status.

        Raises:
            TransportError: there was no usable answer.
        """
        ...


class HttpTransport:
    """Requests over one connection each: an agent speaks once in ten minutes."""

    def __init__(
        self,
        url: str,
        *,
        wall_ms: Callable[[], int],
        mono_s: Callable[[], float],
        ca_file: Optional[str] = None,
    ) -> None:
        """Speak to the collector at ``url``.

        Raises:
            ConfigError: the URL or the CA file cannot be used.
        """
        self._secure, self._host, self._port, self._base = _parts(url)
        self._wall_ms = wall_ms
        self._mono_s = mono_s
        self._context = _tls(ca_file) if self._secure else None

    def post(self, path: str, body: bytes, headers: Mapping[str, str], *, timeout_s: float) -> Answer:
        """Return the answer, whatever its status.

        Raises:
            TransportError: there was no usable answer within ``timeout_s``.
        """
        connection = http.client.HTTPConnection(self._host, self._port, timeout=timeout_s)
        deadline_s = self._mono_s() + timeout_s
        try:
            self._connect(connection, timeout_s)
            started_s = self._mono_s()
            connection.request("POST", self._base + path, body, {**headers, "Connection": "close"})
            response = connection.getresponse()
            data = self._read(response, deadline_s)
            elapsed_ms = round((self._mono_s() - started_s) * 1000)
            return Answer(
                response.status, data, response.getheader("Retry-After") or "", self._wall_ms(), elapsed_ms
            )
        except (OSError, http.client.HTTPException) as error:
            reason = str(error) or type(error).__name__
            raise TransportError(
                f"the collector {self._host}:{self._port} does not answer: {reason}"
            ) from None
        finally:
            connection.close()

    def _connect(self, connection: http.client.HTTPConnection, timeout_s: float) -> None:
        # A name in bytes: a name in text would load the tables for international names, 1 MB.
        address: Any = (self._host.encode("ascii"), self._port)
        connection.sock = socket.create_connection(address, timeout_s)
        if self._context is not None:
            connection.sock = self._context.wrap_socket(connection.sock, server_hostname=self._host)
        connection.sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)

    def _read(self, response: http.client.HTTPResponse, deadline_s: float) -> bytes:
        parts, length = [], 0
        while True:
            if self._mono_s() > deadline_s:
                raise TransportError("the answer takes too long")
            part = response.read1(_PIECE_BYTES)
            if not part:
                break
            parts.append(part)
            length += len(part)
            if length > MAX_ANSWER_BYTES:
                raise TransportError(f"the answer is longer than {MAX_ANSWER_BYTES} bytes")
        if response.length:
            raise TransportError("the answer is cut off")
        return b"".join(parts)


def _parts(url: str) -> tuple[bool, str, int, str]:
    """Return whether TLS is used, the host, the port and the path before ours."""
    match = _URL.match(url)
    port = int(match[3] or _PORTS[match[1]]) if match else 0
    if not match or not 0 < port <= _MAX_PORT:
        raise ConfigError(
            f"collector {_without_secret(url)!r} is not a URL such as https://collector.example:8440"
        )
    return match[1] == "https", match[2].strip("[]"), port, match[4].rstrip("/")


def _without_secret(url: str) -> str:
    """Return a URL for an error line: without the user and password somebody may have written."""
    return re.sub(r"//[^/@]*@", "//…@", url)


def _tls(ca_file: Optional[str]) -> Any:
    import ssl  # noqa: PLC0415 - only for https, it is heavy

    try:
        return ssl.create_default_context(cafile=ca_file)
    except OSError as error:
        raise ConfigError(f"ca_file {ca_file} cannot be used: {error}") from None
