"""Accuracy and time of the sketch of distinct accounts beside the exact count, in one run on the same sets.

A month of a large platform: every day a random part of all accounts is active. Both count the same
hashes; the exact count is what ``starproof`` does up to its limit. Printed are the error of the sketch,
what it states as its bounds, and the ratio of processor times.

    python bench/sketch.py [--accounts 2000000] [--rounds 5]
"""

from __future__ import annotations

import argparse
import hashlib
import random
import sys
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

from evidence.accounts import HASH_BYTES  # noqa: E402 - after the path is set
from evidence.activity import to_blob  # noqa: E402 - the same
from verifier.indicators.distinct import DEVIATIONS, Distinct, distinct  # noqa: E402 - the same

DAYS = 3
SHARE = 0.6
"""Of all accounts on a day: after three days about 94 % were seen, most of them more than once."""
PERCENT = 100


def month(accounts: int, seed: int) -> list[bytes]:
    """Return the sets of the days."""
    rng = random.Random(seed)
    hashes = [hashlib.sha256(f"{seed}/{number}".encode()).digest()[:HASH_BYTES] for number in range(accounts)]
    return [to_blob(digest for digest in hashes if rng.random() < SHARE) for _ in range(DAYS)]


def timed(blobs: list[bytes], most_exact: int) -> tuple[Distinct, float]:
    """Return what was counted, and the seconds of processor time."""
    begun = time.process_time()
    found = distinct(blobs, most_exact=most_exact)
    return found, time.process_time() - begun


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--accounts", type=int, default=2_000_000)
    parser.add_argument("--rounds", type=int, default=5)
    options = parser.parse_args()
    errors, within, ratios, width = [], 0, [], 0.0
    for seed in range(options.rounds):
        blobs = month(options.accounts, seed)
        exact, exact_s = timed(blobs, options.accounts)
        sketched, sketch_s = timed(blobs, 0)
        assert not exact.sketch
        assert sketched.sketch
        errors.append(PERCENT * abs(sketched.count - exact.count) / exact.count)
        within += sketched.low <= exact.count <= sketched.high
        width = max(width, PERCENT * (sketched.high - sketched.low) / 2 / exact.count)
        ratios.append(sketch_s / exact_s)
        print(
            f"{exact.count} exact in {exact_s:.2f} s; sketch {sketched.count} "
            f"[{sketched.low}, {sketched.high}] in {sketch_s:.2f} s"
        )
    ratios.sort()
    print(
        f"error: mean {sum(errors) / len(errors):.3f} %, most {max(errors):.3f} %; stated at {DEVIATIONS} standard "
        f"deviations ±{width:.2f} %; {within} of {options.rounds} within; "
        f"time of the sketch / exact {ratios[len(ratios) // 2]:.2f}"
    )


if __name__ == "__main__":
    main()
