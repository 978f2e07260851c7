"""What every format offers."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Protocol

from agent.logins.tally import Tally

_BLANK = re.compile(rb"^[ \t\r]*\n", re.MULTILINE)


@dataclass
class Place:
    """Where a block is from: ``reference_ms`` for stamps without a year, ``fields`` of a W3C header."""

    reference_ms: int
    fields: str = ""


class Format(Protocol):
    """Understands the lines of one log."""

    def count(self, block: bytes, place: Place, tally: Tally) -> None:
        """Count a block of whole lines, each ending in a line feed; ``place.fields`` may change."""
        ...


def misunderstood(block: bytes, tally: Tally, lines: int, understood: int) -> None:
    """Count the lines of a block; those that no pattern took and that are not blank were not understood."""
    tally.lines.read += lines
    if lines != understood:
        blank = len(_BLANK.findall(block))
        tally.lines.other += blank
        tally.lines.not_understood += max(0, lines - understood - blank)
