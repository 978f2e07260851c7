"""IIS and other W3C extended logs: a ``#Fields:`` line says what the columns are; times are UTC.

The line may come again in the middle of a file (a restart, another choice of columns). What it says is
kept with the position in the file, so that reading can go on behind it.
"""

from __future__ import annotations

import re
from collections import Counter
from typing import Optional

from agent.logins.definitions import UNPROVED_STATUS
from agent.logins.formats.interface import Place, misunderstood
from agent.logins.stamps import SPLIT, Stamps
from agent.logins.tally import Tally
from evidence.accounts import CLIENT_ADDRESS

MAX_FIELDS = 128
MAX_PATTERNS = 64
_HEADER = re.compile(rb"^#Fields:([^\n]*)\n", re.MULTILINE)
_REMARK = re.compile(rb"^#[^\n]*\n", re.MULTILINE)
_GROUPS = {b"date": rb"(\d{4}-\d\d-\d\d)", b"time": rb"(\d\d):(\d\d:\d\d)", b"sc-status": rb"(\d{3})"}
_NEEDED = (b"date", b"time", b"sc-status")


class W3c:
    """W3C lines, counted by user or by address."""

    def __init__(self, definition: str, stamps: Stamps) -> None:
        """Count by ``definition``; ``stamps`` are read as UTC whatever its zone."""
        self._by_address = definition == CLIENT_ADDRESS
        self._account = b"c-ip" if self._by_address else b"cs-username"
        self._stamps = stamps
        self._patterns: dict[str, Optional[tuple[re.Pattern[bytes], tuple[int, ...]]]] = {}

    def count(self, block: bytes, place: Place, tally: Tally) -> None:
        """Count a block, part by part between its headers."""
        begin = 0
        for header in _HEADER.finditer(block):
            self._part(block[begin : header.start()], place, tally)
            place.fields = header[1].decode("ascii", "replace").strip()
            tally.lines.read += 1
            tally.lines.other += 1
            begin = header.end()
        self._part(block[begin:], place, tally)

    def _part(self, part: bytes, place: Place, tally: Tally) -> None:
        if not part:
            return
        remarks = len(_REMARK.findall(part))
        pattern = self._pattern(place.fields)
        if pattern is None:
            misunderstood(part, tally, part.count(b"\n"), remarks)
            tally.lines.other += remarks
            return
        expression, order = pattern
        found = expression.findall(part)
        misunderstood(part, tally, part.count(b"\n"), remarks + len(found))
        tally.lines.other += remarks
        for groups, times in Counter(found).items():
            account, date, hour, rest, status = (groups[place_of] for place_of in order)
            day = self._stamps.day_of_hour(date + b"T" + hour, b"Z")
            if day == SPLIT:
                day = self._stamps.day_of(date + b"T" + hour + b":" + rest + b"Z", place.reference_ms)
            if not self._by_address and (account == b"-" or status in UNPROVED_STATUS):
                tally.lines.other += times
            else:
                tally.add(account, day, times)

    def _pattern(self, fields: str) -> Optional[tuple[re.Pattern[bytes], tuple[int, ...]]]:
        if fields not in self._patterns:
            if len(self._patterns) >= MAX_PATTERNS:
                self._patterns.clear()
            self._patterns[fields] = self._compiled(fields.encode("ascii", "replace").split())
        return self._patterns[fields]

    def _compiled(self, names: list[bytes]) -> Optional[tuple[re.Pattern[bytes], tuple[int, ...]]]:
        """Return the pattern of lines with these columns, and where account, date, hour, rest, status are."""
        if len(names) > MAX_FIELDS or any(names.count(name) != 1 for name in (*_NEEDED, self._account)):
            return None
        parts, places, groups = [], {}, 0
        for name in names:
            expression = rb"([^ \n]+)" if name == self._account else _GROUPS.get(name, rb"[^ \n]+")
            places[name] = groups
            groups += expression.count(b"(")
            parts.append(expression)
        order = (
            places[self._account],
            places[b"date"],
            places[b"time"],
            places[b"time"] + 1,
            places[b"sc-status"],
        )
        return re.compile(rb"^" + b" ".join(parts) + rb" *\r?\n", re.MULTILINE), order
