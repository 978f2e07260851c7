"""Certificates of clients: who gets one, and whose is enough (``[tls] clients = "required"``).

1. A host gets a certificate of the collector's own authority for a key that its enrolled key vouches for. It names
   the enrolled key and lets nobody else's chunks in.
2. A certificate of the own authority with another name (``collector client-certificate``), or of ``client_ca``, is
   a gate's: of a relay, or of hosts whose certificates somebody else makes. It lets in whatever is enrolled.
3. TLS has verified it before; here it is looked at again, because connections outlive certificates.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import cached_property

from cryptography import x509
from cryptography.exceptions import InvalidSignature
from cryptography.x509.oid import NameOID

from collector.errors import RequestError
from collector.store import registry
from collector.store.engine import Store
from collector.tls import authority
from collector.tls.authority import Authority
from collector.tls.interface import Now
from evidence.client_certificate import CLIENT_CERTIFICATE_TYPE, request_body
from evidence.errors import EvidenceError
from evidence.fields import is_hash
from evidence.keys import PublicKey
from evidence.sources import SIGNED_BY_HOSTS

CODE = "CLIENT_CERTIFICATE"
MS_PER_S = 1000


class Clients:
    """Issues and judges. ``issuer`` returns the own authority; ``None`` if certificates come from elsewhere."""

    def __init__(self, issuer: Callable[[], Authority] | None, *, now: Now) -> None:
        """Nothing is made yet."""
        self._issuer = issuer
        self._now = now

    def issue(self, store: Store, *, key: str, tls_key: str, signature: bytes) -> tuple[str, int]:
        """Return a certificate (PEM), and when to ask for the next one (ms since 1970).

        Raises:
            RequestError: the key is not enrolled, did not sign this, or certificates are made elsewhere.
        """
        issuer = self._authority
        with store.reading() as connection:
            pinned = registry.pinned(connection, key, sources=SIGNED_BY_HOSTS)
        if pinned is None:
            raise RequestError(403, "UNKNOWN_KEY", "this key is not enrolled here; enrol this host first")
        try:
            public = PublicKey.from_hex(tls_key)
            pinned.public.verify(CLIENT_CERTIFICATE_TYPE, request_body(key, tls_key), signature)
        except EvidenceError as error:
            raise RequestError(422, "BAD_SIGNATURE", str(error)) from None
        now = self._now()
        pem = authority.client_pem(issuer, key, public.raw, now=now)
        return pem.decode(), round((now + authority.CLIENT_LIFE * 2 / 3).timestamp()) * MS_PER_S

    def require(self, der: bytes, key: str) -> None:
        """Return if this certificate lets in chunks that ``key`` sends.

        Raises:
            RequestError: 403, there is none, it is another host's, or it has ended.
        """
        if not der:
            raise RequestError(403, CODE, "this collector wants a client certificate; ask /v1/certificates")
        certificate = x509.load_der_x509_certificate(der)
        if not certificate.not_valid_before_utc <= self._now() < certificate.not_valid_after_utc:
            raise RequestError(
                403, CODE, "the client certificate has ended; ask /v1/certificates for another"
            )
        name = _name(certificate)
        is_hosts = self._issuer is not None and is_hash(name) and _issued(certificate, self._authority)
        if is_hosts and name != key:
            raise RequestError(403, CODE, "the client certificate is of another host's key")

    @cached_property
    def _authority(self) -> Authority:
        if self._issuer is None:
            raise RequestError(404, "BAD_REQUEST", "this collector issues no certificates; ask who runs it")
        return self._issuer()


def _name(certificate: x509.Certificate) -> str:
    names = certificate.subject.get_attributes_for_oid(NameOID.COMMON_NAME)
    return str(names[0].value) if names else ""


def _issued(certificate: x509.Certificate, issuer: Authority) -> bool:
    try:
        certificate.verify_directly_issued_by(issuer.certificate)
    except (ValueError, TypeError, InvalidSignature):
        return False
    return True
