"""Counting accounts as keyed hashes. A name is in memory only, and only until its block is counted.

The hash is made once for every distinct spelling (they are remembered up to a bound). What the exclusion
list names, and what is no name, is not counted; how many lines that were is.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, fields
from typing import Optional, Union

from evidence.accounts import MAX_ACCOUNT, account_hash, excluded_fact, key_id, normalised

MAX_REMEMBERED = 65_536
MAX_PAIRS = 200_000
"""Pairs of day and account in memory; then a batch is cut, wherever the reading is."""
NOBODY = ("", "-", '""')

Pair = tuple[int, bytes]
Counts = dict[Pair, int]


@dataclass
class Lines:
    """How many lines were read, and what became of them. Nothing of their content."""

    read: int = 0
    counted: int = 0
    other: int = 0
    """Understood, and not what the definition counts."""
    excluded: int = 0
    too_early: int = 0
    not_understood: int = 0

    def add(self, other: Lines) -> None:
        """Add the numbers of ``other``."""
        for field in fields(self):
            setattr(self, field.name, getattr(self, field.name) + getattr(other, field.name))


class Accounts:
    """Turns spellings into hashes under one key."""

    def __init__(
        self,
        key: bytes,
        *,
        excluded: Iterable[str] = (),
        domains: Iterable[str] = (),
        encoding: str = "gb18030",
    ) -> None:
        """Use ``key``; ``encoding`` is tried for names that are not UTF-8.

        Raises:
            MalformedError: an excluded name cannot stand in a manifest.
        """
        self._key = key
        self._domains = tuple(domains)
        names = tuple(excluded)
        self.excluded = excluded_fact(names)
        self._excluded = {normalised(name, domains=self._domains) for name in names}
        self._encoding = encoding
        self._known: dict[bytes, Union[bytes, bool]] = {}
        self.key_id = key_id(key)

    def hash(self, raw: bytes) -> Union[bytes, bool]:
        """Return the hash of an account, ``True`` if it is excluded, ``False`` if it is nobody."""
        found = self._known.get(raw)
        if found is None:
            if len(self._known) >= MAX_REMEMBERED:
                self._known.clear()
            found = self._known[raw] = self._made(raw)
        return found

    def _made(self, raw: bytes) -> Union[bytes, bool]:
        text = self._text(raw).strip()
        if text in NOBODY or len(text) > MAX_ACCOUNT:
            return False
        name = normalised(text, domains=self._domains)
        if not name:
            return False
        if name in self._excluded:
            return True
        return account_hash(self._key, text, domains=self._domains)

    def _text(self, raw: bytes) -> str:
        """Return a spelling as text; bytes that are no text come through as lone surrogates."""
        for encoding in ("utf-8", self._encoding):
            try:
                return raw.decode(encoding)
            except UnicodeDecodeError:
                continue
        return raw.decode("utf-8", "surrogateescape")


class Tally:
    """The counts of one log since the last batch."""

    def __init__(self, accounts: Accounts, *, first_day: int, last_day: int) -> None:
        """Count days from ``first_day`` to ``last_day``; what lies before is left out, after is no time."""
        self._accounts = accounts
        self._first_day = first_day
        self.last_day = last_day
        self.counts: Counts = {}
        self.lines = Lines()

    def add(self, account: bytes, day: Optional[int], times: int = 1) -> None:
        """Count ``times`` lines of an account on a day (``None``: the time could not be read)."""
        lines = self.lines
        if day is None or day > self.last_day:
            lines.not_understood += times
            return
        if day < self._first_day:
            lines.too_early += times
            return
        found = self._accounts.hash(account)
        if isinstance(found, bytes):
            pair = (day, found)
            self.counts[pair] = self.counts.get(pair, 0) + times
            lines.counted += times
        elif found:
            lines.excluded += times
        else:
            lines.other += times

    def take(self) -> tuple[Counts, Lines]:
        """Return what was counted and begin anew."""
        counts, lines = self.counts, self.lines
        self.counts, self.lines = {}, Lines()
        return counts, lines


def united(parts: Iterable[Mapping[Pair, int]]) -> Counts:
    """Return the sum of counts."""
    total: Counts = {}
    for part in parts:
        for pair, count in part.items():
            total[pair] = total.get(pair, 0) + count
    return total
