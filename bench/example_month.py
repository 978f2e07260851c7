"""Make the example month in config/examples/month from real traces; the same input gives the same bytes.

    python bench/example_month.py TRACES LOG [--out config/examples/month]

TRACES is a folder with the series of the Numenta Anomaly Benchmark that are named below (CloudWatch
series of real machines, MIT licence): files ``<series>.csv`` with the columns timestamp and value,
one row each 300 s. LOG is a real access log, see ``example_accounts``. What is done to them, so that fourteen days become a month of an enterprise:

1. A series' first 14 days are repeated, whole weeks apart, until October 2026 is full: weekdays and
   times of day stay, and so do its gaps. A longer series is taken as it is, also whole weeks later.
   A machine that shares a series with another takes it a week later.
2. Its naive times are read as local times.
3. CPU stays in percent, at one decimal, each 300 s.
4. Traffic and disk operations are averages of whole hours, an hour with a gap is left out. Their
   shape is real, their size is not: factors below turn the small machines of the benchmark into those
   of an enterprise, requests into sent bytes and disk reads, written bytes into disk writes. No line
   carries more than was bought.

The enterprise, its documents and its figures are fictional.
"""

from __future__ import annotations

import argparse
import csv
import hashlib
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import ROUND_HALF_EVEN, Decimal
from pathlib import Path

from example_accounts import accounts_text
from example_ledger import ledger_text
from example_texts import DOCUMENTS, document_bytes, profile_text, scope_text

FIRST, AFTER = datetime(2026, 10, 1), datetime(2026, 11, 1)  # noqa: DTZ001 - local times, as the traces are
WEEK = timedelta(days=7)
TWO_WEEKS = 2 * WEEK
STEP_S, HOUR_S = 300, 3600
SAMPLES_AN_HOUR = HOUR_S // STEP_S
BITS = 8
MEGABIT = 1_000_000
FOLDER = Path(__file__).resolve().parent.parent / "config" / "examples" / "month"
LICENCE = "LICENSE.txt"

Series = dict[datetime, Decimal]


@dataclass(frozen=True)
class Trace:
    """A series, what its values are multiplied with, and how many weeks later it is taken."""

    series: str
    factor: str = "1"
    weeks_later: int = 0


@dataclass(frozen=True)
class Host:
    """One machine: purchased bandwidth in Mbit/s, most disk operations a second, and its traces."""

    id: str
    mbps: int
    iops: int
    cpu: Trace
    rx: Trace
    tx: Trace
    reads: Trace
    writes: Trace


NET_A, NET_B = "ec2_network_in_257a54", "ec2_network_in_5abac7"
REQUESTS = "elb_request_count_8c0756"
DISK_A, DISK_B = "ec2_disk_write_bytes_c0d644", "ec2_disk_write_bytes_1ef3de"
BLOCK = "0.000061"
"""One operation for each 16 KiB written."""

HOSTS = (
    Host(
        "web-1", 20, 3000, Trace("ec2_cpu_utilization_77c1ca"), Trace(NET_A, "190"),
        Trace(REQUESTS, "7500000"), Trace(REQUESTS, "10"), Trace(DISK_A, BLOCK),
    ),
    Host(
        "web-2", 20, 3000, Trace("ec2_cpu_utilization_fe7f93"), Trace(NET_A, "190", 1),
        Trace(REQUESTS, "7500000", 1), Trace(REQUESTS, "10", 1), Trace(DISK_B, BLOCK),
    ),
    Host(
        "erp-1", 10, 3000, Trace("ec2_cpu_utilization_5f5533"), Trace(NET_A, "560"),
        Trace(REQUESTS, "2000000"), Trace(REQUESTS, "40"), Trace(DISK_A, BLOCK, 1),
    ),
    Host(
        "mes-1", 10, 3000, Trace("rds_cpu_utilization_e47b3b"), Trace(NET_A, "600", 1),
        Trace(NET_B, "300"), Trace(REQUESTS, "20", 1), Trace(DISK_B, BLOCK, 1),
    ),
    Host(
        "plm-1", 5, 3000, Trace("cpu_utilization_asg_misconfiguration"), Trace(NET_A, "260"),
        Trace(NET_B, "100", 1), Trace(REQUESTS, "5"), Trace(DISK_B, BLOCK),
    ),
    Host(
        "db-1", 5, 5000, Trace("rds_cpu_utilization_cc0c53"), Trace(NET_A, "270", 1),
        Trace(NET_B, "100"), Trace(REQUESTS, "60"), Trace(DISK_A, BLOCK),
    ),
)  # fmt: skip
RATES = ("net.rx", "net.tx", "disk.reads", "disk.writes")


def main() -> None:
    parser = argparse.ArgumentParser(description="Make the example month from real traces.")
    parser.add_argument("traces", type=Path, help="folder with the series")
    parser.add_argument("log", type=Path, help="the access log, packed with xz")
    parser.add_argument("--out", type=Path, default=FOLDER, help="where to write (default: %(default)s)")
    options = parser.parse_args()
    for name, data in sorted(files(options.traces, options.log).items()):
        path = options.out / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(data)
        print(f"{len(data):>9} {name}")


def files(traces: Path, log: Path) -> dict[str, bytes]:
    """Return every file of the example that is made, by its name."""
    made = {
        "cpu.csv": _csv(_cpu_rows(traces)),
        "traffic.csv": _csv(_rate_rows(traces, RATES[:2])),
        "disks.csv": _csv(_rate_rows(traces, RATES[2:])),
        "scope.toml": scope_text([(host.id, host.mbps, host.iops) for host in HOSTS]).encode(),
        "ledger.csv": ledger_text().encode(),
        "accounts.csv": accounts_text(log).encode(),
        "LICENSE.traces.txt": (traces / LICENCE).read_bytes(),
    }
    documents = {f"documents/{document.file}": document_bytes(document) for document in DOCUMENTS}
    hashes = {name: hashlib.sha256(data).hexdigest() for name, data in documents.items()}
    return {**made, **documents, "profile.toml": profile_text(hashes).encode()}


def _csv(rows: Iterable[tuple[str, datetime, str, str]]) -> bytes:
    lines = ["host,timestamp,metric,value"]
    lines += [f"{host},{instant:%Y-%m-%dT%H:%M},{metric},{value}" for host, instant, metric, value in rows]
    return ("\n".join(lines) + "\n").encode("ascii")


def _cpu_rows(traces: Path) -> Iterator[tuple[str, datetime, str, str]]:
    for host in HOSTS:
        for instant, value in _month(traces, host.cpu).items():
            yield host.id, instant, "cpu.utilization", _text(value, "0.1")


def _rate_rows(traces: Path, metrics: tuple[str, ...]) -> Iterator[tuple[str, datetime, str, str]]:
    for host in HOSTS:
        most = {"net": Decimal(host.mbps * MEGABIT) / BITS, "disk": Decimal(host.iops)}
        for metric in metrics:
            kind, name = metric.split(".")
            hours = _hours(_month(traces, getattr(host, name)), most[kind])
            for instant, value in hours.items():
                yield host.id, instant, metric, _text(value, "1" if kind == "net" else "0.1")


def _hours(series: Series, most: Decimal) -> Series:
    """Return the mean per second of every whole hour; what is above ``most`` is cut first."""
    hours: dict[datetime, list[Decimal]] = {}
    for instant, value in series.items():
        hours.setdefault(instant.replace(minute=0), []).append(min(value / STEP_S, most))
    return {
        hour: sum(values, Decimal(0)) / SAMPLES_AN_HOUR
        for hour, values in hours.items()
        if len(values) == SAMPLES_AN_HOUR
    }


def _month(traces: Path, trace: Trace) -> Series:
    """Return October 2026 of a trace, in order."""
    series = _read(traces / f"{trace.series}.csv")
    first = min(series)
    long = max(series) - first >= AFTER - FIRST
    period = _whole_weeks(max(series) - first) if long else TWO_WEEKS
    kept = {instant: value for instant, value in series.items() if instant - first < period}
    factor = Decimal(trace.factor)
    shift = _weeks(FIRST - first) + WEEK * trace.weeks_later
    found = {}
    for turn in range(-3, 4):
        for instant, value in kept.items():
            moved = instant + shift + turn * period
            if FIRST <= moved < AFTER:
                found[moved] = value * factor
    return dict(sorted(found.items()))


def _whole_weeks(length: timedelta) -> timedelta:
    """Return the whole weeks in ``length``."""
    return length // WEEK * WEEK


def _weeks(distance: timedelta) -> timedelta:
    return round(distance / WEEK) * WEEK


def _read(path: Path) -> Series:
    """Return a series; of several values at one instant the lowest."""
    found: Series = {}
    with path.open(encoding="utf-8", newline="") as file:
        for row in csv.DictReader(file):
            instant, value = datetime.fromisoformat(row["timestamp"]), Decimal(row["value"])
            found[instant] = min(value, found.get(instant, value))
    return found


def _text(value: Decimal, step: str) -> str:
    rounded = value.quantize(Decimal(step), rounding=ROUND_HALF_EVEN)
    text = f"{rounded:f}"
    return text.rstrip("0").rstrip(".") if "." in text else text


if __name__ == "__main__":
    main()
