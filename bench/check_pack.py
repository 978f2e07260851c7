"""What a check costs: size of a pack, time, memory of all processes, beside SHA-256 of the same file.

Run: python bench/check_pack.py [--load traces] [--seal 600] [--hosts 50] [--days 30] [--interval 60]
         [--workers N] [--keep FILE] [--alone]

The hosts are those of tests/fleet.py with 17 columns (clocks, ten states of the processors, one card, one disk).

* ``--load random``: busy share, bytes and operations change at random every interval.
* ``--load traces``: those of real machines (``STARPROOF_DATA``: tests/traces.py): the months of the Bitbrains
  machines one after another, each from another day on when they are used up. They say five-minute averages and
  volumes: every interval has its five minutes' average, off by up to a fifth at random, for a minute that was
  like the next would be cheaper to store than real ones are; an operation has 16 KB.

``--keep`` keeps the pack and takes it from there the next time. ``--alone`` measures the second verifier instead.
Processor time is that of the check and its processes. Memory is the greatest sum over them, looked at every 50 ms
(proportional set size, Linux).
"""

from __future__ import annotations

import argparse
import hashlib
import random
import resource
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator, Sequence
from fractions import Fraction
from functools import lru_cache
from itertools import count
from pathlib import Path

sys.path[:0] = [str(Path(__file__).parents[1] / "tests"), str(Path(__file__).parents[1])]

from fleet import Agent, Fleet  # noqa: E402 - the tests' modules are on the path only now
from packs import LOG_KEY, RULES, logged  # noqa: E402 - the same
from traces import Machine, machines  # noqa: E402 - the same

from evidence import chunk, manifest  # noqa: E402 - the same, in order
from verifier.pack import write_pack  # noqa: E402 - the same

ROOT = Path(__file__).resolve().parent.parent
LOOK_S = 0.05
MB = 1_000_000
BIN_S = 300
OPERATION_BYTES = 16_000
LATER_BINS = 5 * 86_400 // BIN_S
"""How much later a machine's month is begun the second time it is used."""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--load", choices=("random", "traces"), default="random")
    parser.add_argument("--hosts", type=int, default=50)
    parser.add_argument("--days", type=int, default=30)
    parser.add_argument("--interval", type=int, default=60)
    parser.add_argument("--seal", type=int, default=600)
    parser.add_argument("--workers", help="default: that of the check")
    parser.add_argument("--keep", type=Path)
    parser.add_argument("--alone", action="store_true", help="measure verifier/standalone instead")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        pack = options.keep or Path(folder) / "pack.zip"
        if not pack.exists():
            started = time.perf_counter()
            make(pack, options)
            print(f"made in {time.perf_counter() - started:.0f} s")
        key = Path(folder) / "log.pub"
        key.write_text(LOG_KEY.public.raw.hex() + "\n")
        measure(pack, key, options)


def make(path: Path, options: argparse.Namespace) -> None:
    """Write the pack of a fleet that counted for so many days of November."""
    chunk.parse_manifest = lru_cache(manifest.parse)  # one manifest, read a million times otherwise
    fleet = Fleet()
    real = machines() if options.load == "traces" else []
    for number in range(options.hosts):
        agent, chance = fleet.agent(f"host-{number + 1}", step_s=options.interval), random.Random(number)
        load = lived(real, number, chance, options.interval) if real else wandering(chance, options.interval)
        live(agent, load, options)
    archive = fleet.archive()
    with path.open("wb") as stream:
        write_pack(
            stream, archive, month="2026-11", rules=RULES, zone=None, log_key=LOG_KEY,
            made_ms=1_796_140_800_000, log=logged(archive),
        )  # fmt: skip


def wandering(chance: random.Random, interval_s: int) -> Iterator[dict[str, int]]:
    """Yield thousandths of a percent busy, and what each counter grows, of every interval."""
    rates = {"net.rx": 200_000, "net.tx": 80_000, "disk.reads": 20, "disk.writes": 60}
    busy = 25
    while True:
        busy = min(95, max(2, busy + chance.randint(-3, 3)))
        now = {name: chance.randrange(rate // 2, rate * 2) * interval_s for name, rate in rates.items()}
        yield {"busy": busy * 1_000, **now}


def lived(
    real: Sequence[Machine], number: int, chance: random.Random, interval_s: int
) -> Iterator[dict[str, int]]:
    """Yield the same of a real machine."""
    series = real[number % len(real)]
    begin = number // len(real) * LATER_BINS
    for interval in count():
        bin_ = series[(begin + interval * interval_s // BIN_S) % len(series)]
        now = {name: value * chance.randrange(800, 1_201) // 1_000 for name, value in bin_.items()}
        busy = min(now.pop("busy"), 100_000)
        units = {name: OPERATION_BYTES if name.startswith("disk.") else 1 for name in now}
        yield {"busy": busy} | {name: now[name] * interval_s // unit for name, unit in units.items()}


def live(agent: Agent, load: Iterator[dict[str, int]], options: argparse.Namespace) -> None:
    """Let an agent read every interval under a load."""
    each = options.seal // options.interval
    for number, now in zip(range(options.days * 86_400 // options.interval), load, strict=False):
        agent.run(hours=options.interval / 3_600, busy=Fraction(now.pop("busy"), 1_000), seen=False)
        for name, grown in now.items():
            agent.counted[name] += grown
        agent.read()
        if number % each == each - 1:
            agent.seal()


def measure(pack: Path, key: Path, options: argparse.Namespace) -> None:
    """Print what the check of a pack costs."""
    size = pack.stat().st_size
    started = time.perf_counter()
    with pack.open("rb") as stream:
        hashlib.file_digest(stream, "sha256")
    plain_s = time.perf_counter() - started
    program = (
        [str(ROOT / "verifier/standalone/starproof_check.py")]
        if options.alone
        else ["-m", "starproof", "check"]
    )
    command = [sys.executable, *program, str(pack), "--log-key", str(key), "--json"]
    command += ["--workers", options.workers] if options.workers else []
    started = time.perf_counter()
    process = subprocess.Popen(command, stdout=subprocess.PIPE, cwd=ROOT)
    peak = Peak(process.pid)
    out, _ = process.communicate()
    took_s = time.perf_counter() - started
    peak.stop()
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    cpu_s = used.ru_utime + used.ru_stime
    print(f"pack       {size / MB:8.1f} MB")
    print(f"processors {cpu_s:8.2f} s of processor time in all processes")
    print(f"check      {took_s:8.2f} s, exit {process.returncode}, {len(out)} bytes of JSON")
    print(f"memory     {peak.most_bytes / MB:8.0f} MB at most, all processes")
    print(f"sha256     {plain_s:8.2f} s: the check takes {took_s / plain_s:.0f} times as long")


class Peak(threading.Thread):
    """Looks at the memory of a process and its children until it is told to stop."""

    def __init__(self, pid: int) -> None:
        super().__init__(daemon=True)
        self.most_bytes = 0
        self._pid, self._over = pid, threading.Event()
        self.start()

    def run(self) -> None:
        """Look until told to stop."""
        while not self._over.wait(LOOK_S):
            self.most_bytes = max(self.most_bytes, sum(map(memory_bytes, family(self._pid))))

    def stop(self) -> None:
        """Stop looking."""
        self._over.set()
        self.join()


def family(pid: int) -> list[int]:
    """Return a process and all that it started."""
    found, todo = [], [pid]
    while todo:
        found.append(todo.pop())
        try:
            children = Path(f"/proc/{found[-1]}/task/{found[-1]}/children").read_text()
        except OSError:
            continue
        todo += map(int, children.split())
    return found


def memory_bytes(pid: int) -> int:
    """Return the proportional set size of a process, 0 if it has ended."""
    try:
        lines = Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines()
    except OSError:
        return 0
    return next((int(line.split()[1]) * 1024 for line in lines if line.startswith("Pss:")), 0)


if __name__ == "__main__":
    main()
