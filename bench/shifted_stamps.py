"""What a cloud's stamps alone can do: hourly values of real machines against themselves, 5 minutes later.

Whether a provider stamps the begin or the end of a period is not always documented. A series whose
stamps are off by one period is an honest source that differs; the tolerances of
``verifier.comparison`` must bear it. Printed for each kind of series: over the machines the median, the
ninth decile and the greatest of their median and 95th-percentile difference.

    STARPROOF_DATA=… python bench/shifted_stamps.py
"""

from __future__ import annotations

import sys
from collections import defaultdict
from collections.abc import Iterator
from fractions import Fraction
from pathlib import Path

sys.path[:0] = [str(Path(__file__).parents[1] / "tests"), str(Path(__file__).parents[1])]

import pytest  # noqa: E402 - the tests' modules are on the path only now
import traces  # noqa: E402 - the same

from verifier.comparison import LEAST_HOURS, difference  # noqa: E402 - the same, in order

HOUR_MS = 3_600_000
LEAST_POINTS = 9
"""Three quarters of an hour."""
NANO = 10**traces.SCALE
KIBI = 1_024
MONTHS = ("2013-7", "2013-8", "2013-9")
CPU_COLUMN, READ_COLUMN, WRITE_COLUMN, RX_COLUMN, TX_COLUMN = 4, 7, 8, 9, 10
"""Columns of the Bitbrains files: percent, then KB/s."""
ROW = "{:28} {:>8}   {:>8} {:>8} {:>8}   {:>8} {:>8} {:>8}"


def hourly(samples: list[traces.Sample], *, shift_ms: int, factor: int) -> dict[int, Fraction]:
    """Return the mean of every hour with enough points, its stamps moved by ``shift_ms``."""
    found: dict[int, list[int]] = defaultdict(list)
    for start, _, value in samples:
        found[(start + shift_ms) // HOUR_MS].append(value)
    return {
        hour: Fraction(sum(values) * factor, len(values) * NANO)
        for hour, values in found.items()
        if len(values) >= LEAST_POINTS
    }


def of_machine(metric: str, samples: list[traces.Sample], factor: int) -> tuple[Fraction, Fraction] | None:
    """Return median and 95th percentile of the differences, ``None`` for a machine with hardly an hour."""
    honest = hourly(samples, shift_ms=0, factor=factor)
    shifted = hourly(samples, shift_ms=traces.PERIOD_MS, factor=factor)
    both = sorted(abs(difference(metric, honest[h], shifted[h])) for h in honest.keys() & shifted.keys())
    if len(both) < LEAST_HOURS:
        return None
    return both[len(both) // 2], both[-(-len(both) * 95 // 100) - 1]


def kinds() -> Iterator[tuple[str, str, list[list[traces.Sample]], int]]:
    """Yield name, metric, series of machines and the factor to the metric's unit."""
    cpu = [*traces.nab_names("ec2_cpu"), *traces.nab_names("rds_cpu")]
    yield "CPU (NAB)", "cpu.utilization", [traces.nab(name, most=100) for name in cpu], 1
    for name, metric, column, factor in (
        ("CPU (Bitbrains)", "cpu.utilization", CPU_COLUMN, 1),
        ("received (Bitbrains)", "net.rx.rate", RX_COLUMN, KIBI),
        ("sent (Bitbrains)", "net.tx.rate", TX_COLUMN, KIBI),
        ("read bytes (Bitbrains)", "disk.reads.rate", READ_COLUMN, KIBI),
        ("written bytes (Bitbrains)", "disk.writes.rate", WRITE_COLUMN, KIBI),
    ):
        machines = [samples for month in MONTHS for _, samples in traces.bitbrains(month, column)]
        yield name, metric, machines, factor


def main() -> None:
    """Print one row for each kind of series."""
    print(ROW.format("series", "machines", "median", "9th", "worst", "p95", "9th", "worst"))
    try:
        for name, metric, machines, factor in kinds():
            found = [
                pair for samples in machines if (pair := of_machine(metric, samples, factor)) is not None
            ]
            columns: list[str] = []
            for place in (0, 1):
                ordered = sorted(pair[place] for pair in found)
                shares = (ordered[len(ordered) // 2], ordered[len(ordered) * 9 // 10], ordered[-1])
                columns.extend(f"{float(share):.2f}" for share in shares)
            print(ROW.format(name, len(found), *columns))
    except pytest.skip.Exception as absent:
        raise SystemExit(str(absent)) from None


if __name__ == "__main__":
    main()
