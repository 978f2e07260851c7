"""All rows, one table: ``python bench [--rows ingest,month] [--full] [--json FILE] [--write]``.

Every row runs in a process of its own (its memory is its own, its failure too) beside its peers of Debian, which it
starts on free ports in a temporary folder and stops by their number. ``--full`` takes the sizes that the aims are
about where the default is smaller. ``--write`` puts the rows into bench/results.json in the place of those of earlier
runs, and all that are there into docs/performance.md and its translation.
"""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
import time
from pathlib import Path

from results_table import Row, Run, as_json, from_json, machine, markdown, remember, text, write

HERE = Path(__file__).resolve().parent
ROOT = HERE.parent
PAGES = (ROOT / "docs/performance.md", ROOT / "docs/performance.zh-CN.md")
RESULTS = HERE / "results.json"
ROWS = {
    "limits": 120, "agent": 300, "ingest": 600, "fleet": 600, "verdict": 600, "month": 600, "import": 600, "console": 600,
    "past": 240, "growth": 300,
}  # fmt: skip
"""Rows in the order of the table, with the seconds after which one is given up: a shared machine is slow."""
FULL = 6
"""With ``--full`` a row may take so many times as long."""


def main() -> int:
    """Run the rows and print the table."""
    parser = argparse.ArgumentParser(prog="bench", description=__doc__)
    parser.add_argument("--rows", default=os.environ.get("BENCH", ""), help="some of: " + ", ".join(ROWS))
    parser.add_argument("--full", action="store_true", help="the sizes of the aims")
    parser.add_argument("--json", type=Path, help="also write the rows there")
    parser.add_argument("--write", action="store_true", help="put the table into docs/performance.md")
    options = parser.parse_args()
    chosen = [name for name in options.rows.split(",") if name] or list(ROWS)
    unknown = sorted(set(chosen) - set(ROWS))
    if unknown:
        parser.error(f"no row {', '.join(unknown)}; there are {', '.join(ROWS)}")
    begun, load = time.perf_counter(), os.getloadavg()[0]
    found = {name: measured(name, full=options.full) for name in ROWS if name in chosen}
    rows = [row for lines in found.values() for row in lines]
    print(text(rows))
    print(f"\n{time.perf_counter() - begun:.0f} s")
    if options.json:
        options.json.write_text(as_json(rows), encoding="utf-8")
    if options.write:
        command = (
            "make bench"
            + (f" BENCH={options.rows}" if options.rows else "")
            + (" FULL=1" if options.full else "")
        )
        run = Run(
            command, time.strftime("%Y-%m-%d"), machine(), round(load, 1), round(time.perf_counter() - begun)
        )
        kept = remember(RESULTS, run, found)
        write(PAGES, markdown(sorted(kept, key=lambda one: list(ROWS).index(one.name))))
    return int(any(row.ours is None for row in rows))


def measured(name: str, *, full: bool) -> list[Row]:
    """Return the lines of one row; what went wrong stands in its place."""
    print(f"{name} …", file=sys.stderr, flush=True)
    command = [sys.executable, str(HERE / f"row_{name}.py"), *(["--full"] if full else [])]
    begun = time.perf_counter()
    try:
        run = subprocess.run(
            command, stdout=subprocess.PIPE, timeout=ROWS[name] * (FULL if full else 1), check=False, text=True, cwd=ROOT
        )  # fmt: skip
    except subprocess.TimeoutExpired:
        return [Row(name, "gave no answer", None, "s", note=f"stopped after {ROWS[name]} s")]
    print(f"{name}: {time.perf_counter() - begun:.0f} s", file=sys.stderr, flush=True)
    if run.returncode:
        return [Row(name, "failed", None, "", note=f"exit {run.returncode}; run python bench/row_{name}.py")]
    return from_json(run.stdout)


if __name__ == "__main__":
    raise SystemExit(main())
