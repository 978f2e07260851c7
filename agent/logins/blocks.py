"""From a position in a file to blocks of whole lines, and the position behind them.

A last line without an end is left where it is until its end comes, or until the file is known to be
finished. A line longer than a block is passed over and counted as not understood. UTF-16 (with its mark)
becomes UTF-8; other encodings keep their bytes, only names are decoded. NULs at a line's begin, which a
program leaves that goes on writing at its old place after ``copytruncate``, are passed over.
"""

from __future__ import annotations

from collections.abc import Iterator

from agent.logins.content import Content, MovedError
from agent.logins.identity import TAIL_BYTES, Marks, Record
from agent.logins.tally import Tally

BLOCK_BYTES = 1024 * 1024
"""Also the longest line."""
_UTF8_MARK = b"\xef\xbb\xbf"
_UTF16 = {b"\xff\xfe": "utf-16-le", b"\xfe\xff": "utf-16-be"}


def blocks(
    content: Content, record: Record, tally: Tally, *, marks: Marks, final: bool, size: int = BLOCK_BYTES
) -> Iterator[bytes]:
    """Yield blocks of whole lines from the position on, in UTF-8 or whatever bytes they have.

    The record is moved behind a block before it is yielded: whoever stops must not count it again.

    Args:
        content: the file.
        record: where to begin; its position and marks are changed.
        tally: told of overlong lines.
        marks: make the record's marks.
        final: nothing will be added: the last line needs no end.
        size: of a block in bytes, even.

    Raises:
        MovedError: what stands before the position is not what was read there.
        OSError, UnfinishedError: reading failed; the record is that of what was yielded.
    """
    encoding = _UTF16.get(content.read_at(0, 2), "")
    newline = "\n".encode(encoding) if encoding else b"\n"
    before = b""
    while True:
        before, data = _window(content, record, marks, before, size)
        if not data:
            return
        skipped, taken, is_text = _step(data, newline, record, final=final, whole=len(data) >= size)
        if skipped:
            tally.lines.read += 1
            tally.lines.not_understood += 1
        if not taken:
            return
        begin = record.position
        before = (before + data[:taken])[-TAIL_BYTES:]
        record.position += taken
        marks.advance(record, content, before)
        if is_text:
            yield _text(data[:taken], encoding, begin)


def _window(content: Content, record: Record, marks: Marks, before: bytes, size: int) -> tuple[bytes, bytes]:
    """Return the bytes before the position and a block behind it, read in one go where that is possible."""
    count = min(record.position, TAIL_BYTES)
    if content.compressed and before:
        return before, content.read_at(record.position, size)
    data = content.read_at(record.position - count, count + size)
    if count and record.tail and not marks.is_tail(record, data[:count]):
        raise MovedError
    return data[:count], data[count:]


def _step(data: bytes, newline: bytes, record: Record, *, final: bool, whole: bool) -> tuple[bool, int, bool]:
    """Return whether a line is given up, how many bytes are done with, and whether they are lines to count."""
    if record.skipping:
        end = _end(data, newline, first=True)
        record.skipping = not end
        return False, end or len(data), False
    if data[0] == 0 and len(newline) == 1:
        return False, len(data) - len(data.lstrip(b"\0")), False
    end = _end(data, newline)
    if end:
        return False, end, True
    if whole:
        record.skipping = True
        return True, len(data), False
    return False, len(data) if final else 0, True


def _text(data: bytes, encoding: str, begin: int) -> bytes:
    if encoding:
        data = data.decode(encoding, "replace").lstrip("\ufeff").encode("utf-8", "replace")
    elif begin == 0 and data.startswith(_UTF8_MARK):
        data = data[len(_UTF8_MARK) :]
    return data if data.endswith(b"\n") else data + b"\n"


def _end(data: bytes, newline: bytes, *, first: bool = False) -> int:
    """Return the offset behind the last line's end (or the first's), 0 if there is none."""
    width = len(newline)
    place = data.find(newline) if first else data.rfind(newline)
    while place >= 0 and place % width:
        place = data.find(newline, place + 1) if first else data.rfind(newline, 0, place + width - 1)
    return place + width if place >= 0 else 0
