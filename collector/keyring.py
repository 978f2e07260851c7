"""The collector's own Ed25519 keys, in files beside the database.

``log.key`` signs statements and packs, ``import.key`` signs chunks made from imported files, and
``source-NAME.key`` those made from what the source of that name answered. Each is a file with the
32-byte seed in hex, mode 0600, and a ``.pub`` beside it that may be given away.
A key that is gone while its public half, or what it has signed, is still there is asked for, never made anew.
A key is written whole under a temporary name, fsynced and linked into place: a crash leaves either
no key or a whole one, and of two processes that start together the first one's key is kept.
"""

from __future__ import annotations

import contextlib
import os
import secrets
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from collector.errors import KeyFileError
from collector.ownership import adopt, remedy
from evidence.errors import EvidenceError
from evidence.keys import SEED_BYTES, PrivateKey

LOG = "log"
IMPORT = "import"
_PRIVATE = 0o600
_PUBLIC = 0o644
_DIRECTORY = 0o700
_OTHERS = 0o077


@dataclass(frozen=True)
class Keyring:
    """The keys in one directory, made at first use.

    ``log_is_known`` tells whether hosts or checkpoints of the store name a log key already; without it nobody knows.
    """

    directory: Path
    log_is_known: Callable[[], bool] = bool

    def log_key(self) -> PrivateKey:
        """Return the key that signs statements and packs.

        Raises:
            KeyFileError: the file cannot be read or made, is damaged or gone, or others may read it.
        """
        if not (self.directory / f"{LOG}.key").exists() and self.log_is_known():
            raise _gone(self.directory / f"{LOG}.key", "the log of this store was begun with it")
        return self._key(LOG)

    def import_key(self) -> PrivateKey:
        """Return the key that signs imported chunks. Raises as ``log_key``."""
        return self._key(IMPORT)

    def source_key(self, source: str) -> PrivateKey:
        """Return the key that signs a source's chunks (``aliyun``, …). Raises as ``log_key``."""
        return self._key(f"source-{source}")

    def _key(self, name: str) -> PrivateKey:
        path = self.directory / f"{name}.key"
        public = path.with_suffix(".pub")
        try:
            if not path.exists():
                if public.exists():
                    raise _gone(path, f"{public.name} is still there")
                self.directory.mkdir(mode=_DIRECTORY, parents=True, exist_ok=True)
                place(path, PrivateKey.generate().seed.hex() + "\n", _PRIVATE)
            key = _read(path)
            if not public.exists():
                place(public, key.public.raw.hex() + "\n", _PUBLIC)
        except OSError as error:
            raise KeyFileError(
                f"cannot use the key file {path}: {error.strerror}{remedy(path, error)}"
            ) from None
        if public.read_text("ascii", errors="replace").strip() != key.public.raw.hex():
            raise KeyFileError(
                f"{public} is not the public half of {path}; put the {path.name} that belongs to it back from the backup"
            )
        return key


def _gone(path: Path, sign: str) -> KeyFileError:
    return KeyFileError(
        f"{path} is gone, but {sign}; put it back from the backup (docs/runbook.md). No new key is made"
    )


def _read(path: Path) -> PrivateKey:
    if path.stat().st_mode & _OTHERS:
        raise KeyFileError(f"others may read {path}; run: chmod 600 {path}")
    text = path.read_text("ascii", errors="replace").strip()
    try:
        if len(text) != 2 * SEED_BYTES:
            raise KeyFileError(f"{path} does not hold 64 hex digits; restore it from a backup")
        return PrivateKey.from_seed(bytes.fromhex(text))
    except (ValueError, EvidenceError):
        raise KeyFileError(f"{path} does not hold 64 hex digits; restore it from a backup") from None


def place(path: Path, text: str, mode: int) -> None:
    """Write a file that appears whole or not at all; one that is already there is left alone."""
    temporary = path.with_name(f".{path.name}.{secrets.token_hex(8)}")
    handle = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL, mode)
    try:
        with os.fdopen(handle, "w", encoding="ascii") as file:
            adopt(file.fileno(), path.parent)
            file.write(text)
            file.flush()
            os.fsync(file.fileno())
        with contextlib.suppress(FileExistsError):  # another process was first: its key counts
            os.link(temporary, path)
    finally:
        temporary.unlink()
    directory = os.open(path.parent, os.O_RDONLY)
    try:
        os.fsync(directory)
    finally:
        os.close(directory)
