"""Mutated packs through both verifiers, for as long as asked:

python tests/fuzz/run_mutations.py FOLDER SEED SECONDS [DEEP_SHARE [PACKS]]

Ends after that many seconds or bent packs. Writes mutations.txt (executions, seconds, faults) and every pack that is judged wrongly to FOLDER.
"""

from __future__ import annotations

import sys
import time
from collections import Counter
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
sys.path[:0] = [
    str(ROOT),
    str(ROOT / "tests"),
    str(ROOT / "tests" / "fuzz"),
    str(ROOT / "tests" / "documents"),
]

from comparing import Comparing, remember_pure_work  # noqa: E402 - the path is set first
from mutations import Mutator  # noqa: E402
from seeds import tiny_pack  # noqa: E402

MOST_KEPT = 200
DEFAULTS = ("0.3", "inf")


def main(folder: Path, seed: int, seconds: float, deep_share: float, packs: float) -> None:
    """Bend until the time is over, or there were so many."""
    folder.mkdir(parents=True, exist_ok=True)
    remember_pure_work()
    pack = tiny_pack()
    mutator, comparing = Mutator(pack, seed), Comparing(pack)
    kinds: Counter[str] = Counter()
    faults: Counter[str] = Counter()
    begin = last = time.monotonic()
    while time.monotonic() - begin < seconds and comparing.executions < packs:
        name, data = mutator.next(deep=mutator.dice.random() < deep_share)
        kinds[name] += 1
        fault = comparing.fault(data)
        if fault:
            faults[fault] += 1
            if faults.total() <= MOST_KEPT:
                (folder / f"fault-{seed}-{faults.total()}-{name}.zip").write_bytes(data)
        if fault or time.monotonic() - last > 20:
            last = time.monotonic()
            _tell(folder / f"mutations-{seed}.txt", comparing, kinds, faults, last - begin)
    _tell(folder / f"mutations-{seed}.txt", comparing, kinds, faults, time.monotonic() - begin, "finished\n")


def _tell(  # noqa: PLR0917 - what is told, in its order
    path: Path, comparing: Comparing, kinds: Counter[str], faults: Counter[str], seconds: float, end: str = ""
) -> None:
    lines = [
        f"executions {comparing.executions} in {seconds:.0f} s, slowest {comparing.slowest_s:.1f} s, faults {sum(faults.values())}"
    ]
    lines += [f"  {count} {kind}" for kind, count in sorted(kinds.items())]
    lines += [f"FAULT x{count}: {fault}" for fault, count in faults.most_common()]
    path.write_text("\n".join(lines) + "\n" + end)


if __name__ == "__main__":
    _, where, seed, seconds, *more = sys.argv
    main(Path(where), int(seed), float(seconds), *(float(text) for text in (*more, *DEFAULTS[len(more) :])))
