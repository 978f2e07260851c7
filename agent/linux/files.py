"""Small kernel files: read with three system calls, no buffering layer in between.

pathlib would cost the running agent 0.6 MB of memory, so it is not used below this package.
"""

from __future__ import annotations

import os
from typing import Optional

from evidence.columns import MISSING

PIECE_BYTES = 16 * 1024
MAX_FILE_BYTES = 1024 * 1024
_INT64 = 2**63


def read_text(path: str) -> str:
    """Return the first MiB of a file.

    Raises:
        OSError: as the kernel says.
    """
    descriptor = os.open(path, os.O_RDONLY | getattr(os, "O_CLOEXEC", 0))
    try:
        pieces = []
        size = 0
        while size < MAX_FILE_BYTES:
            piece = os.read(descriptor, PIECE_BYTES)
            if not piece:
                break
            pieces.append(piece)
            size += len(piece)
    finally:
        os.close(descriptor)
    return b"".join(pieces).decode("utf-8", "backslashreplace")


def value(path: str) -> Optional[str]:
    """Return the stripped content of an attribute file, ``None`` where the kernel gives none.

    An attribute that does not exist, a device that has just gone (ENODEV), one that cannot say
    (EINVAL, EOPNOTSUPP) or may not be asked (EACCES) are all the same to the caller: no value.
    """
    try:
        descriptor = os.open(path, os.O_RDONLY | getattr(os, "O_CLOEXEC", 0))
    except OSError:
        return None
    try:
        data = os.read(descriptor, PIECE_BYTES)
    except OSError:
        return None
    finally:
        os.close(descriptor)
    return data.decode("utf-8", "backslashreplace").strip()


def counter(text: Optional[str]) -> int:
    """Return the counter that ``text`` writes, ``MISSING`` when it is none or outside int64.

    The kernel's counters are unsigned: one of 2^63 or more is an underflow, not a measurement.
    """
    if text is None or not text.isascii() or not text.isdigit():
        return MISSING
    number = int(text)
    return number if number < _INT64 else MISSING


def names(path: str) -> Optional[list[str]]:
    """Return the sorted names in a directory, ``None`` when it cannot be listed."""
    try:
        return sorted(os.listdir(path))
    except OSError:
        return None


def inode(path: str) -> int:
    """Return the inode number of what ``path`` leads to, 0 when it leads nowhere.

    sysfs gives every device it creates a new number, so a device that was replaced under the
    same name between two readings is seen as another one.
    """
    try:
        return os.stat(path).st_ino
    except OSError:
        return 0


def link(path: str) -> str:
    """Return the target of a symbolic link, empty when ``path`` is none."""
    try:
        return os.readlink(path)
    except OSError:
        return ""


def last_part(path: str) -> str:
    """Return what stands behind the last slash."""
    return path.rpartition("/")[2]


def exists(path: str) -> bool:
    """Return whether ``path`` leads to anything."""
    return os.path.exists(path)


def is_directory(path: str) -> bool:
    """Return whether ``path`` leads to a directory."""
    return os.path.isdir(path)


def size(path: str) -> int:
    """Return the size in bytes of what ``path`` leads to, 0 when it leads nowhere."""
    try:
        return os.stat(path).st_size
    except OSError:
        return 0
