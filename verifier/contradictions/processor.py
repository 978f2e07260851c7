"""Ticks against time: processors x time x ticks a second, and not a tick more.

Stolen time is left out: after a live migration hypervisors have booked years of it at once. More
ticks than there was time for are impossible. Fewer are not: a machine that its hypervisor stopped
for a while counts nothing, and that time is already *suspect* in the day sums.
"""

from __future__ import annotations

from collections.abc import Iterator

from evidence.columns import MISSING
from verifier.contradictions.interface import PAUSE_MS, RATE_SHARE, Broken, Stretch

MS_PER_S = 1_000
STATES = ("user", "nice", "system", "idle", "iowait", "irq", "softirq")
STOLEN = "steal"


def ticks(stretch: Stretch) -> Iterator[Broken]:
    """Yield ``TICKS_EXCEED`` or ``TICKS_SHORT``."""
    steps = [stretch.step(f"cpu.{state}") for state in STATES]
    stolen = stretch.step(f"cpu.{STOLEN}")
    if stretch.computed or MISSING in (*steps, stolen):
        return
    manifest = stretch.chunk.manifest
    rate = manifest.cpus * manifest.ticks_per_s
    counted, expected = sum(steps), rate * stretch.ran_ms // MS_PER_S
    slack = expected // RATE_SHARE + rate * PAUSE_MS // MS_PER_S
    texts = (f"{expected} ticks", f"{counted} ticks and {stolen} stolen")
    if counted > expected + slack:
        yield Broken("TICKS_EXCEED", "cpu", counted - expected, *texts)
    elif counted + max(0, stolen) < expected - slack:
        yield Broken("TICKS_SHORT", "cpu", expected - counted, *texts)
