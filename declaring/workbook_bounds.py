"""What a workbook may unpack to, looked at piece by piece before anything reads it whole.

A workbook is a ZIP of XML: some hundred kilobytes can hold hundreds of megabytes. (1) Its parts are unpacked
a piece at a time and counted as they come, whatever the ZIP says of their size. (2) Nothing between two tags
is longer than a spreadsheet can hold in a cell. (3) There are no more rows, cells and texts than a ledger may
have, and some for explanations. (4) No document type, with which a small XML names a large one.
"""

from __future__ import annotations

import io
import re
import zipfile
import zlib
from collections.abc import Iterator, Mapping

from verifier.errors import LedgerError

MAX_UNPACKED_BYTES = 256 * 1024 * 1024
MAX_PARTS = 1_000
MAX_RUN_BYTES = 1024 * 1024
"""Between two tags: a cell holds 32,767 characters (Excel's own limit), each at most 10 bytes as a reference."""
MAX_ROWS = 110_000
"""Those of a full ledger (100,000), and some that explain or are empty but have a format."""
MAX_CELLS = 3_000_000
MAX_TEXTS = 1_500_000
"""Texts that cells share: all of them are in memory at once."""
PIECE_BYTES = 64 * 1024
_COUNTED: Mapping[bytes, tuple[str, int]] = {
    b"row": ("rows", MAX_ROWS), b"c": ("cells", MAX_CELLS), b"si": ("texts", MAX_TEXTS),
}  # fmt: skip
_TAG = re.compile(rb"[<:](row|c|si)[ />\r\n\t]|<!DOCTYPE")
_LONGEST_TAG = len(b"<!DOCTYPE")


def require_bounded(data: bytes, name: str) -> None:
    """Refuse a workbook that holds more than a ledger does.

    Raises:
        LedgerError: it does, or is no ZIP; ``name`` is how the error calls the file.
    """
    unpacked = 0
    try:
        with zipfile.ZipFile(io.BytesIO(data)) as packed:
            parts = packed.infolist()
            if len(parts) > MAX_PARTS:
                raise LedgerError(
                    f"{name}: {len(parts)} parts, at most {MAX_PARTS}; copy the table into a new workbook"
                )
            for part in parts:
                with packed.open(part) as file:
                    for size in _sizes(iter(lambda file=file: file.read(PIECE_BYTES), b""), name):  # type: ignore[misc] # mypy does not see the default
                        unpacked += size
                        if unpacked > MAX_UNPACKED_BYTES:
                            raise LedgerError(
                                f"{name}: unpacked it has more than {MAX_UNPACKED_BYTES} bytes; split it by year"
                            )
    # A ZIP can be damaged, encrypted, or packed in a way that is not known.
    except (zipfile.BadZipFile, zlib.error, OSError, ValueError, RuntimeError, EOFError) as cause:
        raise LedgerError(f"{name}: not a workbook: {cause}; save it as .xlsx again") from None


def _sizes(pieces: Iterator[bytes], name: str) -> Iterator[int]:
    """Yield the size of every piece of a part, after looking at it."""
    seen = dict.fromkeys(_COUNTED, 0)
    run, tail = 0, b""
    for piece in pieces:
        seam = tail + piece
        for found in _TAG.finditer(seam):
            if found.end() <= len(tail):  # counted with the piece before
                continue
            if found[1] is None:
                raise LedgerError(
                    f"{name}: it has a document type, which no spreadsheet writes; save it as .xlsx again"
                )
            seen[found[1]] += 1
        for tag, (what, most) in _COUNTED.items():
            if seen[tag] > most:
                raise LedgerError(
                    f"{name}: more than {most} {what}; remove empty rows and columns, or split it by year"
                )
        run = _run(piece, run)
        if run > MAX_RUN_BYTES:
            raise LedgerError(f"{name}: a cell holds more than a spreadsheet can; remove it")
        tail = seam[-(_LONGEST_TAG - 1) :]
        yield len(piece)


def _run(piece: bytes, run: int) -> int:
    """Return how long the text is that runs into the piece, if that is too long, else the one that runs out of it."""
    first = piece.find(b"<")
    if first < 0:
        return run + len(piece)
    return run + first if run + first > MAX_RUN_BYTES else len(piece) - piece.rfind(b"<")
