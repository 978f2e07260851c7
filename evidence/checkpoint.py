"""Checkpoints: the log's size and root at one moment, signed (C2SP tlog-checkpoint).

The text is three lines: the origin, the size in decimal digits, the root in base64. The origin of a
log is ``starproof/`` and the first 16 hex digits of its key's id; the key signs under that name.
Extension lines, which the specification leaves to each log, do not exist in ours and are refused.
"""

from __future__ import annotations

import base64
import re
from collections.abc import Iterable
from dataclasses import dataclass

from evidence import signed_note
from evidence.errors import MalformedError, OutOfRangeError
from evidence.keys import PrivateKey, PublicKey
from evidence.merkle import HASH_BYTES, MAX_SIZE

ORIGIN_PREFIX = "starproof/"
_ORIGIN_DIGITS = 16
_SIZE = re.compile(r"(?:0|[1-9][0-9]{0,15})\Z")
_LINES = 3


@dataclass(frozen=True)
class Checkpoint:
    """What a checkpoint says: the log, how many leaves, and the root over them (32 bytes).

    Raises:
        OutOfRangeError: no tree has this size, or the root is no hash.
    """

    origin: str
    size: int
    root: bytes

    def __post_init__(self) -> None:
        """Refuse what no log has."""
        if not 0 <= self.size <= MAX_SIZE or len(self.root) != HASH_BYTES:
            raise OutOfRangeError("a checkpoint has a size below 2^53 and a root of 32 bytes")

    @property
    def text(self) -> str:
        """The three lines that are signed."""
        return f"{self.origin}\n{self.size}\n{base64.b64encode(self.root).decode()}\n"


def origin_of(key: PublicKey) -> str:
    """Return the name of the log that this key signs."""
    return ORIGIN_PREFIX + key.id[:_ORIGIN_DIGITS]


def sign(size: int, root: bytes, *, key: PrivateKey) -> bytes:
    """Return the signed note of a checkpoint.

    Raises:
        OutOfRangeError: no tree has this size, or the root is no hash.
    """
    origin = origin_of(key.public)
    return signed_note.sign(Checkpoint(origin, size, root).text, name=origin, key=key)


def parse(text: str) -> Checkpoint:
    """Return the checkpoint that three lines say, whoever's log it is.

    Raises:
        MalformedError: they are not origin, size and root.
    """
    lines = text.split("\n")
    if len(lines) != _LINES + 1 or lines[-1] or not lines[0]:
        raise MalformedError("a checkpoint has three lines: origin, size, root")
    if not _SIZE.match(lines[1]):
        raise MalformedError("the size in a checkpoint is a decimal number without leading zeros")
    try:
        return Checkpoint(lines[0], int(lines[1]), signed_note.from_base64(lines[2]))
    except OutOfRangeError as error:
        raise MalformedError(str(error)) from None


def verify(note: bytes, key: PublicKey) -> Checkpoint:
    """Return the checkpoint in a note that the log key has signed.

    Raises:
        BadSignatureError: it has not.
        MalformedError: not a note, or its text is no checkpoint of this key's log.
    """
    origin = origin_of(key)
    checkpoint = parse(signed_note.verify(note, name=origin, key=key))
    if checkpoint.origin != origin:
        raise MalformedError(f"the checkpoint is of {checkpoint.origin!r}, the key is {origin}'s")
    return checkpoint


def join(notes: Iterable[bytes]) -> bytes:
    """Return the file that holds these notes in order."""
    return signed_note.join(notes)


def separate(data: bytes) -> tuple[bytes, ...]:
    """Return the notes in a file that ``join`` made.

    Raises:
        MalformedError: it is none.
    """
    return signed_note.separate(data)
