"""``starproof check``: check a pack offline. Needs no store and no network."""

from __future__ import annotations

import argparse
import os
import sys
import time
from collections.abc import Sequence
from pathlib import Path

from evidence.errors import EvidenceError
from starproof.check_progress import Progress
from starproof.check_text import print_check
from starproof.keys import read_log_key
from starproof.outside import add_outside, read_outside
from starproof.rules import trusted_editions
from starproof.tables import json_text
from verifier.check import EXIT_CODES, FAILED, How, check
from verifier.errors import VerifierError

EXAMPLE = "starproof check 2026-11.zip --log-key log.pub"


MOST_WORKERS = 64
SMALL_BYTES = 4_000_000
"""A pack of this size is read sooner than a worker is started."""


def main(argv: Sequence[str], *, prog: str = "starproof check") -> int:
    """Run the command; the exit status is 0 pass, 1 fail, 2 incomplete."""
    parser = argparse.ArgumentParser(
        prog=prog,
        description="Check an evidence pack offline 离线核验证据包. Exit status: 0 pass, 1 fail, 2 incomplete.",
        epilog=f"example: {EXAMPLE}",
    )
    parser.add_argument("pack", type=Path, metavar="FILE.zip")
    parser.add_argument(
        "--log-key", type=Path, metavar="FILE",
        help="the log key registered before the window (64 hex digits); without it the best outcome is incomplete",
    )  # fmt: skip
    parser.add_argument(
        "--edition",
        type=Path,
        metavar="FILE",
        help="an edition that you trust beside those that ship 评定版本",
    )
    parser.add_argument(
        "--every-signature",
        action="store_true",
        help="verify the signature of every chunk, also of those that the chain proves 逐块验签",
    )
    parser.add_argument(
        "--workers",
        type=_workers,
        default=min(MOST_WORKERS, os.cpu_count() or 1),
        metavar="N",
        help=f"processes that read chunks, 1 to {MOST_WORKERS} (default: one for each processor) 进程数",
    )
    parser.add_argument(
        "--progress", action="store_true", help="show progress even if nobody watches 显示进度"
    )
    add_outside(parser)
    parser.add_argument("--json", action="store_true", help="print one JSON document and nothing else")
    options = parser.parse_args(argv)
    try:
        key = read_log_key(options.log_key) if options.log_key else None
        with options.pack.open("rb") as stream:
            report = check(
                stream,
                log_key=key,
                editions=trusted_editions(options.edition),
                now_ms=time.time_ns() // 1_000_000,
                outside=read_outside(options),
                how=How(
                    every_signature=options.every_signature,
                    workers=options.workers if options.pack.stat().st_size > SMALL_BYTES else 1,
                    path=options.pack,
                    progress=Progress(sys.stderr, always=options.progress).show,
                ),
            )
    except OSError as error:
        sys.stderr.write(f"{prog}: cannot read {error.filename}: {error.strerror}\n")
        return EXIT_CODES[FAILED]
    except VerifierError as error:
        sys.stderr.write(f"{prog}: {error}\n")
        return EXIT_CODES[FAILED]
    except EvidenceError:
        # Not the error's own words: somebody may have given the private key, and they would show it.
        sys.stderr.write(f"{prog}: {options.log_key} does not hold a public log key; give the file log.pub\n")
        return EXIT_CODES[FAILED]
    try:
        if options.json:
            sys.stdout.write(json_text(report.document()))
        else:
            print_check(report)
        sys.stdout.flush()
    except BrokenPipeError:
        # The outcome stands, however much of it somebody read.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    return EXIT_CODES[report.outcome]


def _workers(text: str) -> int:
    if not text.isdecimal() or not 1 <= int(text) <= MOST_WORKERS:
        raise argparse.ArgumentTypeError(f"{text!r} is not a number from 1 to {MOST_WORKERS}")
    return int(text)
