"""DSSE pre-authentication encoding: what a signature is computed over.

Source: Dead Simple Signing Envelope, protocol.md ("PAE"). The signature covers the type and the
exact bytes, so bytes signed as one kind of record cannot be read as another.
"""

from __future__ import annotations

import hashlib

CHUNK_TYPE = "application/vnd.starproof.chunk+json"
ENROLMENT_TYPE = "application/vnd.starproof.enrolment+json"
STATEMENT_TYPE = "application/vnd.starproof.statement+json"


def pae(payload_type: str, body: bytes) -> bytes:
    """Return ``DSSEv1 SP len(type) SP type SP len(body) SP body`` (lengths in bytes, decimal)."""
    kind = payload_type.encode("utf-8")
    return b"DSSEv1 %d %s %d %s" % (len(kind), kind, len(body), body)


def pae_hash(payload_type: str, body: bytes) -> str:
    """Return the SHA-256 of the pre-authentication encoding as 64 hex digits."""
    return hashlib.sha256(pae(payload_type, body)).hexdigest()
