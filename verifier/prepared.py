"""Prepared chunks: those that were looked at together with others before somebody asks about them.

What is asked of every chunk of a month (five-minute values, invariants, sums) asks a prepared chunk for the
answer; ``None`` or a *no* means that the chunk must be looked at alone. Whoever prepares must answer as the
look at the single chunk would.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence

from evidence.calendar import LocalCalendar
from evidence.chunk import Chunk
from evidence.day_sum import DaySums


class Prepared(Chunk, ABC):
    """A chunk that was looked at together with others; ``group`` is the same for all of them."""

    group: object

    @abstractmethod
    def bins(self) -> Mapping[str, Mapping[int, int]] | None:
        """Return its five-minute values by metric and number of the bin, ``None``: look at it alone."""

    @abstractmethod
    def quiet(self, first: int) -> bool:
        """Return whether the invariants surely hold from row ``first`` on."""

    @abstractmethod
    def booted(self) -> tuple[int, int]:
        """Return the clock since boot in the first and the last row."""

    @abstractmethod
    def read_ms(self) -> int:
        """Return the wall clock of the second row."""

    @abstractmethod
    def growth(self, column: int, first: int) -> int | None:
        """Return the sum of a column's steps forward from row ``first`` on, ``None``: look at it alone."""

    @abstractmethod
    def day_sums(self, chunks: Sequence[Chunk], calendar: LocalCalendar) -> DaySums:
        """Return the day sums of chunks of its group together, none of whose time was claimed before."""
