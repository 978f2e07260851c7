"""Processor time of units against that of the processors.

1. All named units together cannot have used more than there are processors.
2. Nor more than the processors were busy. Kernels count busy time by looking at every tick and units
   exactly, so work that begins and ends between ticks is counted for the unit only: a quarter of the
   machine (``SAMPLING_SHARE``) is allowed for that.
3. Busy time of programs (user, nice, system) is busy time of some unit: the sum over all units, where
   the system gives one, cannot be far below it. Allowed as in 2. Only on a whole machine: a container
   sees its own units and everybody's processors.
"""

from __future__ import annotations

from collections.abc import Iterator

from evidence.columns import MISSING
from evidence.manifest import UNIT_ALL, UNIT_CPU
from verifier.contradictions.interface import PAUSE_MS, RATE_SHARE, Broken, Stretch, grown

US_PER_MS = 1_000
US_PER_S = 1_000_000
SAMPLING_SHARE = 4
PROGRAMS = ("user", "nice", "system")
BUSY = (*PROGRAMS, "irq", "softirq", "steal")


def units_within_total(stretch: Stretch) -> Iterator[Broken]:
    """Yield ``UNITS_EXCEED`` (rules 1 and 2) or ``UNITS_UNLIKE`` (rule 3)."""
    used = {device: grown(values) for device, values in stretch.columns(UNIT_CPU)}
    whole = used.pop(UNIT_ALL, None)
    named = sum(used.values())
    manifest = stretch.chunk.manifest
    capacity = manifest.cpus * stretch.ran_ms * US_PER_MS
    slack = capacity // RATE_SHARE + manifest.cpus * PAUSE_MS * US_PER_MS
    if named > capacity + slack:
        yield Broken("UNITS_EXCEED", "unit.cpu", named - capacity, f"at most {capacity} us", f"{named} us")
        return
    slack += capacity // SAMPLING_SHARE
    busy, programs = _time(stretch, BUSY), _time(stretch, PROGRAMS)
    if stretch.computed or MISSING in (busy, programs):
        return
    if named > busy + slack:
        yield Broken("UNITS_EXCEED", "unit.cpu", named - busy, f"at most {busy} us busy", f"{named} us")
    if whole is not None and manifest.host.get("view") == "host" and programs > whole + slack:
        expected = f"{programs} us of programs"
        yield Broken("UNITS_UNLIKE", "unit.cpu", programs - whole, expected, f"{whole} us of all units")


def _time(stretch: Stretch, states: tuple[str, ...]) -> int:
    steps = [stretch.step(f"cpu.{state}") for state in states]
    if MISSING in steps:
        return MISSING
    return sum(max(0, step) for step in steps) * US_PER_S // stretch.chunk.manifest.ticks_per_s
