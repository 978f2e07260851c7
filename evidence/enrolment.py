"""The enrolment record: a source introduces its key, and proves that it holds it.

The record carries the SHA-256 of the one-time token that the collector gave out for exactly this
purpose; the signature over the record is therefore fresh and proves possession. A rotation names
the key before and is signed by both. The first chunk's ``prev`` is this record's hash.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

from evidence import canonical, fields
from evidence.chunk import LATEST_MS, MAX_NAME, OPTIONAL, source_of
from evidence.code_hash import UNKNOWN
from evidence.dsse import ENROLMENT_TYPE, pae_hash
from evidence.errors import BadSignatureError, MalformedError
from evidence.keys import PrivateKey, PublicKey

SCHEMA = "starproof/enrolment/1"
MAX_RECORD_BYTES = 16 * 1024


@dataclass(frozen=True)
class Enrolment:
    """What a source says when it enrols.

    ``key`` is the public key in hex, ``epoch`` counts the enrolments of this host and source from
    0, ``previous`` is the id of the key it replaces (empty: none), ``token`` the SHA-256 of the
    one-time token (hex), ``facts`` flat strings and integers about the machine. ``code`` is the hash of the
    program that made the record (``evidence.code_hash``); empty, it is not known and left out.
    """

    enterprise: str
    host: str
    source: str
    key: str
    epoch: int
    previous: str
    token: str
    time_ms: int
    agent: str
    facts: Mapping[str, Any]
    code: str = UNKNOWN

    def encode(self) -> bytes:
        """Return the canonical bytes that are signed.

        Raises:
            OutOfRangeError: a value has no canonical form.
        """
        return canonical.encode({"schema": SCHEMA, **fields.without_unknown(asdict(self), OPTIONAL)})


_REQUIRED = ("schema", *(name for name in Enrolment.__dataclass_fields__ if name not in OPTIONAL))


@dataclass(frozen=True)
class SignedEnrolment:
    """A verified enrolment with the bytes and signatures that prove it."""

    enrolment: Enrolment
    record: bytes
    signature: bytes
    previous_signature: bytes

    @property
    def public(self) -> PublicKey:
        """The enrolled key."""
        return PublicKey.from_hex(self.enrolment.key)

    @property
    def hash(self) -> str:
        """What the first chunk's ``prev`` names, 64 hex digits."""
        return pae_hash(ENROLMENT_TYPE, self.record)


def sign(enrolment: Enrolment, key: PrivateKey, previous: PrivateKey | None = None) -> SignedEnrolment:
    """Return the enrolment signed by its own key and, for a rotation, by the one before.

    Raises:
        EvidenceError: the parts do not make a record that ``verify`` would accept.
    """
    record = enrolment.encode()
    signed = SignedEnrolment(
        enrolment,
        record,
        key.sign(ENROLMENT_TYPE, record),
        previous.sign(ENROLMENT_TYPE, record) if previous else b"",
    )
    return verify(record, signed.signature, signed.previous_signature, previous.public if previous else None)


def verify(
    record: bytes, signature: bytes, previous_signature: bytes = b"", previous: PublicKey | None = None
) -> SignedEnrolment:
    """Return the enrolment in ``record``, its possession proof verified.

    The key stands inside the record that it signs, so the record is parsed first here; every other
    signed record is parsed after its signature.

    Raises:
        BadSignatureError: a signature is missing or wrong.
        MalformedError: the record breaks the format, or names a key before that is not ``previous``.
        WeakKeyError: the key must not be pinned.
    """
    enrolment = parse(record)
    PublicKey.from_hex(enrolment.key).verify(ENROLMENT_TYPE, record, signature)
    if previous is None:
        if enrolment.previous or previous_signature:
            raise MalformedError("enrolment: the key before is not known here")
    else:
        if enrolment.previous != previous.id:
            raise MalformedError("enrolment: it does not name the key before")
        if not previous_signature:
            raise BadSignatureError("enrolment: the key before has not signed")
        previous.verify(ENROLMENT_TYPE, record, previous_signature)
    return SignedEnrolment(enrolment, record, signature, previous_signature)


def parse(record: bytes) -> Enrolment:
    """Return the enrolment in ``record``, without any proof.

    Raises:
        MalformedError: the record breaks the format.
    """
    document = canonical.decode(record, limit=MAX_RECORD_BYTES)
    where = "enrolment"
    fields.require_keys(document, _REQUIRED, OPTIONAL, where=where)
    fields.choice(document, "schema", (SCHEMA,), where=where)
    previous = fields.text(document, "previous", where=where, longest=fields.HASH_DIGITS)
    if previous and not fields.is_hash(previous):
        raise MalformedError("enrolment: previous is neither empty nor 64 lower-case hex digits")
    return Enrolment(
        enterprise=fields.text(document, "enterprise", where=where, longest=MAX_NAME),
        host=fields.text(document, "host", where=where, longest=MAX_NAME),
        source=source_of(document, where=where),
        key=fields.hex_hash(document, "key", where=where),
        epoch=fields.integer(document, "epoch", where=where),
        previous=previous,
        token=fields.hex_hash(document, "token", where=where),
        time_ms=fields.integer(document, "time_ms", where=where, most=LATEST_MS),
        agent=fields.text(document, "agent", where=where, longest=MAX_NAME),
        facts=fields.facts(document, "facts", where=where),
        code=fields.known_hash(document, "code", where=where),
    )
