"""The risk of ``extreme_hour/1`` on real machines: wrong verdicts under gaps whose truth is known.

Into months of real traces (tests/gaps.py) gaps of 0.5 to 10 percent are cut. Thresholds lie just
above the full-data figure (any PASS is wrong) and at or just below it (any FAIL is wrong), at four
distances; the share printed is that of the worst distance. ``decided`` is how many of the verdicts that
the hard bounds leave open the rule decides, at thresholds from 80 to 125 percent of the truth.

    STARPROOF_DATA=… python bench/substitution_risk.py [--patterns 60]
"""

from __future__ import annotations

import argparse
import sys
import time
from pathlib import Path

sys.path[:0] = [str(Path(__file__).parents[1] / "tests"), str(Path(__file__).parents[1])]

import gaps  # noqa: E402 - the tests' modules are on the path only now
import pytest  # noqa: E402 - the same, in order
import risk  # noqa: E402 - the same

ROW = "{:10} {:12} {:>8} {:>8} {:>11} {:>11} {:>9} {:>9} {:>9}  {}"
FIGURES = (
    ("cpu", gaps.cpu_months),
    ("bandwidth", gaps.bandwidth_months),
    ("disk", gaps.disk_months),
)


def percent(share: object) -> str:
    return f"{100 * float(share):.2f}%"  # type: ignore[arg-type]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--patterns", type=int, default=60, help="patterns of each kind on each month")
    patterns = parser.parse_args().patterns
    began, total = time.monotonic(), 0
    print(ROW.format(
        "figure", "gaps", "patterns", "applied", "wrong PASS", "wrong FAIL", "decided", "low over", "high under",
        "wrong PASS by month",
    ))  # fmt: skip
    for name, source in FIGURES:
        try:
            months = list(source())
        except pytest.skip.Exception as absent:
            raise SystemExit(str(absent)) from None
        for cut in (*gaps.AT_RANDOM, *gaps.CHOSEN):
            found = risk.tally(months, cut, patterns)
            total += found.patterns
            print(ROW.format(
                name,
                cut.__name__,
                found.patterns,
                percent(found.applied / found.patterns),
                percent(found.wrong(found.passed)),
                percent(found.wrong(found.failed)),
                percent(found.decided / max(1, found.open)),
                percent(found.above),
                percent(found.below),
                ", ".join(f"{month} {count}" for month, count in (+found.by_month).most_common(3)),
            ), flush=True)  # fmt: skip
    print(f"{total} patterns in {time.monotonic() - began:.0f} s")


if __name__ == "__main__":
    main()
