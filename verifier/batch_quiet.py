"""Which chunks of a batch break no invariant, as a look at all of them together can tell.

Only a *no* is final: a chunk that is not quiet is looked at by the invariants themselves
(``verifier.contradictions``), which say what is broken and by how much.
"""

from __future__ import annotations

import numpy as np

from evidence.manifest import READ_SECTORS, UNIT_ALL, UNIT_CPU
from verifier.batch import Batch, Mask
from verifier.contradictions.interface import LXCFS, PAUSE_MS, RATE_SHARE
from verifier.contradictions.link import BITS_MS
from verifier.contradictions.processor import MS_PER_S, STATES, STOLEN
from verifier.contradictions.sectors import LARGEST, RACING, UNDER_WAY
from verifier.contradictions.unit_time import BUSY, PROGRAMS, SAMPLING_SHARE, US_PER_MS, US_PER_S

FASTEST_BPS = 2**41
LONGEST_MS = 2**20


class Quiet:
    """What the invariants need of a batch, gathered once. It does not hold the batch, which holds it."""

    def __init__(self, batch: Batch) -> None:
        """Look at the links of all chunks; the rest is looked at when asked."""
        self._states = {
            name.removeprefix("cpu."): at for at, name in enumerate(batch.names) if "cpu." in name
        }
        columns = list(enumerate(batch.manifest.columns))
        self._units = [at for at, c in columns if c.name == UNIT_CPU and c.device != UNIT_ALL]
        self._whole = next((at for at, c in columns if c.name == UNIT_CPU and c.device == UNIT_ALL), None)
        reads = {c.device: at for at, c in columns if c.name == "disk.reads"}
        self._disks = [
            (reads[c.device], at) for at, c in columns if c.name == READ_SECTORS and c.device in reads
        ]
        self._computed = LXCFS in str(batch.manifest.host.get("view_reason", ""))
        self._links: list[bool] = _within_speed(batch).tolist()

    def quiet(self, batch: Batch, at: int, first: int) -> bool:
        """Return whether the chunk at this place breaks none of the invariants, from row ``first`` on."""
        looked_at = batch.plain[at] and self._links[at] and self._sectors_fit(batch, at, first)
        return looked_at and self._time_fits(batch, at, first)

    def _sectors_fit(self, batch: Batch, at: int, first: int) -> bool:
        for reads, sectors in self._disks:
            done, moved = batch.grown(at, reads, first), batch.grown(at, sectors, first)
            if done > moved + RACING or moved > (done + UNDER_WAY) * LARGEST:
                return False
        return True

    def _time_fits(self, batch: Batch, at: int, first: int) -> bool:
        manifest = batch.manifest
        ran_ms = batch.grown(at, 2, first)
        steps = {state: batch.grown(at, column, first) for state, column in self._states.items()}
        if steps and not self._computed:
            rate = manifest.cpus * manifest.ticks_per_s
            counted, expected = sum(steps[state] for state in STATES), rate * ran_ms // MS_PER_S
            slack = expected // RATE_SHARE + rate * PAUSE_MS // MS_PER_S
            if counted > expected + slack or counted + steps[STOLEN] < expected - slack:
                return False
        return self._units_fit(batch, at, first, ran_ms, steps)

    def _units_fit(self, batch: Batch, at: int, first: int, ran_ms: int, steps: dict[str, int]) -> bool:
        if not self._units and self._whole is None:
            return True
        manifest = batch.manifest
        named = sum(batch.grown(at, column, first) for column in self._units)
        capacity = manifest.cpus * ran_ms * US_PER_MS
        slack = capacity // RATE_SHARE + manifest.cpus * PAUSE_MS * US_PER_MS
        if named > capacity + slack:
            return False
        if self._computed or not steps:
            return True
        slack += capacity // SAMPLING_SHARE
        busy, programs = (
            sum(steps[state] for state in states) * US_PER_S // manifest.ticks_per_s
            for states in (BUSY, PROGRAMS)
        )
        if named > busy + slack:
            return False
        whole = None if self._whole is None else batch.grown(at, self._whole, first)
        return whole is None or manifest.host.get("view") != "host" or programs <= whole + slack


def _within_speed(batch: Batch) -> Mask:
    good: Mask = np.ones(len(batch.headers), np.bool_)
    speeds = {d.name: d.speed_bps for d in batch.manifest.devices if d.kind == "nic" and d.counts}
    ran = batch.steps[:, 2]
    good &= (ran < LONGEST_MS).all(axis=1)
    for at, column in enumerate(batch.manifest.columns):
        speed = speeds.get(column.device) if column.name in {"net.rx", "net.tx"} else None
        if not speed:
            continue
        if speed >= FASTEST_BPS:
            return np.zeros_like(good)
        # A step below 2^40 times 8,000 and a speed below 2^41 times 2^20 ms stay below 2^62.
        good &= (batch.steps[:, at] * BITS_MS <= speed * (ran + PAUSE_MS)).all(axis=1)
    return good
