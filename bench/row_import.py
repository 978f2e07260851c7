"""Import of a CSV of a million rows (10 million with ``--full``), beside peers that import the same rows.

Rows are host,timestamp,metric,value of 5-minute averages. Ours: ``starproof import csv`` into a new store, everything
checked, sealed, signed, logged and durable when it ends. VictoriaMetrics: ``/api/v1/import/csv`` of the same lines.
Prometheus: ``promtool tsdb create-blocks-from openmetrics`` of the same values. Processor time of the whole process.
"""

from __future__ import annotations

import json
import resource
import subprocess
import sys
import time
import urllib.request
from argparse import Namespace
from collections.abc import Iterator
from pathlib import Path

import load
import measuring
import numpy as np
import peers
from results_table import Row
from row_ingest import store_bytes

ROWS, ROWS_FULL = 1_000_000, 10_000_000
METRICS = ("cpu.utilization", "net.rx", "net.tx", "disk.reads", "disk.writes")
STEP_S = 300
A_MONTH = 30 * 86_400 // STEP_S
LINES_A_REQUEST = 100_000
FORMAT = "1:label:host,2:time:unix_s,3:label:metric,4:metric:value"


def measure(options: Namespace) -> list[Row]:
    """Return the lines."""
    rows = ROWS_FULL if options.full else ROWS
    with measuring.temporary() as folder:
        path = folder / "rows.csv"
        written = _write(path, rows)
        before = _children()
        run = subprocess.run(
            [sys.executable, "-m", "starproof", "import", "csv", str(path), "--db", f"sqlite:///{folder / 'starproof.db'}",
             "--enterprise", load.ENTERPRISE, "--period", str(STEP_S), "--json"], capture_output=True, text=True, check=False,
        )  # fmt: skip
        if run.returncode:
            raise SystemExit(run.stderr)
        ours, memory = (
            _children() - before,
            resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss * 1024 / 1e6,
        )
        size = store_bytes(folder / "starproof.db")
        others = {
            "VictoriaMetrics": _victoria(folder, path),
            "Prometheus (promtool)": _promtool(folder, path),
        }
        read_s = measuring.processor_median_s(path.read_bytes, 3)
    return [
        Row("import", f"CSV of {written / 1e6:.0f} million rows", ours, "s", name, seconds,
            limit=f"reading the file {read_s:.2f} s",
            note=f"{written / ours:,.0f} rows/s; {memory:.0f} MB at most; {size / written:.2f} bytes a row at rest"
            if seconds else f"{name} is not installed")
        for name, seconds in others.items()
    ]  # fmt: skip


def _write(path: Path, rows: int) -> int:
    """Write the file: host by host, metric by metric, a month of five minutes each."""
    done, host = 0, 0
    with path.open("w", encoding="ascii") as file:
        file.write("host,timestamp,metric,value\n")
        while done < rows:
            for metric in METRICS:
                count = min(A_MONTH, rows - done)
                if not count:
                    break
                file.write("".join(_lines(f"host-{host:05}", metric, count)))
                done += count
            host += 1
    return done


def _lines(host: str, metric: str, count: int) -> Iterator[str]:
    most = 100 if metric == "cpu.utilization" else 5_000
    values = np.random.default_rng(count + len(host)).integers(0, most * 10, count).tolist()
    begin = load.START_MS // 1_000 - 60 * 86_400
    for at, value in enumerate(values):
        yield f"{host},{begin + at * STEP_S},{metric},{value // 10}.{value % 10}\n"


def _victoria(folder: Path, path: Path) -> float | None:
    with peers.victoria_metrics(folder) as peer:
        if peer is None:
            return None
        before = measuring.processor_s(peer.process.pid)
        lines = path.read_bytes().split(b"\n")[1:]
        for at in range(0, len(lines), LINES_A_REQUEST):
            peers.post(
                f"{peer.url}/api/v1/import/csv?format={FORMAT}", b"\n".join(lines[at : at + LINES_A_REQUEST])
            )
        with urllib.request.urlopen(f"{peer.url}/internal/force_flush", timeout=120) as answer:
            answer.read()
        time.sleep(2)
        with urllib.request.urlopen(f"{peer.url}/api/v1/query?query=1", timeout=60) as answer:
            json.loads(answer.read())
        return measuring.processor_s(peer.process.pid) - before


def _promtool(folder: Path, path: Path) -> float | None:
    promtool = measuring.program("promtool")
    if promtool is None:
        return None
    text = folder / "rows.om"
    with path.open(encoding="ascii") as file, text.open("w", encoding="ascii") as out:
        next(file)
        for line in file:
            host, at, metric, value = line.rstrip().split(",")
            out.write(f'{metric.replace(".", "_")}{{host="{host}"}} {value} {at}\n')
        out.write("# EOF\n")
    before = _children()
    subprocess.run(
        [promtool, "tsdb", "create-blocks-from", "openmetrics", str(text), str(folder / "blocks")],
        check=True, stdout=subprocess.DEVNULL,
    )  # fmt: skip
    return _children() - before


def _children() -> float:
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


if __name__ == "__main__":
    raise SystemExit(measuring.row(measure, __doc__))
