"""Chunks that lie in a batch, and what was found of all chunks of the batch together."""

from __future__ import annotations

from array import array
from collections.abc import Sequence
from functools import cached_property
from typing import TYPE_CHECKING

from evidence.calendar import LocalCalendar
from evidence.chunk import Chunk, Frame
from evidence.columns import from_raw
from evidence.day_sum import DaySums
from verifier.batch import Batch
from verifier.batch_bins import Bins, batch_bins
from verifier.batch_quiet import Quiet
from verifier.batch_sums import batch_sums
from verifier.prepared import Prepared

WALL_CLOCK, BOOT_CLOCK = 0, 1


class LookedAt(Batch):
    """A batch with what is asked of it; each answer is found once."""

    @cached_property
    def bins(self) -> dict[int, Bins]:
        """Five-minute values of the plain chunks."""
        return batch_bins(self)

    @cached_property
    def judged(self) -> Quiet:
        """Which chunks break no invariant."""
        return Quiet(self)


class BatchedChunk(Prepared):
    """A chunk whose values lie in a batch."""

    group: LookedAt
    at: int

    def __init__(self, frame: Frame, batch: LookedAt, at: int) -> None:
        """Name the chunk number ``at`` of a batch."""
        fields = {"header": batch.headers[at], "manifest": batch.manifest, "frame": frame}
        for name, value in {**fields, "group": batch, "at": at}.items():
            object.__setattr__(self, name, value)

    if (
        not TYPE_CHECKING
    ):  # pragma: no branch - a field of the class above; here it is made when somebody asks

        @cached_property
        def values(self) -> tuple[array[int], ...]:
            """The values as other chunks have them."""
            raw = self.group.values[self.at].tobytes()
            return tuple(from_raw(raw, rows=self.header.rows, columns=self.header.columns))

    def bins(self) -> Bins | None:
        """Return the five-minute values, ``None`` if the chunk must be looked at alone."""
        return self.group.bins.get(self.at)

    def quiet(self, first: int) -> bool:
        """Return whether the invariants surely hold from row ``first`` on."""
        return self.group.judged.quiet(self.group, self.at, first)

    def booted(self) -> tuple[int, int]:
        """Return the clock since boot in the first and the last row."""
        first, _, last = self.group.ends
        return first[self.at][BOOT_CLOCK], last[self.at][BOOT_CLOCK]

    def read_ms(self) -> int:
        """Return the wall clock of the second row."""
        return self.group.ends[1][self.at][WALL_CLOCK]

    def growth(self, column: int, first: int) -> int | None:
        """Return how much a column grew from row ``first`` on, ``None`` if it must be looked at alone."""
        return self.group.grown(self.at, column, first) if self.group.plain[self.at] else None

    def day_sums(self, chunks: Sequence[Chunk], calendar: LocalCalendar) -> DaySums:
        """Return the day sums of chunks of the batch together."""
        chosen = [(chunk.at, chunk) for chunk in chunks if isinstance(chunk, BatchedChunk)]
        return batch_sums(self.group, chosen, calendar)
