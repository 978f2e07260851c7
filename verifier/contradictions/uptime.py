"""Uptime against boot: the clock since boot within one boot, and one boot after another.

1. Under one boot id the clock since boot only goes on, from chunk to chunk as within a chunk.
2. A boot cannot have begun before the boot before it ended. The instant of boot is wall clock less
   uptime, so this holds as far as the wall clock was right: where both chunks say that the clock was
   synchronized it is a contradiction, else worth knowing. ``BOOT_TOLERANCE_MS`` is what the
   collector allows hosts' clocks to be off.
"""

from __future__ import annotations

from collections.abc import Iterator

from evidence.chunk import Chunk
from verifier.contradictions.interface import Broken

BOOT_TOLERANCE_MS = 600_000
SYNCHRONIZED = "synchronized"


def uptime(before: Chunk, chunk: Chunk) -> Iterator[Broken]:
    """Yield ``UPTIME_BACK``, ``BOOTS_OVERLAP`` or ``BOOTS_OVERLAP_CLOCK``.

    Args:
        before: the chunk of the same host before ``chunk`` that was in hand.
        chunk: the next one.
    """
    if before.header.boot == chunk.header.boot:
        ended, begins = before.values[1][-1], chunk.values[1][0]
        if begins < ended:
            about = f"boot {chunk.header.boot}"
            yield Broken(
                "UPTIME_BACK", about, ended - begins, f"at least {ended} ms since boot", f"{begins} ms"
            )
        return
    booted = chunk.values[0][-1] - chunk.values[1][-1]
    overlap = before.header.end_ms - booted
    if overlap > BOOT_TOLERANCE_MS:
        both = before.header.clock_state == chunk.header.clock_state == SYNCHRONIZED
        yield Broken(
            "BOOTS_OVERLAP" if both else "BOOTS_OVERLAP_CLOCK",
            f"boot {chunk.header.boot}",
            overlap,
            f"booted after {before.header.end_ms} ms",
            f"booted at {booted} ms",
        )
