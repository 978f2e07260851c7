"""Reading the log key that a reviewer was given."""

from __future__ import annotations

from pathlib import Path

from evidence.errors import MalformedError
from evidence.keys import PublicKey

MAX_KEY_BYTES = 4096


def read_log_key(path: Path) -> PublicKey:
    """Return the public log key in ``path``.

    Raises:
        EvidenceError: not a public key. Its words may show a private one: do not print them.
        OSError: the file cannot be read.
    """
    with path.open("rb") as file:
        text = file.read(MAX_KEY_BYTES).decode("utf-8-sig", "replace").strip()
    if path.suffix == ".key":
        raise MalformedError("a private key")
    return PublicKey.from_hex(text.lower())
