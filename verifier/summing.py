"""Day sums of the chunks of one host and source, in the order of crediting.

What ``evidence.crediting`` does chunk by chunk; chunks that lie in a batch and have all of their time to
themselves are added up with their batch (``verifier.batch_sums``).
"""

from __future__ import annotations

from evidence.calendar import LocalCalendar
from evidence.chunk import Chunk
from evidence.crediting import Crediting
from evidence.day_sum import DaySums, day_sums, merge
from verifier.prepared import Prepared


class Summing:
    """Adds up; chunks come in the order of (epoch, seq)."""

    def __init__(self, calendar: LocalCalendar) -> None:
        """Begin with nothing; ``calendar`` is the zone whose days are meant."""
        self._calendar = calendar
        self._crediting = Crediting()
        self._total: DaySums = {}
        self._taken: list[Prepared] = []

    def add(self, chunk: Chunk) -> None:
        """Credit the next chunk."""
        occupied = self._crediting.occupied(chunk)
        if occupied or not isinstance(chunk, Prepared):
            self._merge(day_sums(chunk, self._calendar, occupied))
            return
        if self._taken and chunk.group is not self._taken[0].group:
            self._flush()
        self._taken.append(chunk)

    def total(self) -> DaySums:
        """Return the sums of all chunks."""
        self._flush()
        return self._total

    def _flush(self) -> None:
        if self._taken:
            self._merge(self._taken[0].day_sums(self._taken, self._calendar))
            self._taken = []

    def _merge(self, part: DaySums) -> None:
        self._total = merge((self._total, part)) if self._total else dict(part)
