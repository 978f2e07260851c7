"""The few file operations on which durability rests, in one place so that tests can crash them.

``write`` returns after the content is on the disk (fsync); a name is on the disk only after
``sync_folder`` of its folder. ``rename`` replaces. Everything else in the agent is built from these.
Files are readable by their owner only.
"""

from __future__ import annotations

import os
from collections.abc import Iterable
from typing import Protocol

TEMPORARY = ".tmp"
"""Ending of files that are not finished; whoever opens a folder removes them."""
FILE_MODE = 0o600
FOLDER_MODE = 0o700
_NO_FOLLOW = getattr(os, "O_NOFOLLOW", 0) | getattr(os, "O_CLOEXEC", 0) | getattr(os, "O_BINARY", 0)


class Files(Protocol):
    """What the spool needs from a file system. All raise ``OSError``."""

    def names(self, folder: str) -> list[str]:
        """Return the names in a folder, in no order."""
        ...

    def read(self, path: str) -> bytes:
        """Return the content of a file."""
        ...

    def size(self, path: str) -> int:
        """Return the length of a file in bytes."""
        ...

    def write(self, path: str, parts: Iterable[bytes]) -> None:
        """Create or empty a file, write the parts, and return when they are on the disk."""
        ...

    def rename(self, old: str, new: str) -> None:
        """Give a file or folder another name, replacing a file that has it."""
        ...

    def remove(self, path: str) -> None:
        """Remove a file."""
        ...

    def make_folder(self, path: str) -> None:
        """Create a folder if it is not there."""
        ...

    def sync_folder(self, folder: str) -> None:
        """Return when the names in a folder are on the disk."""
        ...


class RealFiles:
    """The operating system's files."""

    def names(self, folder: str) -> list[str]:
        """Return the names in a folder, in no order."""
        return os.listdir(folder)

    def read(self, path: str) -> bytes:
        """Return the content of a file; symbolic links are not followed."""
        with os.fdopen(os.open(path, os.O_RDONLY | _NO_FOLLOW), "rb") as file:
            return file.read()

    def size(self, path: str) -> int:
        """Return the length of a file in bytes."""
        return os.lstat(path).st_size

    def write(self, path: str, parts: Iterable[bytes]) -> None:
        """Create or empty a file, write the parts, and return when they are on the disk."""
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | _NO_FOLLOW, FILE_MODE)
        with os.fdopen(descriptor, "wb") as file:
            for part in parts:
                file.write(part)
            file.flush()
            os.fsync(file.fileno())

    def rename(self, old: str, new: str) -> None:
        """Give a file or folder another name, replacing a file that has it."""
        os.replace(old, new)

    def remove(self, path: str) -> None:
        """Remove a file."""
        os.unlink(path)

    def make_folder(self, path: str) -> None:
        """Create a folder if it is not there."""
        os.makedirs(path, mode=FOLDER_MODE, exist_ok=True)

    def sync_folder(self, folder: str) -> None:
        """Return when the names in a folder are on the disk."""
        if os.name == "nt":  # pragma: no cover - Windows has no such call; NTFS journals names
            return
        descriptor = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)


def replace(files: Files, path: str, data: bytes) -> None:
    """Put ``data`` under ``path``: after a crash either the old content is there or the new, whole.

    Returns when the new content and its name are on the disk.
    """
    files.write(path + TEMPORARY, (data,))
    files.rename(path + TEMPORARY, path)
    files.sync_folder(os.path.dirname(path))
