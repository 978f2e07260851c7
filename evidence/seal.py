"""The company's seal: a detached signature over one file, a report or a pack.

A seal file is canonical JSON ``starproof/seal/1``: algorithm, public key (SubjectPublicKeyInfo), certificates if there
are any, the statement, all but the first in base64, and the signature over the DSSE encoding of the statement's bytes.
The statement ``starproof/seal-statement/1`` names the file's size and SHA-256 (with SM2 its SM3 too), who says so and
when, and the SHA-256 of the public key. Time and name are what the sealing side says.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

from evidence import canonical, fields
from evidence.chunk import LATEST_MS
from evidence.errors import MalformedError, MismatchError
from evidence.signers import ALGORITHMS, SM2, Signer, Verifier, algorithm_of

SCHEMA = "starproof/seal/1"
STATEMENT_SCHEMA = "starproof/seal-statement/1"
SEAL_TYPE = "application/vnd.starproof.seal+json"
MAX_SEAL_BYTES = 256 * 1024
MAX_STATEMENT_BYTES = 8 * 1024
MAX_CERTIFICATES = 8
MAX_BASE64 = 64 * 1024
MAX_WHO = 200
_OPTIONAL = ("sm3",)


@dataclass(frozen=True)
class SealStatement:
    """What is signed. ``time_ms`` is wall clock, as stated; ``sm3`` is empty unless SM2 signs."""

    algorithm: str
    key: str
    file: str
    size: int
    sha256: str
    who: str
    time_ms: int
    sm3: str = ""

    def encode(self) -> bytes:
        """Return the canonical bytes that are signed.

        Raises:
            OutOfRangeError: a value has no canonical form.
        """
        return canonical.encode(
            {"schema": STATEMENT_SCHEMA, **fields.without_unknown(asdict(self), _OPTIONAL)}
        )


@dataclass(frozen=True)
class Seal:
    """A seal that can be read; nothing is verified but that its parts fit one another.

    ``certificates`` are DER, the sealing key's own first.
    """

    statement: SealStatement
    body: bytes
    public: bytes
    certificates: tuple[bytes, ...]
    signature: bytes

    def verify(self, verifier: Verifier) -> None:
        """Return if the statement is signed by the key of ``verifier``.

        Raises:
            BadSignatureError: it is not.
        """
        verifier.verify(SEAL_TYPE, self.body, self.signature)


def key_id(public: bytes) -> str:
    """Return the name of a public key: SHA-256 of its SubjectPublicKeyInfo, 64 hex digits."""
    return hashlib.sha256(public).hexdigest()


def seal(statement: SealStatement, signer: Signer, certificates: tuple[bytes, ...] = ()) -> bytes:
    """Return the bytes of a seal file; ``algorithm`` and ``key`` of the statement are filled in here.

    Raises:
        EvidenceError: the parts do not make a seal that ``parse`` would accept.
    """
    named = {"algorithm": signer.algorithm, "key": key_id(signer.public)}
    body = SealStatement(**{**asdict(statement), **named}).encode()
    document = {
        "schema": SCHEMA,
        "algorithm": signer.algorithm,
        "public": _base64(signer.public),
        "certificates": [_base64(certificate) for certificate in certificates],
        "statement": _base64(body),
        "signature": _base64(signer.sign(SEAL_TYPE, body)),
    }
    encoded = canonical.encode(document)
    parse(encoded)
    return encoded


def parse(data: bytes) -> Seal:
    """Return the seal in ``data``.

    Raises:
        MalformedError: the format is broken, or a key is not of the algorithm that is named.
        MismatchError: the statement names another key or algorithm than the seal.
    """
    where = "seal"
    document = canonical.decode(data, limit=MAX_SEAL_BYTES)
    names = ("schema", "algorithm", "public", "certificates", "statement", "signature")
    fields.require_keys(document, names, where=where)
    fields.choice(document, "schema", (SCHEMA,), where=where)
    algorithm = fields.choice(document, "algorithm", ALGORITHMS, where=where)
    listed = document["certificates"]
    if not isinstance(listed, list) or len(listed) > MAX_CERTIFICATES:
        raise MalformedError(f"{where}: certificates is not a list of at most {MAX_CERTIFICATES}")
    public = _bytes(document, "public")
    body = _bytes(document, "statement")
    statement = _parse_statement(body)
    if algorithm_of(public) != algorithm:
        raise MalformedError(f"{where}: the public key is not of the algorithm {algorithm}")
    if (statement.algorithm, statement.key) != (algorithm, key_id(public)):
        raise MismatchError("seal: the statement names another key or algorithm")
    return Seal(
        statement,
        body,
        public,
        tuple(_bytes({"certificates": entry}, "certificates") for entry in listed),
        _bytes(document, "signature"),
    )


def _parse_statement(body: bytes) -> SealStatement:
    where = "seal statement"
    document = canonical.decode(body, limit=MAX_STATEMENT_BYTES)
    known = SealStatement.__dataclass_fields__
    fields.require_keys(
        document, ("schema", *(name for name in known if name not in _OPTIONAL)), _OPTIONAL, where=where
    )
    fields.choice(document, "schema", (STATEMENT_SCHEMA,), where=where)
    statement = SealStatement(
        algorithm=fields.choice(document, "algorithm", ALGORITHMS, where=where),
        key=fields.hex_hash(document, "key", where=where),
        file=fields.text(document, "file", where=where),
        size=fields.integer(document, "size", where=where),
        sha256=fields.hex_hash(document, "sha256", where=where),
        who=fields.text(document, "who", where=where, longest=MAX_WHO),
        time_ms=fields.integer(document, "time_ms", where=where, most=LATEST_MS),
        sm3=fields.known_hash(document, "sm3", where=where),
    )
    if bool(statement.sm3) != (statement.algorithm == SM2):
        raise MalformedError(f"{where}: SM2 signs the SM3 of the file, other algorithms do not name it")
    return statement


def _base64(data: bytes) -> str:
    return base64.b64encode(data).decode("ascii")


def _bytes(document: Mapping[str, Any], key: str) -> bytes:
    text = fields.text(document, key, where="seal", longest=MAX_BASE64)
    try:
        data = base64.b64decode(text, validate=True)
    except (binascii.Error, ValueError):
        data = b""
    if not data or _base64(data) != text:
        raise MalformedError(f"seal: {key} is not base64 in its one form")
    return data
