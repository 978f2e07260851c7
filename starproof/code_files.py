"""The ``.py`` files of our packages in a wheel or a folder, for the hash that a program should tell."""

from __future__ import annotations

import zipfile
from collections.abc import Iterator, Sequence
from pathlib import Path

from evidence.code_hash import SUFFIX, code_hash

MAX_FILE_BYTES = 4 * 1024 * 1024
MAX_FILES = 10_000


class CodeFilesError(Exception):
    """Neither a wheel nor a folder that holds the packages; give the file of a release or site-packages."""


def code_of(place: Path, packages: Sequence[str]) -> str:
    """Return the hash of packages in the wheel or the folder ``place``.

    Raises:
        CodeFilesError: a package is not there, or the wheel is no ZIP or larger than a wheel of ours.
        EvidenceError: a path stands twice.
    """
    files = list(_in_folder(place, packages) if place.is_dir() else _in_wheel(place, packages))
    missing = sorted(set(packages) - {path.split("/")[0] for path, _ in files})
    if missing:
        raise CodeFilesError(
            f"{place} does not hold {', '.join(missing)}; give a wheel, or the folder in which it is installed"
        )
    return code_hash(files)


def _in_folder(place: Path, packages: Sequence[str]) -> Iterator[tuple[str, bytes]]:
    for package in packages:
        for path in (place / package).rglob(f"*{SUFFIX}"):
            yield path.relative_to(place).as_posix(), path.read_bytes()


def _in_wheel(place: Path, packages: Sequence[str]) -> Iterator[tuple[str, bytes]]:
    try:
        with zipfile.ZipFile(place) as wheel:
            entries = [
                entry
                for entry in wheel.infolist()
                if entry.filename.endswith(SUFFIX) and entry.filename.split("/")[0] in packages
            ]
            if len(entries) > MAX_FILES or any(entry.file_size > MAX_FILE_BYTES for entry in entries):
                raise CodeFilesError(f"{place} is larger than any wheel of this program")
            for entry in entries:
                yield entry.filename, wheel.read(entry)
    except (zipfile.BadZipFile, NotImplementedError, RuntimeError, EOFError) as error:
        raise CodeFilesError(f"{place} is no wheel: {error}; give the .whl file of a release") from None
