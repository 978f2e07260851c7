"""附件3 as CSV: UTF-8 with a byte order mark, without which Excel misreads Chinese."""

from __future__ import annotations

import csv
import io

from documents.region_text import ATTACHMENT, LIST_COLUMNS, LIST_TITLE, Cell, Words, steers

BOM = "\ufeff"
QUOTE = "'"
"""Before a text that would be a formula: spreadsheets then show it as it is written."""


def region_csv(words: Words) -> bytes:
    """Return the file: the table, its footnotes, then the list of packs, blank lines in between."""
    out = io.StringIO()
    writer = csv.writer(out)
    for row in (
        (ATTACHMENT,), (words.title,), words.columns, *words.rows, words.total, (),
        *((note,) for note in words.footnotes), (), (LIST_TITLE,), LIST_COLUMNS, *words.listed,
    ):  # fmt: skip
        writer.writerow([_cell(value) for value in row])
    return (BOM + out.getvalue()).encode("utf-8")


def _cell(value: Cell) -> Cell:
    return QUOTE + value if isinstance(value, str) and steers(value) else value
