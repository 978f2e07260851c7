"""What a command answers: text and JSON on stdout, an error in one line."""

from __future__ import annotations

import sys
import time


def print_json(document: object) -> None:
    """Write one JSON document to stdout."""
    import json  # noqa: PLC0415 - lazy, see the module

    print_text(json.dumps(document, ensure_ascii=False, indent=1) + "\n")


def print_text(text: str) -> None:
    """Write to stdout as UTF-8 whatever the locale says."""
    sys.stdout.flush()
    buffer = getattr(sys.stdout, "buffer", None)
    if buffer is None:
        sys.stdout.write(text)
    else:
        buffer.write(text.encode("utf-8"))
        buffer.flush()


def one_line(error: BaseException) -> str:
    """Return an error's words without line breaks."""
    return " ".join(str(error).split())


def wall_ms() -> int:
    """Return the wall clock in ms since 1970."""
    return time.time_ns() // 1_000_000
