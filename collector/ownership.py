"""Whose the collector's files are: a command run as root must not lock the service out.

The service runs as a user of its own, to whom the state directory belongs. A file that root makes
in it would be root's and, with mode 0600, nobody else's; so it is given to the directory's owner.
"""

from __future__ import annotations

import os
import stat
from pathlib import Path

ROOT = 0


def adopt(handle: int, like: Path) -> None:
    """Give an open file to the owner of ``like``; nothing happens unless we are root.

    Only a regular file with one name is given away: whoever owns the directory could have placed
    another name of somebody else's file there.

    Raises:
        OSError: it cannot be given away.
    """
    if os.geteuid() != ROOT:
        return
    owner, mine = like.stat(), os.fstat(handle)
    if (owner.st_uid, owner.st_gid) == (mine.st_uid, mine.st_gid):
        return
    if mine.st_uid == ROOT and stat.S_ISREG(mine.st_mode) and mine.st_nlink <= 1:
        os.fchown(handle, owner.st_uid, owner.st_gid)


def owner_like(path: Path) -> Path:
    """Return whose a file is that replaces the one at ``path``: the old one's, unless that is root's."""
    return path if path.exists() and path.stat().st_uid != ROOT else path.parent


def remedy(path: Path, error: OSError) -> str:
    """Return what to do about a file that may not be opened, "" for other errors."""
    if not isinstance(error, PermissionError):
        return ""
    return f"; give it to the owner of its directory: chown --reference={path.parent} {path}"
