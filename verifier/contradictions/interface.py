"""What every invariant looks at, and what it says when it does not hold.

Tolerances that all share: counters and clocks are read one after another, and a busy machine may
pause the agent in between; ``PAUSE_MS`` at both ends of a stretch together is allowed for that, and
``RATE_SHARE`` for clocks that are steered (adjtimex allows 500 ppm, this is twenty times as much).
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

from evidence.chunk import BOOTS, Chunk
from evidence.columns import MISSING

PAUSE_MS = 2_000
RATE_SHARE = 100
"""One part in so many."""
LXCFS = "divided by LXCFS"
"""Words of ``agent.linux.view``: these counters are computed by a program, not counted by the kernel."""


@dataclass(frozen=True)
class Stretch:
    """The rows of a chunk of counters from ``first`` on, for which its manifest's facts hold.

    The row before may have been taken under other processors, links or units.
    """

    place: str
    chunk: Chunk
    first: int

    @property
    def start_ms(self) -> int:
        """Wall clock of the first row."""
        if not self.first:
            return self.chunk.header.start_ms
        return self.chunk.values[0][self.first]

    @property
    def ran_ms(self) -> int:
        """Time without suspension."""
        mono = self.chunk.values[2]
        return mono[-1] - mono[self.first]

    @property
    def computed(self) -> bool:
        """Whether a program divided the processor counters, so that they need not fit the clock."""
        return LXCFS in str(self.chunk.manifest.host.get("view_reason", ""))

    def columns(self, name: str) -> Iterator[tuple[str, Sequence[int]]]:
        """Yield device and values from ``first`` on of every column of this name."""
        for column, values in zip(self.chunk.manifest.columns, self.chunk.values, strict=True):
            if column.name == name:
                yield column.device, values[self.first :]

    def step(self, name: str) -> int:
        """Return how much a column of the host grew, ``MISSING`` if that is not known."""
        found = next(self.columns(name), None)
        if found is None or MISSING in found[1]:
            return MISSING
        return found[1][-1] - found[1][0]


@dataclass(frozen=True)
class Broken:
    """An invariant that does not hold: the finding's code, about what, by how much (to find the worst)."""

    code: str
    about: str
    excess: int
    expected: str
    got: str


Invariant = Callable[[Stretch], Iterator[Broken]]


def stretch_of(place: str, chunk: Chunk, before: Chunk | None) -> Stretch | None:
    """Return the stretch of a chunk of counters, ``None`` if it has no interval.

    Args:
        place: its place among the chunks of its host.
        chunk: a verified chunk of counters.
        before: the chunk before it, if that is known.
    """
    strange = before is None or before.header.manifest != chunk.header.manifest
    first = 1 if chunk.header.first in BOOTS or (chunk.header.first == "repeat" and strange) else 0
    return Stretch(place, chunk, first) if chunk.header.rows > first + 1 else None


def grown(values: Sequence[int]) -> int:
    """Return the sum of all steps forward between values that are known."""
    pairs = zip(values, values[1:], strict=False)
    return sum(max(0, after - before) for before, after in pairs if MISSING not in (before, after))
