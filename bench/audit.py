"""An audit of a month from raw chunks: processor time and values a second, by who audits.

Run: python bench/audit.py [--hosts 20] [--days 30] [--rounds 3] [--before TREE]
The store is simulated (bench/simulated_store.py): a reading a minute, a chunk an hour, 17 columns. Every row is the
command `starproof audit --json` as a process of its own, start included, medians of the rounds; the rows of a
round are run one after another, so what else the machine does falls on all. Processor time is what the processes
used (all of them: workers, and the scheduler of the cluster while it was asked). The database server's own is not in
it. All reports must be the same bytes. --before names a checkout of an older commit, audited with its own code.
The last lines are what the processor allows: SHA-256, Ed25519 and inflating of as much, alone.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
import zlib
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
sys.path[:0] = [str(ROOT / "tests"), str(ROOT)]

import psutil  # noqa: E402 - the path is set above
from simulated_store import fill  # noqa: E402 - the same
from stores import postgres  # noqa: E402 - the same

from collector.store import schema  # noqa: E402 - the same
from collector.store.engine import open_engine_for_reading  # noqa: E402 - the same
from evidence.chunk import parse_header, read_frame  # noqa: E402 - the same
from evidence.dsse import CHUNK_TYPE  # noqa: E402 - the same
from evidence.keys import PrivateKey  # noqa: E402 - the same

START_S = 60


@dataclass
class Row:
    """A way to audit, and what each round of it took."""

    name: str
    command: list[str]
    tree: Path = ROOT
    others: list[psutil.Process] = field(default_factory=list)
    wall_s: list[float] = field(default_factory=list)
    cpu_s: list[float] = field(default_factory=list)

    def run(self) -> dict[str, object]:
        """Audit once and return the report."""
        before, began = used(self.others), time.monotonic()
        process = subprocess.Popen(
            [sys.executable, "-m", "starproof", "audit", "--json", *self.command],
            stdout=subprocess.PIPE, cwd=self.tree, env=environment(self.tree),
        )  # fmt: skip
        assert process.stdout is not None
        said = process.stdout.read()
        _, status, usage = os.wait4(process.pid, 0)
        process.returncode = os.waitstatus_to_exitcode(status)
        assert process.returncode == 0, f"{self.name} ended with {process.returncode}"
        self.wall_s.append(time.monotonic() - began)
        self.cpu_s.append(usage.ru_utime + usage.ru_stime + used(self.others) - before)
        found: dict[str, object] = json.loads(said)
        return found


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--hosts", type=int, default=20)
    parser.add_argument("--days", type=int, default=30)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--before", type=Path, metavar="TREE")
    options = parser.parse_args()
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="starproof-audit-")))
        file = f"sqlite:///{folder / 'starproof.db'}"
        values = fill(file, hosts=options.hosts, days=options.days)
        print(f"{options.hosts} hosts, {options.days} days, {values:,} values")
        rows = [Row("this, 1 process, SQLite", ["--db", file, "--workers", "1"])]
        if options.before:
            rows.insert(0, Row("before, 1 process, SQLite", ["--db", file], options.before.resolve()))
        rows.append(Row("  every signature", ["--db", file, "--workers", "1", "--every-signature"]))
        rows.append(Row("  2 processes", ["--db", file, "--workers", "2"]))
        url = stack.enter_context(stack.enter_context(postgres()).database())
        fill(url, hosts=options.hosts, days=options.days)
        rows.append(Row("this, 1 process, PostgreSQL", ["--db", url, "--workers", "1"]))
        rows.append(Row("  2 processes", ["--db", url, "--workers", "2"]))
        address, others = stack.enter_context(dask(folder, url))
        rows.append(Row("  Dask, 2 workers", ["--db", url, "--cluster", address], others=others))
        reports = []
        for _ in range(options.rounds):
            for row in rows:
                reports.append(row.run())
                print(f"# {row.name.strip()}: {row.cpu_s[-1]:.2f} s", file=sys.stderr, flush=True)
        assert all(report == reports[0] for report in reports), "reports differ"
        table(rows, values)
        bounds(file)


def table(rows: list[Row], values: int) -> None:
    print(f"{'':<28} {'wall s':>7} {'CPU s':>7} {'values/CPU s':>13} {'of the first':>12}")
    first = statistics.median(rows[0].cpu_s)
    for row in rows:
        wall, cpu = statistics.median(row.wall_s), statistics.median(row.cpu_s)
        print(f"{row.name:<28} {wall:>7.2f} {cpu:>7.2f} {values / cpu:>13,.0f} {first / cpu:>11.1f}x")


def bounds(url: str) -> None:
    """Print what the steps that nobody can leave out take alone, for the frames of the store."""
    store = open_engine_for_reading(url)
    with store.reading() as connection:
        frames = [
            read_frame(data) for data in connection.execute(schema.chunk_frame.select()).scalars("frame")
        ]
    store.close()
    headers = [parse_header(frame.header) for frame in frames]
    raw = [
        frame.columns_of(header.rows, header.columns) for frame, header in zip(frames, headers, strict=True)
    ]
    key = PrivateKey.from_seed(bytes(32))
    signature = key.sign(CHUNK_TYPE, frames[0].header)
    days = len({(header.host, header.start_ms // 86_400_000) for header in headers})
    steps = {
        "inflate": lambda: [zlib.decompress(frame.packed) for frame in frames],
        "SHA-256 of the columns": lambda: [hashlib.sha256(data) for data in raw],
        "SHA-256 of the headers": lambda: [frame.hash for frame in frames],
        f"Ed25519, {days} a host and day": lambda: [
            key.public.verify(CHUNK_TYPE, frames[0].header, signature) for _ in range(days)
        ],
        f"Ed25519, {len(frames)} every one": lambda: [
            key.public.verify(CHUNK_TYPE, frames[0].header, signature) for _ in frames
        ],
    }
    print("alone, CPU s: " + "; ".join(f"{name} {cpu_of(step):.2f}" for name, step in steps.items()))


def cpu_of(step: Callable[[], object]) -> float:
    began = time.process_time()
    step()
    return time.process_time() - began


def used(processes: list[psutil.Process]) -> float:
    return sum(sum(process.cpu_times()[:2]) for process in processes)


def environment(tree: Path) -> dict[str, str]:
    places = [str(tree), *filter(None, os.environ.get("PYTHONPATH", "").split(os.pathsep))]
    return {**os.environ, "PYTHONPATH": os.pathsep.join(places)}


@contextmanager
def dask(folder: Path, url: str) -> Iterator[tuple[str, list[psutil.Process]]]:
    """Give the address of a scheduler with two workers that know the store, and their processes."""
    told = folder / "scheduler.json"
    started: list[subprocess.Popen[bytes]] = []

    def begin(module: str, *arguments: str) -> None:
        with (folder / f"{len(started)}.log").open("wb") as log:
            started.append(
                subprocess.Popen(
                    [sys.executable, "-m", module, "--no-dashboard", "--host", "127.0.0.1", *arguments],
                    stdout=log, stderr=log, cwd=folder, env={**environment(ROOT), "STARPROOF_DB": url},
                )
            )  # fmt: skip

    try:
        begin("distributed.cli.dask_scheduler", "--port", "0", "--no-show", "--scheduler-file", str(told))
        while not (told.exists() and told.read_text().endswith("}")):
            time.sleep(0.1)
        address = json.loads(told.read_text())["address"]
        for name in ("first", "second"):
            begin(
                "distributed.cli.dask_worker", address, "--nthreads", "1", "--no-nanny", "--name", name,
                "--local-directory", str(folder / name),
            )  # fmt: skip
        from distributed import Client  # noqa: PLC0415 - an extra; the rows without it need it not

        with Client(address, set_as_default=False) as client:
            client.wait_for_workers(2, timeout=START_S)
        yield address, [psutil.Process(process.pid) for process in started]
    finally:
        for process in reversed(started):
            process.terminate()
            process.wait()


if __name__ == "__main__":
    main()
