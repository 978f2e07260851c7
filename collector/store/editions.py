"""Editions of a guide that somebody added: the file, byte for byte, under its own id. Never changed, never removed.

What an edition says is the verifier's to know; here it is bytes.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence

from sqlalchemy import Connection, select

from collector.store import registry, schema


def keep(connection: Connection, edition_id: str, file: bytes, *, by: str, now_ms: int) -> bool:
    """Keep an edition's file; return ``False`` if another file is kept under this id."""
    known = find(connection, edition_id)
    if known is not None:
        return known == file
    connection.execute(
        schema.edition_file.insert().values(id=edition_id, kept_ms=now_ms, kept_by=by, file=file)
    )
    detail = f"{edition_id} sha256 {hashlib.sha256(file).hexdigest()}"
    registry.note(connection, now_ms=now_ms, actor=by, action="EDITION_KEPT", detail=detail)
    return True


def find(connection: Connection, edition_id: str) -> bytes | None:
    """Return the file that is kept under this id."""
    found = connection.scalar(
        select(schema.edition_file.c.file).where(schema.edition_file.c.id == edition_id)
    )
    return None if found is None else bytes(found)


def ids(connection: Connection) -> Sequence[str]:
    """Return the ids of all that are kept, sorted."""
    return list(
        connection.execute(select(schema.edition_file.c.id).order_by(schema.edition_file.c.id)).scalars()
    )
