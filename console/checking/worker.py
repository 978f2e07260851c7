"""The process that checks one pack: ``python -m console.checking.worker PACK-FD RESULT-FD``.

The order comes on standard input, the pack as an open file that has no name, so nothing of it outlives the two
processes that hold it. How many bytes were read goes to standard output, a number a line. Nothing is written
anywhere else. The process bounds itself before it looks at the pack.
"""

from __future__ import annotations

import io
import json
import os
import resource
import sys
import time
from collections.abc import Sequence
from dataclasses import asdict
from typing import BinaryIO

from config import EDITIONS
from console.checking.order import (
    MOST_CHECK_S,
    MOST_MEMORY_BYTES,
    MOST_ORDER_BYTES,
    MOST_RESULT_BYTES,
    SHOWN_FINDINGS,
    Order,
    Result,
    read_order,
)
from documents.check_page import check_html
from documents.check_page.view import view
from evidence.keys import PublicKey
from verifier.anchors.interface import Outside, TypedCode
from verifier.check import CheckReport, check
from verifier.editions import edition_ids
from verifier.layout import sha256

NICENESS = 10
TELL_EVERY_S = 0.2
PAGE_LANGUAGES = ("zh", "en")


class Counted(io.BufferedIOBase, BinaryIO):
    """A file that says how many of its bytes were read, not more often than every ``TELL_EVERY_S``."""

    def __init__(self, file: BinaryIO, tell: BinaryIO) -> None:
        self._file = file
        self._tell = tell
        self._read = 0
        self._told_s = 0.0

    def seekable(self) -> bool:
        """Return that it is."""
        return True

    def readable(self) -> bool:
        """Return that it is."""
        return True

    def seek(self, offset: int, whence: int = 0, /) -> int:
        """Go to a place."""
        return self._file.seek(offset, whence)

    def tell(self) -> int:
        """Return the place."""
        return self._file.tell()

    def read(self, size: int | None = -1, /) -> bytes:
        """Read, and say so."""
        data = self._file.read(-1 if size is None else size)
        self._read += len(data)
        if time.monotonic() - self._told_s > TELL_EVERY_S:
            self._told_s = time.monotonic()
            self._tell.write(b"%d\n" % self._read)
            self._tell.flush()
        return data


def main(argv: Sequence[str]) -> int:
    """Check one pack; see the module."""
    pack, result = (int(number) for number in argv)
    bound()
    order = read_order(sys.stdin.buffer.read(MOST_ORDER_BYTES))
    with os.fdopen(pack, "rb") as file, os.fdopen(result, "wb") as out:
        file.seek(0)
        out.write(answered(checked(Counted(file, sys.stdout.buffer), order)).line())
    return 0


def bound() -> None:
    """Bound this process: memory, processor time, what it may write; others go first."""
    for what, most in (
        (resource.RLIMIT_AS, MOST_MEMORY_BYTES),
        (resource.RLIMIT_CPU, MOST_CHECK_S),
        (resource.RLIMIT_FSIZE, MOST_RESULT_BYTES),
        (resource.RLIMIT_CORE, 0),
    ):
        _, hard = resource.getrlimit(what)
        resource.setrlimit(what, (most if hard == resource.RLIM_INFINITY else min(most, hard), hard))
    os.nice(NICENESS)


def checked(stream: BinaryIO, order: Order) -> CheckReport:
    """Return the report of the check that is ordered."""
    return check(
        stream,
        log_key=PublicKey.from_hex(order.log_key) if order.log_key else None,
        editions={name: sha256((EDITIONS / f"{name}.toml").read_bytes()) for name in edition_ids()},
        now_ms=order.now_ms,
        outside=Outside(
            tsa_roots=order.roots,
            mail=[(f"message {number}", raw) for number, raw in enumerate(order.mail, 1)],
            codes=[TypedCode(*code) for code in order.codes],
        ),
    )


def answered(report: CheckReport) -> Result:
    """Return what the console shows of a report."""
    shown = asdict(view(report))
    for group in shown["groups"]:
        group["lines"] = group["lines"][:SHOWN_FINDINGS]
    kept = ("outcome", "headline", "means", "enterprise", "facts", "steps", "groups", "proved", "not_proved")
    return Result(
        view={name: shown[name] for name in kept},
        pages={language: check_html(report, language=language) for language in PAGE_LANGUAGES},
        document=json.dumps(report.document(), ensure_ascii=False, indent=1),
    )


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
