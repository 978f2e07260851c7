"""From uploaded files to a preview: every row, every fault at its cell, nothing stored."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass

from starlette.datastructures import UploadFile

from collector.store import ledger as store_ledger
from collector.store.engine import Store
from collector.store.ledger import Fields
from declaring.ledger_columns import BY_NAME, ColumnName
from declaring.ledger_import import LedgerFaultsError, Reading, reading
from declaring.ledger_table import MAX_COLUMNS, Row, Wrong, table_of
from declaring.profiles import MAX_DOCUMENT_BYTES
from verifier.errors import ProfileError

MOST_ROWS = 200
"""Rows in a preview; those with faults come first."""


@dataclass(frozen=True)
class PreviewRow:
    """One row of the table; ``wrong`` by the index of the column, and what is wrong with the row as a whole."""

    row: Row
    wrong: Mapping[int, Sequence[Wrong]]
    beside: Sequence[Wrong]

    @property
    def is_right(self) -> bool:
        """Whether nothing is wrong with it."""
        return not self.wrong and not self.beside


@dataclass(frozen=True)
class Preview:
    """A table as it would be imported. ``columns`` are those that it has, with their index."""

    name: str
    reading: Reading
    columns: Sequence[tuple[int, ColumnName]]
    rows: Sequence[PreviewRow]
    count: int
    elsewhere: Sequence[Wrong]
    """Faults of the head, and of rows that are not shown."""
    faults: int

    @property
    def is_right(self) -> bool:
        """Whether it can be imported."""
        return self.faults == 0


def read_upload(file: UploadFile, documents: Sequence[UploadFile]) -> tuple[str, Reading]:
    """Return the name of an uploaded table, and what it says; documents are looked for among the files with it.

    Raises:
        LedgerError: it cannot be read at all.
    """
    name = _plain(file.filename)
    data = file.file.read()
    beside = {_plain(one.filename): one for one in documents}

    def find(document: str) -> bytes:
        found = beside.get(_plain(document))
        if found is None:
            raise ProfileError(f"the document {document!r} was not uploaded with the table; choose it too")
        found.file.seek(0)
        kept = found.file.read(MAX_DOCUMENT_BYTES + 1)
        if len(kept) > MAX_DOCUMENT_BYTES:
            raise ProfileError(f"the document {document!r} is larger than {MAX_DOCUMENT_BYTES} bytes")
        return kept

    return name, reading(table_of(data, name), find=find, sha256=hashlib.sha256(data).hexdigest())


def preview(store: Store, name: str, read: Reading) -> Preview:
    """Return what would be imported into the ledger as it is now.

    Raises:
        LedgerError: the ledger is damaged.
        StoreError: the store cannot be read.
    """
    with store.reading() as connection:
        before = store_ledger.document(connection)
    with suppress(LedgerFaultsError):  # they are in the table, each at its cell
        read.entries(before)
    return _shown(name, read)


def add(store: Store, name: str, read: Reading, *, actor: str, now_ms: int) -> Sequence[Fields]:
    """Add the entries to the ledger, all or none.

    Raises:
        LedgerFaultsError: the ledger has changed since the preview, and they no longer fit.
        StoreError: the store cannot be written.
    """
    return store_ledger.add(
        store,
        read.entries,
        documents=read.documents,
        file=name,
        file_sha256=read.sha256,
        clock=lambda: now_ms,
        actor=actor,
    )


def _shown(name: str, read: Reading) -> Preview:
    table, wrong = read.table, read.table.wrong
    by_row: dict[int, list[Wrong]] = {}
    for fault in wrong:
        by_row.setdefault(fault.row, []).append(fault)
    shown = sorted(table.rows, key=lambda row: row.number not in by_row)[:MOST_ROWS]
    shown.sort(key=lambda row: row.number)
    numbers = {row.number for row in shown}
    return Preview(
        name=name,
        reading=read,
        columns=sorted((index, BY_NAME[key]) for key, index in table.places.items()),
        rows=[_row(row, by_row.get(row.number, ()), set(table.places.values())) for row in shown],
        count=len(table.rows),
        elsewhere=[fault for fault in wrong if fault.row not in numbers],
        faults=len(wrong),
    )


def _row(row: Row, wrong: Sequence[Wrong], places: set[int]) -> PreviewRow:
    at: dict[int, list[Wrong]] = {}
    for fault in wrong:
        if fault.index in places:
            at.setdefault(fault.index, []).append(fault)
    return PreviewRow(row, at, [f for f in wrong if f.index == MAX_COLUMNS or f.index not in places])


def _plain(name: str | None) -> str:
    """Return the last part of a file's name, as some browsers send whole paths."""
    return (name or "").replace("\\", "/").rpartition("/")[2]
