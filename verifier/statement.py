"""The statement: what the collector's log key signs about a pack."""

from __future__ import annotations

from dataclasses import asdict, dataclass

from evidence import canonical, fields
from evidence.chunk import LATEST_MS, MAX_NAME
from evidence.errors import MalformedError
from evidence.keys import PublicKey

SCHEMA = "starproof.pack/1"
FORMAT = "1.1"
"""Frozen (docs/pack-format.md): a field is never changed; what is new needs another number."""
FIRST_FORMAT = "1.0"
"""Its day marks name no scope, and its report does not say of a provisional pack what it lacks."""
FORMATS = (FIRST_FORMAT, FORMAT)
BEFORE = ("starproof/pack/1", "starproof/pack/2")
"""Packs of before the format was frozen."""
MAX_STATEMENT_BYTES = 16 * 1024


@dataclass(frozen=True)
class Statement:
    """What a pack is about. Hashes are SHA-256 in hex, ``log_key`` the public key in hex.

    ``made_ms`` is the collector's wall clock when the pack was written.
    """

    enterprise: str
    month: str
    timezone: str
    made_ms: int
    software: str
    log_key: str
    manifest: str
    bagit: str
    bag_info: str
    format: str = FORMAT

    def encode(self) -> bytes:
        """Return the canonical bytes that are signed."""
        return canonical.encode({"schema": SCHEMA, **asdict(self)})

    @property
    def key(self) -> PublicKey:
        """The key that the statement names as its signer's.

        Raises:
            EvidenceError: not a usable key.
        """
        return PublicKey.from_hex(self.log_key)


def parse(data: bytes) -> Statement:
    """Return the statement in ``data``; its signature is verified elsewhere, before its use.

    Raises:
        MalformedError: the bytes are not a statement.
    """
    document = canonical.decode(data, limit=MAX_STATEMENT_BYTES)
    where = "statement.json"
    if document.get("schema") in BEFORE:
        raise MalformedError(f"{where}: the pack was made before format {FIRST_FORMAT}; pack the month again")
    fields.require_keys(document, ("schema", *Statement.__dataclass_fields__), where=where)
    fields.choice(document, "schema", (SCHEMA,), where=where)
    return Statement(
        enterprise=fields.text(document, "enterprise", where=where, longest=MAX_NAME),
        month=fields.text(document, "month", where=where),
        timezone=fields.text(document, "timezone", where=where),
        made_ms=fields.integer(document, "made_ms", where=where, most=LATEST_MS),
        software=fields.text(document, "software", where=where, longest=MAX_NAME),
        log_key=fields.hex_hash(document, "log_key", where=where),
        manifest=fields.hex_hash(document, "manifest", where=where),
        bagit=fields.hex_hash(document, "bagit", where=where),
        bag_info=fields.hex_hash(document, "bag_info", where=where),
        format=fields.choice(document, "format", FORMATS, where=where),
    )
