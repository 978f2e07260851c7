"""Completed reads of a disk against the sectors that they moved (512 bytes each, whatever the disk's own).

The kernel (Documentation/admin-guide/iostats.rst; block/blk-mq.c) adds a request's sectors as its data
arrive and one read when it is done, so of the two counters sectors are ahead by what is under way, and:

1. A completed read moved at least one sector, merged or not. More reads than sectors cannot be.
2. Sectors come with reads. More than ``LARGEST`` for each, those under way included, cannot be.

Writes are not judged. A flush without data counts as a write and moves nothing; writing zeroes, and before
Linux 4.18 discarding, counts sectors by the gigabyte that nobody moved.

Both counters are read at once, but from all processors in turn: ``RACING`` operations may fall between. An
interval in which either counter goes back is left out: of the one that wrapped nothing is known.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from evidence.columns import MISSING
from evidence.manifest import READ_SECTORS
from verifier.contradictions.interface import Broken, Stretch

LARGEST = 64 * 1024 * 1024 // 512
"""Sectors in the largest read that is believed; the kernel's own limit is 1.25 MiB (4 MiB since 6.13)
unless somebody raises it."""
RACING = 10_000
"""Operations that may complete while all processors are asked: a millisecond at ten million a second."""
UNDER_WAY = 64
"""Reads of the largest size that may have moved data and not be done."""


def reads_and_sectors(stretch: Stretch) -> Iterator[Broken]:
    """Yield ``SECTORS_SHORT`` (rule 1) or ``SECTORS_EXCEED`` (rule 2) for every disk."""
    reads = dict(stretch.columns("disk.reads"))
    for device, moved in stretch.columns(READ_SECTORS):
        done, sectors = _grown_together(reads.get(device, ()), moved)
        about = f"{READ_SECTORS} {device}"
        most = (done + UNDER_WAY) * LARGEST
        if done > sectors + RACING:
            texts = (f"at least {done} sectors for {done} reads", f"{sectors} sectors")
            yield Broken("SECTORS_SHORT", about, done - sectors, *texts)
        elif sectors > most:
            texts = (f"at most {most} sectors for {done} reads", f"{sectors} sectors")
            yield Broken("SECTORS_EXCEED", about, sectors - most, *texts)


def _grown_together(reads: Sequence[int], sectors: Sequence[int]) -> tuple[int, int]:
    """Return how much both grew over the intervals in which both are known and neither went back."""
    done = moved = 0
    for row in range(min(len(reads), len(sectors)) - 1):
        pair = (reads[row], reads[row + 1], sectors[row], sectors[row + 1])
        if MISSING not in pair and pair[0] <= pair[1] and pair[2] <= pair[3]:
            done += pair[1] - pair[0]
            moved += pair[3] - pair[2]
    return done, moved
