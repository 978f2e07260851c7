"""How often honest disks break the rules of ``verifier.contradictions.sectors``.

This machine's own disks, sampled while they are read and written in every way at hand (buffered, direct,
one sector at a time, flushes without data), and the ``rtps`` and ``bread/s`` of sysstat's recorded texts.

    python bench/sectors_against_reads.py --seconds 60 --sar FILE ...
"""

from __future__ import annotations

import argparse
import lzma
import mmap
import os
import random
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from pathlib import Path

from verifier.contradictions.sectors import LARGEST, RACING, UNDER_WAY

READS, SECTORS = 0, 2
SECTOR = 512
FILE_BYTES = 64 * 1024 * 1024
EVERY_S = 0.05


def main() -> None:
    """Print intervals and how many break a rule with its slack, and without any."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--seconds", type=int, default=60)
    parser.add_argument("--sar", type=Path, nargs="*", default=[])
    options = parser.parse_args()
    for path in options.sar:
        intervals = list(_of_sar(path))
        _say(path.name, intervals)
    live = _live(options.seconds)
    for disk, intervals in live.items():
        _say(disk, intervals)


def _say(name: str, intervals: list[tuple[float, float]]) -> None:
    """Say for pairs of reads and sectors how many there are, and break what."""
    busy = [(reads, sectors) for reads, sectors in intervals if reads or sectors]
    short = sum(reads > sectors + RACING for reads, sectors in busy)
    exceed = sum(sectors > (reads + UNDER_WAY) * LARGEST for reads, sectors in busy)
    bare_short = sum(reads > sectors for reads, sectors in busy)
    alone = sum(sectors > 0 and not reads for reads, sectors in busy)
    largest = max((sectors / reads / 2 for reads, sectors in busy if reads), default=0)
    sys.stdout.write(
        f"{name}: {len(intervals)} intervals, {len(busy)} with reads; SECTORS_SHORT {short}, SECTORS_EXCEED {exceed}; "
        f"without slack: {bare_short} with fewer sectors than reads, {alone} with sectors and no read; "
        f"largest mean {largest:.0f} KiB a read\n"
    )


def _of_sar(path: Path) -> Iterator[tuple[float, float]]:
    """Yield reads and sectors a second of the tables that have both, columns ``rtps`` and ``bread/s``."""
    data = path.read_bytes()
    text = (lzma.decompress(data) if path.suffix == ".xz" else data).decode("utf-8", "replace")
    columns: tuple[int, int] | None = None
    for line in text.splitlines():
        fields = line.split()
        if "rtps" in fields:
            columns = fields.index("rtps"), fields.index("bread/s")
        elif not fields or fields[0] == "Average:":
            columns = None
        elif columns is not None:
            yield float(fields[columns[0]]), float(fields[columns[1]])


def _live(seconds: int) -> dict[str, list[tuple[float, float]]]:
    disks = [path.parent.name for path in Path("/sys/block").glob("*/stat") if _counters(path)[READS]]
    last = {disk: _counters(Path(f"/sys/block/{disk}/stat")) for disk in disks}
    found: dict[str, list[tuple[float, float]]] = {disk: [] for disk in disks}
    stop = threading.Event()
    worker = threading.Thread(target=_work, args=(stop,))
    worker.start()
    until = time.monotonic() + seconds
    while time.monotonic() < until:
        time.sleep(EVERY_S)
        for disk in disks:
            now = _counters(Path(f"/sys/block/{disk}/stat"))
            found[disk].append((now[READS] - last[disk][READS], now[SECTORS] - last[disk][SECTORS]))
            last[disk] = now
    stop.set()
    worker.join()
    return found


def _counters(path: Path) -> list[int]:
    return [int(field) for field in path.read_text(encoding="ascii").split()]


def _work(stop: threading.Event) -> None:
    """Write, flush, and read back past the cache: large, small, and single sectors where the disk allows it."""
    chance = random.Random(20261123)
    with tempfile.NamedTemporaryFile(dir=Path.cwd()) as file:
        block = os.urandom(1024 * 1024)
        while not stop.is_set():
            file.seek(0)
            for _ in range(FILE_BYTES // len(block)):
                file.write(block)
            file.flush()
            os.fsync(file.fileno())
            for _ in range(20):
                os.fsync(file.fileno())  # nothing to write: flushes without data
            os.posix_fadvise(file.fileno(), 0, 0, os.POSIX_FADV_DONTNEED)
            for size, count in ((SECTOR, 500), (4096, 500), (len(block), 20)):
                _direct(file.name, size, count, chance, stop)
            os.posix_fadvise(file.fileno(), 0, 0, os.POSIX_FADV_DONTNEED)
            file.seek(0)
            while file.read(len(block)) and not stop.is_set():
                pass


def _direct(name: str, size: int, count: int, chance: random.Random, stop: threading.Event) -> None:
    """Read pieces of a file past the cache; a disk whose own sectors are larger refuses small ones."""
    handle = os.open(name, os.O_RDONLY | os.O_DIRECT)
    try:
        with mmap.mmap(-1, max(size, mmap.PAGESIZE)) as room:
            for _ in range(count):
                if stop.is_set():
                    return
                os.preadv(handle, [memoryview(room)[:size]], chance.randrange(FILE_BYTES // size) * size)
    except OSError:
        return
    finally:
        os.close(handle)


if __name__ == "__main__":
    main()
