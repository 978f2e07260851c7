"""HTTP for sources that have no SDK: bounded in time and size, TLS verified, no redirects.

Nothing of the machine's own settings is used (proxy variables, ``.netrc``): what a source sends,
and to whom, stands in that source's settings.
"""

from __future__ import annotations

import ssl
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

import httpx

from collector.errors import SettingsError
from collector.sources.answers import MAX_ANSWER_BYTES
from collector.sources.calling import MS_PER_S, Clocks
from collector.sources.errors import AnswerError, UnreachableError, UntrustedError
from evidence import __version__

USER_AGENT = f"starproof-collector/{__version__}"
_LOOPBACK = ("localhost", "127.0.0.1", "::1")


@dataclass(frozen=True)
class Reach:
    """How a source is reached. Times in seconds; ``total_s`` bounds a whole answer."""

    connect_s: int = 10
    read_s: int = 60
    total_s: int = 120
    most_bytes: int = MAX_ANSWER_BYTES
    ca_file: Path | None = None
    """Certificates to trust instead of the system's, PEM: for a monitor with a certificate of its own."""
    proxy: str | None = None


@dataclass(frozen=True)
class Reply:
    """A complete answer, whatever its status."""

    status: int
    headers: Mapping[str, str]
    """Looked up without regard to case."""
    body: bytes

    @property
    def text(self) -> str:
        """The body for an error text; bytes that are not UTF-8 are replaced."""
        return self.body[:_MOST_SHOWN].decode("utf-8", errors="replace")


_MOST_SHOWN = 4096


class Web:
    """Sends requests. Connections are not kept, so there is nothing to close."""

    def __init__(self, clocks: Clocks, reach: Reach | None = None) -> None:
        """Prepare the transport.

        Raises:
            SettingsError: the certificates or the proxy cannot be used.
        """
        self._clocks = clocks
        self._reach = reach or Reach()
        try:
            context = ssl.create_default_context(cafile=self._reach.ca_file)
            self._client = httpx.Client(
                verify=context,
                timeout=httpx.Timeout(self._reach.read_s, connect=self._reach.connect_s),
                limits=httpx.Limits(max_keepalive_connections=0),
                headers={"User-Agent": USER_AGENT},
                follow_redirects=False,
                trust_env=False,
                proxy=self._reach.proxy,
            )
        except (OSError, ValueError):
            raise SettingsError(
                f"cannot use ca_file {self._reach.ca_file} or the proxy; give a PEM file and an http:// address"
            ) from None

    def send(
        self,
        method: str,
        url: str,
        *,
        headers: Mapping[str, str] | None = None,
        content: bytes = b"",
        where: str,
    ) -> Reply:
        """Return the answer to one request; ``url`` is sent as it is written.

        Raises:
            UnreachableError: no connection, no answer, or it took longer than ``total_s``.
            UntrustedError: the certificate is not trusted.
            AnswerError: the answer is larger than ``most_bytes`` or not HTTP.
        """
        try:
            with self._client.stream(method, url, headers=dict(headers or {}), content=content) as response:
                return Reply(response.status_code, response.headers, self._body(response, where))
        except httpx.TimeoutException:
            raise UnreachableError(f"{where}: no answer in time; is the address right and open?") from None
        except (httpx.DecodingError, httpx.ProtocolError):
            raise UnreachableError(f"{where}: the answer broke off or is not HTTP") from None
        except httpx.TransportError as error:
            if _is_certificate(error):
                raise UntrustedError(
                    f"{where}: its certificate is not trusted; set ca_file to the authority that signed it"
                ) from None
            raise UnreachableError(f"{where}: cannot connect: {type(error).__name__}: {error}") from None

    def _body(self, response: httpx.Response, where: str) -> bytes:
        give_up_ms = self._clocks.monotonic_ms() + self._reach.total_s * MS_PER_S
        body = bytearray()
        for part in response.iter_bytes():
            body += part
            if len(body) > self._reach.most_bytes:
                raise AnswerError(
                    f"{where}: the answer has more than {self._reach.most_bytes} bytes; ask for less at once"
                )
            if self._clocks.monotonic_ms() > give_up_ms:
                raise UnreachableError(f"{where}: the answer took longer than {self._reach.total_s} s")
        return bytes(body)


def require_private(url: str, *, plain_allowed: bool) -> None:
    """Check an address that credentials are sent to.

    Raises:
        SettingsError: not an address, holds user information, or would carry credentials in the
            clear over a network (``plain_allowed`` says that the network is trusted).
    """
    try:
        parts = urlsplit(url)
        host = parts.hostname
        _ = parts.port  # raises for what is no port
    except ValueError:
        host = None
    if not host or parts.scheme not in ("http", "https"):
        raise SettingsError("the address of a source begins with https:// or http:// and names a host")
    if parts.query or parts.fragment:
        raise SettingsError("the address of a source ends before ? and #; what is asked is added to it")
    if parts.username is not None or parts.password is not None:
        raise SettingsError("the address of a source holds no user or password; name them as credentials")
    if parts.scheme == "http" and host not in _LOOPBACK and not plain_allowed:
        raise SettingsError(
            f"credentials would be sent to {host} unencrypted; use https://, or set allow_plain_http = true"
        )


def _is_certificate(error: BaseException) -> bool:
    chain: BaseException | None = error
    while chain is not None:
        if isinstance(chain, ssl.SSLCertVerificationError):
            return True
        chain = chain.__cause__ or chain.__context__
    return "CERTIFICATE_VERIFY_FAILED" in str(error)
