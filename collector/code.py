"""The hash of the collector's code (``evidence.code_hash``), which its own chunks carry.

Plug-ins of others are not in it: they are not of this distribution.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from functools import cache
from pathlib import Path

import config
import evidence
from evidence.code_hash import SUFFIX, UNKNOWN, code_hash
from evidence.errors import EvidenceError


@cache
def running_code() -> str:
    """Return the hash of the collector as this process found it, ``UNKNOWN`` if it cannot be read."""
    return code_of(
        {
            "collector": Path(__file__).parent,
            "config": Path(config.__file__).parent,
            "evidence": Path(evidence.__file__).parent,
        }
    )


def code_of(folders: Mapping[str, Path]) -> str:
    """Return the hash of packages, given the folder of each.

    ``UNKNOWN`` where a file cannot be read: a reader of the chunk sees that it is not known.
    """
    try:
        return code_hash(_files(folders))
    except (OSError, EvidenceError):
        return UNKNOWN


def _files(folders: Mapping[str, Path]) -> Iterator[tuple[str, bytes]]:
    for package, folder in folders.items():
        for path in folder.rglob(f"*{SUFFIX}"):
            yield f"{package}/{path.relative_to(folder).as_posix()}", path.read_bytes()
