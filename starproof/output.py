"""Writing what a command made: whole or not at all, and never over what is there."""

from __future__ import annotations

import os
import secrets
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO

from verifier.errors import OutputError


def write_new(path: Path, data: bytes) -> None:
    """Write ``data`` to ``path``.

    Raises:
        OutputError: there is a file already, or it cannot be written.
    """
    with new_file(path) as stream:
        stream.write(data)


def refuse_existing(path: Path) -> None:
    """Refuse to write over what is there.

    Raises:
        OutputError: there is a file already.
    """
    if path.exists() or path.is_symlink():
        raise OutputError(f"{path} is there already and is not overwritten; choose another name")


@contextmanager
def new_file(path: Path) -> Iterator[BinaryIO]:
    """Give a stream that becomes ``path`` when it is whole and synced; an error leaves nothing behind.

    Raises:
        OutputError: there is a file already, or it cannot be written.
    """
    refuse_existing(path)
    temporary = path.with_name(f".{path.name}.{secrets.token_hex(4)}")
    try:
        with temporary.open("xb") as stream:
            yield stream
            stream.flush()
            os.fsync(stream.fileno())
        temporary.replace(path)
    except OSError as error:
        raise OutputError(f"cannot write {path}: {error.strerror}") from None
    finally:
        temporary.unlink(missing_ok=True)
