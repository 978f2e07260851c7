"""PEM files (RFC 7468): keys and certificates between their lines."""

from __future__ import annotations

import base64
import binascii
import re
from pathlib import Path

from starproof.seals.errors import SealError

CERTIFICATE, PUBLIC_KEY, PRIVATE_KEY = "CERTIFICATE", "PUBLIC KEY", "PRIVATE KEY"
MAX_PEM_BYTES = 256 * 1024
_BLOCK = re.compile(r"-----BEGIN ([A-Z0-9 ]{1,40})-----\s([A-Za-z0-9+/=\s]*?)-----END \1-----")
_LINE = 64


def read(path: Path) -> list[tuple[str, bytes]]:
    """Return the blocks of a file in order: what each says it is, and its bytes.

    Raises:
        SealError: there is none, or one is not base64. Its contents are never part of the message.
        OSError: the file cannot be read.
    """
    with path.open("rb") as file:
        data = file.read(MAX_PEM_BYTES + 1)
    if len(data) > MAX_PEM_BYTES:
        raise SealError(f"{path} is larger than any key or certificate; give a PEM file")
    blocks = []
    for label, text in _BLOCK.findall(data.decode("ascii", "replace")):
        try:
            blocks.append((label, base64.b64decode("".join(text.split()), validate=True)))
        except binascii.Error:
            raise SealError(f"{path} holds a block {label} that is not base64; give a PEM file") from None
    return blocks


def write(label: str, data: bytes) -> bytes:
    """Return one block."""
    text = base64.b64encode(data).decode("ascii")
    lines = [text[at : at + _LINE] for at in range(0, len(text), _LINE)]
    return "\n".join((f"-----BEGIN {label}-----", *lines, f"-----END {label}-----", "")).encode("ascii")


def certificates(path: Path) -> tuple[bytes, ...]:
    """Return the certificates of a file, DER, in order.

    Raises:
        SealError: it holds none.
        OSError: the file cannot be read.
    """
    found = tuple(data for label, data in read(path) if label == CERTIFICATE)
    if not found:
        raise SealError(f"{path} holds no certificate; give a PEM file that begins with BEGIN CERTIFICATE")
    return found
