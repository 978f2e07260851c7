"""Reading the log key that a reviewer was given."""

from __future__ import annotations

from pathlib import Path

from evidence.errors import MalformedError
from evidence.keys import PublicKey

MAX_KEY_BYTES = 4096
PRIVATE_SUFFIX = ".key"


class NamedPrivateError(MalformedError):
    """A file is named as private keys are; it was not read, and the error's words name no content."""


def read_log_key(path: Path) -> PublicKey:
    """Return the public log key in ``path``.

    Raises:
        NamedPrivateError: the file is named as private keys are.
        EvidenceError: not a public key. Its words may show a private one: do not print them.
        OSError: the file cannot be read.
    """
    if path.suffix == PRIVATE_SUFFIX:
        raise NamedPrivateError(f"{path} is named {PRIVATE_SUFFIX}, as private keys are")
    with path.open("rb") as file:
        text = file.read(MAX_KEY_BYTES).decode("utf-8-sig", "replace").strip()
    return PublicKey.from_hex(text.lower())
