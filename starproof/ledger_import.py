"""From a table to entries: every row judged, every fault with its cell, all of the file or nothing."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path

from collector.store.ledger import Fields, Kept
from starproof.ledger_columns import FEN, YUAN, CellError, column_of, entry_of
from starproof.ledger_table import Row, TableFile, read_table
from starproof.profiles import MAX_DOCUMENT_BYTES, inside, read_file
from verifier.errors import LedgerError, ProfileError
from verifier.ledger import Entry
from verifier.ledger_rules import read_book

_HASH = re.compile(r"[0-9a-fA-F]{64}\Z", re.ASCII)


class LedgerFaultsError(LedgerError):
    """A table was refused as a whole; ``faults`` says every reason, with its cell."""

    def __init__(self, faults: Sequence[str]) -> None:
        """Keep the faults."""
        super().__init__(f"{len(faults)} faults, nothing was added: {faults[0]}")
        self.faults = tuple(faults)


@dataclass(frozen=True)
class Draft:
    """A row as an entry without a number; ``broken`` are its columns whose faults are already told."""

    row: Row
    entry: Entry
    broken: frozenset[str]


@dataclass(frozen=True)
class Reading:
    """A table with its rows as drafts, and the documents that they name by SHA-256."""

    table: TableFile
    drafts: tuple[Draft, ...]
    documents: Mapping[str, Kept]
    sha256: str

    def entries(self, before: bytes) -> list[Fields]:
        """Return the entries to add to a ledger with the canonical bytes ``before``.

        Raises:
            LedgerFaultsError: something is wrong with a cell, or with a row beside those before.
            LedgerError: the ledger itself is damaged.
        """
        _, book = read_book(before)
        made: list[Fields] = []
        mine: dict[int, int] = {}
        for draft in self.drafts:
            entry, row = replace(draft.entry, number=book.next_number), draft.row
            found = list(book.faults(entry))
            for fault in found:
                column = column_of(fault.field, row.cells)
                if column not in draft.broken:
                    beside = f"row {mine[fault.other]} of this file" if fault.other in mine else ""
                    self.table.fault(row.number, column, fault.about(beside or f"entry {fault.other}"))
            if not found and not draft.broken:
                book.add(entry)
                mine[entry.number] = row.number
                made.append(asdict(entry))
        if self.table.faults:
            raise LedgerFaultsError(self.table.faults)
        return made


def read_file_of(path: Path, *, sheet: str | None) -> Reading:
    """Return what the table in ``path`` says; documents are looked for beside it.

    Raises:
        LedgerError: the file cannot be read at all.
    """
    table, data = read_table(path, sheet=sheet)
    return reading(table, folder=path.parent, sha256=hashlib.sha256(data).hexdigest())


def reading(table: TableFile, *, folder: Path, sha256: str) -> Reading:
    """Return a table with its rows as entries without numbers; faults are left in the table."""
    drafts = []
    documents: dict[str, Kept] = {}
    for row in table.rows:
        entry, wrong = entry_of(row.cells)
        try:
            document = _document(entry.document, folder, documents)
        except ProfileError as cause:
            document = ""
            wrong.append(CellError("document", str(cause)))
        unread = _unread(table, row)
        for error in wrong:
            if error.column not in unread:
                table.fault(row.number, error.column, str(error))
        broken = unread | {error.column for error in wrong}
        drafts.append(Draft(row, replace(entry, document=document), broken))
    return Reading(table, tuple(drafts), documents, sha256)


def _unread(table: TableFile, row: Row) -> frozenset[str]:
    """Return the columns of a row whose cells could not be read; of an amount in both of its columns."""
    columns = {column for number, column in table.unread if number == row.number}
    return frozenset(columns | {YUAN, FEN} if columns & {YUAN, FEN} else columns)


def _document(text: str, folder: Path, documents: dict[str, Kept]) -> str:
    """Return the SHA-256 of a document: of the file that is named, or as it is written."""
    if not text:
        return ""
    if _HASH.match(text):
        return text.lower()
    what = f"the document {text!r}"
    data = read_file(inside(text, folder, what=what), most=MAX_DOCUMENT_BYTES, what=what)
    if not data:
        raise ProfileError(f"{what}: it is empty and proves nothing")
    sha256 = hashlib.sha256(data).hexdigest()
    documents[sha256] = Kept(text, data)
    return sha256
