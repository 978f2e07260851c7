"""From a table to entries: every row judged, every fault with its cell, all of the file or nothing."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from datetime import date
from pathlib import Path

from collector.store.ledger import Fields, Kept
from declaring.ledger_columns import FEN, YUAN, CellError, column_of, entry_of
from declaring.ledger_table import Row, TableFile, read_table
from declaring.profiles import MAX_DOCUMENT_BYTES, inside, read_file
from verifier.errors import LedgerError, ProfileError
from verifier.ledger import Entry
from verifier.ledger_rules import Fault, read_book

FindDocument = Callable[[str], bytes]
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

    def entries(self, before: bytes, *, today: int | None = None) -> list[Fields]:
        """Return the entries to add to a ledger with the canonical bytes ``before``.

        Args:
            before: the ledger as it is.
            today: ordinal of the local day, ``None`` if it does not matter: nobody knows the rate of a later one.

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
            if not found and today is not None and _day_of(entry.rate_day) > today:
                found = [
                    Fault(
                        "rate_day",
                        f"{entry.rate_day} is still to come; write the entry when its rate is known",
                    )
                ]
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
    return reading(table, find=beside(path.parent), sha256=hashlib.sha256(data).hexdigest())


def beside(folder: Path) -> FindDocument:
    """Return what reads the documents that lie in a folder."""

    def find(name: str) -> bytes:
        what = f"the document {name!r}"
        return read_file(inside(name, folder, what=what), most=MAX_DOCUMENT_BYTES, what=what)

    return find


def reading(table: TableFile, *, find: FindDocument, sha256: str) -> Reading:
    """Return a table with its rows as entries without numbers; faults are left in the table.

    Args:
        table: what was read.
        find: returns the bytes of a document that a row names; raises ``ProfileError`` if it cannot.
        sha256: of the table's file, empty without one.
    """
    drafts = []
    documents: dict[str, Kept] = {}
    for row in table.rows:
        entry, wrong = entry_of(row.cells)
        try:
            document = _document(entry.document, find, documents)
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


def _day_of(day: str) -> int:
    """Return the ordinal of a day that is written as it must be; 0 where there is none."""
    return date.fromisoformat(day).toordinal() if day else 0


def _unread(table: TableFile, row: Row) -> frozenset[str]:
    """Return the columns of a row whose cells could not be read; of an amount in both of its columns."""
    columns = {column for number, column in table.unread if number == row.number}
    return frozenset(columns | {YUAN, FEN} if columns & {YUAN, FEN} else columns)


def _document(text: str, find: FindDocument, documents: dict[str, Kept]) -> str:
    """Return the SHA-256 of a document: of the file that is named, or as it is written."""
    if not text:
        return ""
    if _HASH.match(text):
        return text.lower()
    data = find(text)
    if not data:
        raise ProfileError(f"the document {text!r}: it is empty and proves nothing")
    sha256 = hashlib.sha256(data).hexdigest()
    documents[sha256] = Kept(text, data)
    return sha256
