"""What a source of accounts is: something that tells who was active on which day.

A database (``sql``), a file (``csv_file``) and 钉钉 (``dingtalk``) are ours; a directory (LDAP, AD) or another
provider is one more class of this shape. Names live in memory only, from ``active`` to the hash
(``collector.accounts.counting``).
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import date
from typing import Protocol


@dataclass(frozen=True)
class Active:
    """An account that was active on a local day, ``count`` times. The name is not shown by ``repr``."""

    account: str = field(repr=False)
    day: date
    count: int = 1


class AccountSource(Protocol):
    """Tells of accounts. It reads whole days and says nothing of others."""

    @property
    def origin(self) -> str:
        """What was read, in words without a name or a secret: stands in every chunk and in the report."""
        ...

    def active(self, first: date, last: date) -> Iterable[Active]:
        """Yield who was active on the days from ``first`` to ``last``, both included, in any order.

        An account may be yielded several times for a day.

        Raises:
            AccountsError: it cannot be read completely.
        """
        ...
