"""Keys for seals in files: making a new one, and finding out which signer a file needs.

An Ed25519 key without a passphrase needs no other program; everything else goes through ``openssl``.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

from evidence.errors import EvidenceError
from evidence.keys import PrivateKey
from evidence.signers import (
    ED25519,
    SM2,
    Ed25519Signer,
    Signer,
    Verifier,
    algorithm_of,
    ed25519_private,
    ed25519_public,
    encode_ed25519_private,
)
from starproof.seals import pem
from starproof.seals.errors import SealError
from starproof.seals.openssl import Arguments, OpenSSL
from starproof.seals.sm2 import Sm2Signer, Sm2Verifier

Tool = Callable[[], OpenSSL]
OTHERS = 0o077
UNLOCKED = "pass:"
"""No passphrase: openssl does not ask on the terminal."""
_SM2_KEY = ("genpkey", "-algorithm", "EC", "-pkeyopt", "ec_paramgen_curve:SM2")


def signer_of(key: Path, *, passphrase: Path | None, tool: Tool) -> Signer:
    """Return who signs with a private key in a PEM file.

    Args:
        key: the file.
        passphrase: a file whose first line opens it.
        tool: finds openssl where it is needed.

    Raises:
        SealError: others can read the file, or it holds no key that can seal.
        OSError: the file cannot be read.
    """
    if os.name != "nt" and key.stat().st_mode & OTHERS:
        raise SealError(f"{key} can be read by others; run chmod 600 on it")
    blocks = pem.read(key)
    if not any(label.endswith(pem.PRIVATE_KEY) for label, _ in blocks):
        raise SealError(f"{key} holds no private key; make one with: starproof seal --new-key FILE")
    for label, data in blocks:
        if label == pem.PRIVATE_KEY and (found := _plain(data)):
            return found
    openssl = tool()
    passin = UNLOCKED if passphrase is None else f"file:{passphrase}"
    opened: Arguments = ["pkey", "-in", key, "-passin", passin, "-outform", "DER"]
    public = openssl.answer([*opened, "-pubout"])
    try:
        if algorithm_of(public) == ED25519:
            return Ed25519Signer(ed25519_private(openssl.answer(opened)))
    except EvidenceError as error:
        raise SealError(f"{key}: {error}") from None
    return Sm2Signer(openssl, key, passin, public)


def _plain(data: bytes) -> Signer | None:
    try:
        return Ed25519Signer(ed25519_private(data))
    except EvidenceError:
        return None


def verifier_of(public: bytes, *, tool: Tool) -> Verifier:
    """Return who verifies with a public key (SubjectPublicKeyInfo).

    Raises:
        EvidenceError: a key of another kind, or one that binds nobody.
        ToolError: it needs openssl, and there is none.
    """
    if algorithm_of(public) == ED25519:
        return ed25519_public(public)
    return Sm2Verifier(tool(), public)


def new_key(path: Path, *, algorithm: str, tool: Tool) -> bytes:
    """Write a new private key that only this user can read, and return its public half (PEM).

    Raises:
        SealError: the file is there already, or openssl fails.
        OSError: the file cannot be written.
    """
    if algorithm == SM2:
        private = tool().answer([*_SM2_KEY])
    else:
        private = pem.write(pem.PRIVATE_KEY, encode_ed25519_private(PrivateKey.generate()))
    try:
        handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    except FileExistsError:
        raise SealError(f"{path} is there already; a key is never overwritten, name another file") from None
    with os.fdopen(handle, "wb") as file:
        file.write(private)
    return pem.write(pem.PUBLIC_KEY, signer_of(path, passphrase=None, tool=tool).public)
