"""SM2 with SM3 (GM/T 0003, 0009) by the program ``openssl``: the private key never enters this process."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from evidence.dsse import pae
from evidence.errors import BadSignatureError
from evidence.signers import SM2
from starproof.seals import pem
from starproof.seals.openssl import SM2_OPTIONS, Arguments, OpenSSL, written


@dataclass(frozen=True)
class Sm2Signer:
    """A key in a file, maybe under a passphrase that stands in another. ``public`` is its public half, DER."""

    tool: OpenSSL
    key: Path
    passin: str
    public: bytes

    @property
    def algorithm(self) -> str:
        """Name of the algorithm in records."""
        return SM2

    def sign(self, payload_type: str, body: bytes) -> bytes:
        """Return the signature (DER) over the DSSE encoding of ``body``, verified once.

        Raises:
            ToolError: openssl fails.
            BadSignatureError: what it wrote does not verify.
        """
        with written({"message": pae(payload_type, body)}) as place:
            asked: Arguments = ["-inkey", self.key, "-passin", self.passin, "-in", place["message"]]
            signature = self.tool.answer(["pkeyutl", "-sign", *SM2_OPTIONS, *asked])
        Sm2Verifier(self.tool, self.public).verify(payload_type, body, signature)
        return signature


@dataclass(frozen=True)
class Sm2Verifier:
    """A public key, SubjectPublicKeyInfo (DER)."""

    tool: OpenSSL
    public: bytes

    def verify(self, payload_type: str, body: bytes, signature: bytes) -> None:
        """Return if the signature over the DSSE encoding of ``body`` is this key's.

        Raises:
            BadSignatureError: it is not, or is no signature.
            ToolError: openssl does not run.
        """
        parts = {
            "public": pem.write(pem.PUBLIC_KEY, self.public),
            "message": pae(payload_type, body),
            "signature": signature,
        }
        with written(parts) as place:
            if not self.tool.sm2_verifies(place["public"], place["message"], place["signature"]):
                raise BadSignatureError("the SM2 signature is not by this key")
