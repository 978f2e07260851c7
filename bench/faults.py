"""Every fault of docs/surviving.md with real agents and collectors, and one table of what it cost.

Run: python bench/faults.py [--only NAME[,NAME]] [--trials N] [--minutes M]
Some faults take root (a small disk, a network link), a C compiler (power cuts) or PostgreSQL; what a
machine cannot do is named in the table. Exit status 1 if anything was lost, doubled or wrong.
"""

from __future__ import annotations

import argparse
import os
import platform
import sys
import time
import traceback
from datetime import UTC, datetime
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
sys.path[:0] = [str(ROOT / "tests"), str(ROOT), str(ROOT / "tests" / "agent")]

from adversity.accounts import Outcome  # noqa: E402 - the path is set above
from adversity.catalogue import BY_NAME, FAULTS, Fault, NotHereError, make  # noqa: E402 - the same

HEAD = ("fault", "trials", "lost", "doubled", "unseen at most", "unavoidable", "figures")


def row(fault: Fault, outcome: Outcome) -> list[str]:
    """Return the cells of one fault."""
    return [
        fault.name,
        f"{outcome.trials} {fault.trial}",
        str(outcome.lost),
        str(outcome.doubled),
        f"{outcome.unseen_ms / 1000:g} s",
        fault.unavoidable,
        "; ".join(f"{name}: {value}" for name, value in outcome.figures.items()),
    ]


def line(cells: list[str]) -> str:
    return "| " + " | ".join(cells) + " |"


def measured(fault: Fault, trials: int) -> tuple[list[str], bool]:
    """Make one fault; return its row, and whether nothing is wrong."""
    blank = [""] * (len(HEAD) - 2)
    begun = time.monotonic()
    try:
        outcome = make(fault, trials)
    except NotHereError as error:
        return [fault.name, f"not on this machine: {error}", *blank], True
    except Exception:  # noqa: BLE001 - the other faults are still to be made; the exit status tells
        traceback.print_exc()
        return [fault.name, "ended by an error, see above", *blank], False
    for problem in outcome.problems[:10]:
        print(f"{fault.name}: {problem}", file=sys.stderr)
    if outcome.unseen_ms > outcome.unavoidable_ms:
        print(
            f"{fault.name}: {outcome.unseen_ms} ms unseen, {outcome.unavoidable_ms} expected", file=sys.stderr
        )
    print(f"{fault.name}: {time.monotonic() - begun:.0f} s", file=sys.stderr, flush=True)
    return row(fault, outcome), outcome.is_clean


def main() -> int:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--only", default="", help=", ".join(BY_NAME))
    parser.add_argument("--trials", type=int, help="instead of each fault's own number")
    parser.add_argument("--minutes", type=float, default=60, help="begin no other fault after so long")
    options = parser.parse_args()
    chosen = [BY_NAME[name] for name in options.only.split(",")] if options.only else list(FAULTS)
    end = time.monotonic() + options.minutes * 60
    load = os.getloadavg()[0]
    print(f"{datetime.now(UTC):%Y-%m-%d %H:%M} UTC, {os.cpu_count()} processors, load {load:.1f}, "
          f"Linux {platform.release()}, Python {platform.python_version()}\n")  # fmt: skip
    print(line(list(HEAD)))
    print(line(["---"] * len(HEAD)))
    clean = True
    for fault in chosen:
        if time.monotonic() > end:
            print(line([fault.name, "not begun: the time was over", *[""] * (len(HEAD) - 2)]))
            continue
        cells, right = measured(fault, options.trials or fault.trials)
        clean = clean and right
        print(line(cells), flush=True)
    return 0 if clean else 1


if __name__ == "__main__":
    sys.exit(main())
