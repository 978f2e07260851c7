"""Making a seal: the file is hashed in blocks, the statement signed, the seal judged as a reader would."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from pathlib import Path

from evidence.errors import EvidenceError
from evidence.seal import SealStatement, seal
from evidence.signers import SM2, Signer
from starproof.seals.certificates import public_of
from starproof.seals.errors import SealError
from starproof.seals.keys import Tool

BLOCK_BYTES = 1024 * 1024


@dataclass(frozen=True)
class Hashes:
    """Size and hashes of a file; ``sm3`` is empty where it was not asked for."""

    size: int
    sha256: str
    sm3: str


def hashes_of(file: Path, *, tool: Tool | None) -> Hashes:
    """Return the hashes of a file; with ``tool`` its SM3 too.

    Raises:
        ToolError: openssl fails.
        OSError: the file cannot be read.
    """
    size, total = 0, hashlib.sha256()
    with file.open("rb") as stream:
        while block := stream.read(BLOCK_BYTES):
            size += len(block)
            total.update(block)
    return Hashes(size, total.hexdigest(), tool().sm3(file) if tool else "")


def make(
    file: Path, signer: Signer, *, certificates: tuple[bytes, ...], who: str, now_ms: int, tool: Tool
) -> bytes:
    """Return the bytes of a seal on ``file``.

    Raises:
        SealError: the certificate is another key's, or openssl fails.
        EvidenceError: a text is too long, or what was signed does not verify.
        OSError: the file cannot be read.
    """
    if certificates:
        try:
            named = public_of(tool(), certificates[0])
        except EvidenceError as error:
            raise SealError(
                f"{error}; give a PEM file whose first certificate is the company's own"
            ) from None
        if named != signer.public:
            raise SealError(
                "the first certificate is for another key; give the one that was issued for this key"
            )
    hashes = hashes_of(file, tool=tool if signer.algorithm == SM2 else None)
    statement = SealStatement(
        algorithm=signer.algorithm,
        key="",
        file=file.name,
        size=hashes.size,
        sha256=hashes.sha256,
        who=who,
        time_ms=now_ms,
        sm3=hashes.sm3,
    )
    return seal(statement, signer, certificates)
