"""What an anchor is: something outside that takes a checkpoint and gives a receipt.

Each kind is a module of this folder with a function ``open_anchor`` and a line in ``opening.py``.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, field
from typing import Protocol

MAIL, TIMESTAMP, PRINT, OBJECT = "mail", "rfc3161", "print", "object"
SUFFIXES = {MAIL: "eml", TIMESTAMP: "tsr", PRINT: "txt", OBJECT: "json"}
"""The suffix of a receipt's file by the kind of its anchor."""


@dataclass(frozen=True)
class Head:
    """A checkpoint on its way out: whose, of how many leaves, the signed note.

    ``day`` is the local day that it closes (``YYYY-MM-DD``), empty if it was made in between.
    """

    enterprise: str
    size: int
    day: str
    note: bytes = field(repr=False)

    @property
    def sha256(self) -> str:
        """SHA-256 of the note, 64 hex digits."""
        return hashlib.sha256(self.note).hexdigest()


@dataclass(frozen=True)
class Got:
    """What came back: the receipt's bytes, and when the witness says that it took the note (ms; 0: it does not)."""

    receipt: bytes = field(repr=False)
    claimed_ms: int = 0


class Anchor(Protocol):
    """One configured anchor. Both methods may take as long as their timeouts allow."""

    def send(self, head: Head) -> Got:
        """Hand over a checkpoint. Sending one twice does no harm.

        Raises:
            AnchorError: it was not taken.
            SourceError: a secret cannot be read.
        """
        ...

    def probe(self) -> str:
        """Try what can be tried without handing over anything, and say in one line what was reached.

        Raises:
            AnchorError: it would not work.
            SourceError: a secret cannot be read.
        """
        ...
