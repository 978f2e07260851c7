"""The container of a pack: a ZIP archive of stored entries of which there is exactly one form.

Any ZIP tool can read it. This module's reader accepts nothing but what its writer would have
written for the same entries: one local header after another from the first byte on, the central
directory, the end record, no gaps, no comments, no extra fields but those of ZIP64 where it is needed, fixed dates and modes, names in
ascending order. So every byte of the file is either content, which the pack's manifest covers, or
is determined by the content; there is no place to hide anything (APPNOTE.TXT 6.3, sections 4.3-4.4).
"""

from __future__ import annotations

import re
import struct
import zlib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import BinaryIO, ClassVar

from verifier.errors import PackError

MAX_ENTRIES = 200_000
MAX_CONTAINER_BYTES = 2**36
"""64 GiB; a larger scope is packed in parts."""
WIDE_BYTES = 2**32 - 1
"""Offsets and sizes from here on are written in ZIP64 fields (APPNOTE.TXT 4.5.3)."""
WIDE_ENTRIES = 2**16 - 1
MAX_ENTRY_BYTES = 1024 * 1024 * 1024
MAX_NAME_BYTES = 160
BLOCK_BYTES = 1024 * 1024

_NAME = re.compile(r"[a-z0-9][a-z0-9._-]*(/[a-z0-9][a-z0-9._-]*)*\Z")
_LOCAL = struct.Struct("<4s5H3I2H")
_CENTRAL = struct.Struct("<4s6H3I5H2I")
_END = struct.Struct("<4s4H2IH")
_WIDE_OFFSET = struct.Struct("<2HQ")
_WIDE_END = struct.Struct("<4sQ2H2I4Q")
_WIDE_LOCATOR = struct.Struct("<4sIQI")
_VERSION = 20
_WIDE_VERSION = 45
_WIDE_HEAD, _WIDE_BODY = 4, 12
"""Bytes that the sizes of ZIP64 fields and records do not count: their own head."""
_FULL_32, _FULL_16 = 2**32 - 1, 2**16 - 1
_MADE_BY_UNIX = 3 << 8 | _VERSION
_DATE_1980_01_01 = 0x21
_REGULAR_FILE_644 = 0o100644 << 16


class ContainerError(PackError):
    """The file is not a container in its one form."""

    code: ClassVar[str] = "CONTAINER"


@dataclass(frozen=True, slots=True)
class Entry:
    """One stored entry: where its ``size`` bytes begin, and their CRC-32."""

    name: str
    offset: int
    size: int
    crc: int

    def bytes_in(self, stream: BinaryIO) -> bytes:
        """Return the content as it stands in a container's stream; its CRC-32 is not compared."""
        stream.seek(self.offset)
        return stream.read(self.size)


class Writer:
    """Writes a container entry by entry, names in ascending order, from the stream's start on."""

    def __init__(self, stream: BinaryIO) -> None:
        self._stream = stream
        self._entries: list[Entry] = []
        self._offset = 0

    def add(self, name: str, data: bytes) -> None:
        """Append an entry.

        Raises:
            ContainerError: a name, its place in the order, or a size is not permitted.
        """
        _require_name(name)
        if self._entries and name <= self._entries[-1].name:
            raise ContainerError(f"the entry {name} is doubled or out of order")
        if len(data) > MAX_ENTRY_BYTES:
            raise ContainerError(f"the entry {name} has {len(data)} bytes, at most {MAX_ENTRY_BYTES}")
        entry = Entry(name, self._offset + _LOCAL.size + len(name), len(data), zlib.crc32(data))
        _require_counts(len(self._entries) + 1, entry.offset + entry.size)
        self._stream.write(_local(entry))
        self._stream.write(data)
        self._offset = entry.offset + entry.size
        self._entries.append(entry)

    def close(self) -> None:
        """Write the directory; the stream stays open."""
        self._stream.write(_trailer(self._entries, self._offset))


class Container:
    """A container opened for reading. Its structure is checked; the contents are not yet read."""

    def __init__(self, stream: BinaryIO) -> None:
        """Read the structure of ``stream`` (seekable).

        Raises:
            ContainerError: the stream is not in the one form that ``Writer`` gives.
        """
        self._stream = stream
        self._size = stream.seek(0, 2)
        if self._size > MAX_CONTAINER_BYTES:
            raise ContainerError(
                f"the file has {self._size} bytes, at most {MAX_CONTAINER_BYTES} are allowed"
            )
        found = self._walk()
        self.entries: Mapping[str, Entry] = {entry.name: entry for entry in found}

    def blocks(self, name: str) -> Iterator[bytes]:
        """Yield the content of an entry in blocks; its CRC-32 is not compared."""
        entry = self.entries[name]
        self._stream.seek(entry.offset)
        left = entry.size
        while left:
            block = self._stream.read(min(left, BLOCK_BYTES))
            left -= len(block)
            yield block

    def raw(self, name: str) -> bytes:
        """Return the content of an entry; its CRC-32 is not compared."""
        return self.entries[name].bytes_in(self._stream)

    def read(self, name: str) -> bytes:
        """Return the content of an entry.

        Raises:
            ContainerError: there is no such entry, or its CRC-32 differs.
        """
        if name not in self.entries:
            raise ContainerError(f"the entry {name} is missing")
        entry = self.entries[name]
        data = entry.bytes_in(self._stream)
        if zlib.crc32(data) != entry.crc:
            raise ContainerError(f"the entry {name} is damaged: its CRC-32 differs")
        return data

    def _walk(self) -> list[Entry]:
        found: list[Entry] = []
        offset = 0
        while True:
            self._stream.seek(offset)
            head = self._stream.read(_LOCAL.size)
            if len(head) < _LOCAL.size or head[:4] != b"PK\x03\x04":
                break
            entry = self._entry(head, offset)
            if found and entry.name <= found[-1].name:
                raise ContainerError(f"the entry {entry.name} is doubled or out of order")
            found.append(entry)
            _require_counts(len(found), 0)
            offset = entry.offset + entry.size
        self._require_trailer(found, offset)
        return found

    def _entry(self, head: bytes, offset: int) -> Entry:
        fields = _LOCAL.unpack(head)
        crc, size, length = fields[6], fields[7], fields[9]
        if not 0 < length <= MAX_NAME_BYTES or size > MAX_ENTRY_BYTES:
            raise ContainerError(f"the entry at byte {offset} has a name or a size that is not permitted")
        name = self._stream.read(length).decode("ascii", "replace")
        _require_name(name)
        entry = Entry(name, offset + _LOCAL.size + length, size, crc)
        if _local(entry)[: _LOCAL.size] != head or entry.offset + size > self._size:
            raise ContainerError(f"the entry {name} has a header that StarProof does not write")
        return entry

    def _require_trailer(self, found: list[Entry], offset: int) -> None:
        self._stream.seek(offset)
        expected = _trailer(found, offset)
        if self._size - offset != len(expected) or self._stream.read() != expected:
            raise ContainerError(
                f"what follows the last entry, from byte {offset} on, is not the directory of these entries"
            )


def _require_name(name: str) -> None:
    if len(name) > MAX_NAME_BYTES or not _NAME.match(name):
        raise ContainerError(f"the entry name {name[:MAX_NAME_BYTES]!r} is not permitted")


def _require_counts(entries: int, offset: int) -> None:
    if entries > MAX_ENTRIES or offset > MAX_CONTAINER_BYTES - MAX_ENTRIES * (
        _CENTRAL.size + _WIDE_OFFSET.size + MAX_NAME_BYTES
    ):
        raise ContainerError(f"too large for one pack: {entries} entries, {offset} bytes; pack fewer hosts")


def _local(entry: Entry) -> bytes:
    name = entry.name.encode("ascii")
    return (
        _LOCAL.pack(
            b"PK\x03\x04", _VERSION, 0, 0, 0, _DATE_1980_01_01,
            entry.crc, entry.size, entry.size, len(name), 0,
        )
        + name
    )  # fmt: skip


def _trailer(entries: Sequence[Entry], offset: int) -> bytes:
    directory = b"".join(map(_central, entries))
    count, size = len(entries), len(directory)
    wide = b""
    if count >= WIDE_ENTRIES or size >= WIDE_BYTES or offset >= WIDE_BYTES:
        body = _WIDE_END.size - _WIDE_BODY
        wide = _WIDE_END.pack(
            b"PK\x06\x06", body, _MADE_BY_UNIX, _WIDE_VERSION, 0, 0, count, count, size, offset
        ) + _WIDE_LOCATOR.pack(b"PK\x06\x07", 0, offset + size, 1)
    count = _FULL_16 if count >= WIDE_ENTRIES else count
    size, offset = (_FULL_32 if number >= WIDE_BYTES else number for number in (size, offset))
    return directory + wide + _END.pack(b"PK\x05\x06", 0, 0, count, count, size, offset, 0)


def _central(entry: Entry) -> bytes:
    name = entry.name.encode("ascii")
    begin = entry.offset - _LOCAL.size - len(name)
    version, extra = _VERSION, b""
    if begin >= WIDE_BYTES:
        version, extra = _WIDE_VERSION, _WIDE_OFFSET.pack(1, _WIDE_OFFSET.size - _WIDE_HEAD, begin)
        begin = _FULL_32
    return (
        _CENTRAL.pack(
            b"PK\x01\x02", _MADE_BY_UNIX, version, 0, 0, 0, _DATE_1980_01_01,
            entry.crc, entry.size, entry.size, len(name), len(extra), 0, 0, 0, _REGULAR_FILE_644, begin,
        )
        + name
        + extra
    )  # fmt: skip
