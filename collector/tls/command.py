"""``starproof collector ca``: the certificate that hosts pin, and its fingerprint."""

from __future__ import annotations

import hashlib
import ssl
from typing import Any

from collector.errors import SettingsError
from collector.settings import Settings
from collector.tls.opening import source_of
from collector.tls.settings import OFF


def pin_of(settings: Settings) -> str:
    """Return the SHA-256 of the certificate that hosts pin, 64 hex digits; empty without TLS.

    Raises:
        CollectorError: the certificate cannot be made or read.
    """
    source = source_of(settings)
    return "" if source is None else _sha256(source.ca_pem())


def ca_document(settings: Settings) -> dict[str, Any]:
    """Return the certificate that hosts pin. An own authority is made if there is none yet.

    Raises:
        CollectorError: there is no TLS, or the certificate cannot be made or read.
    """
    source = source_of(settings)
    if source is None:
        raise SettingsError(
            f'tls.mode is "{OFF}": this collector has no certificate; write [tls] mode = "own" in its '
            "settings and give them with --config FILE"
        )
    pem = source.ca_pem()
    return {"schema": "starproof/ca/1", "sha256": _sha256(pem), "pem": pem.decode()}


def ca_text(document: dict[str, Any]) -> str:
    """Return it for a person: the certificate alone can be piped into a file."""
    return str(document["pem"]).strip()


def _sha256(pem: bytes) -> str:
    return hashlib.sha256(ssl.PEM_cert_to_DER_cert(pem.decode())).hexdigest()
