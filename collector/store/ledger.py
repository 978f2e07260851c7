"""The ledger at rest. An entry that was added never changes and never goes.

What an entry may say is the verifier's to know: who adds hands in how the next entries are made from
those before. Here is only what a transaction can promise: numbers without a hole, all of a file or
nothing of it, and documents under their hash.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from sqlalchemy import Connection, select

from collector.store import log, registry, schema
from collector.store.engine import Store
from evidence import canonical, log_entry

SCHEMA = "starproof/ledger/1"
MAX_PRODUCT = 200
"""Characters of a product's name that are handed out."""
FIELDS = tuple(
    column.name
    for column in schema.ledger_entry.columns
    if column.name not in ("recorded_ms", "file", "file_sha256")
)
"""The fields of an entry, as the ledger's document names them."""
BILL_FIELDS = ("provider", "month", "product", "amount", "currency", "kind", "basis", "final")

Fields = Mapping[str, Any]
"""One entry: text or integer by the name of its field."""
MakeEntries = Callable[[bytes], Sequence[Fields]]
"""From the ledger so far to the entries to add. Whatever it raises undoes the addition."""


@dataclass(frozen=True)
class Kept:
    """A document to keep: its name and its bytes."""

    name: str
    data: bytes


def add(
    store: Store,
    entries: MakeEntries,
    *,
    documents: Mapping[str, Kept],
    file: str,
    file_sha256: str,
    clock: Callable[[], int],
    actor: str = "operator",
) -> list[Fields]:
    """Add entries in one transaction, with a leaf of the log for the ledger as it is then, and return them.

    Args:
        store: an open store.
        entries: makes them, once it is sure which entries come before.
        documents: what they name, by SHA-256.
        file: the name of the file they come from, empty for none.
        file_sha256: its hash.
        clock: the time in ms since 1970; asked inside the transaction.
        actor: who adds them, for the audit trail.

    Raises:
        StoreError: the store cannot be written.
    """
    with store.writing() as connection:
        registry.locked_identity(connection)
        made = list(entries(document(connection)))
        now_ms = clock()
        for entry in made:
            values = {name: entry[name] for name in FIELDS}
            connection.execute(
                schema.ledger_entry.insert().values(
                    recorded_ms=now_ms, file=file, file_sha256=file_sha256, **values
                )
            )
        if made:
            log.append(connection, [(log_entry.DOCUMENT, _logged_sha256(connection))], now_ms=now_ms)
        _keep(connection, documents)
        registry.note(
            connection,
            now_ms=now_ms,
            actor=actor,
            action="LEDGER_ADDED",
            detail=f"{len(made)} entries from sha256 {file_sha256 or 'none'}",
        )
    return made


def _keep(connection: Connection, documents: Mapping[str, Kept]) -> None:
    table = schema.ledger_document
    for sha256, kept in documents.items():
        if connection.scalar(select(table.c.sha256).where(table.c.sha256 == sha256)) is None:
            connection.execute(table.insert().values(sha256=sha256, name=kept.name, data=kept.data))


def document(connection: Connection) -> bytes:
    """Return the canonical bytes of the ledger with the bills of clouds; empty without an entry.

    Bills alone are no ledger: they are compared with payments, and never counted.
    """
    entries = _entries(connection)
    if not entries:
        return b""
    return canonical.encode({"schema": SCHEMA, "entries": entries, "bills": _bills(connection)})


def _entries(connection: Connection) -> list[dict[str, Any]]:
    table = schema.ledger_entry.c
    rows = connection.execute(select(*(table[name] for name in FIELDS)).order_by(table.number))
    return [dict(row) for row in rows.mappings()]


def _logged_sha256(connection: Connection) -> str:
    """Return the hash of the entries alone, which the log holds: bills come and are replaced."""
    document = {"schema": SCHEMA, "entries": _entries(connection), "bills": []}
    return hashlib.sha256(canonical.encode(document)).hexdigest()


def _bills(connection: Connection) -> list[dict[str, str]]:
    table = schema.ledger_bill.c
    query = select(*(table[name] for name in BILL_FIELDS)).where(table.superseded_ms.is_(None))
    bills = [
        {
            **row,
            "product": "".join(c if c.isprintable() else " " for c in row["product"])[:MAX_PRODUCT],
            "amount": f"{Decimal(row['amount']):f}",
            "final": "yes" if row["final"] else "no",
        }
        for row in connection.execute(query).mappings()
    ]
    return sorted(bills, key=lambda bill: tuple(bill[name] for name in BILL_FIELDS))


def recorded(connection: Connection) -> dict[int, tuple[int, str]]:
    """Return, by the number of an entry, when it was recorded (ms since 1970) and from which file."""
    table = schema.ledger_entry.c
    rows = connection.execute(select(table.number, table.recorded_ms, table.file))
    return {row.number: (row.recorded_ms, row.file) for row in rows}


def kept_document(connection: Connection, sha256: str) -> bytes | None:
    """Return the bytes of a document, ``None`` if it is not kept or no longer what its hash says."""
    table = schema.ledger_document.c
    data = connection.scalar(select(table.data).where(table.sha256 == sha256))
    if data is None or hashlib.sha256(bytes(data)).hexdigest() != sha256:
        return None
    return bytes(data)
