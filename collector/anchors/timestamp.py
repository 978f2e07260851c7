"""RFC 3161: an authority signs hash and time of the checkpoint; the token is the receipt.

What comes back is compared before it counts: granted, these bytes, our nonce, and under ``root`` (if
one is configured) the whole chain, so that a wrong authority is noticed on the day and not at the review.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import httpx

from collector.anchors.interface import Got, Head
from collector.anchors.page import MissingPackageError
from collector.anchors.settings import AnchorSettings, Values
from collector.errors import AnchorAnswerError, AnchorRefusedError, AnchorUnreachableError, SettingsError
from collector.sources.secrets import Secret

KEYS = ("url", "root", "user", "password", "ca", "timeout_s")
EXTRA = "tsa"
DEFAULT_TIMEOUT_S = 30
MAX_ANSWER_BYTES = 64 * 1024
MAX_ROOT_BYTES = 1024 * 1024
_OK = 200
_NOT_NOW = (408, 425, 429)
_SERVER = 500
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_PROBED = b"starproof anchor test\n"


@dataclass(frozen=True)
class TimestampAnchor:
    """Asks one authority over HTTP."""

    url: str
    root: Path | None
    user: str
    password: Callable[[], Secret] | None
    ca: str
    timeout_s: int

    def send(self, head: Head) -> Got:
        """Return the token over the checkpoint's note.

        Raises:
            AnchorUnreachableError: no answer in time, or "not now".
            AnchorRefusedError: the authority refuses.
            AnchorAnswerError: the answer is no token over these bytes for this question.
            CredentialError: the password cannot be read.
        """
        return self._stamp(head.note)

    def probe(self) -> str:
        """Have a fixed text stamped; the token is thrown away.

        Raises:
            AnchorError: as ``send``.
        """
        got = self._stamp(_PROBED)
        when = _EPOCH + timedelta(milliseconds=got.claimed_ms)
        trust = "under the configured root" if self.root else "no root is configured: not verified"
        return f"{self.url}: {when:%Y-%m-%d %H:%M:%S} UTC, {len(got.receipt)} bytes ({trust})"

    def _stamp(self, message: bytes) -> Got:
        client = _client()
        request = (
            client.TimestampRequestBuilder().data(message).hash_algorithm(client.HashAlgorithm.SHA256).build()
        )
        token = self._answer(request.as_bytes())
        try:
            response = client.decode_timestamp_response(token)
            if client.PKIStatus(response.status) != client.PKIStatus.GRANTED:
                raise AnchorRefusedError(f"{self.url} does not grant a time stamp (status {response.status})")
            info = response.tst_info
            same = info.message_imprint.message == request.message_imprint.message
            if not same or info.nonce != request.nonce:
                raise AnchorAnswerError(f"{self.url} answered another question than this one")
            if self.root is not None:
                verifier = client.VerifierBuilder(roots=_certificates(self.root)).build()
                verifier.verify_message(response, message)
        except (ValueError, client.VerificationError) as error:
            detail = " ".join(str(error).split())[:200]
            raise AnchorAnswerError(f"{self.url}: no time stamp that can be verified: {detail}") from None
        return Got(token, (info.gen_time - _EPOCH) // timedelta(milliseconds=1))

    def _answer(self, query: bytes) -> bytes:
        """Follows no redirection: the authority is the one that was configured."""
        headers = {"Content-Type": "application/timestamp-query", "Accept": "application/timestamp-reply"}
        auth = (self.user, self.password().reveal()) if self.password is not None else None
        taken = bytearray()
        try:
            with (
                httpx.Client(timeout=self.timeout_s, verify=self._trust()) as http,
                http.stream("POST", self.url, content=query, headers=headers, auth=auth) as response,
            ):
                _require_ok(self.url, response.status_code)
                for part in response.iter_bytes():
                    taken += part
                    if len(taken) > MAX_ANSWER_BYTES:
                        raise AnchorAnswerError(f"{self.url} answered more than {MAX_ANSWER_BYTES} bytes")
        except httpx.HTTPError as error:
            raise AnchorUnreachableError(f"{self.url}: {type(error).__name__}: {error}") from None
        return bytes(taken)

    def _trust(self) -> Any:
        import ssl  # noqa: PLC0415 - only where a certificate of one's own is configured

        return ssl.create_default_context(cafile=self.ca) if self.ca else True


def open_anchor(settings: AnchorSettings, *, secret: Callable[[str], Secret]) -> TimestampAnchor:
    """Return the anchor that a table of the file describes.

    Raises:
        SettingsError: a key is unknown, missing or wrong.
    """
    values = Values(settings, KEYS)
    url = values.text("url")
    if not url.startswith(("http://", "https://")) or "@" in url:
        raise SettingsError(f"{values.where}: url begins with http:// or https:// and holds no password")
    user, password, root = values.text("user", ""), values.reference("password"), values.text("root", "")
    if bool(user) != bool(password):
        raise SettingsError(f"{values.where}: user and password belong together; give both or none")
    return TimestampAnchor(
        url=url,
        root=Path(root) if root else None,
        user=user,
        password=(lambda: secret(password)) if password else None,
        ca=values.text("ca", ""),
        timeout_s=values.number("timeout_s", DEFAULT_TIMEOUT_S, least=1, most=600),
    )


def _require_ok(url: str, status: int) -> None:
    if status == _OK:
        return
    if status in _NOT_NOW or status >= _SERVER:
        raise AnchorUnreachableError(f"{url} answered {status}")
    raise AnchorRefusedError(f"{url} answered {status}; compare the address and the account")


def _certificates(path: Path) -> list[Any]:
    from cryptography import x509  # noqa: PLC0415 - comes with the extra

    try:
        with path.open("rb") as file:
            return x509.load_pem_x509_certificates(file.read(MAX_ROOT_BYTES))
    except OSError as error:
        raise AnchorRefusedError(f"cannot read the root certificate {path}: {error.strerror}") from None


def _client() -> Any:
    try:
        import rfc3161_client  # noqa: PLC0415 - an extra
    except ModuleNotFoundError:
        raise MissingPackageError(
            f"time stamps need the extra {EXTRA!r}: pip install 'starproof[{EXTRA}]'"
        ) from None
    return rfc3161_client
