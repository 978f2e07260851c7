"""The HTTP proxy between a host and the collector: which one, and the tunnel through it.

1. The setting decides if it is there: a URL, or "" for none.
2. Else the variables ``https_proxy``, ``http_proxy``, ``all_proxy`` (small letters first), by the scheme of
   the collector's URL, unless ``no_proxy`` names the collector. This machine itself is never asked
   for through a proxy of the environment.
3. ``https`` goes through a tunnel (CONNECT): the proxy sees names and sizes, no content. ``http`` is asked for by
   its whole URL.
"""

from __future__ import annotations

import base64
import re
import socket
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Callable, Optional
from urllib.parse import unquote

from agent.errors import ConfigError, TransportError

LOOPBACK = ("localhost", "127.0.0.1", "::1")
MAX_HEAD_BYTES = 16 * 1024
_URL = re.compile(
    r"(?:http://)?(?:([^/@:]*)(?::([^/@]*))?@)?(\[[0-9A-Fa-f:.]+\]|[A-Za-z0-9._-]+):(\d{1,5})/?\Z", re.ASCII
)
_STATUS = re.compile(rb"HTTP/1\.[01] (\d{3})[ \r]")
_MAX_PORT = 65_535
_SUCCESS, _PASSWORD = 2, 407
"""Any status of the 200s opens the tunnel (RFC 9110, 9.3.6)."""
ADVICE = "write http://PROXY:PORT (user:password@ before PROXY if it wants them)"


@dataclass(frozen=True)
class Proxy:
    """An HTTP proxy. ``authorization`` is a secret: the value of ``Proxy-Authorization``, or empty."""

    host: str
    port: int
    authorization: str = ""

    def headers(self) -> Mapping[str, str]:
        """Return what the proxy itself wants to see."""
        return {"Proxy-Authorization": self.authorization} if self.authorization else {}


def proxy_for(
    host: str, *, secure: bool, setting: Optional[str], environment: Mapping[str, str]
) -> Optional[Proxy]:
    """Return the proxy on the way to ``host``, ``None`` for the direct way.

    Raises:
        ConfigError: what is named cannot be used.
    """
    if setting is not None:
        return _parsed(setting, "delivery.proxy") if setting else None
    if host.lower() in LOOPBACK or _excepted(host, _variable(environment, "no_proxy")):
        return None
    name = "https_proxy" if secure else "http_proxy"
    text = _variable(environment, name) or _variable(environment, "all_proxy")
    return _parsed(text, name) if text else None


def open_tunnel(
    connection: socket.socket, proxy: Proxy, host: str, port: int, *, left_s: Callable[[], float]
) -> None:
    """Have the proxy connect ``connection`` with ``host``; ``left_s`` gives the seconds that are left.

    Raises:
        TransportError: it does not, or takes too long.
        OSError: the connection broke.
    """
    target = f"[{host}]:{port}" if ":" in host else f"{host}:{port}"
    lines = [f"CONNECT {target} HTTP/1.1", f"Host: {target}"]
    lines += [f"{name}: {value}" for name, value in proxy.headers().items()]
    connection.sendall("\r\n".join([*lines, "", ""]).encode("ascii"))
    head = b""
    while b"\r\n\r\n" not in head:
        connection.settimeout(max(0.001, left_s()))
        # Byte by byte: what follows the head belongs to TLS.
        byte = connection.recv(1)
        head += byte
        if not byte or len(head) > MAX_HEAD_BYTES or left_s() <= 0:
            raise TransportError(f"the proxy {proxy.host}:{proxy.port} gives no proper answer to CONNECT")
    found = _STATUS.match(head)
    status = int(found[1]) if found else 0
    if status // 100 != _SUCCESS:
        raise TransportError(_refusal(proxy, status, target))


def refusal_of(proxy: Proxy, status: int, target: str) -> str:
    """Return in words that it was the proxy that refused; empty if it was not."""
    return _refusal(proxy, status, target) if status == _PASSWORD else ""


def _refusal(proxy: Proxy, status: int, target: str) -> str:
    if status == _PASSWORD:
        return f"the proxy {proxy.host}:{proxy.port} wants a user and a password; {ADVICE} in delivery.proxy"
    return (
        f"the proxy {proxy.host}:{proxy.port} does not connect to {target} (status {status}); "
        "have it allow that address, or set delivery.proxy"
    )


def _parsed(text: str, where: str) -> Proxy:
    match = _URL.match(text)
    if not match or not 0 < int(match[4]) <= _MAX_PORT:
        # The text may hold a password, so it is not shown.
        raise ConfigError(f"{where} does not name an HTTP proxy; {ADVICE}")
    authorization = ""
    if match[1]:
        pair = f"{unquote(match[1])}:{unquote(match[2] or '')}".encode()
        authorization = "Basic " + base64.b64encode(pair).decode()
    return Proxy(match[3].strip("[]"), int(match[4]), authorization)


def _variable(environment: Mapping[str, str], name: str) -> str:
    return environment.get(name) or environment.get(name.upper()) or ""


def _excepted(host: str, exceptions: str) -> bool:
    """Return whether ``no_proxy`` names a host, or a domain it is in."""
    host = host.lower()
    for item in exceptions.lower().split(","):
        name = item.strip().strip("[]").lstrip(".")
        if name == "*" or (name and (host == name or host.endswith("." + name))):
            return True
    return False
