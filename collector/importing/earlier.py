"""What earlier imports stored of one host and metric, and what a new sample adds to it. Pure.

Rules:

1. A new sample at the very instant of a stored one is dropped: the same or a higher value changes
   nothing, because of two values the lower counts. A lower one would have to count, but what is
   sealed stays: then the whole file is refused (``Lowered``).
2. A new sample at another instant keeps the time that is still free. Of several free parts the
   earliest is kept.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime

from collector.importing import numbers
from collector.importing.samples import Sample
from collector.names import shown
from collector.own_chunks import rescale
from evidence.chunk import Chunk
from evidence.crediting import Claims
from evidence.day_sum import Interval, claims
from evidence.manifest import MAX_SCALE


class Earlier:
    """The stored samples of one host and metric in some stretch of time."""

    def __init__(self, chunks: Iterable[Chunk] = ()) -> None:
        """Take the samples of verified chunks of averages."""
        self._taken = Claims()
        self._values: dict[int, tuple[int, int]] = {}
        for chunk in chunks:
            scale = chunk.manifest.columns[-1].scale
            for (start_ms, end_ms), value in zip(claims(chunk), chunk.values[-1], strict=True):
                self._taken.add(start_ms, end_ms)
                self._values[start_ms] = (value, scale)

    def value_at(self, sample: Sample) -> tuple[int, int] | None:
        """Return (stored value, new value) at the sample's instant, in units of 10^-9.

        The new one is rounded as the stored one was, so that the same number is the same.
        ``None``: nothing is stored at this instant.
        """
        stored = self._values.get(sample.start_ms)
        if stored is None:
            return None
        value, scale = stored
        unit = 10 ** (MAX_SCALE - scale)
        return value * unit, rescale(sample.value, scale) * unit

    def free(self, sample: Sample) -> list[Interval]:
        """Return the parts of the sample's period that no stored sample covers, in order."""
        parts = []
        start_ms, until_ms = sample.start_ms, sample.start_ms + sample.length_ms
        for taken_ms, end_ms in self._taken.within(start_ms, until_ms):
            if start_ms < taken_ms:
                parts.append((start_ms, taken_ms))
            start_ms = end_ms
        if start_ms < until_ms:
            parts.append((start_ms, until_ms))
        return parts


@dataclass
class Lowered:
    """Instants at which the file has a lower value than what is sealed already."""

    count: int = 0
    _line: int = 0
    _first: str = ""

    def add(self, host: str, metric: str, sample: Sample, *, stored: int, new: int) -> None:
        """Count an instant; the one that stands first in the file is described."""
        self.count += 1
        if self._line and self._line < sample.line:
            return
        self._line = sample.line
        instant = datetime.fromtimestamp(sample.start_ms // numbers.MS_PER_S, UTC)
        self._first = (
            f"line {sample.line}: host {host!r}, {instant:%Y-%m-%dT%H:%M:%SZ}, {metric}: "
            f"{numbers.text_of(new)} here, {numbers.text_of(stored)} stored"
        )

    def message(self, name: str) -> str:
        """Return why the file ``name`` is refused and what to do."""
        instants = "1 instant has" if self.count == 1 else f"{self.count} instants have"
        return shown(
            f"{name}: {instants} a lower value than an earlier import stored; the lower must count, but "
            f"what is sealed stays. First {self._first}. Put the files together into one and import that "
            "into a new store; nothing was imported"
        )
