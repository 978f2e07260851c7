"""Signed notes: a text and the signatures under it, readable by people and by other tools.

Source: C2SP signed-note. A note is a text that ends with a newline, an empty line, and lines of
``— NAME BASE64``; the base64 holds four bytes that tell the key and then the signature. Only
Ed25519 (type 0x01) is made and checked here. Signatures by keys that nobody asked about are
ignored; there may be at most ``MAX_SIGNATURES`` lines in all. A signature that names the asked key
and does not verify spoils the whole note.

The signed bytes begin with the text itself, never with ``DSSEv1``, so a signature under a note can
never be taken for one under another record, or the other way round.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
from collections.abc import Iterable

from evidence.errors import BadSignatureError, LimitExceededError, MalformedError, OutOfRangeError
from evidence.keys import PrivateKey, PublicKey

MAX_NOTE_BYTES = 128 * 1024
"""Sixteen signatures of any kind that the specification foresees."""
MAX_SIGNATURES = 16
KEY_HASH_BYTES = 4
_ED25519 = b"\x01"
_RECORDS = "DSSEv1 "
_DASH = "— "
_PARTS = 2
_FIRST_PRINTABLE = " "


def key_hash(name: str, key: PublicKey) -> bytes:
    """Return the four bytes by which a signature tells its key."""
    return hashlib.sha256(name.encode() + b"\n" + _ED25519 + key.raw).digest()[:KEY_HASH_BYTES]


def sign(text: str, *, name: str, key: PrivateKey) -> bytes:
    """Return the note: ``text`` signed once.

    Raises:
        OutOfRangeError: the text or the key's name cannot stand in a note.
    """
    if not text.endswith("\n") or _has_control(text) or text.startswith(_RECORDS) or not _is_name(name):
        raise OutOfRangeError("a note is lines of printable text signed under a name without blanks")
    signature = key_hash(name, key.public) + key.sign_note(text.encode())
    return f"{text}\n{_DASH}{name} {base64.b64encode(signature).decode()}\n".encode()


def verify(note: bytes, *, name: str, key: PublicKey) -> str:
    """Return the text of a note that ``key`` signed under ``name``.

    Raises:
        MalformedError: not a note.
        BadSignatureError: the key has not signed it, or one of its signatures is wrong.
    """
    text, lines = _split(note)
    hash_, found = key_hash(name, key), False
    for line in lines:
        signer, signature = _signature(line)
        if (signer, signature[:KEY_HASH_BYTES]) == (name, hash_):
            key.verify_note(text.encode(), signature[KEY_HASH_BYTES:])
            found = True
    if not found:
        raise BadSignatureError(f"the note is not signed by {name}")
    return text


def join(notes: Iterable[bytes]) -> bytes:
    """Return notes one after another with an empty line between them, as ``separate`` reads them."""
    return b"\n".join(notes)


def separate(data: bytes) -> tuple[bytes, ...]:
    r"""Return the notes in ``data``, whose texts have no empty lines themselves.

    Texts and signatures alternate, each followed by an empty line but the last.

    Raises:
        MalformedError: it does not end as a note does, or a text has no signatures.
    """
    if not data:
        return ()
    if not data.endswith(b"\n"):
        raise MalformedError("the last note does not end with a newline")
    parts = data[:-1].split(b"\n\n")
    if len(parts) % _PARTS:
        raise MalformedError("the last note has no signatures")
    return tuple(
        text + b"\n\n" + signatures + b"\n" for text, signatures in zip(parts[::_PARTS], parts[1::_PARTS])
    )


def _split(note: bytes) -> tuple[str, list[str]]:
    if len(note) > MAX_NOTE_BYTES:
        raise LimitExceededError(f"a note of {len(note)} bytes, the limit is {MAX_NOTE_BYTES}")
    try:
        whole = note.decode("utf-8")
    except UnicodeDecodeError:
        raise MalformedError("a note is UTF-8 text") from None
    if _has_control(whole) or not whole.endswith("\n"):
        raise MalformedError("a note is lines of printable text, each ended by a newline")
    text, empty, signatures = whole[:-1].rpartition("\n\n")
    if not empty:
        raise MalformedError("a note has an empty line between text and signatures")
    if text.startswith(_RECORDS):
        raise MalformedError("a note does not begin as another kind of record does")
    lines = signatures.split("\n")
    if len(lines) > MAX_SIGNATURES:
        raise LimitExceededError(f"{len(lines)} signatures, the limit is {MAX_SIGNATURES}")
    return text + "\n", lines


def _signature(line: str) -> tuple[str, bytes]:
    name, blank, encoded = line[len(_DASH) :].partition(" ")
    if not line.startswith(_DASH) or not blank or not _is_name(name):
        raise MalformedError("a signature line of a note is: dash, blank, name, blank, base64")
    signature = from_base64(encoded)
    if len(signature) <= KEY_HASH_BYTES:
        raise MalformedError("a signature line of a note holds no signature")
    return name, signature


def from_base64(text: str) -> bytes:
    """Return the bytes that standard base64 with padding encodes, in its one form.

    Raises:
        MalformedError: anything else.
    """
    try:
        data = base64.b64decode(text, validate=True)
    except (binascii.Error, ValueError):
        data = b""
    if base64.b64encode(data).decode() != text:
        raise MalformedError("not standard base64 with padding")
    return data


def _is_name(name: str) -> bool:
    return bool(name) and "+" not in name and not any(c.isspace() for c in name) and not _has_control(name)


def _has_control(text: str) -> bool:
    return any(character < _FIRST_PRINTABLE and character != "\n" for character in text)
