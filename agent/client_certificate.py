"""The certificate that this host shows in TLS where the collector wants one: got, used and renewed by itself.

It lies in ``client.pem`` with its key, which is for TLS alone. A file of that name that somebody else puts there
(key and certificate, PEM) is used as it is and never renewed.
"""

from __future__ import annotations

import base64
import json
import re
import textwrap
from typing import Callable, Optional

from agent.answers import parse
from agent.errors import AgentError, StateError, TransportError
from agent.events import Events
from agent.state import CLIENT, State
from agent.transport import DEFAULT_TIMEOUT_S, HttpTransport
from evidence.client_certificate import CLIENT_CERTIFICATE_TYPE, request_body
from evidence.keys import PrivateKey

PATH = "/v1/certificates"
WANTED = "CLIENT_CERTIFICATE"
"""The collector's code for a certificate that is missing, ended or another host's."""
_RENEW = re.compile(rb"# renew_ms: (\d{1,16})\n")
_PKCS8 = bytes.fromhex("302e020100300506032b657004220420")
"""What stands before the 32 bytes of an Ed25519 key in PKCS #8 (RFC 8410)."""
_OK = 200


class ClientCertificate:
    """What a host shows. ``plain`` makes a transport that shows nothing: an ended certificate would be refused."""

    def __init__(
        self,
        state: State,
        key: PrivateKey,
        transport: HttpTransport,
        *,
        plain: Callable[[], HttpTransport],
        wall_ms: Callable[[], int],
        events: Events,
    ) -> None:
        """Show what ``state`` holds on ``transport`` from now on.

        Raises:
            AgentError: the file cannot be used.
        """
        self._state = state
        self._key = key
        self._transport = transport
        self._plain = plain
        self._wall_ms = wall_ms
        self._events = events
        self._renew_ms: Optional[int] = None
        self.is_shown = False
        self._load()

    def keep_fresh(self) -> None:
        """Ask for another one when two thirds of its time are over."""
        if self._renew_ms is not None and self._wall_ms() >= self._renew_ms:
            self._renew_ms += 3_600_000  # whatever comes of it, not at every turn
            self.obtain()

    def follow(self, code: str) -> None:
        """Ask for one if the collector wants it, or if nobody answers who is shown this one."""
        if code == WANTED or (code == "NO_ANSWER" and self._renew_ms is not None):
            self.obtain()

    def obtain(self) -> None:
        """Ask for a certificate and show it; what goes wrong is told, and the next turn tries again."""
        own = PrivateKey.generate()
        tls_key = own.public.raw.hex()
        signature = self._key.sign(CLIENT_CERTIFICATE_TYPE, request_body(self._key.public.id, tls_key))
        body = {
            "key": self._key.public.id,
            "tls_key": tls_key,
            "signature": base64.b64encode(signature).decode(),
        }
        try:
            answer = self._plain().post(
                PATH,
                json.dumps(body).encode(),
                {"Content-Type": "application/json"},
                timeout_s=DEFAULT_TIMEOUT_S,
            )
            document = parse(answer)
            pem, renew_ms = document.get("pem"), document.get("renew_ms")
            if answer.status != _OK or not isinstance(pem, str) or not isinstance(renew_ms, int):
                raise TransportError(str(document.get("message", f"HTTP {answer.status}")))
            self._state.write(CLIENT, b"# renew_ms: %d\n" % renew_ms + _pem(own) + pem.encode("ascii"))
            self._load()
        except (AgentError, UnicodeEncodeError) as error:
            self._events.warning("no_client_certificate", reason=str(error))
        else:
            self._events.info("client_certificate", renew_ms=renew_ms)

    def _load(self) -> None:
        data = self._state.read(CLIENT)
        if data is None:
            return
        found = _RENEW.match(data)
        self._renew_ms = int(found[1]) if found else None
        try:
            self._transport.show(self._state.path(CLIENT))
        except OSError as error:
            raise StateError(f"{self._state.path(CLIENT)} cannot be used: {error}; remove it") from None
        self.is_shown = True


def _pem(key: PrivateKey) -> bytes:
    text = "\n".join(textwrap.wrap(base64.b64encode(_PKCS8 + key.seed).decode(), 64))
    return f"-----BEGIN PRIVATE KEY-----\n{text}\n-----END PRIVATE KEY-----\n".encode()
