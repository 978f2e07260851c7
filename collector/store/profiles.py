"""The profile at rest: every version that was saved, and the documents by their hash.

What a profile may say is the verifier's to know; here it is bytes. Nothing is ever changed, so that the
audit trail can name a version by its number.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from sqlalchemy import Connection, select

from collector.store import registry, schema


@dataclass(frozen=True)
class SavedProfile:
    """One version: its number, when (ms since 1970) and by whom it was saved, its file byte for byte."""

    version: int
    saved_ms: int
    saved_by: str
    file: bytes


def newest(connection: Connection) -> SavedProfile | None:
    """Return the version that was saved last, ``None`` if there is none."""
    table = schema.profile_version
    row = connection.execute(select(table).order_by(table.c.version.desc()).limit(1)).mappings().first()
    return None if row is None else SavedProfile(**{**row, "file": bytes(row["file"])})


def save(connection: Connection, file: bytes, *, by: str, now_ms: int) -> int:
    """Keep ``file`` as the next version and return its number."""
    registry.locked_identity(connection)
    before = newest(connection)
    number = 1 if before is None else before.version + 1
    connection.execute(
        schema.profile_version.insert().values(version=number, saved_ms=now_ms, saved_by=by, file=file)
    )
    registry.note(
        connection,
        now_ms=now_ms,
        actor=by,
        action="PROFILE_SAVED",
        detail=f"version {number} sha256 {hashlib.sha256(file).hexdigest()}",
    )
    return number


def keep_document(connection: Connection, data: bytes) -> str:
    """Keep a document, once, and return its SHA-256."""
    sha256 = hashlib.sha256(data).hexdigest()
    table = schema.profile_document
    if connection.scalar(select(table.c.size).where(table.c.sha256 == sha256)) is None:
        connection.execute(table.insert().values(sha256=sha256, size=len(data), data=data))
    return sha256


def sizes(connection: Connection, wanted: Iterable[str]) -> Mapping[str, int]:
    """Return the size in bytes of those of the documents that are kept, by SHA-256."""
    table = schema.profile_document
    query = select(table.c.sha256, table.c.size).where(table.c.sha256.in_(list(wanted)))
    return {row.sha256: row.size for row in connection.execute(query)}


def document(connection: Connection, sha256: str) -> bytes | None:
    """Return the bytes of a document, ``None`` if it is not kept or no longer what its hash says."""
    table = schema.profile_document
    data = connection.scalar(select(table.c.data).where(table.c.sha256 == sha256))
    if data is None or hashlib.sha256(bytes(data)).hexdigest() != sha256:
        return None
    return bytes(data)
