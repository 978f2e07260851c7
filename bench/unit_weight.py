"""What recording units costs the agent, and whether real readings contradict themselves.

Control groups are made in this machine's own hierarchy (root is needed), each with a program that
works at times. Then this machine is read with and without units, in turns, and the processor time of
a reading is compared; resident memory is that of two processes that do nothing else. At last the
machine is read once a second while it is busy, and every invariant of the check is applied.

    python bench/unit_weight.py [--groups 60] [--readings 400] [--seconds 60]
"""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import replace
from pathlib import Path

from agent.linux.host import LinuxHost
from agent.sealing import ClockEstimate, Identity, Place, Sealer
from evidence.chunk import open_chunk, read_frame
from evidence.keys import PrivateKey
from evidence.manifest import UNIT_CPU
from evidence.stored import StoredChunk
from verifier.contradictions.watch import Contradictions

TOP = Path("/sys/fs/cgroup")
WORK = "import time,sys\nwhile True:\n end=time.process_time()+float(sys.argv[1])\n while time.process_time()<end: pass\n time.sleep(1)"
WORKERS = 10
ROUNDS = 8
SEAL_EVERY = 20
MEMORY = (
    "import sys\nfrom agent.linux.host import LinuxHost\nh=LinuxHost(interval_ms=1000,units=int(sys.argv[1]))\n"
    "for _ in range(50): h.read()\n"
    "print(next(l.split()[1] for l in open('/proc/self/status') if l.startswith('VmRSS')))"
)


@contextmanager
def group(hierarchy: Path, name: str) -> Iterator[Path]:
    """A control group for as long as it is needed."""
    folder = hierarchy / "system.slice" / name
    folder.mkdir(parents=True)
    try:
        yield folder
    finally:
        for _ in range(50):
            try:
                folder.rmdir()
                break
            except OSError:
                time.sleep(0.1)


@contextmanager
def worker(folder: Path, share: float) -> Iterator[None]:
    """A program in a control group that works this long every second and more."""
    with subprocess.Popen([sys.executable, "-c", WORK, str(share)]) as process:
        try:
            (folder / "cgroup.procs").write_text(str(process.pid), encoding="ascii")
            yield
        finally:
            process.kill()


def cost_ms(units: int, readings: int) -> float:
    """Processor time of one reading, in ms."""
    host = LinuxHost(interval_ms=1_000, units=units)
    host.read()
    start = time.process_time_ns()
    for _ in range(readings):
        host.read()
    return (time.process_time_ns() - start) / readings / 1e6


def memory_kib(units: int) -> int:
    """Resident memory of a process that reads this machine."""
    run = subprocess.run(
        [sys.executable, "-c", MEMORY, str(units)], capture_output=True, text=True, check=True
    )
    return int(run.stdout)


def contradictions(seconds: int) -> tuple[int, list[str]]:
    """Read this machine for so long; return the number of chunks and what is found in them."""
    key = PrivateKey.generate()
    sealer = Sealer(identity=Identity("bench", "here", "0"), key=key)
    host = LinuxHost(interval_ms=1_000)
    stored, place = [], Place(0, "0" * 64, 0)
    for turn in range(seconds):
        sealer.add(host.read())
        if turn % SEAL_EVERY == SEAL_EVERY - 1:
            sealer.close()
        while (frame := sealer.draft(place, ClockEstimate())) is not None:
            chunk = open_chunk(read_frame(frame), key.public)
            stored.append((StoredChunk("here", "agent", 0, place.seq, "", 0, frame), chunk))
            place = replace(place, seq=place.seq + 1, prev=chunk.hash, prev_end_ms=chunk.header.end_ms)
            sealer.sealed()
        time.sleep(1)
    watch = Contradictions("here")
    units = {
        column.device
        for _, chunk in watch.watching(iter(stored))
        for column in chunk.manifest.columns
        if column.name == UNIT_CPU
    }
    print(f"{len(stored)} chunks, units: {', '.join(sorted(units)) or 'none'}")
    return len(stored), [f"{f.code} {f.place}: {f.expected} / {f.got}" for f in watch.findings()]


def main() -> int:
    """Print the figures; the status is 1 if a real reading contradicts itself."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--groups", type=int, default=60)
    parser.add_argument("--readings", type=int, default=400)
    parser.add_argument("--seconds", type=int, default=60)
    options = parser.parse_args()
    found = [h for h in (TOP, TOP / "unified", TOP / "cpuacct", TOP / "cpu,cpuacct") if os.access(h, os.W_OK)]
    hierarchies = [h for h in found if (h / "cpu.stat").exists() or (h / "cpuacct.usage").exists()]
    if not hierarchies:
        raise SystemExit("no control group can be made here; run as root on a machine that has them")
    failed = False
    for hierarchy in hierarchies:
        with ExitStack() as stack:
            for number in range(options.groups):
                folder = stack.enter_context(group(hierarchy, f"bench-{number}.service"))
                if number < WORKERS:
                    stack.enter_context(worker(folder, 0.02 * number))
            time.sleep(2)
            costs = [(cost_ms(0, options.readings), cost_ms(8, options.readings)) for _ in range(ROUNDS)]
            without, with_units = (sorted(column)[ROUNDS // 2] for column in zip(*costs, strict=True))
            print(
                f"{hierarchy}: {options.groups} groups; a reading {without:.3f} ms without, {with_units:.3f} ms with 8 units"
            )
            print(f"resident memory {memory_kib(0)} KiB without, {memory_kib(8)} KiB with")
            _, broken = contradictions(options.seconds)
            print("\n".join(broken) or "no contradiction")
            failed = failed or bool(broken)
        (hierarchy / "system.slice").rmdir()
    return int(failed)


if __name__ == "__main__":
    raise SystemExit(main())
