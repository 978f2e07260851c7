"""One HTTP/1.1 request to the collector, bounded in time and size. Redirects are not followed.

Our own reader of one answer (RFC 9112: status line, fields, body by length, by chunks, or up to the
end) instead of ``http.client``: that one brings the mail parser, 3 of the 20 MB we allow ourselves, and
knows a limit for each step but none for the whole. TLS is loaded only for an ``https`` URL (5 MB).
"""

from __future__ import annotations

import re
import socket
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Callable, Optional, Protocol

from agent.errors import ConfigError, TransportError

MAX_ANSWER_BYTES = 1024 * 1024
"""256 results of about 300 bytes, with room."""
MAX_LINE_BYTES = 8 * 1024
MAX_FIELDS = 100
DEFAULT_TIMEOUT_S = 30.0
_PIECE_BYTES = 64 * 1024
_URL = re.compile(
    r"(https?)://(\[[0-9A-Fa-f:.]+\]|[A-Za-z0-9._-]+)(?::(\d{1,5}))?((?:/[A-Za-z0-9._~%/-]*)?)\Z", re.ASCII
)
_STATUS = re.compile(rb"HTTP/1\.[01] ([1-5]\d\d)(?: |\Z)")
_PORTS = {"http": 80, "https": 443}
_MAX_PORT = 65_535
_NO_BODY = (204, 304)
_FINAL = 200
"""Statuses below are interim answers, another follows."""


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
        scheme, self._authority, self._host, self._port, self._base = _parts(url)
        self._wall_ms = wall_ms
        self._mono_s = mono_s
        self._context = _tls(ca_file) if scheme == "https" else None

    def post(self, path: str, body: bytes, headers: Mapping[str, str], *, timeout_s: float) -> Answer:
        """Return the answer, whatever its status.

        Raises:
            TransportError: there was no usable answer within ``timeout_s``.
        """
        deadline_s = self._mono_s() + timeout_s
        try:
            with self._connect(timeout_s) as connection:
                started_s = self._mono_s()
                connection.sendall(self._head(path, len(body), headers) + body)
                reader = _Reader(connection, lambda: deadline_s - self._mono_s())
                status, fields = reader.head()
                data = reader.body(status, fields)
                elapsed_ms = max(0, round((self._mono_s() - started_s) * 1000))
        except (OSError, ValueError) as error:
            reason = str(error) or type(error).__name__
            raise TransportError(f"the collector {self._authority} does not answer: {reason}") from None
        return Answer(status, data, fields.get("retry-after", ""), self._wall_ms(), elapsed_ms)

    def _connect(self, timeout_s: float) -> socket.socket:
        connection = socket.create_connection((self._host, self._port), timeout=timeout_s)
        try:
            connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            if self._context is None:
                return connection
            secured: socket.socket = self._context.wrap_socket(connection, server_hostname=self._host)
        except OSError:
            connection.close()
            raise
        return secured

    def _head(self, path: str, length: int, headers: Mapping[str, str]) -> bytes:
        fields = {"Host": self._authority, "Content-Length": str(length), "Connection": "close", **headers}
        lines = [f"POST {self._base}{path} HTTP/1.1", *(f"{name}: {value}" for name, value in fields.items())]
        return "\r\n".join([*lines, "", ""]).encode("ascii")


class _Reader:
    """Reads one answer. ``left_s`` says how much time there is for the rest of it."""

    def __init__(self, connection: socket.socket, left_s: Callable[[], float]) -> None:
        self._connection = connection
        self._left_s = left_s
        self._buffer = b""
        self._ended = False

    def head(self) -> tuple[int, dict[str, str]]:
        """Return the status and the fields (names in lower case) of the final answer."""
        while True:
            match = _STATUS.match(self._line())
            if not match:
                raise TransportError("the answer is not HTTP; check the collector's address")
            fields = self._fields()
            if int(match[1]) >= _FINAL:
                return int(match[1]), fields

    def body(self, status: int, fields: Mapping[str, str]) -> bytes:
        """Return the whole body."""
        if status in _NO_BODY:
            return b""
        if fields.get("transfer-encoding", "").lower() == "chunked":
            return self._chunked()
        length = fields.get("content-length")
        if length is None:
            while self._more():
                _require_short(len(self._buffer))
            return self._buffer
        return self._take(_number(length, 10))

    def _chunked(self) -> bytes:
        data = b""
        while True:
            size = _number(self._line().split(b";")[0].strip().decode("ascii", "replace"), 16)
            if size == 0:
                self._fields()
                return data
            _require_short(len(data) + size)
            data += self._take(size)
            if self._line():
                raise TransportError("the answer's chunks do not end where they say")

    def _fields(self) -> dict[str, str]:
        fields: dict[str, str] = {}
        for _ in range(MAX_FIELDS):
            line = self._line()
            if not line:
                return fields
            name, _, value = line.decode("latin-1").partition(":")
            fields[name.strip().lower()] = value.strip()
        raise TransportError(f"the answer has more than {MAX_FIELDS} fields")

    def _line(self) -> bytes:
        while b"\n" not in self._buffer:
            if len(self._buffer) > MAX_LINE_BYTES:
                raise TransportError("a line of the answer is too long")
            self._need()
        line, _, self._buffer = self._buffer.partition(b"\n")
        return line.rstrip(b"\r")

    def _take(self, length: int) -> bytes:
        _require_short(length)
        while len(self._buffer) < length:
            self._need()
        data, self._buffer = self._buffer[:length], self._buffer[length:]
        return data

    def _need(self) -> None:
        if not self._more():
            raise TransportError("the answer is cut off")

    def _more(self) -> bool:
        left_s = self._left_s()
        if left_s <= 0:
            raise TransportError("the answer takes too long")
        self._connection.settimeout(left_s)
        part = self._connection.recv(_PIECE_BYTES)
        self._buffer += part
        return bool(part)


def _require_short(length: int) -> None:
    if length > MAX_ANSWER_BYTES:
        raise TransportError(f"the answer is longer than {MAX_ANSWER_BYTES} bytes")


def _number(text: str, base: int) -> int:
    """Return a length written in digits; what Python would also read as a number is none."""
    if not text or len(text) > len(str(2**63)) or set(text.lower()) - set("0123456789abcdef"[:base]):
        raise TransportError("the answer has no usable length")
    return int(text, base)


def _parts(url: str) -> tuple[str, str, str, int, str]:
    """Return scheme, authority, host, port and the path before ours."""
    match = _URL.match(url)
    port = int(match[3] or _PORTS[match[1]]) if match else 0
    if not match or not 0 < port <= _MAX_PORT:
        raise ConfigError(
            f"collector {_without_secret(url)!r} is not a URL such as https://collector.example:8440"
        )
    host = match[2].strip("[]")
    return match[1], f"{match[2]}:{port}", host, port, match[4].rstrip("/")


def _without_secret(url: str) -> str:
    """Return a URL for an error line: without the user and password somebody may have written."""
    return re.sub(r"//[^/@]*@", "//…@", url)


def _tls(ca_file: Optional[str]) -> Any:
    import ssl  # noqa: PLC0415 - only for https, it is heavy

    try:
        return ssl.create_default_context(cafile=ca_file)
    except OSError as error:
        raise ConfigError(f"ca_file {ca_file} cannot be used: {error}") from None
