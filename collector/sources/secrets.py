"""Credentials: from a file, an environment variable or a systemd credential.

A reference says where one is: ``file:/etc/starproof/aliyun.key``, ``env:ALIYUN_KEY`` or
``systemd:aliyun-key`` (the file of that name in $CREDENTIALS_DIRECTORY). There is no way to write
the secret itself where a reference belongs, because command lines and settings are seen by others.
"""

from __future__ import annotations

import os
import stat
from collections.abc import Mapping
from pathlib import Path
from typing import NoReturn

from collector.sources.errors import CredentialError

MAX_SECRET_BYTES = 16 * 1024
_OTHERS = 0o077
_BOM = b"\xef\xbb\xbf"
_UTF16_BOMS = (b"\xff\xfe", b"\xfe\xff")
_SHOWN = "Secret(***)"


class Secret:
    """A secret text that does not show itself; ``reveal`` gives it to who signs or sends it."""

    __slots__ = ("_text",)

    def __init__(self, text: str) -> None:
        self._text = text

    def reveal(self) -> str:
        """Return the secret itself."""
        return self._text

    def __repr__(self) -> str:
        """Return the same text for every secret."""
        return _SHOWN

    __str__ = __repr__

    def __format__(self, _specification: str) -> str:
        """Return the same text for every secret."""
        return _SHOWN

    def __eq__(self, other: object) -> bool:
        """Return whether both hold the same text."""
        return isinstance(other, Secret) and other._text == self._text

    def __hash__(self) -> int:
        """Return a hash that goes with equality."""
        return hash(self._text)

    def __reduce__(self) -> NoReturn:
        """Refuse to be written anywhere.

        Raises:
            TypeError: always.
        """
        raise TypeError("a secret is not pickled or copied into files")


def read_secret(reference: str, *, environ: Mapping[str, str] = os.environ) -> Secret:
    """Return the secret that a reference leads to.

    Raises:
        CredentialError: it is not a reference, or what it leads to cannot be used. A text that is
            no reference is not repeated in the message: it may be the secret itself.
    """
    kind, separator, place = reference.partition(":")
    if separator and place:
        if kind == "file":
            return _from_file(Path(place))
        if kind == "env":
            return _from_environment(place, environ)
        if kind == "systemd":
            return _from_systemd(place, environ)
    raise CredentialError(
        "a credential is named by file:PATH, env:NAME or systemd:NAME; the secret itself is not written there"
    )


def _from_environment(name: str, environ: Mapping[str, str]) -> Secret:
    text = environ.get(name)
    if text is None:
        raise CredentialError(
            f"there is no environment variable {name}; set it where the collector is started"
        )
    return _secret(text.encode("utf-8", errors="surrogateescape"), f"the environment variable {name}")


def _from_systemd(name: str, environ: Mapping[str, str]) -> Secret:
    directory = environ.get("CREDENTIALS_DIRECTORY")
    if not directory:
        raise CredentialError(
            f"$CREDENTIALS_DIRECTORY is not set; add LoadCredential={name}:PATH to the unit, or use file:PATH"
        )
    if "/" in name or name in (".", ".."):
        raise CredentialError("the name of a systemd credential is a file name without a directory")
    # The directory is the service's own; the mode of the files shows the mask of an access list.
    return _secret(_bytes_of(Path(directory) / name, private=False), f"the systemd credential {name}")


def _from_file(path: Path) -> Secret:
    return _secret(_bytes_of(path, private=True), str(path))


def _bytes_of(path: Path, *, private: bool) -> bytes:
    try:
        # Not to wait for a writer if somebody put a named pipe there.
        handle = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
        with os.fdopen(handle, "rb") as file:
            found = os.fstat(handle)
            if not stat.S_ISREG(found.st_mode):
                raise CredentialError(f"{path} is not a regular file; put the secret in one")
            if private and found.st_mode & _OTHERS:
                raise CredentialError(f"others may read {path}; run: chmod 600 {path}")
            return file.read(MAX_SECRET_BYTES + 1)
    except OSError as error:
        raise CredentialError(f"cannot read {path}: {error.strerror}") from None


def _secret(raw: bytes, where: str) -> Secret:
    """Take one line of text; editors' byte order marks and line ends are not part of a secret."""
    if len(raw) > MAX_SECRET_BYTES:
        raise CredentialError(f"{where} has more than {MAX_SECRET_BYTES} bytes; that is no key or password")
    if raw.startswith(_UTF16_BOMS):
        raise CredentialError(f"{where} is in UTF-16; save it as UTF-8")
    try:
        text = raw.removeprefix(_BOM).decode("utf-8")
    except UnicodeDecodeError:
        raise CredentialError(f"{where} is not UTF-8; save it as UTF-8") from None
    text = text.rstrip("\r\n")
    if not text:
        raise CredentialError(f"{where} is empty; put the secret in it, on one line")
    if not text.isprintable():
        raise CredentialError(f"{where} has several lines or control characters; the secret is one line")
    if text != text.strip():
        raise CredentialError(f"{where} has blanks before or after the secret; remove them")
    return Secret(text)
