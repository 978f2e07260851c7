"""Ed25519 keys (RFC 8032) with the refusals that evidence needs.

The applicant chooses the keys. Under a small-order public key one fixed signature is valid for
every message, so such a key could later be disowned. ``PublicKey`` therefore refuses, at creation
and whenever bytes come in, every encoding that is not a canonical point of the prime-order group.
Verification is libsodium's: cofactorless, S < L, canonical encodings only. Its functions are called
through PyNaCl's bindings; the classes above them would cost the agent a third of a megabyte.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass

import nacl.bindings
import nacl.exceptions

from evidence.dsse import pae
from evidence.errors import BadSignatureError, MalformedError, WeakKeyError

PUBLIC_KEY_BYTES = 32
SEED_BYTES = 32
SIGNATURE_BYTES = 64


@dataclass(frozen=True)
class PublicKey:
    """A public key that is safe to pin. ``raw`` is its RFC 8032 encoding, 32 bytes.

    Raises:
        MalformedError: not 32 bytes.
        WeakKeyError: small order, mixed order, or not a point of the curve.
    """

    raw: bytes

    def __post_init__(self) -> None:
        """Refuse keys under which a signature would bind nobody."""
        if len(self.raw) != PUBLIC_KEY_BYTES:
            raise MalformedError(f"a public key has 32 bytes, not {len(self.raw)}")
        if not nacl.bindings.crypto_core_ed25519_is_valid_point(self.raw):
            raise WeakKeyError(
                f"public key {self.raw.hex()} is not a point of the prime-order group; make a new key"
            )

    @classmethod
    def from_hex(cls, text: str) -> PublicKey:
        """Return the key written as 64 lower-case hex digits.

        Raises:
            MalformedError: the text is not that.
            WeakKeyError: see the class.
        """
        if len(text) != 2 * PUBLIC_KEY_BYTES or set(text) - set("0123456789abcdef"):
            raise MalformedError("a public key is written as 64 lower-case hex digits")
        return cls(bytes.fromhex(text))

    @property
    def id(self) -> str:
        """SHA-256 of the encoding, 64 hex digits: the name of this key in records."""
        return hashlib.sha256(self.raw).hexdigest()

    def verify(self, payload_type: str, body: bytes, signature: bytes) -> None:
        """Return if ``signature`` is this key's over the DSSE encoding of ``body``.

        Raises:
            BadSignatureError: it is not.
        """
        self._verify(pae(payload_type, body), signature)

    def verify_note(self, text: bytes, signature: bytes) -> None:
        """Return if ``signature`` is this key's over the bare text of a signed note.

        Raises:
            BadSignatureError: it is not.
        """
        self._verify(text, signature)

    def _verify(self, message: bytes, signature: bytes) -> None:
        if len(signature) != SIGNATURE_BYTES:
            raise BadSignatureError(f"a signature has 64 bytes, not {len(signature)}")
        try:
            nacl.bindings.crypto_sign_open(signature + message, self.raw)
        except nacl.exceptions.BadSignatureError:
            raise BadSignatureError(f"the signature is not by key {self.id[:16]}") from None


class PrivateKey:
    """A signing key made from a 32-byte seed. Never printed."""

    def __init__(self, seed: bytes) -> None:
        """Use ``from_seed`` or ``generate``."""
        raw, self._secret = nacl.bindings.crypto_sign_seed_keypair(seed)
        self._public = PublicKey(raw)

    @classmethod
    def generate(cls) -> PrivateKey:
        """Return a new key from the operating system's random source."""
        return cls(nacl.bindings.randombytes(SEED_BYTES))

    @classmethod
    def from_seed(cls, seed: bytes) -> PrivateKey:
        """Return the key of a 32-byte seed.

        Raises:
            MalformedError: the seed has another length.
        """
        if len(seed) != SEED_BYTES:
            raise MalformedError(f"a private key seed has 32 bytes, not {len(seed)}")
        return cls(seed)

    def __eq__(self, other: object) -> bool:
        """Return whether it is the same key, in time that says nothing about it."""
        return isinstance(other, PrivateKey) and nacl.bindings.sodium_memcmp(self.seed, other.seed)

    def __hash__(self) -> int:
        """Hash the public half."""
        return hash(self._public)

    def __repr__(self) -> str:
        """Show which key it is, never the key."""
        return f"PrivateKey({self.public.id[:16]}…)"

    @property
    def seed(self) -> bytes:
        """The 32 secret bytes, for the caller who stores them."""
        return self._secret[:SEED_BYTES]

    @property
    def public(self) -> PublicKey:
        """The public half, already checked."""
        return self._public

    def sign(self, payload_type: str, body: bytes) -> bytes:
        """Return the 64-byte signature over the DSSE encoding of ``body``."""
        return self.sign_note(pae(payload_type, body))

    def sign_note(self, text: bytes) -> bytes:
        """Return the 64-byte signature over the bare text of a note (``evidence.signed_note``)."""
        return nacl.bindings.crypto_sign(text, self._secret)[:SIGNATURE_BYTES]
