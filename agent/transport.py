"""One HTTP request to the collector, bounded in time and size, by a proxy if there is one.

Redirects are not followed.
TLS is loaded only for an ``https`` URL: it costs about 5 MB of memory.
"""

from __future__ import annotations

import http.client
import os
import re
import socket
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Callable, Optional, Protocol

from agent.errors import ConfigError, TransportError
from agent.proxy import open_tunnel, proxy_for, refusal_of

MAX_ANSWER_BYTES = 1024 * 1024
"""256 results of about 300 bytes, with room."""
DEFAULT_TIMEOUT_S = 30.0
_PIECE_BYTES = 64 * 1024
_URL = re.compile(
    r"(https?)://(\[[0-9A-Fa-f:.]+\]|[A-Za-z0-9._-]+)(?::(\d{1,5}))?((?:/[A-Za-z0-9._~%/-]*)?)\Z", re.ASCII
)
_HUNG_UP = (http.client.BadStatusLine, ConnectionResetError, ConnectionAbortedError)
"""What plain HTTP sees of a port that speaks TLS: the line is cut without an answer, or the answer is a TLS alert."""
_PERHAPS_TLS = (
    "; perhaps the collector speaks https: then use https://{}:{} and give its CA (enroll --ca FILE)"
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
        ca_pem: Optional[str] = None,
        proxy: Optional[str] = None,
        environment: Optional[Mapping[str, str]] = None,
    ) -> None:
        """Speak to the collector at ``url``.

        Args:
            url: where it is.
            wall_ms: wall clock in ms since 1970.
            mono_s: seconds that never go back.
            ca_file: the authority to believe instead of the system's; it comes before ``ca_pem``.
            ca_pem: the same as text.
            proxy: an HTTP proxy, "" for none, ``None`` for what the environment says.
            environment: the process's own if not given.

        Raises:
            ConfigError: the URL, the CA or the proxy cannot be used.
        """
        self._secure, self._host, self._port, self._base = _parts(url)
        self._wall_ms = wall_ms
        self._mono_s = mono_s
        self._proxy = proxy_for(
            self._host,
            secure=self._secure,
            setting=proxy,
            environment=os.environ if environment is None else environment,
        )
        self._believed = (ca_file, None if ca_file else ca_pem)
        self._context = _tls(*self._believed) if self._secure else None

    @property
    def is_secure(self) -> bool:
        """Whether it speaks TLS."""
        return self._secure

    def show(self, path: str) -> None:
        """Show the certificate in a file, with its key, to a collector that asks for one.

        Raises:
            OSError: it cannot be used.
        """
        if self._secure:
            context = _tls(*self._believed)
            context.load_cert_chain(path, password=lambda: b"-")
            self._context = context

    def post(self, path: str, body: bytes, headers: Mapping[str, str], *, timeout_s: float) -> Answer:
        """Return the answer, whatever its status.

        Raises:
            TransportError: there was no usable answer within ``timeout_s``.
        """
        request = ("POST", path, body, headers)
        return self._exchange(self._context, request, timeout_s=timeout_s)

    def get_unverified(self, path: str, *, timeout_s: float) -> Answer:
        """Return an answer from whoever answers, who may be anybody; send nothing secret.

        Raises:
            TransportError: there was no usable answer within ``timeout_s``.
            ConfigError: the URL is not of ``https``.
        """
        if not self._secure:
            raise ConfigError("a CA is only of use with an address that begins with https:")
        from agent.trust import unverified_context  # noqa: PLC0415 - only for https, it is heavy

        return self._exchange(unverified_context(), ("GET", path, None, {}), timeout_s=timeout_s)

    def _exchange(
        self,
        context: Any,
        request: tuple[str, str, Optional[bytes], Mapping[str, str]],
        *,
        timeout_s: float,
    ) -> Answer:
        method, path, body, headers = request
        connection = http.client.HTTPConnection(self._host, self._port, timeout=timeout_s)
        deadline_s = self._mono_s() + timeout_s
        place = self._base + path
        try:
            self._connect(connection, context, deadline_s)
            started_s = self._mono_s()
            if self._proxy is not None and not self._secure:
                name = f"[{self._host}]" if ":" in self._host else self._host
                place = f"http://{name}:{self._port}{place}"
                headers = {**headers, **self._proxy.headers()}
            connection.request(method, place, body, {**headers, "Connection": "close"})
            response = connection.getresponse()
            data = self._read(response, deadline_s)
            elapsed_ms = round((self._mono_s() - started_s) * 1000)
        except (OSError, http.client.HTTPException) as error:
            raise TransportError(self._unreachable(error)) from None
        finally:
            connection.close()
        if self._proxy is not None:
            refused = refusal_of(self._proxy, response.status, f"{self._host}:{self._port}")
            if refused:
                raise TransportError(refused)
        return Answer(
            response.status, data, response.getheader("Retry-After") or "", self._wall_ms(), elapsed_ms
        )

    def _connect(self, connection: http.client.HTTPConnection, context: Any, deadline_s: float) -> None:
        proxy = self._proxy

        def left_s() -> float:
            return deadline_s - self._mono_s()

        host, port = (self._host, self._port) if proxy is None else (proxy.host, proxy.port)
        # A name in bytes: a name in text would load the tables for international names, 1 MB.
        address: Any = (host.encode("ascii"), port)
        timeout_s = max(0.001, left_s())
        connection.sock = socket.create_connection(address, timeout_s)
        if proxy is not None and self._secure:
            open_tunnel(connection.sock, proxy, self._host, self._port, left_s=left_s)
            connection.sock.settimeout(timeout_s)
        connection.sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        if context is not None:
            connection.sock = context.wrap_socket(connection.sock, server_hostname=self._host)

    def _unreachable(self, error: Exception) -> str:
        if self._secure:
            import ssl  # noqa: PLC0415 - loaded already

            if isinstance(error, ssl.SSLError):
                from agent.trust import why_not  # noqa: PLC0415 - the same

                return why_not(error, f"{self._host}:{self._port}")
        reason = str(error) or type(error).__name__
        by_proxy = f" (by the proxy {self._proxy.host}:{self._proxy.port})" if self._proxy else ""
        if isinstance(error, _HUNG_UP) and not self._secure and not self._proxy:
            reason += _PERHAPS_TLS.format(self._host, self._port)
        return f"the collector {self._host}:{self._port} does not answer{by_proxy}: {reason}"

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


def _tls(ca_file: Optional[str], ca_pem: Optional[str]) -> Any:
    from agent.trust import context_of  # noqa: PLC0415 - only for https, it is heavy

    return context_of(ca_file=ca_file, ca_pem=ca_pem)
