"""Declared versions of the scope at rest. A version that was added never changes and never goes.

What a record says and whether a file is a scope is the verifier's to know: who declares hands in
how the next record is made. Here is only what a transaction can promise: versions are numbered
without a hole, two that declare at once get two numbers, and either all of a version is kept or none.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from sqlalchemy import Connection, func, select

from collector.errors import UnchangedScopeError
from collector.store import log, registry, schema
from collector.store.engine import Store
from evidence import log_entry

Declared = tuple[bytes, bytes]
"""Record and scope file of one version."""

MakeRecord = Callable[[str, Sequence[Declared], int], bytes]
"""From the store's enterprise, all versions so far and the time in ms to the next record.

Whatever it raises undoes the declaration.
"""


@dataclass(frozen=True)
class Declaring:
    """What was declared just now: its number, its time (ms since 1970), and all versions with it.

    ``added`` is false where the newest version is this very file and only its edition was new to the log.
    """

    version: int
    declared_ms: int
    versions: tuple[Declared, ...]
    added: bool = True


def declare(
    store: Store,
    file: bytes,
    *,
    record: MakeRecord,
    clock: Callable[[], int],
    edition: str | None = None,
    actor: str = "operator",
) -> Declaring:
    """Add ``file`` as the next version of the scope, in one transaction.

    The edition becomes a leaf of the log beside it, unless the log has it: then a checkpoint from before
    the window proves both.

    Args:
        store: an open store.
        file: the scope file, byte for byte.
        record: makes the record, once it is sure which version comes before.
        clock: the time in ms since 1970; asked inside the transaction, so times follow the versions.
        edition: SHA-256 of the file of its edition, ``None`` if that is not at hand.
        actor: who declares it, for the audit trail.

    Raises:
        UnchangedScopeError: the newest version is this very file, and its edition is not new.
        StoreError: the store cannot be written.
    """
    with store.writing() as connection:
        identity = registry.locked_identity(connection)
        before = versions(connection)
        new = [edition] if edition and not log.find_all(connection, [edition], kind=log_entry.EDITION) else []
        same = bool(before) and before[-1][1] == file
        if same and not new:
            raise UnchangedScopeError(
                f"version {len(before)} is this very file; nothing was declared. "
                "To declare a change, change the file first"
            )
        now_ms = clock()
        editions = [(log_entry.EDITION, sha256) for sha256 in new]
        if same:
            log.append(connection, editions, now_ms=now_ms)
            registry.note(
                connection,
                now_ms=now_ms,
                actor=actor,
                action="EDITION_LOGGED",
                detail=f"sha256 {edition}",
            )
            return Declaring(len(before), _declared_ms(connection), tuple(before), added=False)
        added = (record(identity.enterprise, before, now_ms), file)
        number = len(before) + 1
        connection.execute(
            schema.scope_version.insert().values(
                version=number, declared_ms=now_ms, record=added[0], file=file
            )
        )
        record_hash = hashlib.sha256(added[0]).hexdigest()
        log.append(connection, [(log_entry.SCOPE, record_hash), *editions], now_ms=now_ms)
        registry.note(
            connection,
            now_ms=now_ms,
            actor=actor,
            action="SCOPE_DECLARED",
            detail=f"version {number} sha256 {hashlib.sha256(file).hexdigest()}",
        )
    return Declaring(number, now_ms, (*before, added))


def _declared_ms(connection: Connection) -> int:
    """Return when the newest version was declared."""
    return int(connection.scalar(select(func.max(schema.scope_version.c.declared_ms))) or 0)


def newest_sha256(connection: Connection) -> str:
    """Return the hash of the newest version's record, as its leaf holds it; empty if there is none."""
    table = schema.scope_version.c
    record = connection.scalar(select(table.record).order_by(table.version.desc()).limit(1))
    return "" if record is None else hashlib.sha256(record).hexdigest()


def versions(connection: Connection) -> list[Declared]:
    """Return record and file of every declared version, in order."""
    table = schema.scope_version.c
    rows = connection.execute(select(table.record, table.file).order_by(table.version))
    return [(bytes(row.record), bytes(row.file)) for row in rows]
