"""Who can sign: one interface, so that another algorithm is another class and no other change.

``Ed25519`` is here. SM2 (GM/T 0003) needs a library that this language lacks, so its signer runs a program and
stands outside (``starproof.seals``). Public keys travel as SubjectPublicKeyInfo (RFC 5280, DER), of which each
algorithm has exactly one form here; anything else is refused.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

from evidence.errors import MalformedError
from evidence.keys import PUBLIC_KEY_BYTES, SEED_BYTES, PrivateKey, PublicKey

ED25519 = "ed25519"
SM2 = "sm2-sm3"
ALGORITHMS = (ED25519, SM2)
_ED25519_PUBLIC = bytes.fromhex("302a300506032b6570032100")
"""RFC 8410, section 4, up to the 32 bytes of the key."""
_ED25519_PRIVATE = bytes.fromhex("302e020100300506032b657004220420")
"""RFC 8410, section 7 (PKCS #8 without attributes), up to the seed."""
_SM2_PUBLIC = bytes.fromhex("3059301306072a8648ce3d020106082a811ccf5501822d03420004")
"""An EC key on the curve sm2p256v1 (1.2.156.10197.1.301), uncompressed, up to its two coordinates."""
_COORDINATES = 64


class Signer(Protocol):
    """Holds a private key. ``public`` is its SubjectPublicKeyInfo, ``algorithm`` one of ``ALGORITHMS``."""

    @property
    def algorithm(self) -> str:
        """Name of the algorithm in records."""
        ...

    @property
    def public(self) -> bytes:
        """The public key, DER."""
        ...

    def sign(self, payload_type: str, body: bytes) -> bytes:
        """Return the signature over the DSSE encoding of ``body``."""
        ...


class Verifier(Protocol):
    """Holds a public key."""

    def verify(self, payload_type: str, body: bytes, signature: bytes) -> None:
        """Return if the signature over the DSSE encoding of ``body`` is this key's.

        Raises:
            BadSignatureError: it is not.
        """
        ...


@dataclass(frozen=True)
class Ed25519Signer:
    """The default: RFC 8032 by libsodium (``evidence.keys``)."""

    key: PrivateKey

    @property
    def algorithm(self) -> str:
        """Name of the algorithm in records."""
        return ED25519

    @property
    def public(self) -> bytes:
        """The public key, DER."""
        return _ED25519_PUBLIC + self.key.public.raw

    def sign(self, payload_type: str, body: bytes) -> bytes:
        """Return the 64-byte signature over the DSSE encoding of ``body``."""
        return self.key.sign(payload_type, body)


def ed25519_public(spki: bytes) -> PublicKey:
    """Return the verifier of an Ed25519 key.

    Raises:
        MalformedError: another kind of key.
        WeakKeyError: a key that binds nobody.
    """
    if algorithm_of(spki) != ED25519:
        raise MalformedError("not an Ed25519 key")
    return PublicKey(spki[len(_ED25519_PUBLIC) :])


def ed25519_private(pkcs8: bytes) -> PrivateKey:
    """Return the private key in a PKCS #8 document without attributes, as ``openssl genpkey`` writes it.

    Raises:
        MalformedError: anything else.
    """
    if not pkcs8.startswith(_ED25519_PRIVATE) or len(pkcs8) != len(_ED25519_PRIVATE) + SEED_BYTES:
        raise MalformedError("not an Ed25519 private key")
    return PrivateKey.from_seed(pkcs8[len(_ED25519_PRIVATE) :])


def encode_ed25519_private(key: PrivateKey) -> bytes:
    """Return the PKCS #8 document of a key."""
    return _ED25519_PRIVATE + key.seed


def algorithm_of(spki: bytes) -> str:
    """Return the algorithm of a public key.

    Raises:
        MalformedError: not one of ``ALGORITHMS`` in its one form.
    """
    for algorithm, prefix, rest in (
        (ED25519, _ED25519_PUBLIC, PUBLIC_KEY_BYTES),
        (SM2, _SM2_PUBLIC, _COORDINATES),
    ):
        if spki.startswith(prefix) and len(spki) == len(prefix) + rest:
            return algorithm
    raise MalformedError(f"a public key that is neither of {' nor of '.join(ALGORITHMS)}; make a new one")
