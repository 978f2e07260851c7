"""Apache's and nginx's common and combined formats: one pattern over whole blocks.

A line is ``address identity user [time] "request" status size …``. Servers escape quotation marks in the
user's name and the request, so nobody can write a false time or status into a line. Equal tuples of a
block are counted together; an account is looked at once for all of them.
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

_HOUR = rb"\[(\d\d/[A-Z][a-z][a-z]/\d{4}:\d\d):\d\d:\d\d ([+-]\d{4})\]"
_SECOND = rb"\[(\d\d/[A-Z][a-z][a-z]/\d{4}:\d\d:\d\d:\d\d) ([+-]\d{4})\]"
_REQUEST = rb' "[^"\\\n]*(?:\\.[^"\\\n]*)*" (\d{3}) [0-9-][^\n]*\n'
_ANY = rb' "[^\n]*()\n'
_ADDRESS = rb'^([^ \n]+) [^ \n]+ [^"\n]*?'
_USER = rb'^[^ \n]+ [^ \n]+ ([^"\n]*?) '

_ESCAPE = re.compile(rb"\\(?:x([0-9A-Fa-f]{2})|([\"\\]))")
"""How both servers write what is not ASCII in a user's name."""


class Combined:
    """Common and combined lines, counted by user or by address."""

    def __init__(self, definition: str, stamps: Stamps) -> None:
        """Count by ``definition``."""
        # Where every status counts none is looked for: half the time.
        begin, rest = (_ADDRESS, _ANY) if definition == CLIENT_ADDRESS else (_USER, _REQUEST)
        self._by_address = definition == CLIENT_ADDRESS
        self._hourly = re.compile(begin + _HOUR + rest, re.MULTILINE)
        self._exact = re.compile(begin + _SECOND + rest, re.MULTILINE)
        self._stamps = stamps

    def count(self, block: bytes, place: Place, tally: Tally) -> None:
        """Count a block."""
        found = self._hourly.findall(block)
        misunderstood(block, tally, block.count(b"\n"), len(found))
        groups = Counter(found)
        day_of = self._stamps.day_of_hour
        if any(day_of(hour, zone) == SPLIT for hour, zone in {(key[1], key[2]) for key in groups}):
            for account, stamp, zone, status in self._exact.findall(block):
                self._add(
                    tally, account, self._stamps.day_of(stamp + b" " + zone, place.reference_ms), status, 1
                )
            return
        for (account, hour, zone, status), times in groups.items():
            self._add(tally, account, day_of(hour, zone), status, times)

    def _add(self, tally: Tally, account: bytes, day: Optional[int], status: bytes, times: int) -> None:
        if not self._by_address and (account == b"-" or status in UNPROVED_STATUS):
            tally.lines.other += times
        else:
            if b"\\" in account:
                account = _ESCAPE.sub(_unescaped, account)
            tally.add(account, day, times)


def _unescaped(found: re.Match[bytes]) -> bytes:
    return bytes.fromhex(found[1].decode("ascii")) if found[1] else found[2]
