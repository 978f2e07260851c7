"""Five-minute values of one source of a host: what the questions about patterns look at.

Real traces have five-minute values, and the rates of false questions were measured on those, so
values of every source are brought to five minutes (UTC). Rules:

1. Of counters, a bin is the difference between the readings at its two edges, which must lie within
   ``EDGE_MS`` of them, in one chunk, with clocks that agree. Of averages of at most five minutes, it
   is their mean, if they cover ``SEEN`` of it.
2. Processors: busy share in 10^-9 percent, of counters cut to a hundredth of a percent (the precision
   that monitors give). Rates: 10^-9 bytes or operations a second.
3. What was said first stays. Coarser sources have no bins, and nothing is asked about them.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Iterator, Mapping, Sequence

from evidence.chunk import Chunk
from evidence.columns import MISSING
from evidence.day_sum import STEP_TOLERANCE_MS, STEP_TOLERANCE_SHARE
from evidence.manifest import COUNTERS, MAX_SCALE
from verifier.prepared import Prepared

BIN_MS = 300_000
EDGE_MS = 15_000
SEEN_PERCENT = 80
CPU, RX, TX, READS, WRITES = (
    "cpu.utilization",
    "net.rx.rate",
    "net.tx.rate",
    "disk.reads.rate",
    "disk.writes.rate",
)
METRICS = (CPU, RX, TX, READS, WRITES)
"""By the averages' name, whatever the source."""
COUNTED: Mapping[str, str] = {RX: "net.rx", TX: "net.tx", READS: "disk.reads", WRITES: "disk.writes"}
NANO = 10**9
HUNDREDTHS = 10_000
"""Of a percent, in the whole."""
NANO_PERCENT_A_HUNDREDTH = 10**7
STATES = ("user", "nice", "system", "idle", "iowait", "irq", "softirq", "steal")
RESTING = ("idle", "iowait")

Bins = dict[int, int]
"""Value by number of the bin: its start is the number times ``BIN_MS``."""


class Binning:
    """Gathers the bins of one source from its chunks, in order."""

    def __init__(self) -> None:
        """Begin without a chunk."""
        self.bins: dict[str, Bins] = {}
        self._parts: dict[tuple[str, int], list[int]] = {}

    def add(self, chunk: Chunk) -> None:
        """Take the next chunk."""
        ready = chunk.bins() if isinstance(chunk, Prepared) else None
        if ready is not None:
            for metric, found in ready.items():
                mine = self.bins.setdefault(metric, {})
                mine.update(found if mine.keys().isdisjoint(found.keys()) else {**found, **mine})
        elif chunk.manifest.kind == COUNTERS:
            self._counters(chunk)
        else:
            self._averages(chunk)

    def found(self) -> Mapping[str, Bins]:
        """Return the bins by metric, once all chunks were taken."""
        for (metric, number), (amount, covered) in self._parts.items():
            if covered * 100 >= BIN_MS * SEEN_PERCENT:
                self.bins.setdefault(metric, {}).setdefault(number, amount // covered)
        self._parts.clear()
        return self.bins

    def _averages(self, chunk: Chunk) -> None:
        starts, lengths = chunk.values[0], chunk.values[1]
        for column, values in zip(chunk.manifest.columns[2:], chunk.values[2:], strict=True):
            if column.name not in METRICS:
                continue
            unit = 10 ** (MAX_SCALE - column.scale)
            for start, length, value in zip(starts, lengths, values, strict=True):
                if value == MISSING or length > BIN_MS:
                    continue
                part = self._parts.setdefault((column.name, (start + length // 2) // BIN_MS), [0, 0])
                if part[1] + length <= BIN_MS + EDGE_MS:
                    part[0] += value * unit * length
                    part[1] += length

    def _counters(self, chunk: Chunk) -> None:
        by_name: dict[str, list[Sequence[int]]] = {}
        for column, values in zip(chunk.manifest.columns, chunk.values, strict=True):
            by_name.setdefault(column.name, []).append(values)
        for number, before, after in _edges(chunk):
            if all(f"cpu.{state}" in by_name for state in STATES):
                steps = [_step(by_name[f"cpu.{state}"], before, after) for state in STATES]
                self._put(CPU, number, share(steps))
            elapsed_ms = chunk.values[1][after] - chunk.values[1][before]
            for metric, name in COUNTED.items():
                step = _step(by_name[name], before, after) if name in by_name else MISSING
                self._put(metric, number, MISSING if step == MISSING else step * 1_000 * NANO // elapsed_ms)

    def _put(self, metric: str, number: int, value: int) -> None:
        if value != MISSING:
            self.bins.setdefault(metric, {}).setdefault(number, value)


def _edges(chunk: Chunk) -> Iterator[tuple[int, int, int]]:
    """Yield number of the bin, and the rows at its edges: rule 1."""
    wall, boot = chunk.values[0], chunk.values[1]
    number = -(-(wall[0] - EDGE_MS) // BIN_MS)
    row = _row_at(wall, number * BIN_MS)
    while number * BIN_MS <= wall[-1]:
        following = _row_at(wall, (number + 1) * BIN_MS)
        if row is not None and following is not None:
            walked, booted = wall[following] - wall[row], boot[following] - boot[row]
            if abs(walked - booted) <= STEP_TOLERANCE_MS + booted // STEP_TOLERANCE_SHARE:
                yield number, row, following
        number, row = number + 1, following


def _row_at(wall: Sequence[int], instant_ms: int) -> int | None:
    """Return the row nearest to an instant, ``None`` if none is near."""
    after = bisect_left(wall, instant_ms)
    near = [row for row in (after - 1, after) if 0 <= row < len(wall)]
    best = min(near, key=lambda row: abs(wall[row] - instant_ms))
    return best if abs(wall[best] - instant_ms) <= EDGE_MS else None


def _step(columns: Sequence[Sequence[int]], before: int, after: int) -> int:
    """Return the growth of all devices together, ``MISSING`` if one is not known or went back."""
    total = 0
    for values in columns:
        if MISSING in (values[before], values[after]) or values[after] < values[before]:
            return MISSING
        total += values[after] - values[before]
    return total


def share(steps: Sequence[int]) -> int:
    """Return the busy share of these steps of ``STATES``, ``MISSING`` if it is not known."""
    whole = sum(steps)
    if MISSING in steps or not whole:
        return MISSING
    busy = sum(step for state, step in zip(STATES, steps, strict=True) if state not in RESTING)
    return busy * HUNDREDTHS // whole * NANO_PERCENT_A_HUNDREDTH
