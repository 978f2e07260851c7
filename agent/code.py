"""The hash of the code that runs here (``evidence.code_hash``): read once, when a process starts.

The files on the disk are hashed, not what Python made of them; a file replaced later is seen at the
next start.
"""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from typing import NoReturn

import evidence
from evidence.code_hash import SUFFIX, UNKNOWN, code_hash
from evidence.errors import EvidenceError


def running_code() -> str:
    """Return the hash of the agent as it runs, ``UNKNOWN`` if its files cannot be read."""
    ours = os.path.dirname(os.path.abspath(__file__))
    shared = os.path.dirname(os.path.abspath(evidence.__file__))
    return code_of({"agent": ours, "evidence": shared})


def code_of(folders: Mapping[str, str]) -> str:
    """Return the hash of packages, given the folder of each.

    ``UNKNOWN`` where a file cannot be read, as inside a ZIP or while an installation is replaced: no
    reason to stop measuring, and a reader of the chunk sees that it is not known.
    """
    try:
        return code_hash(_files(folders))
    except (OSError, EvidenceError):
        return UNKNOWN


def _files(folders: Mapping[str, str]) -> Iterator[tuple[str, bytes]]:
    for package, folder in folders.items():
        for place, _, names in os.walk(folder, onerror=_refuse):
            inside = os.path.relpath(place, folder).replace(os.sep, "/")
            prefix = package if inside == os.curdir else f"{package}/{inside}"
            for name in names:
                if name.endswith(SUFFIX):
                    with open(os.path.join(place, name), "rb") as file:
                        yield f"{prefix}/{name}", file.read()


def _refuse(error: OSError) -> NoReturn:
    raise error
