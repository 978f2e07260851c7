"""Entries of a profile for files: path from its folder and SHA-256, ready to paste."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

from declaring.profile_template import quoted
from declaring.profiles import MAX_DOCUMENT_BYTES, read_file
from verifier.errors import ProfileError
from verifier.layout import sha256
from verifier.profile_file import MAX_ID, path_fault


def entries(files: Iterable[Path], folder: Path) -> str:
    """Return one ``[[documents]]`` entry a file; ``folder`` is that of the profile.

    Raises:
        ProfileError: a file cannot be read, lies outside the folder, or has a name that a profile
            cannot hold.
    """
    taken: set[str] = set()
    return "\n".join(_entry(file, folder, taken) for file in files)


def _entry(file: Path, folder: Path, taken: set[str]) -> str:
    data = read_file(file, most=MAX_DOCUMENT_BYTES, what=f"{file}")
    try:
        place = file.resolve().relative_to(folder.resolve()).as_posix()
    except ValueError:
        raise ProfileError(
            f"{file} does not lie in the profile's folder {folder.resolve()}; "
            "copy it there, or name the folder of profile.toml with --folder"
        ) from None
    fault = path_fault(place)
    if fault:
        raise ProfileError(f"{place!r} cannot stand in a profile: {fault}")
    name = _id(file.stem, taken)
    return "".join(
        f"{line}\n"
        for line in (
            "[[documents]]",
            f"id = {quoted(name)}",
            f"title = {quoted(file.stem)}",
            f"file = {quoted(place)}",
            f"sha256 = {quoted(sha256(data))}",
        )
    )


def _id(stem: str, taken: set[str]) -> str:
    """Return an id that no entry before has: the file's name, with a number if need be."""
    number, name = 1, stem[:MAX_ID]
    while name in taken:
        number += 1
        ending = f"-{number}"
        name = stem[: MAX_ID - len(ending)] + ending
    taken.add(name)
    return name
