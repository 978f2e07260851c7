"""JSON lines, and any log by a pattern with named groups: account, time, and a status if it decides.

With a ``status`` only lines count whose status is one of ``success``; without a list, all but 401 and 407.
"""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from typing import Any, Optional

from agent.logins.definitions import UNPROVED_STATUS
from agent.logins.formats.interface import Place, misunderstood
from agent.logins.stamps import Stamps
from agent.logins.tally import Tally

_ABSENT = object()


def succeeded(status: Optional[bytes], success: Sequence[bytes]) -> bool:
    """Return whether a line with this status counts (``None``: the line has none to look at)."""
    if status is None:
        return True
    return status in success if success else status not in UNPROVED_STATUS


class Pattern:
    """Lines that a pattern with the groups ``account``, ``time`` and perhaps ``status`` matches from their begin."""

    def __init__(self, pattern: re.Pattern[bytes], stamps: Stamps, *, success: Sequence[bytes] = ()) -> None:
        """Take a pattern that was compiled without flags."""
        self._pattern = pattern
        self._status = "status" in pattern.groupindex
        self._success = tuple(success)
        self._stamps = stamps

    def count(self, block: bytes, place: Place, tally: Tally) -> None:
        """Count a block."""
        understood = 0
        lines = block.split(b"\n")[:-1]
        for line in lines:
            found = self._pattern.match(line.rstrip(b"\r"))
            if found is None:
                continue
            understood += 1
            status = found["status"] if self._status else None
            if (
                found["account"] is not None
                and found["time"] is not None
                and succeeded(status, self._success)
            ):
                tally.add(found["account"], self._stamps.day_of(found["time"], place.reference_ms))
            else:
                tally.lines.other += 1
        misunderstood(block, tally, len(lines), understood)


class JsonLines:
    """One JSON object a line. Names with dots lead into objects: ``request.user``."""

    def __init__(
        self, *, account: str, time: str, stamps: Stamps, status: str = "", success: Sequence[bytes] = ()
    ) -> None:
        """Take the names of the members."""
        self._account = account.split(".")
        self._time = time.split(".")
        self._status = status.split(".") if status else None
        self._success = tuple(success)
        self._stamps = stamps

    def count(self, block: bytes, place: Place, tally: Tally) -> None:
        """Count a block."""
        lines = block.split(b"\n")[:-1]
        understood = 0
        for line in lines:
            try:
                document = json.loads(line)
            except (ValueError, RecursionError):
                continue
            time = _scalar(_member(document, self._time))
            if time is None:
                continue
            understood += 1
            account = _scalar(_member(document, self._account))
            status = _scalar(_member(document, self._status)) or b"" if self._status else None
            if account is not None and succeeded(status, self._success):
                tally.add(account, self._stamps.day_of(time, place.reference_ms))
            else:
                tally.lines.other += 1
        misunderstood(block, tally, len(lines), understood)


def _member(document: Any, names: Sequence[str]) -> Any:
    for name in names:
        document = document.get(name, _ABSENT) if isinstance(document, dict) else _ABSENT
    return document


def _scalar(value: Any) -> Optional[bytes]:
    """Return a text or number as bytes, ``None`` for everything else."""
    if isinstance(value, bool):
        return b"true" if value else b"false"
    if isinstance(value, (int, float)):
        return repr(value).encode()
    return value.encode("utf-8", "surrogatepass") if isinstance(value, str) else None
