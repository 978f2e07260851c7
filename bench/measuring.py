"""Measuring: processor time and memory of processes, programs that are started and stopped by their number."""

from __future__ import annotations

import os
import shutil
import signal
import socket
import ssl
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.request
from argparse import ArgumentParser, Namespace
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from statistics import median

import numpy as np
from results_table import Row, as_json, number

TICK_S = 1 / os.sysconf("SC_CLK_TCK")
WAIT_S = 30
NOBODY = ssl.create_default_context()
NOBODY.check_hostname, NOBODY.verify_mode = False, ssl.CERT_NONE


def row(measure: Callable[[Namespace], Sequence[Row]], about: str | None) -> int:
    """Run a row as a program: print its lines as JSON."""
    parser = ArgumentParser(description=(about or "").partition("\n")[0])
    parser.add_argument("--full", action="store_true")
    print(as_json(measure(parser.parse_args())))
    return 0


def processor_s(pid: int) -> float:
    """Return the processor time of a process with all its threads, user and system, in seconds."""
    fields = (
        Path(f"/proc/{pid}/stat").read_text(encoding="ascii", errors="replace").rpartition(")")[2].split()
    )
    return (int(fields[11]) + int(fields[12])) * TICK_S


def resident_mb(pid: int, which: str = "VmRSS") -> float:
    """Return resident memory of a process in MB; ``VmHWM`` for the most it ever had."""
    lines = Path(f"/proc/{pid}/status").read_text(encoding="ascii", errors="replace").splitlines()
    return next(int(line.split()[1]) * 1024 / 1e6 for line in lines if line.startswith(which))


def folder_bytes(folder: Path) -> int:
    """Return the bytes that the files of a folder have, as they are long."""
    return sum(file.stat().st_size for file in folder.rglob("*") if file.is_file())


def free_port() -> int:
    """Return a port of loopback that nobody listens on."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@contextmanager
def temporary() -> Iterator[Path]:
    """Give a folder that goes away."""
    with tempfile.TemporaryDirectory(prefix="starproof-bench-") as folder:
        yield Path(folder)


@contextmanager
def running(command: Sequence[str], log: Path, **environment: str) -> Iterator[subprocess.Popen[bytes]]:
    """Give a program while it runs; it is told to end, and after a while made to."""
    with log.open("ab") as out:
        process = subprocess.Popen(command, stdout=out, stderr=out, env={**os.environ, **environment})
        try:
            yield process
        finally:
            process.send_signal(signal.SIGTERM)
            try:
                process.wait(WAIT_S)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()


def answering(url: str, process: subprocess.Popen[bytes], log: Path) -> None:
    """Wait until a URL answers.

    Raises:
        SystemExit: it does not, or the program has ended.
    """
    for _ in range(WAIT_S * 10):
        if process.poll() is not None:
            break
        try:
            with urllib.request.urlopen(url, timeout=2, context=NOBODY):
                return
        except urllib.error.HTTPError:
            return
        except OSError:
            time.sleep(0.1)
    sys.exit(f"{url} does not answer: {log.read_text(errors='replace')[-2000:]}")


def program(*names: str) -> str | None:
    """Return where the first of these programs is that is installed."""
    return next((found for name in names if (found := shutil.which(name) or _beside(name))), None)


def _beside(name: str) -> str | None:
    place = Path("/usr/sbin") / name
    return str(place) if place.exists() else None


def processor_median_s(work: Callable[[], object], times: int) -> float:
    """Return the median processor time of some runs in this process, in seconds."""
    taken = []
    for _ in range(times):
        begun = time.process_time()
        work()
        taken.append(time.process_time() - begun)
    return median(taken)


def grown(row: str, what: str, unit: str, by_size: dict[int, float], *, next_size: int) -> Row:
    """Return the line that says how something grows: the exponent fitted to its sizes, and what follows for one more."""
    sizes, values = np.log(list(by_size)), np.log(list(by_size.values()))
    exponent, begin = np.polyfit(sizes, values, 1)
    expected = float(np.exp(begin + exponent * np.log(next_size)))
    seen = ", ".join(f"{size:,} hosts {number(value)}" for size, value in by_size.items())
    return Row(
        row, f"{what} x hosts^", float(exponent), "exponent",
        note=f"{seen} {unit}; by the fit {next_size:,} hosts {number(expected)} {unit}",
    )  # fmt: skip
