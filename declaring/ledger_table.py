"""Reading a ledger's table, CSV or XLSX, into rows of texts that know the name of every cell.

Nothing is guessed: a formula, an error, a truth value, a number where digits would be lost, a head
that is not known and a cell outside the table are faults, each with its cell.
"""

from __future__ import annotations

import csv
import io
import math
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime, time
from decimal import Decimal
from pathlib import Path, PurePath
from typing import Any

from declaring.ledger_columns import BY_NAME, COLUMNS, REQUIRED, ColumnName
from declaring.workbook_bounds import require_bounded
from verifier.errors import LedgerError
from verifier.ledger import MAX_ENTRIES
from verifier.toml_table import nearest

MAX_FILE_BYTES = 32 * 1024 * 1024
MAX_COLUMNS = 64
MAX_FAULTS = 200
"""Faults that are kept; a wrong head makes one of every row."""
SHOWN_DIGITS = 15
"""Significant digits that a spreadsheet shows of a number, and that a double keeps of any decimal."""
SHEET = "台账 ledger"
COMMENT = "#"
"""A row whose first cell begins so explains and is no entry."""


@dataclass(frozen=True)
class Row:
    """One row: ``number`` as a spreadsheet counts, cells by the key of their column."""

    number: int
    cells: Mapping[str, str]


@dataclass(frozen=True)
class Wrong:
    """One fault: ``row`` as a spreadsheet counts, ``index`` of the cell's column (``MAX_COLUMNS``: the whole row).

    ``place`` is how a person finds it, ``message`` what is wrong and what to write.
    """

    row: int
    index: int
    place: str
    message: str


@dataclass
class TableFile:
    """A table that was read. ``sheet`` is empty for CSV; ``places`` are the columns' indices by key.

    ``unread`` are the cells, by row and key, whose fault is told already.
    """

    sheet: str
    rows: list[Row] = field(default_factory=list)
    places: dict[str, int] = field(default_factory=dict)
    unread: set[tuple[int, str]] = field(default_factory=set)
    _faults: list[Wrong] = field(default_factory=list)

    @property
    def wrong(self) -> list[Wrong]:
        """What is wrong, from the first cell to the last."""
        return sorted(self._faults, key=lambda fault: (fault.row, fault.index))

    @property
    def faults(self) -> list[str]:
        """What is wrong, each with its place, from the first cell to the last."""
        return [f"{fault.place}: {fault.message}" for fault in self.wrong]

    def place(self, row: int, column: str) -> str:
        """Return how a person finds a cell: sheet, cell, and the head of its column."""
        title = BY_NAME[column].title if column in BY_NAME else column
        index = self.places.get(column)
        if index is None:
            return f"{_sheet(self)}row {row} ({title}, which the table lacks)"
        return f"{_sheet(self)}cell {_letter(index)}{row} ({title})"

    def fault(self, row: int, column: str, message: str) -> None:
        """Keep a fault of a cell that belongs to a column."""
        self._keep(row, self.places.get(column, MAX_COLUMNS), self.place(row, column), message)

    def fault_at(self, row: int, index: int, message: str, *, title: str = "") -> None:
        """Keep a fault of a cell by its place; ``title`` is the head above it."""
        head = f" ({title})" if title else ""
        self._keep(row, index, f"{_sheet(self)}cell {_letter(index)}{row}{head}", message)

    def fault_of_row(self, row: int, message: str) -> None:
        """Keep a fault of a row."""
        self._keep(row, MAX_COLUMNS, f"{_sheet(self)}row {row}", message)

    def _keep(self, row: int, index: int, place: str, message: str) -> None:
        if len(self._faults) < MAX_FAULTS:
            self._faults.append(Wrong(row, index, place, message))


def read_table(path: Path, *, sheet: str | None = None) -> tuple[TableFile, bytes]:
    """Return the table in ``path``, and the bytes of the file.

    Raises:
        LedgerError: it cannot be read at all; faults of cells are in the table.
    """
    data = _bytes(path)
    return table_of(data, path.name, sheet=sheet), data


def table_of(data: bytes, name: str, *, sheet: str | None = None) -> TableFile:
    """Return the table in the bytes of a file; the ending of its name says which kind it is.

    Raises:
        LedgerError: it cannot be read at all; faults of cells are in the table.
    """
    ending = PurePath(name).suffix.lower()
    if ending == ".xlsx":
        return _workbook(data, name, sheet)
    if ending != ".csv":
        raise LedgerError(f"{name}: not .csv or .xlsx; save the table as one of them (.xls is too old)")
    if sheet is not None:
        raise LedgerError(f"{name}: a CSV file has no sheets; leave --sheet out")
    return _csv(data, name)


def _bytes(path: Path) -> bytes:
    if path.exists() and not path.is_file():  # a pipe would wait for ever
        raise LedgerError(f"{path}: it is not a file")
    try:
        with path.open("rb") as file:
            data = file.read(MAX_FILE_BYTES + 1)
    except OSError as cause:
        raise LedgerError(f"cannot read {path}: {cause.strerror}") from None
    if len(data) > MAX_FILE_BYTES:
        raise LedgerError(f"{path.name} is larger than {MAX_FILE_BYTES} bytes; split it by year")
    return data


def _csv(data: bytes, name: str) -> TableFile:
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError:
        try:
            text = data.decode("gb18030")  # what a Chinese Excel saves as CSV
        except UnicodeDecodeError:
            raise LedgerError(f"{name}: neither UTF-8 nor GB18030; save it as CSV UTF-8") from None
    table = TableFile("")
    try:
        lines = list(csv.reader(io.StringIO(text, newline=""), strict=True))
    except csv.Error as error:
        raise LedgerError(f"{name}: not CSV: {error}; check the quotes") from None
    _fill(table, ([cell.strip() for cell in line] for line in lines), name)
    return table


def _workbook(data: bytes, name: str, sheet: str | None) -> TableFile:
    from openpyxl import load_workbook  # noqa: PLC0415 - slow to import, and CSV does without

    require_bounded(data, name)
    try:
        book = load_workbook(io.BytesIO(data), read_only=True, data_only=False)
    except Exception as cause:  # noqa: BLE001 - a damaged workbook fails in openpyxl, zipfile or the XML parser
        raise LedgerError(f"{name}: not a workbook: {cause}; save it as .xlsx again") from None
    names = book.sheetnames
    chosen = sheet or (SHEET if SHEET in names else names[0] if len(names) == 1 else None)
    if chosen is None or chosen not in names:
        raise LedgerError(f"{name}: no sheet {sheet or SHEET!r}; choose one with --sheet: {', '.join(names)}")
    table = TableFile(chosen)
    _fill(table, _cells(book[chosen], table), name)
    book.close()
    return table


def _cells(sheet: Any, table: TableFile) -> Iterator[list[str]]:
    """Yield the rows of a sheet as texts; what is no text, number or date becomes a fault."""
    heads: list[ColumnName | None] = []
    for number, cells in enumerate(sheet.iter_rows(), 1):
        line = []
        for index, cell in enumerate(cells):
            column = heads[index] if index < len(heads) else None
            try:
                line.append(_text(cell.value, getattr(cell, "data_type", "n"), column))
            except ValueError as error:
                table.fault_at(number, index, str(error), title=column.title if column else "")
                if column:
                    table.unread.add((number, column.key))
                line.append("")
        if not heads:
            heads = [BY_NAME.get(text) for text in line]
        yield line


def _text(value: object, kind: str, column: ColumnName | None) -> str:
    if value is None:
        return ""
    if kind == "f" or (isinstance(value, str) and value.startswith("=")):
        raise ValueError("it holds a formula; write its value (copy, paste values)")
    if kind == "e" or isinstance(value, bool):
        raise ValueError(f"it holds {value}; write text, a number or a date")
    if isinstance(value, str):
        return value.strip()
    if isinstance(value, datetime):
        if value.time() != time():
            raise ValueError(f"it holds the time {value}; write the day alone")
        return value.date().isoformat()
    if isinstance(value, date):
        return value.isoformat()
    if isinstance(value, (int, float)):
        if column is not None and column.text:
            raise ValueError(
                "it holds a number, which loses leading zeros and digits after the 15th; format it as text "
                "and write it anew"
            )
        return _plain(value)
    raise ValueError(f"it holds {type(value).__name__}; write text, a number or a date")


def _plain(value: float) -> str:
    """Return the digits of a number as a spreadsheet shows them in full: 15 significant ones.

    A spreadsheet keeps binary numbers with 17 digits, the last two of which nobody ever wrote: the sum
    0.1 + 0.2 rests there as 0.30000000000000004.
    """
    if isinstance(value, int):
        return str(value)
    if not math.isfinite(value):
        raise ValueError(f"it holds {value}; write a number")
    return f"{Decimal(f'{value:.{SHOWN_DIGITS}g}'):f}"


def _fill(table: TableFile, lines: Iterable[Sequence[str]], name: str) -> None:
    source = iter(lines)
    heads = _heads(table, next(source, []), name)
    for number, line in enumerate(source, 2):
        if not any(line) or line[0].startswith(COMMENT):
            continue
        if len(table.rows) >= MAX_ENTRIES:
            raise LedgerError(f"{name}: more than {MAX_ENTRIES} rows; split it by year")
        cells = {}
        for index, text in enumerate(line):
            if index < len(heads) and heads[index]:
                cells[heads[index]] = text
            elif text:
                table.fault_at(number, index, f"{text[:40]!r} stands under no head; remove it")
        table.rows.append(Row(number, cells))
    if not table.rows and not table.faults:
        raise LedgerError(f"{name}: it has no rows; fill in the template (starproof ledger template)")


def _heads(table: TableFile, line: Sequence[str], name: str) -> list[str]:
    """Return the key of every column, empty for one without a head."""
    if len(line) > MAX_COLUMNS:
        raise LedgerError(
            f"{name}: {len(line)} columns, at most {MAX_COLUMNS}; remove what is not of the ledger"
        )
    heads = []
    for index, text in enumerate(line):
        column = BY_NAME.get(text)
        if text and column is None:
            there_are = ", ".join(entry.title for entry in COLUMNS)
            message = f"no column is called {text[:40]!r}{nearest(text, BY_NAME)}; there are {there_are}"
            table.fault_at(1, index, message)
        key = column.key if column else ""
        if key in heads and key:
            table.fault_at(1, index, f"the column {text!r} stands twice; leave one")
        heads.append(key)
        if key:
            table.places.setdefault(key, index)
    for key in REQUIRED:
        if key not in heads:
            table.fault_of_row(1, f"the column {BY_NAME[key].title!r} is missing; add it")
    return heads


def _sheet(table: TableFile) -> str:
    return f"sheet {table.sheet!r} " if table.sheet else ""


def _letter(index: int) -> str:
    """Return the letters of a column, as spreadsheets count: A, …, Z, AA and so on."""
    letters = ""
    index += 1
    while index:
        index, rest = divmod(index - 1, 26)
        letters = chr(ord("A") + rest) + letters
    return letters
