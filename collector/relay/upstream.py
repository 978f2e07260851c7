"""The way from a relay to the collector: one request, bounded in time and size. Redirects are not followed."""

from __future__ import annotations

import json
import ssl
import time
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx

from collector.errors import CollectorError, SettingsError

MAX_ANSWER_BYTES = 1024 * 1024
"""256 results of about 300 bytes with their proofs, as agents bound it."""
CONNECT_S, ANSWER_S = 5.0, 30.0


class UpstreamError(CollectorError):
    """The collector does not answer, or not as one."""

    code = "UPSTREAM"


@dataclass(frozen=True)
class Answer:
    """What the collector answered: ``document`` is its JSON object, empty if it was none."""

    status: int
    document: Mapping[str, Any]
    retry_after: str


class Upstream:
    """Requests to the collector at ``url``; may be used from several threads."""

    def __init__(self, url: str, *, ca: Path | None = None, certificate: Path | None = None) -> None:
        """Believe ``ca`` alone if it is given; show ``certificate`` (PEM with its key) if it is.

        Raises:
            SettingsError: a file cannot be used.
        """
        self._client = httpx.Client(
            base_url=url,
            verify=_context(ca, certificate) if url.startswith("https:") else True,
            timeout=httpx.Timeout(ANSWER_S, connect=CONNECT_S),
        )

    def close(self) -> None:
        """Let go of the connections."""
        self._client.close()

    def post(self, path: str, body: bytes, headers: Mapping[str, str]) -> Answer:
        """Return the answer, whatever its status.

        Raises:
            UpstreamError: there was none within the time, or it is too long.
        """
        deadline_s = time.monotonic() + ANSWER_S
        data = bytearray()
        try:
            with self._client.stream("POST", path, content=body, headers=dict(headers)) as response:
                for piece in response.iter_bytes():
                    data += piece
                    if len(data) > MAX_ANSWER_BYTES or time.monotonic() > deadline_s:
                        raise UpstreamError("the collector's answer is too long or too slow")
        except httpx.HTTPError as error:
            raise UpstreamError(
                f"the collector does not answer: {str(error) or type(error).__name__}"
            ) from None
        return Answer(response.status_code, _object(bytes(data)), response.headers.get("retry-after", ""))


def _context(ca: Path | None, certificate: Path | None) -> ssl.SSLContext:
    try:
        context = ssl.create_default_context(cafile=ca)
        if ca is not None:
            context.verify_flags |= ssl.VERIFY_X509_PARTIAL_CHAIN
    except OSError as error:
        raise SettingsError(f"the CA {ca} cannot be used: {error}") from None
    if certificate is not None:
        try:
            context.load_cert_chain(certificate, password=lambda: b"-")
        except OSError as error:
            raise SettingsError(f"{certificate} cannot be used as key and certificate: {error}") from None
    return context


def _object(data: bytes) -> Mapping[str, Any]:
    try:
        document = json.loads(data)
    except (ValueError, RecursionError):
        return {}
    return document if isinstance(document, dict) else {}
