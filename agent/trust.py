"""Whom an agent believes: TLS contexts, the pinned CA, and why a certificate was not believed.

Everything here loads ``ssl``, which costs about 5 MB; import it only where TLS is spoken.
"""

from __future__ import annotations

import hashlib
import hmac
import re
import ssl
from typing import Optional

from agent.errors import ConfigError, EnrolError

MAX_PEM_BYTES = 256 * 1024
_BEGIN = "-----BEGIN CERTIFICATE-----"
_PARTIAL_CHAIN = 0x80000
"""``X509_V_FLAG_PARTIAL_CHAIN``: an intermediate authority may be pinned, too. Named from Python 3.10 on."""
_HEX = re.compile(r"[0-9a-f]{64}\Z")
_OTHER_AUTHORITY = (
    "the certificate of {} is not from the CA that this host trusts: somebody else may be answering, or the CA "
    "was changed. Compare starproof collector ca on the collector with this host's; then enroll again "
    "with --ca FILE, or name the file in delivery.ca_file"
)
_OTHER_NAME = (
    "the certificate is not for {}; add that name to tls.names in the collector's settings, or use a name "
    "it has"
)
_REASONS = {
    **dict.fromkeys((2, 18, 19, 20, 21), _OTHER_AUTHORITY),
    **dict.fromkeys((62, 64), _OTHER_NAME),
    10: "the certificate of {} has expired, or this host's clock is wrong; check both",
    9: "the certificate of {} is not valid yet; this host's clock is behind, set it",
}
"""By the ``X509_V_ERR_*`` of OpenSSL's x509_vfy.h."""


def context_of(*, ca_file: Optional[str] = None, ca_pem: Optional[str] = None) -> ssl.SSLContext:
    """Return a context that believes the given authority alone, the system's if none is given.

    Raises:
        ConfigError: the file or the text holds no certificate.
    """
    if ca_pem is not None and _BEGIN not in ca_pem:  # an empty text would mean the system's authorities
        raise ConfigError("the pinned CA holds no certificate; enroll again with --ca FILE")
    try:
        context = ssl.create_default_context(cafile=ca_file, cadata=ca_pem)
    except OSError as error:  # ssl.SSLError among them
        raise ConfigError(f"ca_file {ca_file or 'of the enrolment'} cannot be used: {error}") from None
    if ca_file is not None or ca_pem is not None:
        context.verify_flags |= ssl.VerifyFlags(_PARTIAL_CHAIN)
    return context


def unverified_context() -> ssl.SSLContext:
    """Return a context that believes everybody: for asking for a CA whose fingerprint is known, no more."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    return context


def read_pem(path: str) -> str:
    """Return the certificates in a file.

    Raises:
        ConfigError: it cannot be read, or holds none.
    """
    try:
        with open(path, encoding="ascii") as file:
            pem = file.read(MAX_PEM_BYTES + 1)
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigError(f"the CA file {path} cannot be read: {error}") from None
    if len(pem) > MAX_PEM_BYTES:
        raise ConfigError(f"the CA file {path} is longer than {MAX_PEM_BYTES} bytes")
    try:
        context_of(ca_pem=pem)
    except (ConfigError, ValueError):
        raise ConfigError(
            f"the CA file {path} holds no certificate; make it with: starproof collector ca"
        ) from None
    return pem


def fingerprint_of(text: str) -> str:
    """Return a SHA-256 fingerprint as 64 small hex digits, however its bytes were separated.

    Raises:
        ConfigError: it is none.
    """
    digits = text.lower().replace(":", "").replace(" ", "")
    if not _HEX.match(digits):
        raise ConfigError(
            "the fingerprint is not 64 hex digits; starproof collector ca shows it on the collector"
        )
    return digits


def require_pinned(pem: str, wanted: str) -> str:
    """Return ``pem`` if it is exactly the certificate with the fingerprint ``wanted``.

    Raises:
        EnrolError: it is another one, or none.
    """
    try:
        found = hashlib.sha256(ssl.PEM_cert_to_DER_cert(pem)).hexdigest()
    except ValueError:
        found = "no certificate"
    if not hmac.compare_digest(found, wanted):
        raise EnrolError(
            f"the collector's CA has the fingerprint {found}, not {wanted}: somebody else may be answering. "
            "Compare with starproof collector ca on the collector; nothing was sent to it"
        )
    return pem


def why_not(error: ssl.SSLError, host: str) -> str:
    """Return in words why TLS with ``host`` did not come about, and what to do."""
    if not isinstance(error, ssl.SSLCertVerificationError):
        if "WRONG_VERSION_NUMBER" in str(error) or "HTTP_REQUEST" in str(error):
            return f"{host} does not speak TLS there; is the address to begin with http: instead of https:?"
        return f"TLS with {host} failed: {error}"
    found = _REASONS.get(error.verify_code)
    return (
        found.format(host) if found else f"the certificate of {host} is not believed: {error.verify_message}"
    )
