"""What a host signs to get a certificate for TLS: that this other key, which only TLS uses, is its own.

The key that signs chunks signs nothing in TLS. The request may be replayed: whoever does gets a certificate for a key
that he does not have.
"""

from __future__ import annotations

from evidence import canonical

CLIENT_CERTIFICATE_TYPE = "application/vnd.starproof.client-certificate+json"
SCHEMA = "starproof/client-certificate/1"


def request_body(key: str, tls_key: str) -> bytes:
    """Return the bytes to sign: ``key`` is the id of the enrolled key, ``tls_key`` the other one's 32 bytes in hex."""
    return canonical.encode({"schema": SCHEMA, "key": key, "tls_key": tls_key})
