"""What a check is asked for, and what it answers, as one line of JSON each: the console writes, the worker reads."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

MOST_PACK_BYTES = 1024 * 1024 * 1024
"""Of an uploaded pack; larger ones are checked with the command line."""
MOST_CHECK_S = 30 * 60
"""After so long a check is ended."""
MOST_MEMORY_BYTES = 4 * 1024 * 1024 * 1024
"""Address space of a worker."""
MOST_RESULT_BYTES = 64 * 1024 * 1024
MOST_ORDER_BYTES = 16 * 1024 * 1024
SHOWN_FINDINGS = 10
"""On the console's own page; the page of the check has many more."""


@dataclass(frozen=True)
class Order:
    """What the reviewer brings beside the pack: log key (hex, or empty), codes, roots (PEM or DER), messages.

    ``now_ms``: the console's clock, ``None``: it is not compared.
    """

    log_key: str = ""
    codes: Sequence[tuple[int, str, int | None]] = ()
    roots: Sequence[bytes] = ()
    mail: Sequence[bytes] = ()
    now_ms: int | None = None

    def line(self) -> bytes:
        """Return the order as the worker reads it."""
        return json.dumps(
            {
                "log_key": self.log_key,
                "codes": [list(code) for code in self.codes],
                "roots": [root.hex() for root in self.roots],
                "mail": [raw.hex() for raw in self.mail],
                "now_ms": self.now_ms,
            }
        ).encode()


def read_order(data: bytes) -> Order:
    """Return the order that the console wrote."""
    found = json.loads(data)
    return Order(
        found["log_key"],
        [(size, code, day) for size, code, day in found["codes"]],
        [bytes.fromhex(root) for root in found["roots"]],
        [bytes.fromhex(raw) for raw in found["mail"]],
        found["now_ms"],
    )


@dataclass(frozen=True)
class Result:
    """What a check found: its parts for the console's page, the pages of the check by language, its JSON document."""

    view: Mapping[str, Any]
    pages: Mapping[str, str]
    document: str

    def line(self) -> bytes:
        """Return the result as the console reads it."""
        return json.dumps({"view": self.view, "pages": self.pages, "document": self.document}).encode()


def read_result(data: bytes) -> Result:
    """Return what the worker wrote.

    Raises:
        ValueError: it wrote something else.
    """
    try:
        found = json.loads(data)
        return Result(found["view"], found["pages"], found["document"])
    except (KeyError, TypeError) as error:
        raise ValueError(f"not the result of a check: {error}") from None
