"""How often the questions are asked of machines nobody tampered with: measured on real traces.

Units: a month (or what there is of it) of one machine and metric; a week; a day of PlanetLab; a
start of a window drawn at random (seed fixed); an ordered pair of machines of one month. The
thresholds are those of ``verifier.questions``: nothing is tuned here.

    python bench/flag_rates.py [--data ../shared/data] [--json]
"""

from __future__ import annotations

import argparse
import csv
import io
import json
import random
import tarfile
from collections.abc import Iterator
from datetime import UTC, datetime
from decimal import Decimal
from fractions import Fraction
from pathlib import Path

from verifier.questions.bins import BIN_MS, CPU, NANO, READS, RX, TX, WRITES, Bins
from verifier.questions.patterns import BUSY, constant_stretches, repeated_hours, steady, step_at_start, weeks
from verifier.questions.traffic import hourly, pairs

SEED = 20261123
STARTS = 20
"""Starts of a window drawn from each machine's months."""
DAY_BINS = 288
MONTH_BINS = 31 * DAY_BINS
DAY_SEEN = 216
AWS_IO = {"ec2_disk_write_bytes": WRITES, "ec2_network_in": RX}
Count = dict[str, list[int]]


def aws(data: Path, beginning: str, per_second: int) -> Iterator[Bins]:
    """CloudWatch series in months; values of a period become values a second."""
    for path in sorted((data / "nab").glob(f"*{beginning}*.csv")):
        bins: Bins = {}
        for row in csv.DictReader(io.StringIO(path.read_text(encoding="utf-8"))):
            at = datetime.fromisoformat(row["timestamp"]).replace(tzinfo=UTC).timestamp()
            value = int(Decimal(row["value"]).scaleb(9) / per_second)
            bins.setdefault(round(at) * 1000 // BIN_MS, value)
        first = min(bins)
        months: dict[int, Bins] = {}
        for number, value in bins.items():
            months.setdefault((number - first) // MONTH_BINS, {})[number] = value
        yield from months.values()


def bitbrains(data: Path) -> Iterator[tuple[str, dict[str, Bins]]]:
    """Yield month and metrics of every machine of business VMs."""
    columns = {CPU: (4, 1), READS: (7, 1000), WRITES: (8, 1000), RX: (9, 1000), TX: (10, 1000)}
    with tarfile.open(data / "bitbrains-sample.tar.xz") as archive:
        for member in archive:
            content = archive.extractfile(member) if member.name.endswith(".csv") else None
            if content is None:
                continue
            found: dict[str, Bins] = {metric: {} for metric in columns}
            for line in content.read().decode("ascii").splitlines()[1:]:
                row = line.split(";\t")
                if Decimal(row[1]) > 0:
                    for metric, (column, factor) in columns.items():
                        value = int(Decimal(row[column]).scaleb(9)) * factor
                        found[metric].setdefault(int(row[0]) * 1000 // BIN_MS, value)
            if found[CPU]:
                yield member.name.split("/")[1], found


def planetlab(data: Path) -> Iterator[Bins]:
    """Yield the day of every machine."""
    with tarfile.open(data / "planetlab-20110303.tar.xz") as archive:
        for member in archive:
            content = archive.extractfile(member) if member.isfile() else None
            if content is not None:
                yield {n: int(line) * NANO for n, line in enumerate(content.read().split())}


def days(bins: Bins, first: int) -> list[Fraction | None]:
    """Mean percent of five days from bin ``first`` on."""
    found: list[Fraction | None] = []
    for day in range(5):
        values = [bins[n] for n in range(first + day * DAY_BINS, first + (day + 1) * DAY_BINS) if n in bins]
        found.append(Fraction(sum(values), len(values) * NANO) if len(values) >= DAY_SEEN else None)
    return found


def of_cpu(count: Count, bins: Bins, draw: random.Random | None) -> None:
    """Ask everything about the processor of one machine."""
    tally(count, "busy-hour-repeated/1", repeated_hours(bins, busy=BUSY[CPU]))
    tally(count, "constant/1", constant_stretches(bins, busy=BUSY[CPU]))
    for _, values in weeks(bins):
        tally(count, "low-variation/1", steady(values))
    if draw is not None:
        last = max(bins) - 5 * DAY_BINS
        for _ in range(STARTS if last > min(bins) else 0):
            first = draw.randrange(min(bins), last)
            tally(count, "step-at-start/1", step_at_start(days(bins, first)))


def tally(count: Count, definition: str, found: object) -> None:
    """Count one unit: asked, of."""
    mine = count.setdefault(definition, [0, 0])
    mine[0] += bool(found)
    mine[1] += 1


def rates(data: Path) -> dict[str, Count]:
    """Return [asked, of] by data set and definition."""
    draw = random.Random(SEED)
    found: dict[str, Count] = {"aws": {}, "aws-io": {}, "bitbrains": {}, "planetlab": {}}
    for series in aws(data, "cpu_utilization", 1):
        of_cpu(found["aws"], series, draw)
    for beginning, metric in AWS_IO.items():
        for series in aws(data, beginning, 300):
            tally(found["aws-io"], "busy-hour-repeated/1", repeated_hours(series, busy=BUSY[metric]))
    months: dict[str, dict[str, dict[str, Bins]]] = {}
    for number, (month, metrics) in enumerate(bitbrains(data)):
        of_cpu(found["bitbrains"], metrics[CPU], draw)
        for metric in (READS, WRITES, RX, TX):
            tally(
                found["bitbrains"], "busy-hour-repeated/1", repeated_hours(metrics[metric], busy=BUSY[metric])
            )
        months.setdefault(month, {})[str(number)] = metrics
    for machines in months.values():
        sent = {name: hourly(metrics[TX]) for name, metrics in machines.items()}
        received = {name: hourly(metrics[RX]) for name, metrics in machines.items()}
        mine = found["bitbrains"].setdefault("traffic-between-hosts/1", [0, 0])
        mine[0] += len(list(pairs(sent, received)))
        mine[1] += len(machines) * (len(machines) - 1)
    for series in planetlab(data):
        tally(found["planetlab"], "busy-hour-repeated/1", repeated_hours(series, busy=BUSY[CPU]))
        tally(found["planetlab"], "constant/1", constant_stretches(series, busy=BUSY[CPU]))
    return found


def main() -> int:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    beside = Path(__file__).resolve().parents[2] / "shared" / "data"
    parser.add_argument("--data", type=Path, default=beside)
    parser.add_argument("--json", action="store_true")
    options = parser.parse_args()
    found = rates(options.data)
    if options.json:
        print(json.dumps(found, indent=2))
        return 0
    print(f"{'definition':<26}{'data':<12}{'asked':>7}{'of':>7}{'%':>8}")
    for name in sorted({name for counts in found.values() for name in counts}):
        for data, counts in found.items():
            if name in counts:
                asked, of = counts[name]
                print(f"{name:<26}{data:<12}{asked:>7}{of:>7}{100 * asked / of:>8.2f}")
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
