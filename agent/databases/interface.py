"""What the reader asks of a product, and what it is told."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Optional, Protocol

from agent.reading import ReadingError


class DatabaseError(ReadingError):
    """A database cannot be read now; the message names it and the reason, never a password."""


@dataclass(frozen=True)
class Counted:
    """The counters of one database at one instant.

    ``identity`` names the server and the moment at which its counters began: with another one the
    difference to an earlier answer says nothing. ``reads`` and ``writes`` are cumulative, ``None``
    where the product does not tell that kind. ``definition`` is the name of what is counted, of the
    form ``product.word/version`` (docs/databases.md), ``reason`` the same in words. ``version`` is the
    server's, as it says it.
    """

    identity: str
    reads: Optional[int]
    writes: Optional[int]
    definition: str
    reason: str
    version: str


class Database(Protocol):
    """One database server. Implementations connect when they are first asked, and again after an error."""

    def count(self) -> Counted:
        """Return the counters now.

        Raises:
            DatabaseError: the server cannot be reached, or does not tell.
        """
        ...

    def close(self) -> None:
        """End the connection, if there is one."""
        ...
