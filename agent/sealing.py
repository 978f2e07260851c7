"""From readings to sealed chunks. Pure: readings in, frames out; no clock, disk or network.

A *run* is what one chunk holds: rows under one manifest in one boot, with clocks that only go
forward. Rules, in the order they are applied to every reading:

1. A reading with an unset wall clock or with values that a chunk cannot hold is refused.
2. Another boot id ends the run. The new one begins with the instant of boot, where every counter
   is zero, provided that instant lies after everything known before; else with the reading. So does
   a run of counters that are not the kernel's: a server may have counted long before. Only where the agent saw the machine go down right after the last row is it a boot after a shutdown.
3. A wall clock that does not go forward, or disagrees with the clock since boot by more than the
   tolerance of the day sums, or a monotonic clock that runs ahead of it, ends the run. The new one begins with the reading: the interval
   between is missing, never repaired.
4. Another manifest (hotplug), or a full chunk, ends the run. The new one repeats the last row, so
   no interval is lost; columns that did not exist, or belonged to another device, are missing.
5. Everything else goes on with the run, or begins one that repeats the last row.

A run is sealed when its time has come (``close``) or when one of the rules has ended it. Sealing is
in two steps, ``draft`` and ``sealed``, because the disk may be full: what could not be written stays
in memory and is tried again; above ``MAX_WAITING_VALUES`` it is thinned, which costs no total.
"""

from __future__ import annotations

from array import array
from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Optional

from agent.reading import Reading, ReadingError
from agent.thinning import keep_rows
from evidence.chunk import BOOTS, CLOCK_STATES, EARLIEST_MS, LATEST_MS, MAX_NAME, Chunk, Header, seal
from evidence.code_hash import UNKNOWN
from evidence.columns import MAX_ROWS, MAX_VALUES, MISSING
from evidence.keys import PrivateKey
from evidence.manifest import COUNTERS_CLOCKS, UNITS, Column, Manifest, device_kind
from evidence.sources import AGENT

STEP_TOLERANCE_MS = 50
STEP_TOLERANCE_SHARE = 1_000
"""Rule 2 of ``evidence.day_sum``; a test holds the two together (importing it costs 0.5 MB)."""
MAX_WAITING_VALUES = 1024 * 1024
"""8 MiB of rows that wait for a disk; then they are thinned."""

WALL, BOOT, MONO = 0, 1, 2
_CLOCKS = len(COUNTERS_CLOCKS)


@dataclass(frozen=True)
class Identity:
    """Who seals: the names that stand in every header."""

    enterprise: str
    host: str
    agent: str
    source: str = AGENT
    code: str = UNKNOWN


@dataclass(frozen=True)
class Place:
    """Where the next chunk stands in the chain."""

    seq: int
    prev: str
    prev_end_ms: int


@dataclass(frozen=True)
class ClockEstimate:
    """Collector minus host, within ± ``rtt_ms``; ``rtt_ms`` -1 means never measured."""

    offset_ms: int = 0
    rtt_ms: int = -1


@dataclass(frozen=True)
class LastRow:
    """The last row that was taken. Without ``manifest`` only its time and boot are known.

    ``shut_down``: the agent saw the machine go down right after it.
    """

    boot_id: str
    wall_ms: int
    manifest: Optional[Manifest] = None
    row: Sequence[int] = ()
    shut_down: bool = False


@dataclass
class _Run:
    manifest: Manifest
    boot_id: str
    first: str
    rows: list[array[int]] = field(default_factory=list)
    clock_state: str = "unknown"

    @property
    def values(self) -> int:
        return len(self.rows) * len(self.manifest.columns)


def last_row(chunk: Chunk) -> LastRow:
    """Return the last row of a chunk, from which the next chunk goes on."""
    return LastRow(
        boot_id=chunk.header.boot,
        wall_ms=chunk.header.end_ms,
        manifest=chunk.manifest,
        row=tuple(column[-1] for column in chunk.values),
    )


class Sealer:
    """Collects readings and drafts chunks from them. Not safe for several threads."""

    def __init__(self, *, identity: Identity, key: PrivateKey, last: Optional[LastRow] = None) -> None:
        """Go on after ``last``, the last row that was sealed (``None``: a new enrolment)."""
        self._identity = identity
        self._key = key
        self._last = last
        self._open: Optional[_Run] = None
        self._closed: deque[_Run] = deque()

    @property
    def last_wall_ms(self) -> Optional[int]:
        """Wall clock of the last row that was taken, in this life or the one before."""
        return self._last.wall_ms if self._last else None

    @property
    def waiting_rows(self) -> int:
        """Rows that are not sealed yet."""
        return sum(len(run.rows) for run in self._all())

    def add(self, reading: Reading) -> None:
        """Take a reading.

        Raises:
            ReadingError: rule 1; nothing is taken.
        """
        row = _row(reading)
        if self._open is None or not self._goes_on(self._open, reading, row):
            self._end_run()
            self._open = self._begin(reading, row)
        self._open.rows.append(row)
        self._open.clock_state = reading.clock_state
        self._last = LastRow(reading.boot_id, reading.wall_ms, reading.manifest, row)

    def close(self) -> None:
        """End the run at its time. A single row says nothing about any time, so it waits."""
        if self._open is not None and len(self._open.rows) > 1:
            self._end_run()

    def finish(self) -> None:
        """End the run for good: a single row is sealed too, so that the next life can go on from it."""
        self._end_run()

    def draft(self, place: Place, clock: ClockEstimate, anchor: str = "") -> Optional[bytes]:
        """Return the frame of the oldest run that has ended, or ``None``; call ``sealed`` when it is safe.

        ``anchor`` is the hash of the newest anchor receipt that the collector has told, or empty.

        Raises:
            EvidenceError: the run does not make a chunk; call ``discard``.
        """
        if not self._closed:
            return None
        run = self._closed[0]
        first, rows = _first(run, place)
        header = Header(
            enterprise=self._identity.enterprise,
            source=self._identity.source,
            host=self._identity.host,
            key="",
            seq=place.seq,
            prev=place.prev,
            boot=run.boot_id,
            first=first,
            start_ms=rows[0][WALL],
            end_ms=rows[-1][WALL],
            prev_end_ms=place.prev_end_ms,
            anchor=anchor,
            rows=0,
            columns=0,
            digest="",
            manifest="",
            agent=self._identity.agent,
            clock_state=run.clock_state,
            clock_offset_ms=clock.offset_ms,
            clock_rtt_ms=clock.rtt_ms,
            code=self._identity.code,
        )
        return seal(header, manifest=run.manifest, values=list(zip(*rows)), key=self._key)

    def sealed(self) -> None:
        """Forget the run that was drafted: it is on the disk."""
        self._closed.popleft()

    def discard(self) -> int:
        """Give up the run that was drafted; return how many rows are lost."""
        return len(self._closed.popleft().rows)

    def reopen(self) -> None:
        """Go on with the newest run that has ended but could not be written, instead of cutting it."""
        if self._open is None and self._closed:
            self._open = self._closed.pop()

    def relieve(self) -> int:
        """Keep the rows in memory within ``MAX_WAITING_VALUES``; return how many rows were lost.

        First all runs are thinned to their ends and whole hours, which keeps every total. Only if
        that is not enough the oldest runs are given up.
        """
        if self._waiting_values() <= MAX_WAITING_VALUES:
            return 0
        for run in self._all():
            run.rows = [run.rows[number] for number in keep_rows(run.manifest, run.rows)]
        lost = 0
        while self._waiting_values() > MAX_WAITING_VALUES and self._closed:
            lost += self.discard()
        return lost

    def _all(self) -> list[_Run]:
        return [*self._closed, *([self._open] if self._open else [])]

    def _waiting_values(self) -> int:
        return sum(run.values for run in self._all())

    def _end_run(self) -> None:
        if self._open is not None:
            self._closed.append(self._open)
            self._open = None

    def _goes_on(self, run: _Run, reading: Reading, row: Sequence[int]) -> bool:
        return (
            run.boot_id == reading.boot_id
            and (run.manifest is reading.manifest or run.manifest.raw == reading.manifest.raw)
            and len(run.rows) < MAX_ROWS
            and run.values + len(row) <= MAX_VALUES
            and _steady(run.rows[-1], row)
        )

    def _begin(self, reading: Reading, row: Sequence[int]) -> _Run:
        """Return a run that ``reading`` will be the next row of: rules 2 to 5."""
        manifest, last = reading.manifest, self._last
        run = _Run(manifest, reading.boot_id, "reading")
        if last is None:
            return run
        if last.boot_id != reading.boot_id:
            instant_ms = reading.wall_ms - reading.boot_ms
            kernel = self._identity.source == AGENT
            if kernel and instant_ms > max(last.wall_ms, EARLIEST_MS) and reading.boot_ms > 0:
                run.first = "boot_after_shutdown" if last.shut_down else "boot"
                run.rows.append(_boot_row(manifest, instant_ms))
        elif last.manifest is not None and _steady(last.row, row):
            run.first = "repeat"
            run.rows.append(_projected(last.manifest, last.row, manifest))
        return run


def _first(run: _Run, place: Place) -> tuple[str, list[array[int]]]:
    """Return what the first row is at this place of the chain, and the rows.

    A predecessor that was given up, or is not known any more, leaves nothing to repeat.
    """
    start_ms = run.rows[0][WALL]
    if run.first == "repeat" and start_ms != place.prev_end_ms:
        return "reading", run.rows
    if run.first in BOOTS and start_ms <= place.prev_end_ms:
        return "reading", run.rows[1:]
    return run.first, run.rows


def _steady(before: Sequence[int], after: Sequence[int]) -> bool:
    """Return whether all clocks went forward together from one row to the next."""
    walked, booted, ran = (after[clock] - before[clock] for clock in (WALL, BOOT, MONO))
    tolerance = STEP_TOLERANCE_MS + booted // STEP_TOLERANCE_SHARE
    together = abs(walked - booted) <= tolerance and ran <= booted + STEP_TOLERANCE_MS
    return walked > 0 and booted > 0 and ran >= 0 and together


def _row(reading: Reading) -> array[int]:
    """Return the row of a reading. Raises ReadingError: rule 1."""
    if not EARLIEST_MS <= reading.wall_ms <= LATEST_MS:
        raise ReadingError(f"the wall clock is not set: {reading.wall_ms} ms since 1970; set it (NTP)")
    if reading.boot_ms < 0 or reading.mono_ms < 0:
        raise ReadingError("the clock since boot is negative")
    if reading.clock_state not in CLOCK_STATES or not 0 < len(reading.boot_id) <= MAX_NAME:
        raise ReadingError(f"the reading has no usable clock state or boot id: {reading.clock_state!r}")
    columns = reading.manifest.columns[_CLOCKS:]
    slots = [(column.name, column.device) for column in columns]
    if reading.values.keys() != set(slots):
        raise ReadingError("the values of the reading are not those that its manifest names")
    try:
        return array(
            "q",
            [reading.wall_ms, reading.boot_ms, reading.mono_ms, *(reading.values[slot] for slot in slots)],
        )
    except (OverflowError, TypeError) as error:
        raise ReadingError(f"a value of the reading is not a signed 64-bit integer: {error}") from None


def _boot_row(manifest: Manifest, instant_ms: int) -> array[int]:
    counters = [0 if UNITS[c.name][0] == "counter" else MISSING for c in manifest.columns[_CLOCKS:]]
    return array("q", [instant_ms, 0, 0, *counters])


def _projected(old: Manifest, row: Sequence[int], new: Manifest) -> array[int]:
    """Return ``row`` under the columns of another manifest."""
    if old.raw == new.raw:
        return array("q", row)
    known = {_owner(old, column): value for column, value in zip(old.columns, row)}
    return array("q", [known.get(_owner(new, column), MISSING) for column in new.columns])


def _owner(manifest: Manifest, column: Column) -> tuple[str, str, str]:
    """A column of a device is the same only while the device is the same piece of hardware."""
    for device in manifest.devices if column.device else ():
        if (device.kind, device.name) == (device_kind(column.name), column.device):
            return column.name, column.device, device.identity
    return column.name, column.device, ""
