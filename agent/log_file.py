"""A log in a file of bounded size, for systems whose service manager keeps no log."""

from __future__ import annotations

import io
import os
from typing import IO, Optional

MAX_LOG_BYTES = 4 * 1024 * 1024
BEFORE = ".1"


class LogFile(io.TextIOBase):
    """Text goes to the end of a file; a full file becomes ``NAME.1``, replacing the one before.

    A line that the disk does not take is lost: the log is no reason to stop measuring.
    """

    def __init__(self, path: str, *, max_bytes: int = MAX_LOG_BYTES) -> None:
        """Write to ``path``, at most ``max_bytes`` and one line; the folder must be there."""
        self._path = path
        self._max_bytes = max_bytes
        self._file: Optional[IO[bytes]] = None

    def write(self, text: str) -> int:
        """Append ``text``; return its length."""
        try:
            if self._file is None:
                self._file = open(self._path, "ab", buffering=0)  # noqa: SIM115 - open as long as the agent runs
            self._file.write(text.encode("utf-8", errors="backslashreplace"))
            if self._file.tell() >= self._max_bytes:
                self.close()
                os.replace(self._path, self._path + BEFORE)
        except OSError:
            self.close()
        return len(text)

    def close(self) -> None:
        """Close the file; the next line opens it again."""
        file, self._file = self._file, None
        if file is not None:
            file.close()
