"""Lines a second of the log reader beside GoAccess, in one run on the same file (Debian's goaccess).

The file is the real log of the trial data, repeated. Both read it once from the page cache, and processor time is what is compared; ours counts accounts per
day as keyed hashes, GoAccess makes its whole report (JSON), so the ratio says which order of magnitude a
log's reading costs and not that one program is better at the other's work.

    python bench/log_reader.py LOG[.xz] [--times 50]
"""

from __future__ import annotations

import argparse
import lzma
import resource
import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

from agent.logins.config import parse  # noqa: E402 - after the path is set
from agent.logins.reader import Reader, begun_at_day  # noqa: E402 - the same
from agent.logins.tally import Accounts  # noqa: E402 - the same

ROUNDS = 3
NOW_MS = 1_800_000_000_000
FIRST_DAY = 735_000
"""In 2013: before everything in the file."""


def ours(path: Path, definition: str) -> tuple[int, int, float]:
    """Return lines, accounts and seconds of processor time of one reading."""
    settings = parse(
        f'timezone = "UTC"\n[[logs]]\nname = "web"\nformat = "combined"\ndefinition = "{definition}"\n'
        f'paths = ["{path}"]\n',
        where="bench",
    )
    reader = Reader(settings, [Accounts(bytes(32))])
    reader.resume(begun_at_day(reader.calendar, FIRST_DAY), NOW_MS)
    begun = time.process_time()
    reader.poll(NOW_MS, lambda: False)
    took = time.process_time() - begun
    (summary,) = reader.summary()
    return summary["lines"]["read"], summary["accounts"], took


def goaccess(path: Path) -> float:
    """Return the seconds of processor time of one reading by GoAccess."""
    with tempfile.NamedTemporaryFile(suffix=".json") as out:
        begun = spent()
        subprocess.run(
            ["goaccess", str(path), "--log-format=COMBINED", "--no-progress", "-o", out.name],
            check=True,
            capture_output=True,
        )
        return spent() - begun


def spent() -> float:
    """Return the processor time of all children that have ended."""
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("log", type=Path)
    parser.add_argument("--times", type=int, default=50)
    options = parser.parse_args()
    data = options.log.read_bytes()
    data = lzma.decompress(data) if options.log.suffix == ".xz" else data
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "access.log"
        path.write_bytes(data * options.times)
        lines = data.count(b"\n") * options.times
        best = 0.0
        for definition in ("client-address/1", "authenticated-request/1"):
            found = [ours(path, definition) for _ in range(ROUNDS)]
            assert all(read == lines for read, _, _ in found)
            rate = lines / min(took for _, _, took in found)
            best = best or rate
            print(f"ours, {definition}: {lines} lines, {found[0][1]} accounts, {rate:,.0f} lines/s per core")
        if shutil.which("goaccess") is None:
            print("GoAccess is not installed (apt-get install goaccess): nothing to compare with")
            return
        rate = lines / min(goaccess(path) for _ in range(ROUNDS))
        print(f"GoAccess: {rate:,.0f} lines/s per core, ratio {best / rate:.2f} (client-address/1)")


if __name__ == "__main__":
    main()
