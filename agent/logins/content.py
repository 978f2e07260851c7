"""The bytes of a log file, whether it lies there as it was written or compressed by a rotation."""

from __future__ import annotations

import bz2
import contextlib
import gzip
import lzma
import os
import zlib
from collections.abc import Iterator
from typing import IO, Any, Optional

_MAGIC_BYTES = 6


class UnfinishedError(Exception):
    """A compressed file has no end yet, or is damaged."""


class MovedError(Exception):
    """The file under a name, or its content, is another one than a moment ago."""


class Content:
    """One open file. Offsets are those of the content as it was before compression."""

    def __init__(self, descriptor: int) -> None:
        """Take over an open descriptor."""
        self._descriptor = descriptor
        magic = os.pread(descriptor, _MAGIC_BYTES, 0)
        self._stream: Optional[IO[bytes]] = _stream(magic, descriptor)
        self.compressed = self._stream is not None
        found = os.fstat(descriptor)
        self.identity = (found.st_dev, found.st_ino)
        self.size = found.st_size
        self.mtime_ns = found.st_mtime_ns

    def read_at(self, offset: int, count: int) -> bytes:
        """Return at most ``count`` bytes from ``offset``, fewer only at the end.

        Raises:
            UnfinishedError: a compressed file ends too early or is damaged.
            OSError: the file cannot be read.
        """
        if self._stream is None:
            return _whole(self._descriptor, offset, count)
        try:
            self._stream.seek(offset)
            return self._stream.read(count)
        except (EOFError, lzma.LZMAError, zlib.error, gzip.BadGzipFile) as error:
            raise UnfinishedError(str(error)) from None
        except OSError as error:
            if error.errno is None:  # what bz2 says of damaged data
                raise UnfinishedError(str(error)) from None
            raise

    def reaches(self, offset: int) -> bool:
        """Return whether there are at least ``offset`` bytes."""
        if self._stream is None:
            return self.size >= offset
        return offset == 0 or len(self.read_at(offset - 1, 1)) == 1

    def close(self) -> None:
        """Let go of the file."""
        if self._stream is not None:
            self._stream.close()
        os.close(self._descriptor)


@contextlib.contextmanager
def opened(path: str) -> Iterator[Content]:
    """Open a log file for reading. Raises OSError."""
    descriptor = os.open(path, os.O_RDONLY | getattr(os, "O_CLOEXEC", 0) | getattr(os, "O_NONBLOCK", 0))
    try:
        content = Content(descriptor)
    except BaseException:
        os.close(descriptor)
        raise
    try:
        yield content
    finally:
        content.close()


def _stream(magic: bytes, descriptor: int) -> Optional[Any]:
    if not magic.startswith((b"\x1f\x8b", b"\xfd7zXZ\x00", b"BZh")):
        return None
    file = os.fdopen(os.dup(descriptor), "rb")
    file.seek(0)
    if magic.startswith(b"\x1f\x8b"):
        return _Owning(gzip.GzipFile(fileobj=file), file)
    if magic.startswith(b"BZh"):
        return _Owning(bz2.BZ2File(file), file)
    return _Owning(lzma.LZMAFile(file), file)


class _Owning:
    """A decompressing stream that closes the file below it."""

    def __init__(self, stream: Any, file: IO[bytes]) -> None:
        self._below = file
        self._stream = stream
        self.seek = stream.seek
        self.read = stream.read

    def close(self) -> None:
        self._stream.close()
        self._below.close()


def _whole(descriptor: int, offset: int, count: int) -> bytes:
    parts = []
    while count > 0:
        part = os.pread(descriptor, count, offset)
        if not part:
            break
        parts.append(part)
        offset += len(part)
        count -= len(part)
    return parts[0] if len(parts) == 1 else b"".join(parts)
