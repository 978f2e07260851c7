"""A small real HTTP proxy on loopback: CONNECT for TLS, whole URLs for plain HTTP, a password if one is set."""

from __future__ import annotations

import contextlib
import select
import socket
import threading
from contextlib import contextmanager
from dataclasses import dataclass, field
from urllib.parse import urlsplit


@dataclass
class ForwardProxy:
    """``asked`` are the first lines it was sent; ``answer`` is sent instead of any service if it is set."""

    port: int
    authorization: str = ""
    answer: bytes = b""
    asked: list = field(default_factory=list)

    @property
    def url(self):
        return f"http://127.0.0.1:{self.port}"


@contextmanager
def forward_proxy(**options):
    with socket.create_server(("127.0.0.1", 0)) as listener:
        proxy = ForwardProxy(listener.getsockname()[1], **options)

        def accept():
            while True:
                try:
                    client, _ = listener.accept()
                except OSError:
                    return
                threading.Thread(target=_serve, args=(proxy, client), daemon=True).start()

        thread = threading.Thread(target=accept, daemon=True)
        thread.start()
        yield proxy
        with contextlib.suppress(OSError):
            listener.shutdown(socket.SHUT_RDWR)
    thread.join(5)


def _serve(proxy, client):
    with client, contextlib.suppress(OSError):
        head = b""
        while b"\r\n\r\n" not in head:
            piece = client.recv(65536)
            if not piece:
                return
            head += piece
        line, _, rest = head.partition(b"\r\n")
        method, target, _ = line.decode().split(" ")
        proxy.asked.append(line.decode())
        if proxy.answer:
            client.sendall(proxy.answer)
            return
        wanted = f"Proxy-Authorization: {proxy.authorization}".encode()
        if proxy.authorization and wanted not in head:
            client.sendall(b"HTTP/1.1 407 Proxy Authentication Required\r\nContent-Length: 0\r\n\r\n")
            return
        if method == "CONNECT":
            host, _, port = target.rpartition(":")
        else:
            parts = urlsplit(target)
            host, port = parts.hostname, parts.port
            rest = f"{method} {parts.path} HTTP/1.1\r\n".encode() + rest
        with socket.create_connection((host, int(port)), timeout=10) as server:
            if method == "CONNECT":
                client.sendall(b"HTTP/1.1 200 Connection established\r\n\r\n")
            else:
                server.sendall(rest)
            _pump(client, server)


def _pump(one, other):
    while True:
        for ready in select.select([one, other], [], [], 10)[0]:
            data = ready.recv(65536)
            if not data:
                return
            (other if ready is one else one).sendall(data)
