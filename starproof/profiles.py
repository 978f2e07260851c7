"""Reading a profile and its documents from a folder: bounded, inside the folder, by hash."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path

from verifier.edition import Edition
from verifier.errors import ProfileError
from verifier.layout import sha256
from verifier.profile import Document, Profile
from verifier.profile_file import parse_profile
from verifier.toml_text import MAX_FILE_BYTES

MAX_DOCUMENT_BYTES = 64 * 1024 * 1024
MAX_ALL_BYTES = 512 * 1024 * 1024
"""Of all documents of a profile together. At most 500 are listed (``verifier.profile_file``)."""


def read_profile(path: Path, edition: Edition) -> tuple[Profile, bytes]:
    """Return the profile in ``path``, and its bytes.

    Raises:
        ProfileError: the file cannot be read or used.
    """
    data = profile_data(path)
    return parse_profile(data, edition), data


def profile_data(path: Path) -> bytes:
    """Return the bytes of a profile.

    Raises:
        ProfileError: it cannot be read, or is too long.
    """
    return read_file(path, most=MAX_FILE_BYTES, what=f"the profile {path}")


def read_documents(profile: Profile, folder: Path) -> Mapping[str, bytes]:
    """Return the bytes of every document of a profile, by SHA-256.

    Args:
        profile: names the documents.
        folder: the folder that the profile lies in.

    Raises:
        ProfileError: one is missing, lies outside the folder, is too large or has another hash than
            the profile says.
    """
    found: dict[str, bytes] = {}
    size = 0
    for document in profile.documents:
        if document.sha256 in found:
            continue
        data = document_data(document, folder)
        size += len(data)
        if size > MAX_ALL_BYTES:
            raise ProfileError(
                f"the documents are larger than {_mebibytes(MAX_ALL_BYTES)} together; scan them at a lower resolution"
            )
        found[document.sha256] = data
    return found


def document_data(document: Document, folder: Path) -> bytes:
    """Return the bytes of one document.

    Raises:
        ProfileError: as for ``read_documents``; the message names the document and its true hash.
    """
    what = f"document {document.id!r} ({document.file})"
    data = read_file(inside(document.file, folder, what=what), most=MAX_DOCUMENT_BYTES, what=what)
    if not data:
        raise ProfileError(f"{what}: it is empty and proves nothing")
    found = sha256(data)
    if found != document.sha256:
        raise ProfileError(
            f"{what}: its SHA-256 is {found}, the profile says {document.sha256}; "
            f'if this is the right file, write sha256 = "{found}"'
        )
    return data


def inside(file: str, folder: Path, *, what: str) -> Path:
    """Return the path of ``file`` with links followed.

    Raises:
        ProfileError: there is no such file, or it lies outside the folder, by its name or by a link.
    """
    root = folder.resolve()
    try:
        path = (root / file).resolve(strict=True)
    except (OSError, RuntimeError):  # RuntimeError: links in a circle, before Python 3.13
        raise ProfileError(f"{what}: there is no such file in {folder}") from None
    if not path.is_relative_to(root):
        if not Path(os.path.normpath(root / file)).is_relative_to(root):
            raise ProfileError(
                f"{what}: it names a place outside {folder}; put the file there and write its name alone"
            )
        raise ProfileError(f"{what}: it is a link out of {folder}; put the file itself there")
    if not path.is_file():
        raise ProfileError(f"{what}: it is not a file")
    return path


def read_file(path: Path, *, most: int, what: str) -> bytes:
    """Return the bytes of a file that is not larger than ``most``.

    Raises:
        ProfileError: it is, or it cannot be read; the message begins with ``what``.
    """
    if path.exists() and not path.is_file():  # a pipe would wait for ever
        raise ProfileError(f"{what}: it is not a file")
    try:
        with path.open("rb") as file:
            data = file.read(most + 1)
    except OSError as error:
        raise ProfileError(f"{what}: cannot be read: {error.strerror}") from None
    if len(data) > most:
        raise ProfileError(f"{what}: it is larger than {_mebibytes(most)}")
    return data


def _mebibytes(count: int) -> str:
    return f"{count // (1024 * 1024)} MiB"
